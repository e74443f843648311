//! The relay of the tests does to a stream what its impairment says, and nothing else.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use common::relay::{Answer, Ending, Impairment, Relay, Scope};
use common::{Arrived, Client, Head, Origin, PATIENCE, eventually};
use flate2::write::GzDecoder;
use sse_argo_tester::sse::decoder::{Decoder, Item, Message};
use sse_argo_tester::stamp::Stamp;

const MS: Duration = Duration::from_millis(1);

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

    fn open(&self, target: &str) -> (Client, Head) {
        let mut client = self.get(target);
        let head = client.read_head();
        assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/event-stream")));
        (client, head)
    }

    /// All chunks of a stream, to its last one.
    fn chunks(&self, target: &str) -> Vec<Arrived> {
        self.open(target).0.read_chunks()
    }

    /// The numbers of the events that arrive of a stream, and whether each is intact.
    fn numbers(&self, target: &str) -> Vec<(u64, bool)> {
        let messages = messages(&bytes(&self.chunks(target)));
        let numbered = messages.iter().filter(|message| message.event == "message");
        numbered.map(|message| (message.last_event_id.parse().unwrap(), intact(message))).collect()
    }

    /// What other requests get is untouched.
    fn assert_others_pass(&self) {
        let (head, body) = self.get("/time").read_response();
        assert!(head.status == 200 && body.contains("now_us"), "{body}");
    }
}

fn bytes(chunks: &[Arrived]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect()
}

fn messages(stream: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let sink = |item: sse_argo_tester::sse::decoder::Decoded| match item.item {
        Item::Event(message) => messages.push(message),
        Item::Comment(_) | Item::Retry(_) => {}
    };
    Decoder::default().feed(stream, sink).unwrap();
    messages
}

fn intact(message: &Message) -> bool {
    Stamp::parse(&message.data).is_some_and(|stamp| stamp.intact)
}

/// When the events of a chunk were sent.
fn sent(chunk: &Arrived) -> Vec<SystemTime> {
    let stamp = |message: &Message| Stamp::parse(&message.data).unwrap();
    let sent = |message| SystemTime::UNIX_EPOCH + Duration::from_micros(stamp(message).sent_us);
    messages(&chunk.bytes).iter().map(sent).collect()
}

/// By the clock of the stamps.
fn arrived(chunk: &Arrived) -> SystemTime {
    SystemTime::now() - chunk.at.elapsed()
}

/// How old the events of a chunk were when it arrived.
fn ages(chunk: &Arrived) -> Vec<Duration> {
    let arrived = arrived(chunk);
    sent(chunk).into_iter().map(|sent| arrived.duration_since(sent).unwrap_or_default()).collect()
}

/// Nothing comes for so long, and the connection stays open.
fn assert_quiet(stream: &TcpStream, time: Duration) {
    stream.set_read_timeout(Some(time)).unwrap();
    let read = (&mut &*stream).read(&mut [0; 1]);
    assert!(matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock), "{read:?}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn all(numbers: &[u64]) -> Vec<(u64, bool)> {
    numbers.iter().map(|number| (*number, true)).collect()
}

#[test]
fn a_clean_relay_passes_everything_on_at_once() {
    let path = path(Impairment::Clean);
    for framing in ["chunked", "length", "close"] {
        let chunks = path.chunks(&format!("/events?interval=10ms&count=9&framing={framing}"));
        assert_eq!(messages(&bytes(&chunks)).len(), 10, "{framing}");
        let least = chunks.iter().flat_map(ages).min().unwrap();
        assert!(least < 10 * MS, "{framing}: {least:?}");
    }
    path.assert_others_pass();
    assert_eq!(path.relay.url("/events"), format!("http://{}/events", path.relay.address));
    let mut client = Client::connect(path.relay.address);
    client.send("HEAD /events HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.read_head().status, 200);
    assert!(client.is_at_end(), "no body");
    let mut client = Client::connect(path.relay.address);
    client.send("POST /events?count=1&interval=1ms HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    client.read_head();
    let hello = client.read_event().json();
    assert_eq!((&hello["method"], &hello["target"]), (&"POST".into(), &"/events?count=1&interval=1ms".into()));
}

#[test]
fn bytes_are_held_to_exact_sizes_or_to_whole_reads() {
    let target = "/events?interval=5ms&count=40&size=300";
    let chunks = path(Impairment::HoldBytes(1000)).chunks(target);
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.len() > 10 && others.iter().all(|chunk| chunk.bytes.len() == 1000) && last.bytes.len() < 1000);
    assert_eq!(messages(&bytes(&chunks)).len(), 41);
    let chunks = path(Impairment::HoldBytesWhole(1000)).chunks(target);
    let (_, others) = chunks.split_last().unwrap();
    assert!(others.len() > 5);
    for chunk in others {
        assert!(chunk.bytes.len() >= 1000 && chunk.text().ends_with("}\n\n"), "{}", chunk.text());
    }
    assert_eq!(messages(&bytes(&chunks)).len(), 41);
}

#[test]
fn a_hold_by_time_has_a_clock_of_its_own() {
    let chunks = path(Impairment::HoldTime(100 * MS)).chunks("/events?interval=10ms&count=45");
    assert!((3..=6).contains(&chunks.len()), "{chunks:#?}");
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk.bytes.ends_with(b"}\n\n")));
    let took = others[others.len() - 1].at - others[0].at;
    let ticks = u32::try_from(others.len() - 1).unwrap();
    assert!(took.abs_diff(100 * MS * ticks) < 80 * MS, "{took:?} for {ticks}");
    assert!(!last.bytes.is_empty(), "the origin's end releases the rest");
}

