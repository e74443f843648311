//! What of a live recording is judged: what can be compared.

use crate::stats::Origin;
use crate::stats::recording::{Recording, StreamRecord};

/// Exchanges that contradict each other by less may differ by a drift.
const CONTRADICTION_US: i64 = 50_000;

/// When the origin's clock was set last, as far as exchanges tell: those from then on agree.
pub(super) fn since(recording: &Recording) -> Option<i64> {
    let (mut least, mut most, mut since_us) = (i64::MIN, i64::MAX, None);
    for (t0, t1, t3) in recording.clock.exchanges.iter().rev().filter(|(t0, _, t3)| t3 >= t0) {
        (least, most) = (least.max(t1 - t3), most.min(t1 - t0));
        if least.saturating_sub(most) > CONTRADICTION_US {
            return since_us;
        }
        since_us = Some(*t0);
    }
    None
}

/// The stream without what a named stream repeats after a reconnect, and without what is older than `since_us`.
pub(super) fn prepared(stream: &StreamRecord, since_us: Option<i64>, origin: Origin) -> StreamRecord {
    let mut stream = stream.clone();
    let resumed = stream.hello.as_ref().is_some_and(|hello| !hello["last_event_id"].is_null());
    let hello_us = stream.events.iter().find(|event| event.number == Some(0)).and_then(|event| event.sent_us);
    let began_us = hello_us.filter(|_| resumed);
    let is_new =
        |sent_us: Option<i64>| began_us.is_none_or(|began_us| sent_us.is_none_or(|sent_us| sent_us >= began_us));
    let is_recent = |at_us: i64| since_us.is_none_or(|since_us| at_us >= since_us);
    stream.events.retain(|event| is_new(event.sent_us) && is_recent(event.at_us));
    if let Some(reads) = &mut stream.reads {
        reads.retain(|read| is_recent(read.at_us));
    }
    if origin == Origin::Ours {
        let told_ms = stream.hello.as_ref().and_then(|hello| hello["interval_ms"].as_f64());
        let told_us = told_ms.map(|ms| ms * 1e3).filter(|us| (1e3..1e12).contains(us));
        stream.interval_us = told_us.map_or(stream.interval_us, |us| us as i64);
    }
    StreamRecord { count: None, size: 0, ..stream }
}
