//! Why a path doesn't stream: what it does, and what that depends on.

use super::reason::sentence;
use super::{span, time};
use crate::verdict::diagnosis::Explanation;
use crate::verdict::diagnosis::cause::{Behaviour, Comments, Condition};
use crate::verdict::{CureId, Hold, HoldKind};

const UNSTEADY: &str = "the same request streamed one time and not another: the path doesn't do the same every time, as \
                        where several servers take turns, or a machine is busy";
const UNTIL_CLOSE: &str = "the response is kept until the origin ends it; to hold more bytes, or for longer, than there \
                           were would look the same";
const ACCEL_TAKEN_OUT: &str = "something takes X-Accel-Buffering out of the response, and something holds it nonetheless: \
                               either one proxy obeys it and another, further out, never sees it, or one is told to ignore \
                               it";

impl Explanation {
    /// What happens and what it depends on: sentences without a capital and a final dot, separated by semicolons.
    pub fn text(&self) -> String {
        let conditions = self.conditions.iter().map(condition);
        std::iter::once(behaviour(&self.behaviour)).chain(conditions).collect::<Vec<_>>().join("; ")
    }
}

fn behaviour(behaviour: &Behaviour) -> String {
    match behaviour {
        Behaviour::Unsteady => UNSTEADY.to_owned(),
        Behaviour::CutAtAge { us } => format!("a stream is cut at an age of {}, however busy it is", time(*us)),
        Behaviour::CutWhenIdle { us, comments } => {
            let comments = match comments {
                Comments::Help => "comments keep it open",
                Comments::DontHelp => "comments don't keep it open",
                Comments::OnlyLargeHelp => "small comments don't keep it open, comments of 16 KiB do",
            };
            format!("a stream is cut when nothing was sent for {}; {comments}", time(*us))
        }
        Behaviour::StartHeld(first_byte) => {
            format!("the start is held for {}, whatever it brings, and then everything passes", span(*first_byte))
        }
        Behaviour::Corked { ms } => {
            format!("each event is late by up to {}, which is how long a corked socket waits for more", some_time(*ms))
        }
        Behaviour::Held(hold) => held(*hold),
        Behaviour::Silent => "nothing of the response arrives, not even when the origin ends it".to_owned(),
        Behaviour::Judged(reason) => sentence(reason),
    }
}

fn some_time(ms: Option<u64>) -> String {
    ms.map_or("some time".to_owned(), |ms| time(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000)))
}

/// What is held, and until when.
fn held(Hold { kind, bytes, ms }: Hold) -> String {
    let bytes = bytes.map_or("some bytes".to_owned(), |bytes| format!("{bytes} bytes"));
    let ms = some_time(ms);
    match kind {
        HoldKind::Bytes => format!("a buffer is passed on only when it is full, whenever {bytes} are together"),
        HoldKind::StartBytes => format!("a buffer is filled once, with the first {bytes}, and then everything passes"),
        HoldKind::Time => format!("what has come is passed on by a timer, every {ms}"),
        HoldKind::StartTime => format!("the start is held for {ms}, and then everything passes"),
        HoldKind::Constant => format!("each event is late by {ms}"),
        HoldKind::OneEvent => "each event is kept until the next one is sent".to_owned(),
        HoldKind::Close => UNTIL_CLOSE.to_owned(),
        HoldKind::None => "nothing is held".to_owned(),
        HoldKind::Unknown => "what is held is unknown".to_owned(),
    }
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Compressor { obeyed, ignored } => {
            let but = if ignored.is_empty() { String::new() } else { format!(", but not with {}", lines(ignored)) };
            format!("it is a compressor: with {} the path streams{but}", lines(obeyed))
        }
        Condition::CompressorToo { without_gzip } => {
            format!("a compressor holds it, too: without gzip it is {}", without_gzip.as_str())
        }
        Condition::HoldsChunked => "it does that to chunked responses: one that its connection ends passes".to_owned(),
        Condition::HoldsUnchunked => {
            "it does that to responses that their connection ends: chunked ones pass".to_owned()
        }
        Condition::ContentType => {
            "it looks at the content type: text/plain passes, text/event-stream doesn't".to_owned()
        }
        Condition::Method => "it looks at the method: a POST passes, a GET doesn't".to_owned(),
        Condition::ObeysAccel => "it obeys X-Accel-Buffering, as nginx does".to_owned(),
        Condition::ObeysAccelInPart { left } => {
            format!("it obeys X-Accel-Buffering, and something else is left then: {}", sentence(left))
        }
        Condition::AccelTakenOut => ACCEL_TAKEN_OUT.to_owned(),
        Condition::AsksWithHttp10 => "the origin is asked with HTTP/1.0, which knows no chunks".to_owned(),
        Condition::HeadHeld => "not even the head of the response passes before".to_owned(),
    }
}

/// What is sent for these changes.
fn lines(changes: &[CureId]) -> String {
    changes.iter().map(|id| id.line()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;

    #[test]
    fn every_hold_is_said_in_its_own_words() {
        use HoldKind::{Bytes, Close, Constant, None, OneEvent, StartBytes, StartTime, Time, Unknown};
        let kinds = [None, StartBytes, StartTime, Bytes, Time, Constant, OneEvent, Close, Unknown];
        let mut texts = kinds.map(|kind| held(Hold { bytes: Some(4096), ms: Some(205), kind })).to_vec();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), kinds.len());
        assert_eq!(held(Hold::of(Time)), "what has come is passed on by a timer, every some time");
    }

    #[test]
    fn conditions_follow_what_the_path_does() {
        let why = Explanation {
            cause: crate::verdict::diagnosis::Cause::Compressor,
            behaviour: Behaviour::Judged(Reason::OneEvent),
            conditions: vec![
                Condition::Compressor {
                    obeyed: vec![CureId::NoTransform, CureId::Identity],
                    ignored: vec![CureId::EncodingIdentity],
                },
                Condition::HeadHeld,
            ],
        };
        let text = "each event arrives only when the next one is sent; it is a compressor: with Cache-Control: \
                    no-transform or Accept-Encoding: identity the path streams, but not with Content-Encoding: identity; \
                    not even the head of the response passes before";
        assert_eq!(why.text(), text);
    }
}
