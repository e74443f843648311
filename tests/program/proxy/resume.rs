//! `--resume`: the target's stream breaks, and the client's does not.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Scene;
use crate::common::Client;
use crate::common::raw::{CHUNKED, LAST, Raw, chunk, field, response};

/// How soon what a client does must show, whatever the target does.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The next request, after the time that the target wants.
fn next(target: &Raw, not_before: Instant) -> (Client, String) {
    let found = target.request();
    assert!(Instant::now() >= not_before, "it comes back too early");
    found
}

fn text(client: &mut Client) -> String {
    client.read_chunk().expect("the stream goes on").text().to_owned()
}

#[test]
fn what_a_cut_left_of_an_event_comes_again_as_a_whole() {
    let scene = Scene::with(&["--resume"]);
    let (mut client, mut target) = scene.streaming();
    target.send(chunk("retry: 300\nid: 1\ndata: a\n\nid: 2\nda"));
    assert_eq!(text(&mut client), "retry: 300\nid: 1\ndata: a\n\n");
    let due = Instant::now() + Duration::from_millis(300);
    target.send("5\r\nta: ");
    drop(target);

    let (mut target, head) = next(&scene.target, due);
    assert_eq!(field(&head, "Last-Event-ID"), Some("1"), "{head}");
    assert_eq!(field(&head, "Accept-Encoding"), Some("identity"), "{head}");
    assert!(head.starts_with("GET /stream HTTP/1.1\r\n"), "{head}");
    target.send([CHUNKED.into(), chunk("\u{feff}id: 2\ndata: b\n\n")].concat());
    assert_eq!(text(&mut client), "id: 2\ndata: b\n\n");
    let due = Instant::now() + Duration::from_millis(300);
    target.reset();

    let (mut target, head) = next(&scene.target, due);
    assert_eq!(field(&head, "Last-Event-ID"), Some("2"), "{head}");
    // An end is one event stream's, not the stream's of all events.
    target.send([CHUNKED.into(), chunk("retry: 100\nid\n\ndata: c"), LAST.into()].concat());
    assert_eq!(text(&mut client), "retry: 100\nid\n\n");

    let (mut target, head) = scene.target.request();
    assert_eq!(field(&head, "Last-Event-ID"), None, "{head}");
    target.send("HTTP/1.1 204 No Content\r\n\r\n");
    assert!(client.read_chunk().is_none(), "204 ends it, cleanly");
    scene.proxy.wait_log(&["relay id=1: the target answers 204"]);
    scene.proxy.wait_log(&["relay closed id=1", "by=target", "ended the response", "status=200"]);
    assert_eq!(scene.proxy.fetch("/healthz").0.status, 200);
}

#[test]
fn twenty_cuts_at_random_places_lose_and_repeat_nothing() {
    let mut random = fastrand::Rng::with_seed(20);
    let event = |id: usize| {
        let eol = if id.is_multiple_of(3) { "\r" } else { "\n" };
        let retry = if id == 1 { format!("retry: 1{eol}") } else { String::new() };
        format!("{retry}id: {id}{eol}data: {}{eol}: c{eol}{eol}", "x".repeat(id % 40))
    };
    let events: Vec<String> = (1..=300).map(event).collect();
    let scene = Scene::with(&["--resume"]);
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.1\r\nHost: test\r\nLast-Event-ID: 0\r\n\r\n");
    let mut cuts = 0;
    loop {
        let (mut target, head) = scene.target.request();
        let had: usize = field(&head, "Last-Event-ID").unwrap().parse().unwrap();
        if had == events.len() {
            assert!(cuts >= 20, "{cuts}");
            target.send("HTTP/1.1 204 No Content\r\n\r\n");
            break;
        }
        let rest = events[had..].concat();
        let len = if cuts < 20 { random.usize(1..600) } else { rest.len() }.min(rest.len());
        cuts += 1;
        target.send(CHUNKED);
        for piece in rest.as_bytes()[..len].chunks(random.usize(1..200)) {
            target.send(chunk(piece));
        }
        match cuts % 4 {
            0 => target.reset(),
            1 => target.send(LAST),
            2 => target.send("7\r\nid"),
            _ => {}
        }
    }
    client.read_head();
    let received: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    assert_eq!(String::from_utf8(received).unwrap(), events.concat());
}

