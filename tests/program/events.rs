//! The events of a stream: what they hold, and when they come.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::{Arrived, Origin, assert_no_drift};

/// How late an event may be on a busy machine.
const LATE: Duration = Duration::from_secs(1);
/// How much earlier than its slot an event may seem: the stream's start and the hello's stamp are two clock readings.
const EARLY_US: i64 = 5_000;

fn sent_us(event: &Arrived) -> u64 {
    event.json()["sent_us"].as_u64().unwrap()
}

/// Unix microseconds in RFC 3339, by way of the HTTP date of the same second.
fn rfc3339(us: u64) -> String {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_micros(us));
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &date[8..11]).unwrap() + 1;
    format!("{}-{month:02}-{}T{}.{:06}Z", &date[12..16], &date[5..7], &date[17..25], us % 1_000_000)
}

#[test]
fn numbered_events_hold_their_number_time_and_checksum() {
    let origin = Origin::start();
    for size in [0, 95, 98, 99, 150, 4096, 70_000] {
        let (mut client, _) = origin.open(&format!("/events?count=11&interval=4ms&size={size}"));
        client.read_event();
        for seq in 1_u64..=11 {
            let event = client.read_event();
            let text = event.text();
            let data = event.field("data").unwrap();
            assert_eq!(text, format!("id: {seq}\ndata: {data}\n\n"), "nothing else is in an event");
            let json = event.json();
            let sent_us = json["sent_us"].to_string();
            assert_eq!((&json["seq"], sent_us.len()), (&seq.into(), 16));
            assert_eq!(json["time"], rfc3339(sent_us.parse().unwrap()));
            let fill = json["fill"].as_str().unwrap();
            let mut crc = flate2::Crc::new();
            crc.update(fill.as_bytes());
            assert_eq!(json["crc32"], format!("{:08x}", crc.sum()));
            assert!(data.len() == size || (fill.is_empty() && data.len() > size), "{size}: {}", data.len());
            assert!(data.starts_with(&format!("{{\"seq\":{seq},\"sent_us\":{sent_us},\"time\":\"")), "{data}");
        }
    }
}

#[test]
fn no_two_events_share_their_filler() {
    let origin = Origin::start();
    let (mut client, _) = origin.open("/events?count=2&interval=2ms&size=1k");
    client.read_event();
    let [first, second] = [client.read_event(), client.read_event()];
    assert_ne!(first.json()["fill"], second.json()["fill"]);
}

#[test]
fn stamps_are_of_the_systems_clock() {
    let origin = Origin::start();
    let unix_us = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let (mut client, _) = origin.open("/events?count=20&interval=10ms");
    while let Some(event) = client.read_chunk() {
        let (sent, now) = (sent_us(&event), unix_us());
        assert!(sent <= now && now - sent < 2_000_000, "sent at {sent}, received at {now}");
    }
}

#[test]
fn events_keep_to_the_grid_and_lateness_does_not_add_up() {
    const EVENTS: u32 = 400;
    let interval = Duration::from_millis(2);
    let origin = Origin::start();
    assert_no_drift(|| {
        let (mut client, _) = origin.open(&format!("/events?count={EVENTS}&interval=2ms"));
        let hello = client.read_event();
        let events: Vec<_> = (0..EVENTS).map(|_| client.read_event()).collect();
        for (n, event) in (1..).zip(&events) {
            let slot = hello.at + interval * n;
            assert!(event.at + LATE > slot && event.at < slot + 2 * LATE, "event {n} arrived off the grid");
        }
        let late_us = |(n, event): (u32, &Arrived)| {
            let slot = sent_us(&hello) + (interval * n).as_micros() as u64;
            sent_us(event) as i64 - slot as i64
        };
        let late: Vec<_> = (1..).zip(&events).map(late_us).collect();
        let allowed = -EARLY_US..LATE.as_micros() as i64;
        assert!(late.iter().all(|late| allowed.contains(late)), "{late:?}");
        late
    });
}

#[test]
fn count_ends_the_stream_behind_that_many_events() {
    let origin = Origin::start();
    for count in [0, 1, 5] {
        let id = format!("count-{count}-0123456789");
        let (mut client, _) = origin.open(&format!("/events?interval=10ms&count={count}&id={id}"));
        assert_eq!(client.read_chunks().len(), count + 1);
        origin.wait_log(&["stream closed", &id, " by=count ", &format!(" events={count} ")]);
    }
}

#[test]
fn duration_ends_the_stream_and_what_is_due_by_then_is_sent() {
    let origin = Origin::start();
    let before = Instant::now();
    let (mut client, _) = origin.open("/events?interval=100ms&duration=350ms");
    let chunks = client.read_chunks();
    assert!(before.elapsed() >= Duration::from_millis(350));
    let ids: Vec<_> = chunks.iter().filter_map(|chunk| chunk.field("id")).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    origin.wait_log(&["stream closed", " by=duration ", " events=3 "]);
}

#[test]
fn the_first_of_count_and_duration_ends_the_stream() {
    let origin = Origin::start();
    for (query, by) in [("count=1&duration=1h", " by=count "), ("count=1000&duration=50ms", " by=duration ")] {
        let (mut client, _) = origin.open(&format!("/events?interval=20ms&{query}"));
        assert!(client.read_chunks().len() < 5);
        origin.wait_log(&["stream closed", by]);
    }
}

