//! A well-behaved client beside the misbehaving ones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::gauge::Gauge;
use super::{Client, Origin};

/// The longest pause between two events of the witness, which come every 50 ms, on a machine that is busy otherwise.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A server, and a stream that was opened before anything else happened to it.
pub struct Scene {
    pub origin: Origin,
    stream: Client,
    seq: u64,
    sent_us: u64,
}

impl Scene {
    pub fn new() -> Scene {
        Scene::of(Origin::start())
    }

    pub fn of(origin: Origin) -> Scene {
        let (mut stream, _) = origin.open("/events?interval=50ms");
        let hello = stream.read_event().json();
        Scene { origin, stream, seq: 0, sent_us: hello["sent_us"].as_u64().unwrap() }
    }

    pub fn gauge(&self) -> Gauge {
        Gauge(self.origin.pid())
    }

    /// Whether nothing of what happened so far was seen on the stream, which went on in order and in time until now,
    /// and whether new requests are served.
    pub fn check(&mut self) {
        self.check_stream();
        let (head, body) = self.origin.fetch("/healthz");
        assert_eq!((head.status, body.as_str()), (200, "ok\n"));
        for line in self.origin.log_lines() {
            assert!(!line.contains("panicked") && !line.contains("[ERROR]"), "{line}");
        }
    }

    /// The same for the stream alone, when nothing else is served and there may be errors in the log.
    pub fn check_stream(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        while self.sent_us < now {
            let event = self.stream.read_event().json();
            let sent_us = event["sent_us"].as_u64().unwrap();
            assert_eq!(event["seq"], self.seq + 1, "an event of the witness is missing");
            let pause = Duration::from_micros(sent_us - self.sent_us);
            assert!(pause < PAUSE_MAX, "the witness waited {pause:?} for an event");
            (self.seq, self.sent_us) = (self.seq + 1, sent_us);
        }
    }

    /// Waits for so many more events of the stream.
    pub fn wait_events(&mut self, events: u64) {
        let until = self.seq + events;
        while self.seq < until {
            self.check_stream();
        }
    }
}