#[test]
fn a_target_that_is_restarted_is_found_again() {
    let Scene { target, proxy } = Scene::with(&["--resume"]);
    let port = target.port();
    let mut client = proxy.get("/events");
    let mut connection = target.stream();
    connection.send(chunk("retry: 100\nid: 7\ndata: a\n\ndata: half"));
    client.read_head();
    assert_eq!(text(&mut client), "retry: 100\nid: 7\ndata: a\n\n");
    drop((target, connection));
    proxy.wait_log(&["relay id=1", "the stream was cut", "reconnecting in 100ms behind the event with id 7"]);
    proxy.wait_log(&["relay id=1", "Connection refused", "reconnecting in 200ms"]);
    let target = Raw::again(port);
    let (mut connection, head) = target.request();
    assert_eq!(field(&head, "Last-Event-ID"), Some("7"), "{head}");
    connection.send([CHUNKED.into(), chunk("data: b\n\n")].concat());
    assert_eq!(text(&mut client), "data: b\n\n");
}

#[test]
fn the_wait_is_three_seconds_unless_the_target_wants_another() {
    let scene = Scene::with(&["--resume"]);
    let (mut client, mut target) = scene.streaming();
    target.send([chunk("data: a\n\n"), LAST.into()].concat());
    assert_eq!(text(&mut client), "data: a\n\n");
    let due = Instant::now() + Duration::from_millis(2900);
    drop(next(&scene.target, due));
}

#[test]
fn a_client_that_leaves_while_the_target_is_away_is_gone_at_once() {
    let scene = Scene::with(&["--resume"]);
    let (mut client, mut target) = scene.streaming();
    target.send([chunk("retry: 60000\n\n"), LAST.into()].concat());
    client.read_chunk();
    scene.proxy.wait_log(&["relay id=1", "reconnecting in 1m"]);
    let since = Instant::now();
    drop(client);
    scene.proxy.wait_log(&["relay closed id=1", "by=client", "closed the connection"]);
    assert!(since.elapsed() < AT_ONCE);
    // While it is asked, too.
    let (mut client, mut target) = scene.streaming();
    target.send([chunk("retry: 100\n\n"), LAST.into()].concat());
    client.read_chunk();
    let (mut target, _) = scene.target.request();
    drop(client);
    assert!(target.is_at_end());
    scene.proxy.wait_log(&["relay closed id=2", "by=client"]);
}

#[test]
fn an_answer_that_is_no_stream_breaks_it_off() {
    let scene = Scene::with(&["--resume"]);
    for (round, (answer, said)) in [
        (response("404 Not Found", "text/plain", "gone"), "404"),
        (response("200 OK", "text/html", "<p>"), "text/html"),
        (CHUNKED.replace("Transfer", "Content-Encoding: gzip\r\nTransfer"), "content coding"),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut client, mut target) = scene.streaming();
        target.send(chunk("retry: 1\ndata: a\n\n"));
        assert_eq!(text(&mut client), "retry: 1\ndata: a\n\n");
        drop(target);
        scene.target.answer(answer);
        assert!(client.is_at_end(), "no last chunk");
        let id = format!("relay closed id={}", round + 1);
        scene.proxy.wait_log(&[&id, "by=target", "broke the response off: asked to go on", said]);
    }
}

#[test]
fn heartbeats_without_a_blank_line_are_not_held_up() {
    let scene = Scene::with(&["--resume"]);
    let (mut client, mut target) = scene.streaming();
    for piece in [":\n", ": b\r\n", "\n", "\r", "data: a\r\r", "\n"] {
        target.send(chunk(piece));
        assert_eq!(text(&mut client), piece);
    }
}

#[test]
fn what_can_not_be_cut_into_events_passes_as_ever() {
    let scene = Scene::with(&["--resume"]);
    let gzip = CHUNKED.replace("Transfer", "Content-Encoding: gzip\r\nTransfer");
    let plain = CHUNKED.replace("text/event-stream", "text/plain");
    for head in [gzip, plain] {
        let (mut client, _, mut target) = scene.answered(head);
        target.send([chunk("data"), LAST.into()].concat());
        assert_eq!(text(&mut client), "data");
        assert!(client.read_chunk().is_none());
    }
    let mut client = scene.proxy.connect();
    client.send("POST /events HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx");
    let (mut target, _) = scene.target.request();
    target.send([CHUNKED.into(), chunk("data"), LAST.into()].concat());
    client.read_head();
    assert_eq!(text(&mut client), "data");
    assert!(client.read_chunk().is_none());
    // A length is that of one response.
    let (mut client, head, mut target) =
        scene.answered("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 20\r\n\r\n");
    assert_eq!((head.get("Content-Length"), head.get("Transfer-Encoding")), (None, Some("chunked")));
    target.send("retry: 1\ndata: abc\n\n");
    assert_eq!(text(&mut client), "retry: 1\ndata: abc\n\n");
    scene.target.answer("HTTP/1.1 204 No Content\r\n\r\n");
    assert!(client.read_chunk().is_none());
}

