use super::in_flight::{InFlight, ResponseEvent};
use super::*;
use crate::http::Url;
use crate::shutdown::Stop;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A server that serves one connection as `serve` does, behind the request's head.
fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
            head.push(byte[0]);
        }
        serve(stream);
    });
    format!("http://{address}/events")
}

fn get(url: &str) -> Request {
    Request { url: Url::of(url), method: "GET".to_owned(), headers: Vec::new(), body: None }
}

fn session() -> Session {
    Client::new(&Settings::default()).unwrap().session()
}

/// The rest of a body, and how it ended.
fn drain(body: &mut Body) -> (Vec<u8>, Ending) {
    let mut bytes = Vec::new();
    loop {
        match body.read() {
            Arrival::Bytes(_, more) => bytes.extend_from_slice(&more),
            Arrival::End(_, ending) => return (bytes, ending),
        }
    }
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const CLOSED: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

#[test]
fn a_request_is_left_by_a_close_or_by_a_reset() {
    for resets in [false, true] {
        let (ended, wait) = channel();
        let url = server(move |mut stream| {
            stream.write_all(&[CHUNKED, b"5\r\nhello\r\n"].concat()).unwrap();
            ended.send(stream.read(&mut [0]).map_err(|error| error.kind())).unwrap();
        });
        let in_flight = InFlight::start(&Client::new(&Settings::default()).unwrap(), get(&url)).unwrap();
        assert!(matches!(in_flight.events().recv().unwrap(), ResponseEvent::Head(_)));
        if resets {
            in_flight.reset();
        } else {
            drop(in_flight);
        }
        let expected = if resets { Err(ErrorKind::ConnectionReset) } else { Ok(0) };
        assert_eq!(wait.recv_timeout(Duration::from_secs(20)), Ok(expected));
    }
}

#[test]
fn bytes_have_the_time_of_the_read_that_brought_them() {
    let (go, wait): (Sender<()>, Receiver<()>) = channel();
    let url = server(move |mut stream| {
        stream.write_all(&[CHUNKED, b"5\r\nhello\r\n"].concat()).unwrap();
        wait.recv().unwrap();
        stream.write_all(b"1\r\n!\r\n0\r\n\r\n").unwrap();
    });
    let session = session();
    let mut response = session.open(&get(&url)).unwrap();
    assert_eq!((response.head.status, response.head.header("transfer-encoding")), (200, Some("chunked")));
    let Arrival::Bytes(first, bytes) = response.body.read() else { panic!("no bytes") };
    assert_eq!(bytes, b"hello");
    assert!(first >= response.head.timing.begun && first <= Instant::now());
    let before = Instant::now();
    go.send(()).unwrap();
    let Arrival::Bytes(second, bytes) = response.body.read() else { panic!("no bytes") };
    assert_eq!(bytes, b"!");
    assert!(second >= before);
    assert_eq!(drain(&mut response.body), (Vec::new(), Ending::Clean));
}

#[test]
fn endings_are_told_apart() {
    let reset = |stream: TcpStream| socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    let cases: [(&[u8], bool, Ending); 6] = [
        (b"0\r\n\r\n", false, Ending::Clean),
        (b"", false, Ending::Truncated),
        (b"5\r\nhel", false, Ending::Truncated),
        (b"", true, Ending::Reset),
        (b"close", false, Ending::Clean),
        (b"close", true, Ending::Reset),
    ];
    for (tail, resets, expected) in cases {
        let head = if tail == b"close" { CLOSED } else { CHUNKED };
        let (go, wait): (Sender<()>, Receiver<()>) = channel();
        let url = server(move |mut stream| {
            stream.write_all(&[head, if head == CHUNKED { b"1\r\nx\r\n" } else { b"x" }, tail].concat()).unwrap();
            wait.recv().unwrap();
            if resets {
                reset(stream);
            }
        });
        let session = session();
        let mut response = session.open(&get(&url)).unwrap();
        assert!(matches!(response.body.read(), Arrival::Bytes(..)));
        let before = Instant::now();
        go.send(()).unwrap();
        let (at, ending) = loop {
            if let Arrival::End(at, ending) = response.body.read() {
                break (at, ending);
            }
        };
        assert_eq!(ending, expected, "{} {resets}", tail.escape_ascii());
        assert!(!resets || at >= before, "a reset has its own time");
    }
}

#[test]
fn a_read_that_waits_can_be_stopped() {
    let (done, wait): (Sender<()>, Receiver<()>) = channel();
    let url = server(move |mut stream| {
        stream.write_all(CHUNKED).unwrap();
        let _ = wait.recv();
    });
    let stop = Stop::new().unwrap();
    let session = Client::new(&Settings::default()).unwrap().session_with(Arc::new(stop.clone()));
    let mut response = session.open(&get(&url)).unwrap();
    let stopping = thread::spawn(move || stop.trigger());
    assert_eq!(drain(&mut response.body).1, Ending::Stopped);
    stopping.join().unwrap();
    drop(done);
}

#[test]
fn failures_name_the_step_and_the_target() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings { connect_timeout: Some(Duration::from_secs(5)), ..Settings::default() };
    let client = Client::new(&settings).unwrap();
    let error = |url: &str| client.session().open(&get(url)).unwrap_err();
    let refused = error(&format!("http://{free}/"));
    assert_eq!(refused.to_string(), format!("connect to {free}: Connection refused (os error 111)"));
    assert!(matches!(error("http://nowhere.invalid/"), ClientError::Resolve(..)));
    assert!(matches!(error("not a url"), ClientError::Request(..)));
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = format!("https://{}/", plain.local_addr().unwrap());
    let refusing = thread::spawn(move || plain.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert!(matches!(error(&secure), ClientError::Tls(..)));
    refusing.join().unwrap().unwrap();
    assert!(matches!(error(&server(drop)), ClientError::NoHead(..)));
    let ssh = server(|mut stream| stream.write_all(b"SSH-2.0-x\r\n\r\n").unwrap());
    assert!(matches!(error(&ssh), ClientError::NotHttp(..)));
    for (fields, said) in [
        ("X: y\r\n".repeat(200), "more than 128 fields"),
        (format!("X: {}\r\n", "y".repeat(70_000)), "too long"),
        ("X: y\r\n folded\r\n".to_owned(), "a line that is no field"),
        ("X: \x1b\r\n".to_owned(), "control characters"),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let finding = error(&server(move |mut stream| drop(stream.write_all(head.as_bytes())))).finding();
        assert!(finding.text().contains(said) && finding.advice().contains("HTTP"), "{finding:?}");
    }
}

#[test]
fn addresses_can_be_given() {
    let url = server(|mut stream| stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap());
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let resolve = HashMap::from([(("sse.example".to_owned(), port), IpAddr::from([127, 0, 0, 1]))]);
    let client = Client::new(&Settings { resolve, ..Settings::default() }).unwrap();
    let response = client.session().open(&get(&format!("http://SSE.example:{port}/"))).unwrap();
    assert_eq!(response.head.status, 204);
}
