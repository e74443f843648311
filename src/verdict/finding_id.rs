//! The ids of findings, and how bad each is.

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

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident $name:literal $severity:ident;)*) => {
        /// Every finding's id. They are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id {
            $($(#[$doc])* $id,)*
        }

        impl Id {
            /// All of them.
            pub const ALL: &'static [Id] = &[$(Id::$id,)*];

            fn entry(self) -> (&'static str, Severity) {
                match self {
                    $(Id::$id => ($name, Severity::$severity),)*
                }
            }
        }
    };
}

ids! {
    /// Everything is held until the origin ends the response.
    HeldUntilClose "held-until-close" Fail;
    /// Lumps of bytes throughout.
    BatchedBytes "batched-bytes" Fail;
    /// Lumps of time throughout.
    BatchedTime "batched-time" Fail;
    /// The first bytes are held.
    StartBytes "start-bytes" Fail;
    /// The first seconds are held.
    StartTime "start-time" Fail;
    /// Each event late by the same time.
    ConstantLag "constant-lag" Fail;
    /// Each event comes with the next.
    OneEvent "one-event" Fail;
    /// Nothing came.
    Silent "silent" Fail;
    /// Lost events.
    Lost "lost" Fail;
    /// Repeated events.
    Repeated "repeated" Fail;
    /// Reordered events.
    Reordered "reordered" Fail;
    /// Changed bytes.
    Changed "changed" Fail;
    /// A stored stream was replayed.
    Replay "replay" Fail;
    /// The body ended before its framing says.
    CutTruncated "cut-truncated" Fail;
    /// The end looks clean.
    CutClean "cut-clean" Fail;
    /// The connection was reset.
    CutReset "cut-reset" Fail;
    /// An idle stream was cut.
    IdleCut "idle-cut" Fail;
    /// Streams are cut at a certain age.
    LifetimeCut "lifetime-cut" Fail;
    /// Events stop coming, the connection stays.
    Hanging "hanging" Fail;
    /// Late events without a pattern.
    Unsteady "unsteady" Warn;
    /// Only streams of large events have trouble.
    BigEvents "big-events" Warn;
    /// More is sent than the path passes.
    FallsBehind "falls-behind" Warn;
    /// A smaller hold behind the one at the start.
    StillHeld "still-held" Warn;
    /// The verdict hinges on less than the clock's error.
    ClockError "clock-error" Warn;
    /// The origin's clock is unknown.
    NoClock "no-clock" Warn;
    /// Events weren't sent at the pace that was asked for.
    OtherPace "other-pace" Warn;
    /// The stream was stopped too early.
    TooShort "too-short" Warn;
    /// Small streams are held, larger ones not.
    ContentHeld "content-held" Info;
    /// Bytes are counted as compressed.
    Compressed "compressed" Info;
    /// Bytes are counted before compression.
    HeldThenCompressed "held-then-compressed" Info;
    /// Until close, or more bytes than were sent, or for longer.
    CloseOrLarger "close-or-larger" Info;
    /// One release was seen.
    StartOrLasting "start-or-lasting" Info;
    /// Bytes and time both fit.
    TimeOrBytes "time-or-bytes" Info;
    /// Few releases were seen.
    LongHold "long-hold" Info;
    /// Shorter than some intervals.
    TimerOrConstant "timer-or-constant" Info;
    /// About 200 ms.
    Cork "cork" Info;
    /// The lag is the interval.
    OneEventOrConstant "one-event-or-constant" Info;
    /// One event behind would not be seen.
    IntervalsWithin "intervals-within" Info;
    /// Silent, or for longer than the run.
    SilentOrLonger "silent-or-longer" Info;
    /// The probe was late.
    OwnStalls "own-stalls" Info;
    /// Some of several streams were refused.
    SomeRefused "streams-refused" Warn;
    /// The origin got another query, or another request altogether.
    QueryLost "query-lost" Warn;
    /// There was not even a response head.
    NoHead "no-head" Info;
    /// The request was redirected.
    Redirected "redirected" Info;
    /// Another origin.
    NoStamps "no-stamps" Info;
    /// Another origin says nothing.
    Quiet "quiet" Info;
    /// Another origin's events come together.
    Bursty "bursty" Warn;
    /// Another origin's ids go back.
    IdsGoBack "ids-go-back" Info;
    /// A login is wanted.
    LoginPage "login-page" Fail;
    /// Something wants to see a browser.
    BotChallenge "bot-challenge" Fail;
    /// A tunnel's warning in front of the page.
    BrowserWarning "browser-warning" Fail;
    /// 401.
    Unauthorized "unauthorized" Fail;
    /// 407.
    ProxyUnauthorized "proxy-unauthorized" Fail;
    /// 511.
    CaptivePortal "captive-portal" Fail;
    /// 403.
    Forbidden "forbidden" Fail;
    /// 404, 410.
    NotFound "not-found" Fail;
    /// 405.
    MethodNotAllowed "method-not-allowed" Fail;
    /// 406.
    NotAcceptable "not-acceptable" Fail;
    /// 426.
    UpgradeRequired "upgrade-required" Fail;
    /// 429.
    TooManyRequests "too-many-requests" Fail;
    /// Another 4xx.
    Refused "refused" Fail;
    /// A redirect without a target.
    RedirectNowhere "redirect-nowhere" Fail;
    /// Too many redirects.
    RedirectLoop "redirect-loop" Fail;
    /// A redirect of a request with a body.
    RedirectOfBody "redirect-of-body" Fail;
    /// 502.
    BadGateway "bad-gateway" Fail;
    /// 503.
    Unavailable "unavailable" Fail;
    /// 504, 524.
    GatewayTimeout "gateway-timeout" Fail;
    /// The edge can't make sense of the origin's answer.
    OriginAnswer "origin-answer" Fail;
    /// The origin refuses the edge.
    OriginRefused "origin-refused" Fail;
    /// The edge can't connect in time.
    OriginTimeout "origin-timeout" Fail;
    /// The edge has no route to the origin.
    OriginUnreachable "origin-unreachable" Fail;
    /// TLS between edge and origin fails.
    OriginTls "origin-tls" Fail;
    /// The edge can't resolve the origin's name.
    OriginDns "origin-dns" Fail;
    /// The tunnel's client is not connected.
    TunnelDown "tunnel-down" Fail;
    /// Another error of an edge.
    EdgeError "edge-error" Fail;
    /// Another 5xx.
    ServerError "server-error" Fail;
    /// A page where a stream should be.
    HtmlPage "html-page" Fail;
    /// 200 with another type.
    WrongType "wrong-type" Fail;
    /// 204.
    NoContent "no-content" Fail;
    /// 1xx, or 2xx but 200 and 204.
    OddStatus "odd-status" Fail;
    /// A content coding that was not asked for.
    ContentEncoding "content-encoding" Fail;
    /// The request can't be made.
    Unusable "unusable" Fail;
    /// No address.
    UnreachableDns "unreachable-dns" Fail;
    /// No connection.
    UnreachableTcp "unreachable-tcp" Fail;
    /// No TLS.
    UnreachableTls "unreachable-tls" Fail;
    /// No response head.
    NoAnswer "no-answer" Fail;
    /// No HTTP.
    NotHttp "not-http" Fail;
}

impl Id {
    /// The id as text.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        self.entry().1
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
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
}