#[test]
fn holds_at_the_start_end_for_good() {
    let target = "/events?interval=10ms&count=40";
    let chunks = path(Impairment::HoldStartBytes(2000)).chunks(target);
    assert!(chunks[0].bytes.len() >= 2000 && messages(&chunks[0].bytes).len() > 5);
    assert!(chunks[1..].iter().all(|chunk| messages(&chunk.bytes).len() < 5) && chunks.len() > 10);
    let chunks = path(Impairment::HoldStartTime(100 * MS)).chunks(target);
    let oldest = ages(&chunks[0])[0];
    assert!(oldest >= 99 * MS && oldest < 300 * MS, "{oldest:?}");
    assert!(chunks[1..].iter().flat_map(ages).min().unwrap() < 10 * MS && chunks.len() > 10);
}

#[test]
fn a_hold_until_close_releases_everything_at_the_end() {
    let path = path(Impairment::HoldUntilClose);
    let (mut client, _) = path.open("/events?interval=10ms&count=12");
    let chunks = client.read_chunks();
    assert_eq!((chunks.len(), messages(&chunks[0].bytes).len()), (1, 13));
    assert!(arrived(&chunks[0]) + MS >= *sent(&chunks[0]).last().unwrap());
    assert!(ages(&chunks[0])[0] >= 80 * MS);
    path.assert_others_pass();
}

#[test]
fn a_late_head_comes_with_the_first_bytes() {
    let origin = Origin::start();
    let relay = Relay::chain(origin.address, [Impairment::LateHead, Impairment::HoldStartTime(100 * MS)]);
    let mut client = Client::connect(relay.address);
    let asked = Instant::now();
    client.ask("/events?interval=10ms&count=15");
    client.read_head();
    let chunk = client.read_chunk().unwrap();
    assert!(chunk.at - asked >= 100 * MS);
    assert!(messages(&chunk.bytes).len() > 5);
}

#[test]
fn lag_is_the_same_for_each_and_does_not_add_up() {
    let path = path(Impairment::Lag(200 * MS));
    let (mut client, _) = path.open("/events?interval=10ms&count=20");
    let chunks = client.read_chunks();
    let ages: Vec<_> = chunks.iter().flat_map(ages).collect();
    let late = ages.iter().filter(|age| **age >= 199 * MS).count();
    assert_eq!((ages.len(), late), (21, 21), "{ages:?}");
    let least = ages[15..].iter().min().unwrap();
    assert!(*least < 250 * MS, "{ages:?}");
}

#[test]
fn one_event_waits_for_the_next() {
    let chunks = path(Impairment::OneEvent).chunks("/events?interval=50ms&count=5");
    assert_eq!(chunks.len(), 6);
    for pair in chunks.windows(2) {
        assert!(arrived(&pair[0]) + MS >= sent(&pair[1])[0], "{pair:#?}");
    }
    assert_eq!(messages(&chunks[5].bytes)[0].last_event_id, "5");
}

#[test]
fn cuts_end_the_response_in_their_way_and_the_stream_at_the_origin() {
    for ending in [Ending::Truncated, Ending::Reset, Ending::Clean] {
        let path = path(Impairment::CutAfter(100 * MS, ending));
        let asked = Instant::now();
        let (mut client, _) = path.open("/events?interval=10ms");
        assert_ended(&mut client, ending);
        let after = asked.elapsed();
        assert!(after >= 100 * MS && after < 1000 * MS, "{ending:?}: {after:?}");
        path.origin.wait_log(&["stream closed", " by=client "]);
    }
}

#[test]
fn an_idle_cut_waits_for_silence() {
    for ending in [Ending::Truncated, Ending::Reset, Ending::Clean] {
        let path = path(Impairment::IdleCut(150 * MS, ending));
        let (mut client, _) = path.open("/events?interval=20ms&silent_after=12");
        let last = (0..13).map(|_| client.read_chunk().unwrap()).last().unwrap();
        assert_ended(&mut client, ending);
        let after = sent(&last)[0].elapsed().unwrap();
        assert!(after >= 149 * MS && after < 1000 * MS, "{ending:?}: {after:?}");
    }
}

