//! The findings: what happened, why it matters, what to try.

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, but not for everyone.
    Warn,
    /// Broken.
    Fail,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which one.
    pub id: Id,
    /// How bad it is.
    pub severity: Severity,
    /// What happened.
    pub text: String,
    /// Why it matters, or what to try.
    pub advice: &'static str,
}

impl Finding {
    /// Finding `id` about what `text` says.
    pub fn new(id: Id, text: impl Into<String>) -> Finding {
        let (_, severity, advice) = id.entry();
        Finding { id, severity, text: text.into(), advice }
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident $name:literal $severity:ident $advice:literal;)*) => {
        /// Every finding's id. They are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id {
            $($(#[$doc])* $id,)*
        }

        impl Id {
            /// All of them.
            pub const ALL: &'static [Id] = &[$(Id::$id,)*];

            fn entry(self) -> (&'static str, Severity, &'static str) {
                match self {
                    $(Id::$id => ($name, Severity::$severity, $advice),)*
                }
            }
        }
    };
}

ids! {
    /// Everything is held until the origin ends the response.
    HeldUntilClose "held-until-close" Fail
        "something reads the whole response before it passes it on: turn response buffering off in the proxy, or exempt text/event-stream from whatever inspects bodies";
    /// Lumps of bytes throughout.
    BatchedBytes "batched-bytes" Fail
        "a buffer or a compressor is flushed only when it is full, so that padding at the start doesn't help: turn response buffering or compression of text/event-stream off";
    /// Lumps of time throughout.
    BatchedTime "batched-time" Fail
        "something flushes by a timer: look for a flush interval, a polling relay or a corked socket";
    /// The first bytes are held.
    StartBytes "start-bytes" Fail
        "something waits for so many bytes before it begins: a comment of that length as the first thing in the body makes it flow at once";
    /// The first seconds are held.
    StartTime "start-time" Fail
        "something waits at the start, such as a body inspection with a time limit: padding doesn't help; look for that limit";
    /// Each event late by the same time.
    ConstantLag "constant-lag" Fail
        "look for a corked socket (Nagle, TCP_CORK, about 200 ms), a delay that was put in, or a detour";
    /// Each event comes with the next.
    OneEvent "one-event" Fail
        "something keeps the end of each write until more comes, as compressors do: turn compression of text/event-stream off (Cache-Control: no-transform, or no Accept-Encoding), or send a comment right behind each event";
    /// Nothing came.
    Silent "silent" Fail
        "the response never reaches the client, not even when it ends: look for a limit on streaming responses, or for a proxy that waits for a Content-Length";
    /// Lost events.
    Lost "lost" Fail "events sent are gone for good; a client that resumes with Last-Event-ID doesn't notice";
    /// Repeated events.
    Repeated "repeated" Fail "something sent the request a second time, or replays what it has stored: check retries of GET requests and caches";
    /// Reordered events.
    Reordered "reordered" Fail "one TCP connection can't do that: something splits the stream or merges several";
    /// Changed bytes.
    Changed "changed" Fail "something rewrites bodies: look for minification, character set conversion or injected scripts, and say Cache-Control: no-transform";
    /// A stored stream was replayed.
    Replay "replay" Fail "a cache serves what another client was sent: say Cache-Control: no-store";
    /// The body ended before its framing says.
    CutTruncated "cut-truncated" Fail "a client notices and reconnects; look for limits on responses in the path, or for one of its parts that restarts";
    /// The end looks clean.
    CutClean "cut-clean" Fail "a client can't tell that from the end of the stream: say so in the stream itself, with a last event";
    /// The connection was reset.
    CutReset "cut-reset" Fail "a part of the path went away or killed the connection";
    /// An idle stream was cut.
    IdleCut "idle-cut" Fail "send a comment as heartbeat at less than half that time";
    /// Streams are cut at a certain age.
    LifetimeCut "lifetime-cut" Fail "heartbeats don't help: raise the limit, or end streams yourself before that and let clients resume with Last-Event-ID";
    /// Events stop coming, the connection stays.
    Hanging "hanging" Fail "the client isn't told that the stream ended: let it reconnect when nothing came for longer than a heartbeat";
    /// Late events without a pattern.
    Unsteady "unsteady" Warn "measure again, for longer; a radio link or a busy machine looks like that";
    /// Only streams of large events have trouble.
    BigEvents "big-events" Warn "small events pass; if yours are large or frequent, this is what they meet";
    /// A smaller hold behind the one at the start.
    StillHeld "still-held" Warn "padding at the start cures the first hold only";
    /// The verdict hinges on less than the clock's error.
    ClockError "clock-error" Warn "repeat it closer to the origin, or with a larger tolerance";
    /// The origin's clock is unknown.
    NoClock "no-clock" Warn "let the path pass requests for the time, which lies beside the stream";
    /// The stream was stopped too early.
    TooShort "too-short" Warn "let it run for longer";
    /// Small streams are held, larger ones not.
    ContentHeld "content-held" Info "a compressor does that: what compresses well stays inside for long";
    /// Bytes are counted as compressed.
    Compressed "compressed" Info "the response is compressed; the number of bytes is that of the compressed body";
    /// Until close, or more bytes than were sent, or for longer.
    CloseOrLarger "close-or-larger" Info "a hold of more bytes than were sent, or for longer than the streams ran, looks the same";
    /// One release was seen.
    StartOrLasting "start-or-lasting" Info "whether it is held again afterwards takes a second release: run it for longer";
    /// Bytes and time both fit.
    TimeOrBytes "time-or-bytes" Info "one pace can't tell bytes from time: run streams of different pace";
    /// Few releases were seen.
    LongHold "long-hold" Info "with few releases the time is a rough one, and a lasting hold may be one at the start: run it for longer";
    /// Shorter than some intervals.
    TimerOrConstant "timer-or-constant" Info "events sent less often than that come alone, each late by the same time: to them it is a constant lag";
    /// About 200 ms.
    Cork "cork" Info "about 200 ms is how long Linux keeps a corked or unacknowledged segment: TCP_NODELAY helps (haproxy: option http-no-delay)";
    /// The lag is the interval.
    OneEventOrConstant "one-event-or-constant" Info "a constant lag as long as the interval looks the same: run streams of different intervals";
    /// One event behind would not be seen.
    IntervalsWithin "intervals-within" Info "events that come only with the next one would look the same: run a stream with an interval above the tolerance";
    /// Silent, or for longer than the run.
    SilentOrLonger "silent-or-longer" Info "a hold for longer than the window, of a response whose end isn't passed on either, looks the same";
    /// The probe was late.
    OwnStalls "own-stalls" Info "this machine is busy: measure again when it is not";
    /// Some of several streams were refused.
    Refused "streams-refused" Warn "something limits how many streams run at once: a second tab, or a busy day, meets the same";
    /// The request was redirected.
    Redirected "redirected" Info "give the last URL, and clients save a round trip";
    /// Another origin.
    NoStamps "no-stamps" Info "the origin isn't this program's: when events were sent is unknown, so that a constant lag, or what the origin itself holds back, can't be told";
    /// Another origin says nothing.
    Quiet "quiet" Info "an origin that has nothing to say looks the same as a path that holds everything";
    /// Another origin's events come together.
    Bursty "bursty" Warn "an origin that sends several at once looks the same as a path that holds them: compare with a request that doesn't take this path";
    /// Another origin's ids go back.
    IdsGoBack "ids-go-back" Info "an origin may number its events as it likes";
}

impl Id {
    /// The id as text.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A time as people read it: `204 ms`, `2.9 s`.
pub(super) fn time(us: i64) -> String {
    if us < 1_000_000 { format!("{} ms", (us + 500) / 1000) } else { format!("{:.1} s", us as f64 / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_and_differ() {
        let mut names: Vec<_> = Id::ALL.iter().map(|id| id.as_str()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Id::ALL.len());
    }

    #[test]
    fn a_finding_is_what_the_contract_says() {
        let json = serde_json::to_value(Finding::new(Id::Cork, "207 ms")).unwrap();
        assert_eq!(json["id"], "cork");
        assert_eq!(json["severity"], "info");
        assert_eq!(json["text"], "207 ms");
        assert!(json["advice"].as_str().unwrap().contains("TCP_NODELAY"));
    }

    #[test]
    fn times_are_short() {
        assert_eq!([time(204_400), time(999_000), time(2_940_000)], ["204 ms", "999 ms", "2.9 s"]);
    }
}
