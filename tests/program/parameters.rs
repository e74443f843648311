//! The limits of every query parameter of a stream, and what a client is told beyond them.

use crate::common::{Client, Head, Origin};

/// Each parameter with a part of what it says that it takes, values just within its limits, and values beyond.
const PARAMETERS: [(&str, &str, &[&str], &[&str]); 20] = [
    ("interval", "a duration from 1ms to 1h", &["1ms", "1", "1h", "0.5s"], &["0", "999us", "3601s", "2d", "1S"]),
    ("count", "a number of events from 0 to 1000000", &["0", "1000000"], &["1000001", "1k", "1.5"]),
    ("duration", "a duration from 1ms to 24h", &["1ms", "24h"], &["0", "86401s", "1441m"]),
    ("size", "a size from 0 to 256k", &["0", "256k", "262144"], &["262145", "257k", "1m", "1g"]),
    ("pad", "a size from 0 to 1m", &["0", "1m", "1048576"], &["1048577", "2m"]),
    ("event", "a name of 1 to 64 letters, digits, '_', '.' or '-'", &["a", "Z_.-9"], &["a:b", "a%0Ab", "a%0d"]),
    ("stream", "a name of 1 to 64 letters, digits, '_', '.' or '-'", &["a", "Z_.-9"], &["a/b", "a%0Ab", "%00"]),
    ("id", "16 to 64 letters, digits, '_' or '-'", &["0123456789abcde-"], &["0123456789abcde", "0123456789abcde."]),
    ("retry", "a duration from 0 to 1h", &["0", "1h"], &["3601s", "61m"]),
    ("heartbeat", "a duration from 100ms to 10m, or 0 for none", &["0", "100ms", "10m"], &["99ms", "1us", "601s"]),
    ("heartbeat_pad", "a size from 0 to 64k", &["0", "64k", "65536"], &["65537", "65k", "1m"]),
    ("silent_after", "a number of events from 0 to 1000000", &["0", "1000000"], &["1000001"]),
    ("delay", "a duration from 0 to 5m", &["0", "5m"], &["301s", "6m"]),
    ("head_delay", "a duration from 0 to 5m", &["0", "5m"], &["301s", "6m"]),
    ("framing", "chunked, close or length", &["chunked", "close"], &["Chunked", "none"]),
    ("encoding", "none, identity or gzip", &["none", "identity", "gzip"], &["br", "deflate"]),
    ("type", "event-stream, event-stream-utf8, plain or ndjson", &["plain"], &["text/event-stream", "html"]),
    ("accel", "no or none", &["no", "none"], &["yes", "false"]),
    ("cache", "best, no-store, no-transform or none", &["best", "none"], &["no-cache", "private"]),
    ("end", "clean or abort", &["clean", "abort"], &["reset", "0"]),
];

/// Values that no parameter takes.
const NEVER: [&str; 4] = ["", "%2B1", "a%20b", "%0d%0aSet-Cookie:%20x=1"];
/// Values that are neither a number within limits nor a choice, but may be a name.
const NAMES: [&str; 6] = ["-1", "NaN", "inf", "1e3", "0x10", "99999999999"];

/// Asks for the head of a stream alone: nothing is opened, but the parameters count.
fn head_of(client: &mut Client, query: &str) -> Head {
    client.send(format!("HEAD /events?{query} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client.read_head()
}

/// The text of a refusal, which must leave the connection usable.
fn refused(client: &mut Client, query: &str) -> String {
    client.ask(&format!("/events?{query}"));
    let (head, text) = client.read_response();
    assert_eq!(head.status, 400, "{query}: {}", head.text);
    assert_eq!(head.get("Content-Type"), Some("text/plain; charset=utf-8"), "{query}");
    assert_eq!(text.find(char::is_control), Some(text.len() - 1), "one line of plain text: {text:?}");
    text
}

#[test]
fn limits_are_inclusive() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for (name, _, good, _) in PARAMETERS {
        for value in good {
            assert_eq!(head_of(&mut client, &format!("{name}={value}")).status, 200, "{name}={value}");
            client = if value == &"close" { origin.connect() } else { client };
        }
    }
    let longest = "x".repeat(64);
    let query = format!("event={longest}&stream={longest}&id={longest}&framing=length&count=1");
    assert_eq!(head_of(&mut client, &query).status, 200);
    assert_eq!(head_of(&mut client, "&interval=%31s&").status, 200, "names and values may be percent-encoded");
}

#[test]
fn values_beyond_a_limit_are_refused_with_what_is_allowed() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for (name, allowed, _, bad) in PARAMETERS {
        let too_long = "9".repeat(65);
        let names = if matches!(name, "event" | "stream") { &[] } else { NAMES.as_slice() };
        for value in bad.iter().chain(&NEVER).chain(names).chain([&too_long.as_str()]) {
            let text = refused(&mut client, &format!("{name}={value}"));
            assert!(
                text.contains(&format!("parameter \"{name}\"")) && text.contains(allowed),
                "{name}={value}: {text}"
            );
        }
        assert!(refused(&mut client, name).contains(allowed), "{name} without a value");
    }
}

#[test]
fn unknown_parameters_are_refused_with_those_that_there_are() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for query in ["intervall=1s", "Interval=1s", "count=1&x", "=1", "s%C3%BCze=1", "%00=1"] {
        let text = refused(&mut client, query);
        assert!(text.starts_with("unknown parameter "), "{text}");
        let names: Vec<_> = PARAMETERS.iter().map(|(name, ..)| *name).collect();
        assert!(text.trim_end().ends_with(&names.join(" ")), "{text}");
    }
    let long = refused(&mut client, &"x".repeat(4000));
    assert!(long.len() < 400, "only the start of it is repeated: {long}");
}

#[test]
fn repeated_parameters_are_refused() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for (name, _, good, _) in PARAMETERS {
        let query = format!("{name}={0}&{name}={0}", good[0]);
        assert!(refused(&mut client, &query).contains(&format!("\"{name}\" was given more than once")), "{query}");
    }
}

#[test]
fn a_length_that_cannot_be_known_is_refused() {
    let origin = Origin::start();
    let mut client = origin.connect();
    assert!(refused(&mut client, "framing=length").contains("needs count"));
    for query in ["encoding=gzip", "duration=1s", "silent_after=1"] {
        let text = refused(&mut client, &format!("framing=length&count=3&{query}"));
        assert!(text.contains("encoding=gzip, duration and silent_after"), "{text}");
    }
}
