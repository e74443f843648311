//! Query parameters and Last-Event-ID with odd, huge and dangerous values.

use super::assert_is_one_line;
use crate::common::witness::Scene;

/// Every parameter with a part of the text that says what it takes.
const PARAMETERS: [(&str, &str); 20] = [
    ("interval", "1ms to 1h"),
    ("count", "0 to 1000000"),
    ("duration", "1ms to 24h"),
    ("size", "0 to 256k"),
    ("pad", "0 to 1m"),
    ("event", "1 to 64"),
    ("stream", "1 to 64"),
    ("id", "16 to 64"),
    ("retry", "0 to 1h"),
    ("heartbeat", "100ms to 10m"),
    ("heartbeat_pad", "0 to 64k"),
    ("silent_after", "0 to 1000000"),
    ("delay", "0 to 5m"),
    ("head_delay", "0 to 5m"),
    ("framing", "chunked, close or length"),
    ("encoding", "none, identity or gzip"),
    ("type", "event-stream"),
    ("accel", "no or none"),
    ("cache", "best"),
    ("end", "clean or abort"),
];

/// Values that no parameter takes.
const NEVER: [&str; 19] = [
    "",
    "%20",
    "+1",
    "%2B1",
    "99999999999999999999999999999999999999999999999999999999999999999999999999",
    "0x7fffffff%20",
    "1e308s%20",
    "NaN!",
    "%00",
    "%FF%FE",
    "%D9%A1",
    "1%0d%0aX-Injected:%201",
    "1%0aX-Injected:%201%0a",
    "%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aX-Injected:%201",
    "%E2%80%A8X-Injected:1",
    "%1b[2J",
    "%3Cscript%3E",
    "%%%",
    "'%22%5C",
];

/// Values that are numbers, but beyond what any parameter takes.
const BEYOND: [&str; 10] = [
    "-1",
    "-0.5s",
    "-4k",
    "1000001s0",
    "4294967296m",
    "18446744073709551615",
    "-9223372036854775809",
    "18446744073709551616h",
    "9e9",
    "0x10",
];

#[test]
fn parameters_out_of_their_limits_are_refused_and_explained() {
    let mut scene = Scene::new();
    for (name, allowed) in PARAMETERS {
        let numbers = allowed.contains(" to ") && !allowed.starts_with("1 to") && !allowed.starts_with("16");
        let values = NEVER.iter().chain(BEYOND.iter().filter(|_| numbers));
        for value in values {
            let (head, body) = scene.origin.fetch(&format!("/events?{name}={value}"));
            assert_eq!(head.status, 400, "{name}={value}: {body}");
            assert!(body.contains(name) && body.contains(allowed), "{name}={value}: {body}");
            assert_is_one_line(&body);
            assert!(!head.text.contains("Injected"), "{}", head.text);
        }
    }
    scene.check();
}

#[test]
fn nothing_of_a_request_gets_into_a_head() {
    let mut scene = Scene::new();
    let marker = "INJECTED";
    let targets = [
        "/INJECTED",
        "/%0d%0aINJECTED:%201",
        "/events?INJECTED=1",
        "/events?count=0&INJECTED%0d%0aX:1",
        "/events?count=0&event=INJECTED",
        "/events?count=0&stream=INJECTED&interval=1h",
        "/events?count=0&id=INJECTED-12345678",
        "/streams/%0d%0aINJECTED",
        "//INJECTED/",
        "http://INJECTED/events?count=0",
    ];
    for target in targets {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT"] {
            let mut client = scene.origin.connect();
            let fields = format!("Host: {marker}\r\nOrigin: {marker}\r\nX-Forwarded-For: {marker}\r\n{marker}: 1");
            let preflight =
                format!("Access-Control-Request-Method: {marker}\r\nAccess-Control-Request-Headers: {marker}");
            client.send(format!("{method} {target} HTTP/1.1\r\n{fields}\r\n{preflight}\r\nUpgrade: {marker}\r\n\r\n"));
            let head = client.read_head();
            assert!(!head.text.to_ascii_uppercase().contains(marker), "{method} {target}: {}", head.text);
        }
    }
    scene.check();
}