#[test]
fn padding_is_exactly_that_many_bytes_of_comments_before_hello() {
    let origin = Origin::start();
    for (pad, bytes) in
        [("0", 0), ("1", 1), ("2", 2), ("1025", 1025), ("16k", 16_384), ("16385", 16_385), ("1m", 1 << 20)]
    {
        let (mut client, _) = origin.open(&format!("/events?count=0&pad={pad}"));
        let chunks = client.read_chunks();
        let (hello, padding) = chunks.split_last().unwrap();
        assert!(hello.text().starts_with("event: hello\n"), "{pad}");
        let padding: String = padding.iter().map(Arrived::text).collect();
        assert_eq!(padding.len(), bytes);
        let is_comment = |line: &str| line.starts_with(':') && line.ends_with('\n');
        assert!(padding == "\n" || padding.split_inclusive('\n').all(is_comment), "{pad}");
    }
}

#[test]
fn names_are_those_of_numbered_events_and_retry_is_said_once() {
    let origin = Origin::start();
    let (mut client, _) = origin.open("/events?count=2&interval=10ms&event=tick_1.a-B&retry=1500ms");
    let hello = client.read_event();
    assert!(hello.text().starts_with("event: hello\nretry: 1500\ndata: {"), "{}", hello.text());
    for seq in 1..=2 {
        let event = client.read_event();
        assert!(event.text().starts_with(&format!("event: tick_1.a-B\nid: {seq}\ndata: {{")), "{}", event.text());
        assert_eq!(event.field("retry"), None);
    }
}

#[test]
fn an_idle_stream_has_heartbeats() {
    let origin = Origin::start();
    for query in ["", "&stream=named"] {
        let (mut client, _) = origin.open(&format!("/events?interval=10s&heartbeat=100ms&duration=750ms{query}"));
        let hello = client.read_chunk().unwrap();
        let beats = client.read_chunks();
        assert!((2..=7).contains(&beats.len()), "{} heartbeats in 750 ms", beats.len());
        for (n, beat) in (1..).zip(&beats) {
            assert!(beat.text().starts_with(':') && beat.text().ends_with("\n\n"), "{}", beat.text());
            assert!(beat.at - hello.at + LATE > n * Duration::from_millis(100), "heartbeat {n} came early");
        }
    }
}

#[test]
fn heartbeats_are_padded_with_comments() {
    let origin = Origin::start();
    for pad in [1, 2, 1000, 65_536] {
        let query = format!("interval=10s&heartbeat=100ms&duration=250ms&heartbeat_pad={pad}");
        let (mut client, _) = origin.open(&format!("/events?{query}"));
        client.read_event();
        let beats = client.read_chunks();
        assert!(!beats.is_empty(), "{pad}");
        for beat in beats {
            let (padding, rest) = beat.text().split_at(pad);
            assert_eq!(rest, ": heartbeat\n\n", "{pad}");
            assert!(padding.lines().all(|line| line.is_empty() || line.starts_with(':')), "{padding}");
        }
    }
}

#[test]
fn a_stream_without_idle_time_or_with_heartbeat_0_has_none() {
    let origin = Origin::start();
    for query in ["interval=10ms&heartbeat=10m", "interval=10s&heartbeat=0", "interval=10ms"] {
        let (mut client, _) = origin.open(&format!("/events?duration=150ms&{query}"));
        let comments = client.read_chunks().iter().filter(|chunk| chunk.bytes.starts_with(b":")).count();
        assert_eq!(comments, 0, "{query}");
    }
}

#[test]
fn a_stream_can_fall_silent_and_stay_open() {
    let origin = Origin::start();
    for (events, more) in [(0, ""), (2, "&count=2"), (2, "&stream=named")] {
        let query = format!("interval=20ms&heartbeat=100ms&duration=700ms&silent_after={events}{more}");
        let before = Instant::now();
        let (mut client, _) = origin.open(&format!("/events?{query}"));
        let chunks = client.read_chunks();
        let ended = Instant::now();
        let is_event = |chunk: &Arrived| chunk.field("data").is_some();
        assert_eq!(chunks.iter().filter(|chunk| is_event(chunk)).count(), events + 1, "{events}{more}");
        assert!(is_event(chunks.last().unwrap()), "behind the last event there are not even heartbeats");
        assert!(ended - before >= Duration::from_millis(700), "it stays open for its duration");
        origin.wait_log(&["stream closed", " by=duration ", &format!(" events={events} ")]);
    }
}

#[test]
fn delay_holds_back_the_body_and_head_delay_the_head() {
    let origin = Origin::start();
    let delay = Duration::from_millis(1500);

    let mut client = origin.connect();
    let before = Instant::now();
    client.ask("/events?count=1&interval=10ms&delay=1500ms");
    assert_eq!(client.read_head().status, 200);
    let head_at = Instant::now();
    let hello = client.read_event();
    assert!(hello.at - before >= delay, "the body waits for the delay");
    assert!(hello.at - head_at > delay / 5, "the head does not");

    let before = Instant::now();
    client.read_chunks();
    client.ask("/events?count=1&interval=10ms&head_delay=300ms");
    assert_eq!(client.read_head().status, 200);
    assert!(before.elapsed() >= Duration::from_millis(300), "the head waits for its delay");
    assert_eq!(client.read_chunks().len(), 2);
}
