//! `--share`: many clients, one connection to the target.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::Client;
use crate::common::proxy::{Scene, assert_next, join, text};
use crate::common::raw::{CHUNKED, LAST, Raw, chunk, field, response};

/// How soon the target must know that the last client is gone.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn two_clients_have_one_connection_to_the_target() {
    let scene = Scene::with(&["--share"]);
    let (first, head, mut target) = scene.answered(CHUNKED.replace("Transfer", "X-Target: yes\r\nTransfer"));
    assert_eq!((head.get("X-Target"), head.get("Content-Type")), (Some("yes"), Some("text/event-stream")));
    let mut second = scene.proxy.get("/events");
    let other = second.read_head();
    assert_eq!(other.text, head.text);
    let mut clients = [first, second];
    target.send(chunk("id: 1\ndata: a\n\nid: 2\nda"));
    assert_next(&mut clients, "id: 1\ndata: a\n\n");
    target.send(chunk("ta: b\n\n:\n"));
    assert_next(&mut clients, "id: 2\ndata: b\n\n");
    assert_next(&mut clients, ":\n");
    // HTTP/1.0 has no chunks.
    let mut old = scene.proxy.connect();
    old.send("GET /events HTTP/1.0\r\n\r\n");
    old.read_until(b"\r\n\r\n");
    target.send(chunk("data: c\n\n"));
    assert_next(&mut clients, "data: c\n\n");
    assert_eq!(old.read_exact(9), b"data: c\n\n");
    assert!(scene.target.is_idle());
    target.send([chunk("data: half"), LAST.into()].concat());
    for client in &mut clients {
        assert!(client.read_chunk().is_none(), "the end is that of the target");
    }
    assert!(old.is_at_end());
    scene.proxy.wait_log(&["share closed id=1", "by=target", "ended the response", "blocks=4 "]);
    // What comes now is another stream.
    drop(scene.streaming());
}

#[test]
fn two_hundred_clients_wait_for_one_head() {
    let scene = Scene::with(&["--share"]);
    let mut clients: Vec<Client> = (0..200).map(|_| scene.proxy.get("/events")).collect();
    let (mut target, _) = scene.target.request();
    target.send([CHUNKED.into(), chunk("id: 1\ndata: a\n\n")].concat());
    for client in &mut clients {
        assert_eq!(client.read_head().status, 200);
    }
    // Whoever came in before the head gets all that is behind it, the others what comes next.
    target.send(chunk("id: 2\ndata: b\n\n"));
    for client in &mut clients {
        let first = text(client);
        assert!(first.starts_with("id: 2") || text(client).starts_with("id: 2"), "{first}");
    }
    assert!(scene.target.is_idle());
    target.reset();
    for client in &mut clients {
        client.read_to_reset();
    }
}

#[test]
fn who_comes_late_gets_what_comes_next_or_what_was_missed() {
    let scene = Scene::with(&["--share"]);
    let (mut first, mut target) = scene.streaming();
    for id in 1..=4 {
        target.send(chunk(format!("id: {id}\ndata: x\n\n")));
        text(&mut first);
    }
    let mut late = join(&scene.proxy, "");
    let mut back = join(&scene.proxy, "Last-Event-ID: 2\r\n");
    assert_eq!([text(&mut back), text(&mut back)], ["id: 3\ndata: x\n\n", "id: 4\ndata: x\n\n"]);
    let mut unknown = join(&scene.proxy, "Last-Event-ID: 99\r\n");
    scene.proxy.wait_log(&["the event with id 99 is not kept"]);
    target.send(chunk("id: 5\ndata: y\n\n"));
    for client in [&mut first, &mut late, &mut back, &mut unknown] {
        assert_eq!(text(client), "id: 5\ndata: y\n\n");
    }
    // Behind what is kept.
    for id in 6..1100 {
        target.send(chunk(format!("id: {id}\ndata: x\n\n")));
        assert_eq!(text(&mut first), format!("id: {id}\ndata: x\n\n"));
    }
    let behind = join(&scene.proxy, "Last-Event-ID: 3\r\n");
    scene.proxy.wait_log(&["the event with id 3 is not kept"]);
    let mut back = join(&scene.proxy, "Last-Event-ID: 1098\r\n");
    assert_eq!(text(&mut back), "id: 1099\ndata: x\n\n");
    target.send(chunk("data: z\n\n"));
    assert_next(&mut [behind, back], "data: z\n\n");
    assert!(scene.target.is_idle());
}

