//! The relay of the tests does to requests what its impairment says, and nothing else.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use crate::common::relay::{Answer, Impairment, Relay, Scope};
use crate::common::{Client, Origin, PATIENCE, eventually};

/// An origin, and a relay in front of it.
struct Path {
    origin: Origin,
    relay: Relay,
}

fn path(impairment: Impairment) -> Path {
    let origin = Origin::start();
    let relay = Relay::start(origin.address, impairment);
    Path { origin, relay }
}

impl Path {
    fn get(&self, target: &str) -> Client {
        let mut client = Client::connect(self.relay.address);
        client.ask(target);
        client
    }

    /// The bytes of a stream's body.
    fn stream(&self, target: &str) -> Vec<u8> {
        let mut client = self.get(target);
        let head = client.read_head();
        assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/event-stream")));
        client.read_to_end()
    }

    /// What other requests get is untouched.
    fn assert_others_pass(&self) {
        let (head, body) = self.get("/time").read_response();
        assert!(head.status == 200 && body.contains("now_us"), "{body}");
    }
}

/// Nothing comes for so long, and the connection stays open.
fn assert_quiet(stream: &TcpStream, time: Duration) {
    stream.set_read_timeout(Some(time)).unwrap();
    let read = (&mut &*stream).read(&mut [0; 1]);
    assert!(matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock), "{read:?}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn a_relay_can_leave_requests_unanswered() {
    let streams = path(Impairment::NoHead(Scope::Streams));
    let client = streams.get("/events");
    streams.assert_others_pass();
    assert_quiet(&client.stream, Duration::from_millis(50));
    let everything = path(Impairment::NoHead(Scope::Everything));
    let mut client = everything.get("/time");
    assert_quiet(&client.stream, Duration::from_millis(50));
    drop(everything.relay);
    assert!(client.is_at_end());
}

#[test]
fn a_relay_can_answer_by_itself() {
    let login = Answer::new(302, &[("Location", "https://login.test/")], "");
    let portal = Answer::new(200, &[("Content-Type", "text/html")], "<h1>Welcome</h1>");
    let streams = path(Impairment::Answer(Scope::Streams, login));
    let (head, _) = streams.get("/events?count=1").read_response();
    assert_eq!((head.status, head.get("Location")), (302, Some("https://login.test/")));
    streams.assert_others_pass();
    let everything = path(Impairment::Answer(Scope::Everything, portal));
    let (head, body) = everything.get("/time").read_response();
    assert_eq!((head.status, head.get("Content-Type"), body.as_str()), (200, Some("text/html"), "<h1>Welcome</h1>"));
}

#[test]
fn a_finished_stream_is_replayed_whatever_the_query() {
    let path = path(Impairment::Replay);
    let first = path.stream("/events?interval=20ms&count=5");
    // The connection of the first client ends before its stream is stored.
    let again = eventually(|| {
        let again = path.stream("/events?interval=10ms&count=1");
        (again == first).then_some(again)
    });
    assert_eq!(again, first);
    path.assert_others_pass();
}

#[test]
fn a_relay_can_lose_the_query_and_nothing_else() {
    let path = path(Impairment::NoQuery);
    let mut client = Client::connect(path.relay.address);
    client.send("POST /events?count=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    client.read_head();
    let hello = client.read_event().json();
    assert_eq!(
        (&hello["method"], &hello["target"], &hello["body_bytes"]),
        (&"POST".into(), &"/events".into(), &5.into())
    );
    drop(client);
    path.origin.wait_log(&["stream closed", " by=client "]);
}
