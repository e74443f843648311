//! Named streams: all who follow one get the same events.

use std::collections::BTreeMap;

use crate::common::{Arrived, Client, Origin, assert_no_drift, eventually};
use serde_json::Value;

/// A follower of a named stream that has received its hello.
fn follow(origin: &Origin, query: &str) -> Client {
    let (mut client, _) = origin.open(&format!("/events?{query}"));
    assert_eq!(client.read_event().field("event"), Some("hello"));
    client
}

/// A follower that comes back behind the event with an id, and its hello.
fn resume(origin: &Origin, query: &str, last: u64) -> (Client, Arrived) {
    let mut client = origin.connect();
    client.send(format!("GET /events?{query} HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {last}\r\n\r\n"));
    assert_eq!(client.read_head().status, 200);
    let hello = client.read_event();
    assert_eq!(hello.json()["last_event_id"], last);
    (client, hello)
}

fn sent_us(event: &Arrived) -> i64 {
    event.json()["sent_us"].as_i64().unwrap()
}

fn id(event: &Arrived) -> u64 {
    event.field("id").unwrap().parse().unwrap()
}

/// Events up to the one with id `last`, by id.
fn read_to(client: &mut Client, last: u64) -> BTreeMap<u64, Vec<u8>> {
    let mut events = BTreeMap::new();
    while !events.contains_key(&last) {
        let event = client.read_event();
        assert!(id(&event) <= last, "event {last} is left out");
        let before = events.insert(id(&event), event.bytes);
        assert!(before.is_none(), "no event comes twice");
    }
    events
}

#[test]
fn followers_get_the_same_bytes() {
    let origin = Origin::start();
    for (name, followers) in [("two", 2), ("ten", 10)] {
        let query = format!("stream={name}&interval=15ms&size=400&event=tick");
        let mut clients: Vec<_> = (0..followers).map(|_| follow(&origin, &query)).collect();
        let firsts: Vec<u64> = clients.iter_mut().map(|client| id(&client.read_event())).collect();
        assert!(firsts.is_sorted(), "who comes later starts later: {firsts:?}");
        let last = firsts.last().unwrap() + 8;
        let first_copy = read_to(&mut clients[0], last);
        for (client, first) in clients[1..].iter_mut().zip(&firsts[1..]) {
            let copy = read_to(client, last);
            assert!(copy.keys().copied().eq(first + 1..=last), "none is left out: {:?}", copy.keys());
            assert!(copy.iter().all(|(id, bytes)| first_copy[id] == *bytes), "the same bytes, time included");
        }
    }
}

#[test]
fn the_shared_clock_keeps_to_its_grid() {
    let origin = Origin::start();
    let mut client = follow(&origin, "stream=grid&interval=4ms");
    assert_no_drift(|| {
        let sent: Vec<_> = (0..200).map(|_| sent_us(&client.read_event())).collect();
        let late = |first: i64| sent.iter().zip(0..).map(move |(sent, n)| sent - first - n * 4000);
        // The grid is that of the earliest of the first events.
        late(sent[0] + late(sent[0]).take(50).min().unwrap()).collect()
    });
}

#[test]
fn one_followers_end_is_not_anothers() {
    let origin = Origin::start();
    let mut stays = follow(&origin, "stream=s&interval=10ms");
    let mut counts = follow(&origin, "stream=s&count=3&id=counts-to-three-1");
    let chunks = counts.read_chunks();
    let ids: Vec<_> = chunks.iter().map(id).collect();
    assert_eq!(ids, [ids[0], ids[0] + 1, ids[0] + 2], "count is that of this response");
    assert_eq!(origin.ended("counts-to-three-1")["ended_by"], "count");
    let mut none = follow(&origin, "stream=s&count=0");
    assert!(none.read_chunk().is_none());
    let newest = id(&stays.read_event());
    assert_eq!(read_to(&mut stays, ids[2].max(newest) + 5).len() as u64, ids[2].max(newest) + 5 - newest);
}

#[test]
fn a_follower_that_leaves_is_missed_at_once() {
    let origin = Origin::start();
    drop(follow(&origin, "stream=s&interval=1h&id=leaves-at-once-123"));
    assert_eq!(origin.ended("leaves-at-once-123")["ended_by"], "client");
}