#[test]
fn a_stop_ends_the_wait_for_a_target() {
    let mut scene = Scene::with(&["--resume"]);
    let (mut client, mut target) = scene.streaming();
    target.send([chunk("retry: 60000\n\n"), LAST.into()].concat());
    client.read_chunk();
    scene.proxy.wait_log(&["reconnecting in 1m"]);
    let since = Instant::now();
    scene.proxy.signal(Signal::TERM);
    assert_eq!(scene.proxy.wait().code(), Some(0));
    assert!(since.elapsed() < AT_ONCE);
    assert!(client.is_at_end());
}

#[test]
fn what_is_due_is_sent_while_the_target_is_asked_again() {
    let scene = Scene::with(&["--resume", "--heartbeat", "300ms"]);
    let (mut client, mut target) = scene.streaming();
    target.send(chunk("retry: 100\nid: 1\n\n"));
    assert_eq!(text(&mut client), "retry: 100\nid: 1\n\n");
    drop(target);
    let (mut target, _) = scene.target.request();
    for _ in 0..3 {
        assert_eq!(text(&mut client), ": heartbeat\n\n");
    }
    target.send([CHUNKED.into(), chunk("id: 2\n\n")].concat());
    while text(&mut client) != "id: 2\n\n" {}
    // An end that is due, too.
    let scene = Scene::with(&["--resume", "--impair", "cut-after=600ms:clean"]);
    let (mut client, mut target) = scene.streaming();
    target.send(chunk("retry: 100\n\n"));
    assert_eq!(text(&mut client), "retry: 100\n\n");
    drop(target);
    let (mut target, _) = scene.target.request();
    assert!(client.read_chunk().is_none(), "it is clean");
    assert!(target.is_at_end());
    scene.proxy.wait_log(&["relay closed id=1", "by=proxy", "an impairment ended the response"]);
    client.ask("/healthz");
    assert_eq!(client.read_response().1, "ok\n");
}

#[test]
fn a_held_head_waits_over_all_connections() {
    let scene = Scene::with(&["--resume", "--impair", "hold-head,hold-start-bytes=20"]);
    let mut client = scene.proxy.get("/events");
    let mut target = scene.target.stream();
    target.send([chunk("retry: 100\n\n"), LAST.into()].concat());
    let mut target = scene.target.stream();
    target.send(chunk("data: abcdef\n\n"));
    assert_eq!(client.read_head().status, 200);
    assert_eq!(text(&mut client), "retry: 100\n\ndata: abcdef\n\n");
}

#[test]
fn nobody_is_asked_again_for_a_client_that_is_gone() {
    let scene = Scene::with(&["--resume", "--impair", "keep-origin-open"]);
    // It leaves before the stream ends, and while the target is away.
    for (id, leaves_first) in [(1, true), (2, false)] {
        let (mut client, mut target) = scene.streaming();
        target.send(chunk("retry: 60000\n\n"));
        assert_eq!(text(&mut client), "retry: 60000\n\n");
        let (gone, closed) = (format!("the client {} is gone", client.local()), format!("relay closed id={id}"));
        if leaves_first {
            drop(client);
            scene.proxy.wait_log(&[&gone, "the target is not told"]);
            target.send(LAST);
        } else {
            target.send(LAST);
            scene.proxy.wait_log(&[&format!("relay id={id}"), "reconnecting in 1m"]);
            drop(client);
        }
        scene.proxy.wait_log(&[&closed, "by=client"]);
    }
    assert!(scene.target.is_idle());
}

#[test]
fn there_is_one_connection_to_the_target_at_a_time() {
    for args in [&["--resume"][..], &["--resume", "--share"]] {
        let scene = Scene::with(args);
        let (mut client, mut target) = scene.streaming();
        for id in 1..4 {
            target.send([chunk(format!("retry: 100\nid: {id}\n\n")), LAST.into()].concat());
            assert_eq!(text(&mut client), format!("retry: 100\nid: {id}\n\n"));
            assert!(target.is_at_end(), "it is closed, though it could be used again");
            target = scene.target.stream();
        }
        drop(client);
        assert!(target.is_at_end());
    }
}
