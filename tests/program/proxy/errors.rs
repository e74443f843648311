//! What a client is told when the target does not answer, and how the program ends when it can't begin.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{Scene, proxy, proxy_with};
use crate::common::raw::Raw;

/// Runs the program to its end.
fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sse-argo-tester")).arg("proxy").args(args).output().unwrap()
}

#[test]
fn a_target_that_is_not_there_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = proxy(&format!("http://{free}/sse"));
    let mut client = proxy.connect();
    for _ in 0..2 {
        client.ask("/events");
        let (head, body) = client.read_response();
        assert_eq!(head.status, 502, "{body}");
        for part in [&format!("relay to http://{free}/sse: connect to {free}"), "refused", "is the target running"] {
            assert!(body.contains(part), "{body}");
        }
    }
    proxy.wait_log(&["relay closed id=1", "by=target", "refused", "bytes=0"]);
    assert_eq!(proxy.fetch("/healthz").0.status, 200);
}

#[test]
fn a_name_that_nobody_knows_is_told() {
    let (head, body) = proxy("http://nowhere.invalid/sse").fetch("/events");
    assert!(head.status == 502 && body.contains("resolve nowhere.invalid") && body.contains("--resolve"), "{body}");
}

#[test]
fn a_head_that_does_not_come_in_time_is_told() {
    let scene = Scene::with(&["--head-timeout", "200ms"]);
    let since = Instant::now();
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    target.send("HTTP/1.1 200 OK\r\nContent-");
    let (head, body) = client.read_response();
    assert!(since.elapsed() >= Duration::from_millis(200));
    assert!(head.status == 504 && body.contains("within 200ms") && body.contains("--head-timeout"), "{body}");
    assert!(target.is_at_end(), "its connection is closed");
}

/// A listener whose queue is full, so that a further connection is neither made nor refused.
fn full() -> (Socket, SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = (0..4).map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // It is under way.
        let _ = socket.connect(&address);
        socket
    });
    let waiting = waiting.collect();
    (listener, address.as_socket().unwrap(), waiting)
}

#[test]
fn a_connection_that_is_not_made_is_told_in_time() {
    let (_listener, address, _waiting) = full();
    let proxy = proxy_with(&format!("http://{address}/sse"), &["--connect-timeout", "0.3"]);
    let (head, body) = proxy.fetch("/events");
    assert!(head.status == 502 && body.contains(&format!("connect to {address}: no answer in time")), "{body}");
}

#[test]
fn a_client_that_leaves_while_the_connection_is_made_is_noticed() {
    let (_listener, address, _waiting) = full();
    let proxy = proxy(&format!("http://{address}/sse"));
    let client = proxy.get("/events");
    proxy.wait_log(&["relay opened id=1"]);
    drop(client);
    proxy.wait_log(&["relay closed id=1", "by=client", "closed the connection"]);
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_told() {
    let scene = Scene::new();
    let mut client = scene.proxy.get("/events");
    scene.target.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(client.read_response().0.status, 502);
}

#[test]
fn a_body_may_take_its_time() {
    let scene = Scene::with(&["--head-timeout", "100ms"]);
    let (mut client, mut target) = scene.streaming();
    let since = Instant::now();
    let waiting = Scene::with(&["--head-timeout", "300ms"]);
    // Another one's timeout is a clock here: by its end, the first one's is long over.
    assert_eq!(waiting.proxy.fetch("/events").0.status, 504);
    assert!(since.elapsed() > Duration::from_millis(300));
    target.send("1\r\nx\r\n");
    assert_eq!(client.read_chunk().unwrap().bytes, b"x");
}

#[test]
fn what_is_no_http_is_told() {
    let scene = Scene::new();
    for (answer, part) in [
        ("SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP/1.1"),
        ("", "closed"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "wait for the response head"),
    ] {
        let mut client = scene.proxy.get("/events");
        let (mut target, _) = scene.target.request();
        target.send(answer);
        drop(target);
        let (head, body) = client.read_response();
        assert!(head.status == 502 && body.contains(part), "{answer:?}: {body}");
    }
}

#[test]
fn a_head_that_is_too_large_is_told() {
    let scene = Scene::new();
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    target.send(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000)));
    assert_eq!(client.read_response().0.status, 502);
}

#[test]
fn requests_that_can_not_be_made_are_the_clients_fault() {
    let scene = Scene::new();
    let (head, body) = scene.proxy.fetch("/events?a=<b>");
    assert!(head.status == 400 && body.contains("make a request for"), "{} {body}", head.status);
}

#[test]
fn one_too_many_is_told() {
    let target = Raw::new();
    let proxy = proxy_with(&target.url(), &["--max-connections", "1"]);
    let _first = proxy.get("/events");
    let _stream = target.stream();
    assert_eq!(proxy.fetch("/healthz").0.status, 503);
}

#[test]
fn an_address_that_is_taken_ends_the_program() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let holder = TcpListener::bind(&taken).unwrap();
    let output = run(&["--listen", &taken]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&taken) && said.contains("--listen"), "{said}");
    drop(holder);
}

#[test]
fn a_target_that_is_none_ends_the_program() {
    for args in [&["ftp://h/"][..], &["http://"], &["/sse"], &["http://h/ x"], &["a", "b"], &["--data", "x"]] {
        let output = run(&[args, &["--listen", "127.0.0.1:0"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let missing = run(&["--cacert", "/no/such/file"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn bad_options_are_explained() {
    for (args, part) in [
        (&["--impair", "hold-everything"][..], "hold-bytes"),
        (&["--impair", "hold-bytes=0"], "1 to 64m"),
        (&["--like", "nonsense"], "nginx-default"),
        (&["--heartbeat", "1ms"], "100ms"),
        (&["--share", "--impair", "lag=1s"], "--share goes with no cure and no impairment"),
        (&["ftp://localhost/"], "no target's URL"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        let output = command.args(["proxy", "--listen", "127.0.0.1:0"]).args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
}