#[test]
fn who_comes_back_gets_what_was_missed_and_nothing_twice() {
    let origin = Origin::start();
    let query = "stream=s&interval=15ms";
    let mut witness = follow(&origin, query);
    let all = read_to(&mut witness, 12);
    let (mut back, _) = resume(&origin, query, 3);
    let replayed = read_to(&mut back, 12);
    assert!(replayed.keys().copied().eq(4..=12), "{:?}", replayed.keys());
    assert!(replayed.iter().all(|(id, bytes)| all[id] == *bytes), "missed events come as they were sent");
    assert_eq!((id(&back.read_event()), id(&back.read_event())), (13, 14), "and then it goes on");

    let (mut counted, _) = resume(&origin, "stream=s&count=4", 8);
    assert_eq!(counted.read_chunks().iter().map(id).collect::<Vec<_>>(), [9, 10, 11, 12]);
}

#[test]
fn an_id_outside_the_log_leads_to_its_nearest_end() {
    let origin = Origin::start();
    // The log holds 1 MiB: 3 events of this size.
    let query = "stream=s&interval=100ms&size=256k";
    let mut witness = follow(&origin, query);
    read_to(&mut witness, 6);
    for _ in 0..3 {
        let newest = id(&witness.read_event());
        let (mut back, _) = resume(&origin, query, 1);
        let oldest = id(&back.read_event());
        assert!((newest - 3..newest + 20).contains(&oldest), "{oldest}, when the newest is {newest}");
        assert_eq!(id(&back.read_event()), oldest + 1, "and then it goes on");
    }
    let newest = id(&witness.read_event());
    let ahead = id(&resume(&origin, query, 9_007_199_254_740_991).0.read_event());
    assert!((newest..newest + 1000).contains(&ahead), "who is ahead of the stream starts with the next event: {ahead}");
}

#[test]
fn a_follower_is_not_behind_because_of_a_delay_that_it_asked_for() {
    let origin = Origin::start();
    let _witness = follow(&origin, "stream=s&interval=20ms&size=64k");
    for delay in ["delay", "head_delay"] {
        let mut delayed = follow(&origin, &format!("stream=s&{delay}=500ms"));
        let first = id(&delayed.read_event());
        assert_eq!(id(&delayed.read_event()), first + 1, "{delay}");
    }
}

#[test]
fn ids_go_on_while_nobody_follows() {
    let origin = Origin::start();
    let query = "stream=s&interval=10ms";
    let mut client = follow(&origin, &format!("{query}&id=the-only-follower"));
    let last = id(&client.read_event());
    drop(client);
    origin.wait_log(&["stream closed", "the-only-follower"]);
    let (mut meanwhile, _) = origin.open("/events?interval=10ms&count=10");
    meanwhile.read_chunks();
    let mut fresh = follow(&origin, query);
    assert!(id(&fresh.read_event()) > last + 5, "it goes on without followers");
    let (mut back, hello) = resume(&origin, query, last);
    let next = back.read_event();
    assert_eq!(id(&next), last + 1);
    assert!(sent_us(&next) < sent_us(&hello), "what came in between is replayed");
}

#[test]
fn a_name_that_is_not_running_starts_behind_the_last_event_id() {
    let origin = Origin::start();
    assert_eq!(id(&resume(&origin, "stream=new&interval=10ms", 41).0.read_event()), 42);
    assert_eq!(id(&follow(&origin, "stream=other&interval=500ms").read_event()), 1);
}

#[test]
fn what_differs_from_the_running_stream_is_a_conflict_and_what_is_left_out_is_adopted() {
    let origin = Origin::start();
    let _first = follow(&origin, "stream=s&interval=20ms&size=300&event=tick");
    let _plain = follow(&origin, "stream=plain");
    let mut client = origin.connect();
    for query in ["interval=21ms", "size=301", "event=tock", "interval=1s", "interval=20ms&size=0"] {
        client.ask(&format!("/events?stream=s&{query}"));
        let (head, text) = client.read_response();
        assert_eq!(head.status, 409, "{query}");
        assert!(text.contains("stream s runs with interval=20ms&size=300&event=tick"), "{query}: {text}");
    }
    client.ask("/events?stream=plain&event=x");
    let (head, text) = client.read_response();
    assert_eq!(head.status, 409);
    assert!(text.contains("stream plain runs with interval=1s&size=0;"), "{text}");

    for query in ["", "&interval=20ms", "&size=300&event=tick", "&interval=0.02s&size=300"] {
        client.ask(&format!("/events?stream=s&count=1{query}"));
        assert_eq!(client.read_head().status, 200, "{query}");
        assert_eq!(client.read_event().json()["interval_ms"], 20.0, "{query}");
        let event = client.read_event();
        assert_eq!((event.field("event"), event.field("data").unwrap().len()), (Some("tick"), 300), "{query}");
        assert!(client.read_chunk().is_none());
    }
}