#[test]
fn a_slow_client_is_dropped_and_nobody_else_waits() {
    let scene = Scene::with(&["--share"]);
    let (mut first, mut target) = scene.streaming();
    let mut slow = Client::lazy(scene.proxy.address);
    slow.ask("/events");
    slow.read_head();
    // Few and large ones, so that it falls behind before its time is up, on a busy machine too.
    let event = format!("data: {}\n\n", "x".repeat(240_000));
    // The kernel holds some megabytes for the slow one, and one is kept.
    for _ in 0..75 {
        target.send(chunk(&event));
        assert_eq!(text(&mut first), event);
    }
    let read = slow.read_to_end();
    assert!(read.len() < 75 * event.len() && !read.ends_with(LAST.as_bytes()), "{} bytes", read.len());
    scene.proxy.wait_log(&["relay closed id=2", "by=client", "fell behind the shared stream"]);
    target.send(chunk("data: a\n\n"));
    assert_eq!(text(&mut first), "data: a\n\n");
    assert!(scene.target.is_idle());
}

#[test]
fn one_client_alone_is_not_outrun() {
    let scene = Scene::with(&["--share"]);
    let mut client = Client::lazy(scene.proxy.address);
    client.ask("/events");
    let mut target = scene.target.stream();
    client.read_head();
    let burst: Vec<String> = (0..20_000).map(|n| format!("id: {n}\ndata: {}\n\n", "x".repeat(n % 300))).collect();
    let large = format!("data: {}\n\n", "x".repeat(2 * 1024 * 1024));
    let burst = [":\n\n".repeat(20_000), burst.concat(), large].concat();
    let sent = chunk(&burst);
    let sending = std::thread::spawn(move || {
        target.send(sent);
        target.send(LAST);
        target
    });
    let received: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    assert!(received == burst.into_bytes(), "{} bytes", received.len());
    drop(sending.join().unwrap());
}

#[test]
fn private_requests_and_other_queries_share_nothing() {
    let scene = Scene::with(&["--share"]);
    let (_first, _stream) = scene.streaming();
    let mut kept = Vec::new();
    for request in [
        "GET /events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer x\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer x\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: t\r\nCookie: a=b\r\n\r\n",
        "GET /events?a HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /events?b HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: t\r\nOrigin: https://a.example\r\n\r\n",
        "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut client = scene.proxy.connect();
        client.send(request);
        let mut target = scene.target.stream();
        client.read_head();
        target.send(chunk("data: own\n\n"));
        assert_eq!(text(&mut client), "data: own\n\n");
        kept.push((client, target));
    }
    // Those of the same query do.
    drop(scene.proxy.open("/events?a"));
    assert!(scene.target.is_idle());
}

#[test]
fn answers_that_are_no_stream_are_for_one_client() {
    let scene = Scene::with(&["--share"]);
    let (client, head, _) = scene.answered(response("404 Not Found", "text/plain", "no"));
    assert_eq!(head.status, 404);
    drop(client);
    let cookie = CHUNKED.replace("Transfer", "Set-Cookie: a=b\r\nTransfer");
    let (_own, _, _its) = scene.answered(cookie);
    // Two that wait for the same head, of which there is none to share.
    let mut clients = [scene.proxy.get("/events"), scene.proxy.get("/events")];
    scene.proxy.wait_log(&["relay opened id=4"]);
    for _ in &clients {
        scene.target.answer(response("503 Service Unavailable", "text/plain", "no"));
    }
    for client in &mut clients {
        assert_eq!(client.read_response().0.status, 503);
    }
}

