//! Other origins: arrival patterns, and never more than was seen.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crossbeam_channel::never;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::common::program::Program;
use crate::common::raw::{CHUNKED, CLOSED, LAST, Raw, chunk, response};

fn pause(ms: u64) {
    let _ = never::<()>().recv_timeout(Duration::from_millis(ms));
}

/// What the probe makes of a stream that `send` writes.
fn judged(send: impl FnOnce(&mut dyn FnMut(&[u8])) + Send) -> (Option<i32>, Value) {
    let raw = Raw::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            // It asks whether this origin is one of ours first.
            raw.answer(response("404 Not Found", "text/plain", "no"));
            let (mut client, _) = raw.request();
            send(&mut |bytes| client.send(bytes));
        });
        let finished = Program::probe(&[&raw.url(), "--json", "--duration", "2s"]).finish();
        (finished.code, finished.end())
    })
}

fn event(n: usize) -> Vec<u8> {
    chunk(format!("id: {n}\ndata: {n}\n\n"))
}

#[test]
fn even_events_are_in_real_time_as_far_as_can_be_seen() {
    let (code, report) = judged(|send| {
        send(CHUNKED.as_bytes());
        (0..10).for_each(|n| {
            send(&event(n));
            pause(100);
        });
        pause(3000);
    });
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("real-time")), "{report}");
    assert_eq!(
        (&report["lag_ms"], &report["clock"], &report["origin_saw"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert!(super::findings(&report).contains(&"no-stamps"), "{report}");
    assert_eq!((report["end"]["how"].as_str(), report["events"]["received"].as_u64()), (Some("ours"), Some(10)));
}

#[test]
fn a_quiet_one_is_inconclusive_and_heartbeats_are_told() {
    for (comment, part) in [("", "nor anything else"), (": still here\n\n", "comments did")] {
        let (code, report) = judged(|send| {
            send(CHUNKED.as_bytes());
            for _ in 0..3 {
                if !comment.is_empty() {
                    send(&chunk(comment));
                }
                pause(300);
            }
            pause(2000);
        });
        assert_eq!((code, report["verdict"].as_str()), (Some(6), Some("inconclusive")), "{report}");
        assert!(report["summary"].as_str().unwrap().contains(part), "{report}");
    }
}

#[test]
fn several_at_once_are_no_proof() {
    let (code, report) = judged(|send| {
        send(CHUNKED.as_bytes());
        for round in 0..4 {
            send(&(0..5).flat_map(|n| event(5 * round + n)).collect::<Vec<_>>());
            pause(400);
        }
        pause(1000);
    });
    assert_eq!((code, report["verdict"].as_str()), (Some(6), Some("inconclusive")), "{report}");
    assert!(super::findings(&report).contains(&"bursty"), "{report}");
    assert_eq!(report["bursts"]["largest"], 5);
}

#[test]
fn all_at_the_end_a_cut_and_ids_that_go_back() {
    let (code, report) = judged(|send| {
        send(CLOSED.as_bytes());
        pause(1200);
        send(b"data: 1\n\ndata: 2\n\ndata: 3\n\n");
    });
    assert_eq!((code, report["verdict"].as_str()), (Some(1), Some("held-until-close")), "{report}");
    let (code, report) = judged(|send| {
        send(CHUNKED.as_bytes());
        [1, 2, 3, 1, 2, 3].into_iter().for_each(|n| {
            send(&event(n));
            pause(50);
        });
    });
    assert_eq!((code, report["verdict"].as_str()), (Some(5), Some("cut")), "{report}");
    assert!(super::findings(&report).contains(&"ids-go-back"), "{report}");
    assert_eq!(report["end"]["how"], "truncated");
}

#[test]
fn compressed_events_are_decoded_as_they_come_and_damage_is_told() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for (damaged, code, verdict) in [(false, 0, "real-time"), (true, 5, "corrupt")] {
        let (found, report) = judged(|send| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            send(HEAD.as_bytes());
            for n in 0..if damaged { 6 } else { 8 } {
                write!(encoder, "data: {n}\n\n").unwrap();
                encoder.flush().unwrap();
                let mut bytes = std::mem::take(encoder.get_mut());
                if damaged && n == 5 {
                    bytes.fill(0xff);
                }
                send(&chunk(bytes));
                pause(100);
            }
            if !damaged {
                send(&[chunk(encoder.finish().unwrap()).as_slice(), LAST.as_bytes()].concat());
            }
            pause(100);
        });
        assert_eq!((found, report["verdict"].as_str()), (Some(code), Some(verdict)), "{report}");
    }
}
