//! Going on behind the last event that a client has received.

use crate::common::{Client, Origin};

/// Asks for a stream behind the event with this id.
fn resume(client: &mut Client, query: &str, last_event_id: &[u8]) {
    let line = format!("GET /events?interval=10ms&{query} HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ");
    client.send([line.as_bytes(), last_event_id, b"\r\n\r\n"].concat());
}

#[test]
fn a_stream_goes_on_behind_the_last_event_id() {
    let origin = Origin::start();
    for last in [0_u64, 1, 9, 99, 9_007_199_254_740_990] {
        let mut client = origin.connect();
        resume(&mut client, "duration=1h", last.to_string().as_bytes());
        assert_eq!(client.read_head().status, 200);
        let hello = client.read_event();
        assert_eq!(hello.field("id"), None);
        assert_eq!(hello.json()["last_event_id"], last);
        for id in [last + 1, last + 2] {
            let event = client.read_event();
            assert_eq!(event.field("id"), Some(id.to_string().as_str()));
            assert_eq!(event.json()["seq"], id);
        }
    }
}

#[test]
fn the_id_of_a_stranger_starts_at_1() {
    let origin = Origin::start();
    let strangers: [&[u8]; 13] = [
        b"",
        b"-1",
        b"+1",
        b"1.5",
        b"1e3",
        b"0x10",
        b"1 2",
        b"abc",
        b"\xff\xfe",
        "\u{661}".as_bytes(),
        b"9007199254740992",
        b"18446744073709551616",
        &[b'9'; 300],
    ];
    let mut client = origin.connect();
    for stranger in strangers {
        resume(&mut client, "count=1", stranger);
        assert_eq!(client.read_head().status, 200, "{}", stranger.escape_ascii());
        assert!(client.read_event().json()["last_event_id"].is_null(), "{}", stranger.escape_ascii());
        assert_eq!(client.read_event().field("id"), Some("1"), "{}", stranger.escape_ascii());
        assert!(client.read_chunk().is_none());
    }
}

#[test]
fn a_client_that_has_it_all_is_told_not_to_come_back() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for (count, last) in [(5, "5"), (5, "6"), (5, "9007199254740991"), (0, "0")] {
        resume(&mut client, &format!("count={count}"), last.as_bytes());
        let (head, _) = client.read_response();
        assert_eq!((head.status, head.get("Content-Length"), head.get("Transfer-Encoding")), (204, None, None));
    }
    resume(&mut client, "count=5", b"4");
    assert_eq!(client.read_head().status, 200);
    let chunks = client.read_chunks();
    assert_eq!((chunks.len(), chunks[1].field("id")), (2, Some("5")));
    origin.wait_log(&["stream closed", " events=1 "]);
    let opened = origin.log_lines().iter().filter(|line| line.contains("stream opened")).count();
    assert_eq!(opened, 1, "a 204 opens no stream");
}