#[test]
fn with_the_last_client_the_target_goes() {
    let scene = Scene::with(&["--share"]);
    let (first, mut target) = scene.streaming();
    let mut second = join(&scene.proxy, "");
    drop(first);
    scene.proxy.wait_log(&["relay closed id=1", "by=client"]);
    target.send(chunk("data: a\n\n"));
    assert_eq!(text(&mut second), "data: a\n\n");
    let since = Instant::now();
    drop(second);
    assert!(target.is_at_end());
    assert!(since.elapsed() < AT_ONCE);
    scene.proxy.wait_log(&["share closed id=1", "by=client", "the last client is gone"]);
}

#[test]
fn if_the_one_who_asks_leaves_another_asks() {
    let scene = Scene::with(&["--share"]);
    let first = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    let mut second = scene.proxy.get("/events");
    scene.proxy.wait_log(&["relay opened id=2"]);
    drop(first);
    assert!(target.is_at_end());
    let mut target = scene.target.stream();
    second.read_head();
    target.send(chunk("data: a\n\n"));
    assert_eq!(text(&mut second), "data: a\n\n");
}

#[test]
fn a_target_that_is_restarted_goes_on_for_all() {
    let Scene { target, proxy } = Scene::with(&["--share", "--resume"]);
    let port = target.port();
    let first = proxy.get("/events");
    let mut connection = target.stream();
    let mut clients = vec![first];
    clients[0].read_head();
    clients.extend((0..20).map(|_| join(&proxy, "")));
    connection.send(chunk("retry: 100\nid: 1\ndata: a\n\nid: 2\ndata: b"));
    assert_next(&mut clients, "retry: 100\nid: 1\ndata: a\n\n");
    drop((target, connection));
    proxy.wait_log(&["share id=1", "Connection refused"]);
    clients.push(join(&proxy, "Last-Event-ID: 1\r\n"));
    let target = Raw::again(port);
    let (mut connection, head) = target.request();
    assert_eq!(field(&head, "Last-Event-ID"), Some("1"), "{head}");
    connection.send([CHUNKED.into(), chunk("id: 2\ndata: b\n\n")].concat());
    assert_next(&mut clients, "id: 2\ndata: b\n\n");
    assert!(target.is_idle());
    // The last one gone while the target is away ends it, too.
    drop((target, connection));
    proxy.wait_log(&["behind the event with id 2"]);
    drop(clients);
    proxy.wait_log(&["share closed id=1", "by=client"]);
}

#[test]
fn a_stop_breaks_shared_streams_off() {
    let mut scene = Scene::with(&["--share", "--resume"]);
    let (mut first, mut target) = scene.streaming();
    let mut second = join(&scene.proxy, "");
    let since = Instant::now();
    scene.proxy.signal(Signal::TERM);
    assert_eq!(scene.proxy.wait().code(), Some(0));
    assert!(since.elapsed() < AT_ONCE);
    assert!(first.is_at_end() && second.is_at_end() && target.is_at_end());
}

#[test]
fn who_waits_for_the_head_gets_it_before_any_event() {
    let mut scene = Scene::with(&["--share"]);
    let mut clients: Vec<Client> = (0..20).map(|_| scene.proxy.get("/events")).collect();
    let (mut target, _) = scene.target.request();
    scene.proxy.wait_log(&["relay opened id=20"]);
    target.send(CHUNKED);
    for client in &mut clients {
        assert_eq!(client.read_head().status, 200);
    }
    scene.proxy.signal(Signal::TERM);
    assert_eq!(scene.proxy.wait().code(), Some(0));
    scene.proxy.wait_log(&["share closed", "by=shutdown", "the proxy stops"]);
}