/// Checks how the rest of a chunked response ends.
fn assert_ended(client: &mut Client, ending: Ending) {
    let rest = match ending {
        Ending::Reset => client.read_to_reset(),
        Ending::Clean | Ending::Truncated => {
            let mut rest = client.take_buffered(usize::MAX);
            client.stream.read_to_end(&mut rest).expect("a regular end");
            rest
        }
    };
    assert_eq!(rest.ends_with(b"0\r\n\r\n"), ending == Ending::Clean, "{ending:?}: {}", String::from_utf8_lossy(&rest));
}

#[test]
fn the_ends_of_the_origin_and_of_the_client_pass() {
    let path = path(Impairment::HoldBytes(100));
    let (mut client, _) = path.open("/events?interval=10ms&count=3&end=abort");
    let all = client.read_to_reset();
    assert!(!all.ends_with(b"0\r\n\r\n"));
    let (mut client, _) = path.open("/events?interval=10ms");
    client.read_chunk();
    drop(client);
    path.origin.wait_log(&["stream closed", " by=client "]);
}

#[test]
fn gzip_without_flush_comes_at_the_end_and_is_whole() {
    let path = path(Impairment::GzipNoFlush);
    let mut client = Client::connect(path.relay.address);
    let target = "/events?interval=10ms&count=10";
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\nAccept-Encoding: br, gzip\r\n\r\n"));
    assert_eq!(client.read_head().get("Content-Encoding"), Some("gzip"));
    let chunks = client.read_chunks();
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(&bytes(&chunks)).unwrap();
    assert_eq!(messages(&decoder.finish().unwrap()).len(), 11);
    let before: usize = chunks.iter().rev().skip(1).map(|chunk| chunk.bytes.len()).sum();
    assert!(before < 100, "{before} bytes before the end");
    let (mut client, head) = path.open(target);
    assert_eq!(head.get("Content-Encoding"), None);
    assert_eq!(client.read_chunks().len(), 11);
}

#[test]
fn events_are_lost_repeated_swapped_or_changed() {
    let target = "/events?interval=2ms&count=7&size=300";
    assert_eq!(path(Impairment::Drop(3)).numbers(target), all(&[1, 2, 4, 5, 7]));
    assert_eq!(path(Impairment::Duplicate(3)).numbers(target), all(&[1, 2, 3, 3, 4, 5, 6, 6, 7]));
    assert_eq!(path(Impairment::Reorder(3)).numbers(target), all(&[1, 2, 4, 3, 5, 7, 6]));
    for target in [target, "/events?interval=2ms&count=7"] {
        let changed: Vec<_> = (1..=7).map(|number| (number, number % 3 > 0)).collect();
        assert_eq!(path(Impairment::Corrupt(3)).numbers(target), changed);
    }
}

#[test]
fn a_silent_relay_or_one_that_hangs_keeps_the_connection_open() {
    for (impairment, least) in [(Impairment::Silent, 0), (Impairment::Hang(60 * MS), 1)] {
        let path = path(impairment);
        let (mut client, _) = path.open("/events?interval=20ms&count=10");
        for _ in 0..least {
            client.read_chunk().unwrap();
        }
        path.origin.wait_log(&["stream closed", " by=count "]);
        client.stream.set_nonblocking(true).unwrap();
        let mut rest = client.take_buffered(usize::MAX);
        let read = client.stream.read_to_end(&mut rest);
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        client.stream.set_nonblocking(false).unwrap();
        assert!(!rest.ends_with(b"0\r\n\r\n"));
        assert_quiet(&client.stream, 100 * MS);
        path.assert_others_pass();
        drop(path.relay);
        assert!(client.is_at_end(), "with the relay everything ends");
    }
}

#[test]
fn a_relay_can_leave_requests_unanswered() {
    let streams = path(Impairment::NoHead(Scope::Streams));
    let client = streams.get("/events");
    streams.assert_others_pass();
    assert_quiet(&client.stream, 50 * MS);
    let everything = path(Impairment::NoHead(Scope::Everything));
    let mut client = everything.get("/time");
    assert_quiet(&client.stream, 50 * MS);
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
    let first = path.open("/events?interval=20ms&count=5").0.read_to_end();
    // The connection of the first client ends before its stream is stored.
    let again = eventually(|| {
        let again = path.open("/events?interval=10ms&count=1").0.read_to_end();
        (again == first).then_some(again)
    });
    assert_eq!(again, first);
    path.assert_others_pass();
}

#[test]
fn impairments_follow_one_another() {
    let origin = Origin::start();
    let relay =
        Relay::chain(origin.address, [Impairment::Drop(2), Impairment::Lag(50 * MS), Impairment::HoldBytes(64)]);
    let path = Path { origin, relay };
    let chunks = path.chunks("/events?interval=5ms&count=8");
    let (_, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk.bytes.len() == 64));
    let ids: Vec<_> = messages(&bytes(&chunks)).into_iter().map(|message| message.last_event_id).collect();
    assert_eq!(ids, ["", "1", "3", "5", "7"]);
}