#[test]
fn the_length_is_right_for_who_adopts_the_running_streams_events() {
    let origin = Origin::start();
    let _first = follow(&origin, "stream=s&interval=10ms&size=700&event=tick");
    for query in ["&size=700&event=tick", ""] {
        let mut client = origin.connect();
        let target = format!("/events?stream=s&framing=length&count=3{query}");
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        let head = client.read_head();
        let body = client.read_to_end();
        assert_eq!(body.windows(4).filter(|bytes| bytes == b"id: ").count(), 3, "{query}");
        assert_eq!(head.get("Content-Length"), Some(body.len().to_string().as_str()), "{query}");
    }
}

#[test]
fn who_adopts_large_events_counts_as_much_as_who_asks_for_them() {
    let origin = Origin::with(&["--max-rate", "100k"]);
    // The ticker counts as one more follower.
    let _first = follow(&origin, "stream=s&size=40k");
    for query in ["&size=40k", ""] {
        let (head, _) = origin.fetch(&format!("/events?stream=s{query}"));
        assert_eq!((head.status, head.get("Retry-After")), (503, Some("5")), "{query}");
    }
}

#[test]
fn a_named_stream_that_is_refused_is_not_there() {
    let origin = Origin::with(&["--max-rate", "100k", "--max-streams", "1"]);
    let served = |target: &str| {
        eventually(|| {
            let mut client = origin.get(target);
            let head = client.read_head();
            assert_ne!(head.status, 409, "there is no stream to be in conflict with");
            (head.status == 200).then_some(client)
        })
    };
    let (head, _) = origin.fetch("/events?stream=too-large&size=60k");
    assert_eq!(head.status, 503, "there is room for a ticker or a follower of it, not for both");
    let client = served("/events?stream=too-large&size=10k");
    let (head, _) = origin.fetch("/events?stream=too-many&size=10k");
    assert_eq!(head.status, 503, "there is another stream");
    drop(client);
    served("/events?stream=too-many&size=11k");
}

#[test]
fn there_are_64_names_at_most() {
    let origin = Origin::start();
    let followers: Vec<_> = (0..64).map(|n| follow(&origin, &format!("stream=name-{n}&interval=1h"))).collect();
    let mut client = origin.connect();
    client.ask("/events?stream=one-too-many");
    let (head, text) = client.read_response();
    assert_eq!((head.status, head.get("Retry-After")), (503, Some("5")));
    assert!(text.contains("64 named streams"), "{text}");
    client.ask("/events?stream=name-63&count=0");
    assert_eq!(client.read_head().status, 200, "those that run can be followed");
    assert_eq!(client.read_chunks().len(), 1);
    client.ask("/events?count=0");
    assert_eq!(client.read_head().status, 200, "and streams without a name are not concerned");
    drop(followers);
}

#[test]
fn a_follower_that_falls_behind_delays_nobody_and_is_dropped() {
    let origin = Origin::start();
    let query = "stream=s&interval=10ms&size=16k";
    let mut slow = Client::lazy(origin.address);
    slow.ask(&format!("/events?{query}&id=the-slow-follower"));
    assert_eq!(slow.read_head().status, 200);
    let mut quick = follow(&origin, query);
    let mut newest = id(&quick.read_event());
    // How far the slow one came; none when it has been dropped.
    let mut reached = Some(0);
    // The log holds 1 MiB, 64 events: more than 100 behind, the slow one is stuck.
    while reached.is_some_and(|reached| newest <= reached + 100) {
        let event = quick.read_event();
        newest += 1;
        assert_eq!(id(&event), newest, "the quick one misses nothing");
        if !newest.is_multiple_of(20) {
            continue;
        }
        assert!(newest < 3000, "the slow one goes on, whatever it does not read");
        let report: Value = serde_json::from_str(&origin.fetch("/streams/the-slow-follower").1).unwrap();
        reached = (report["state"] == "open").then(|| report["events"].as_u64().unwrap());
    }
    assert!(!slow.read_to_end().ends_with(b"0\r\n\r\n"), "the response is not ended as if it were complete");
    let report = origin.ended("the-slow-follower");
    assert_eq!(report["ended_by"], "client");
    assert_eq!(report["reason"], "reads too slowly: fell behind its named stream");
    assert_eq!(id(&quick.read_event()), newest + 1);
}