#[test]
fn log_lines_cannot_be_forged() {
    let mut scene = Scene::new();
    let mut client = scene.origin.connect();
    client.send(
        "GET /events?count=0&event=x HTTP/1.1\r\nHost: a\r\nCf-Ray: \" by=server\t\u{fc}\u{2028}\u{1F600}\r\n\
         X-Forwarded-For: 1.2.3.4 \\\"\r\n\r\n",
    );
    client.read_head();
    let line = scene.origin.wait_log(&["stream closed", "by=count"]);
    assert!(line.is_ascii() && !line.contains(|c: char| c.is_ascii_control()), "{line:?}");
    assert!(line.contains(r#"cf-ray="\" by=server\x09\xc3\xbc\xe2\x80"#), "{line}");
    assert!(line.contains(r#"forwarded-for="1.2.3.4 \\\"""#), "{line}");
    scene.check();
}

#[test]
fn a_last_event_id_that_is_not_ours_starts_anew() {
    let mut scene = Scene::new();
    let strange: [&[u8]; 16] = [
        b"-1",
        b"+1",
        b"1.5",
        b"1e3",
        b"0x10",
        b"1 2",
        b"1,2",
        b"1\t2",
        b"",
        b"abc",
        b"\xff\xfe",
        b"\xd9\xa1",
        b"7\xc2\xa0",
        b"9007199254740992",
        b"18446744073709551616",
        &[b'9'; 5000],
    ];
    for id in strange {
        let mut client = scene.origin.connect();
        client.send(
            [b"GET /events?interval=1ms&count=1 HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ", id, b"\r\n\r\n"].concat(),
        );
        assert_eq!(client.read_head().status, 200, "{}", id.escape_ascii());
        assert!(client.read_event().json()["last_event_id"].is_null(), "{}", id.escape_ascii());
        assert_eq!(client.read_event().field("id"), Some("1"), "{}", id.escape_ascii());
    }
    scene.check();
}

#[test]
fn the_largest_last_event_id_is_resumed_exactly() {
    let mut scene = Scene::new();
    let mut client = scene.origin.connect();
    client.send("GET /events?interval=1ms HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 9007199254740991\r\n\r\n");
    client.read_head();
    client.read_event();
    for id in 9_007_199_254_740_992_u64..9_007_199_254_740_995 {
        assert_eq!(client.read_event().field("id"), Some(id.to_string().as_str()));
    }
    scene.check();
}

#[test]
fn a_length_that_does_not_fit_a_named_stream_is_not_promised() {
    let mut scene = Scene::new();
    let (_first, _) = scene.origin.open("/events?stream=large&size=3000&interval=20ms");
    let mut client = scene.origin.get("/events?stream=large&framing=length&count=2");
    let (head, body) = client.read_response();
    if head.status == 200 {
        let seqs: Vec<_> = body.split("\n\n").filter(|event| event.starts_with("id: ")).collect();
        assert_eq!(seqs.len(), 2, "the announced length ends in {:?}", &body[body.len() - 100..]);
        client.ask("/healthz");
        assert_eq!(client.read_response().1, "ok\n", "the next response begins where the length says");
    }
    scene.check();
}

#[test]
fn a_named_stream_counts_for_all_that_it_sends() {
    let mut scene = Scene::of(crate::common::Origin::with(&["--max-rate", "1m"]));
    let (_first, _) = scene.origin.open("/events?stream=large&size=20k&interval=100ms");
    let mut followers: Vec<_> = (0..10).map(|_| scene.origin.get("/events?stream=large")).collect();
    let admitted = followers.iter_mut().filter_map(|client| (client.read_head().status == 200).then_some(())).count();
    // 200 KiB a second for the ticker, and as much for each of its followers, of 1024 KiB for all.
    assert!(admitted <= 3, "{admitted} followers besides the first");
    scene.check();
}
