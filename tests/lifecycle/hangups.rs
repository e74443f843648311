//! Clients that leave, and clients that stop reading.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::common::gauge::Gauge;
use super::common::{Client, Origin};
use super::{id, value};

/// How soon a hang-up must be known, though no event is due for an hour. It takes a millisecond; the rest is for a busy
/// machine.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_client_that_closes_is_noticed_at_once() {
    let origin = Origin::start();
    for framing in ["chunked", "close", "chunked&encoding=gzip", "chunked&stream=common"] {
        let id = id(&framing.replace(['&', '='], "-"));
        let (mut client, _) = origin.open(&format!("/events?id={id}&interval=1h&heartbeat=0&framing={framing}"));
        client.read_until(if framing.contains("gzip") { b"\x1f\x8b" } else { b"}\n\n" });
        let state = origin.fetch(&format!("/streams/{id}")).1;
        assert!(state.contains(r#""state":"open""#), "{state}");
        let since = Instant::now();
        drop(client);
        let line = origin.wait_log(&["stream closed", &id]);
        assert!(since.elapsed() < AT_ONCE, "{framing}: {:?}", since.elapsed());
        assert_eq!(value(&line, "by"), "client");
        assert!(line.contains("closed the connection") || line.contains("reset the connection"), "{line}");
        let ended = origin.ended(&id);
        assert_eq!((&ended["state"], &ended["ended_by"]), (&"ended".into(), &"client".into()), "{ended}");
        assert!(line.contains(&format!("reason={}", ended["reason"])), "{line} {ended}");
        assert_eq!(ended["events"], 0);
        assert!(ended["ended_us"].as_u64() > ended["opened_us"].as_u64());
    }
}

#[test]
fn a_client_that_closes_during_a_delay_is_noticed_at_the_first_write() {
    let origin = Origin::start();
    for (name, delay) in [("body", "delay=300ms"), ("head", "head_delay=300ms")] {
        let id = id(name);
        let client = origin.get(&format!("/events?id={id}&interval=1h&{delay}"));
        origin.wait_log(&["stream opened", &id]);
        drop(client);
        assert_eq!(origin.ended(&id)["ended_by"], "client");
    }
}

#[test]
fn a_client_that_stops_reading_is_dropped_after_the_write_timeout_alone() {
    let origin = Origin::start();
    let (mut witness, _) = origin.open("/events?interval=100ms");
    let since = Instant::now();
    // A small receive buffer, and events that fill the send buffer soon.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&origin.address.into()).unwrap();
    let mut stuck = Client::over(TcpStream::from(socket));
    let id = id("stuck");
    stuck.ask(&format!("/events?id={id}&size=256k&interval=20ms"));
    let line = origin.wait_log_for(&["stream closed", &id], Duration::from_secs(30));
    let after = since.elapsed();
    assert_eq!(value(&line, "by"), "client");
    assert!(line.contains("reading"), "{line}");
    assert!((Duration::from_secs(10)..Duration::from_secs(17)).contains(&after), "{after:?}");
    assert!(origin.ended(&id)["reason"].as_str().unwrap().contains("reading"));
    witness.read_event();
    for seq in 1..after.as_millis() as u64 / 100 {
        assert_eq!(witness.read_event().json()["seq"], seq);
    }
    assert!(Gauge(origin.pid()).memory() < 64 * 1024);
}
