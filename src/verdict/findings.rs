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

    /// The same, with an advice that fits this case better than the one that all of its id have; an empty one does not.
    #[must_use]
    pub fn advising(self, advice: &'static str) -> Finding {
        if advice.is_empty() { self } else { Finding { advice, ..self } }
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
    /// More is sent than the path passes.
    FallsBehind "falls-behind" Warn "the path has a limit on bytes a second, per stream or for all: look for a rate limit, or send less";
    /// A smaller hold behind the one at the start.
    StillHeld "still-held" Warn "padding at the start cures the first hold only";
    /// The verdict hinges on less than the clock's error.
    ClockError "clock-error" Warn "repeat it closer to the origin, or with a larger tolerance";
    /// The origin's clock is unknown.
    NoClock "no-clock" Warn "let the path pass requests for the time, which lies beside the stream";
    /// Events weren't sent at the pace that was asked for.
    OtherPace "other-pace" Warn "something drops or rewrites the query, or answers with another stream: look at the target that the origin saw; thresholds are rough ones then";
    /// The stream was stopped too early.
    TooShort "too-short" Warn "let it run for longer";
    /// Small streams are held, larger ones not.
    ContentHeld "content-held" Info "a compressor does that: what compresses well stays inside for long";
    /// Bytes are counted as compressed.
    Compressed "compressed" Info "the response is compressed; the number of bytes is that of the compressed body";
    /// Bytes are counted before compression.
    HeldThenCompressed "held-then-compressed" Info "a buffer in front of a compressor holds them; the number of bytes is that of the events before compression";
    /// Until close, or more bytes than were sent, or for longer.
    CloseOrLarger "close-or-larger" Info "a hold of more bytes than were sent, or for longer than the streams ran, looks the same";
    /// One release was seen.
    StartOrLasting "start-or-lasting" Info "whether it is held again afterwards takes a second release: run it for longer";
    /// Bytes and time both fit.
    TimeOrBytes "time-or-bytes" Info "one pace can't tell bytes from time: run streams of different pace";
    /// Few releases were seen.
    LongHold "long-hold" Info "with few releases the time is a rough one, and a lasting hold may be one at the start: run it for longer";
    /// Shorter than some intervals.
    TimerOrConstant "timer-or-constant" Info "to such events a timer is a constant lag: each comes alone, late by up to that time";
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
    SomeRefused "streams-refused" Warn "something limits how many streams run at once: a second tab, or a busy day, meets the same";
    /// The origin got another query, or another request altogether.
    QueryLost "query-lost" Warn "something on the path drops or changes the query, or answers several requests with one stream: the streams have the origin's own pace then, which tells less about bytes and time";
    /// There was not even a response head.
    NoHead "no-head" Info "the server doesn't answer, or something keeps the head until the body, or its end, comes: a proxy's log may tell";
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
    /// A login is wanted.
    LoginPage "login-page" Fail "log in with a browser and send what it got, with -H 'Cookie: ...', or exempt the stream's path from the login";
    /// Something wants to see a browser.
    BotChallenge "bot-challenge" Fail "an EventSource can't pass it: exempt the stream's path from it, or let this client's address pass";
    /// A tunnel's warning in front of the page.
    BrowserWarning "browser-warning" Fail "the tunnel's manual names a header field that skips it: send it with -H";
    /// 401.
    Unauthorized "unauthorized" Fail "try -H 'Authorization: ...', or https://USER:PASSWORD@HOST/; a browser's EventSource can send cookies only";
    /// 407.
    ProxyUnauthorized "proxy-unauthorized" Fail "a proxy on the way out wants credentials: try -x http://USER:PASSWORD@PROXY";
    /// 511.
    CaptivePortal "captive-portal" Fail "the network wants a login before it lets anything pass: open any http page in a browser";
    /// 403.
    Forbidden "forbidden" Fail "are credentials wanted, or does something in between block programs, this address or this method?";
    /// 404, 410.
    NotFound "not-found" Fail "is the path right, and does the proxy pass it on unchanged?";
    /// 405.
    MethodNotAllowed "method-not-allowed" Fail "try another method, with -X: a browser's EventSource can send GET only";
    /// 406.
    NotAcceptable "not-acceptable" Fail "the server has nothing of the type text/event-stream here; try -H 'Accept: */*' to see what it has";
    /// 426.
    UpgradeRequired "upgrade-required" Fail "it wants another protocol: a WebSocket perhaps, or a newer HTTP than a proxy in between speaks";
    /// 429.
    TooManyRequests "too-many-requests" Fail "try again later; each stream that is open may count, so raise the limit for its path";
    /// Another 4xx.
    Refused "refused" Fail "is the URL right, and does it want other header fields, or parameters?";
    /// A redirect without a target.
    RedirectNowhere "redirect-nowhere" Fail "there is no usable Location: is the URL complete, and is it http or https?";
    /// Too many redirects.
    RedirectLoop "redirect-loop" Fail "does it want to set a cookie, or a login? behind a proxy that ends TLS, does the origin redirect to https what came by https?";
    /// A redirect of a request with a body.
    RedirectOfBody "redirect-of-body" Fail "try the URL that it redirects to";
    /// 502.
    BadGateway "bad-gateway" Fail "is the origin running where the proxy or tunnel looks for it, and does it speak the protocol that is expected there?";
    /// 503.
    Unavailable "unavailable" Fail "the service is down, starting or full, says something in between or the origin itself: its log should tell why";
    /// 504, 524.
    GatewayTimeout "gateway-timeout" Fail "send the head and a first comment at once, whether there is an event or not; or the proxy waits for the end of the response";
    /// The edge can't make sense of the origin's answer.
    OriginAnswer "origin-answer" Fail "does the origin crash, close early, or send more than 128 KiB of header fields?";
    /// The origin refuses the edge.
    OriginRefused "origin-refused" Fail "is it running, does it listen on the port that is expected, and does its firewall let the edge's addresses pass?";
    /// The edge can't connect in time.
    OriginTimeout "origin-timeout" Fail "is the address right, and does a firewall drop what comes from the edge's addresses?";
    /// The edge has no route to the origin.
    OriginUnreachable "origin-unreachable" Fail "is the address in the DNS record right, and is there a route to it?";
    /// TLS between edge and origin fails.
    OriginTls "origin-tls" Fail "has the origin a valid certificate for this name, and TLS on the port that is expected?";
    /// The edge can't resolve the origin's name.
    OriginDns "origin-dns" Fail "does the name that the DNS record or the rule points to exist?";
    /// The tunnel's client is not connected.
    TunnelDown "tunnel-down" Fail "is the tunnel's client (cloudflared, ngrok, ...) running and connected, and is this still its URL?";
    /// Another error of an edge.
    EdgeError "edge-error" Fail "look its code up in the provider's manual";
    /// Another 5xx.
    ServerError "server-error" Fail "the origin or something in between failed: its log should tell why";
    /// A page where a stream should be.
    HtmlPage "html-page" Fail "a login, an error page, an application that answers every path with its page, or a network's portal: open it in a browser, and is the URL the stream's?";
    /// 200 with another type.
    WrongType "wrong-type" Fail "an event stream has the content type text/event-stream: is the URL the stream's, and does something in between change the type?";
    /// 204.
    NoContent "no-content" Fail "it tells an EventSource to stop reconnecting: is there nothing to send, or nothing behind the last event ID?";
    /// 1xx, or 2xx but 200 and 204.
    OddStatus "odd-status" Fail "an EventSource takes the status 200 and no other";
    /// A content coding that was not asked for.
    ContentEncoding "content-encoding" Fail "something compresses without being asked: try -H 'Accept-Encoding: identity'";
    /// The request can't be made.
    Unusable "unusable" Fail "a URL is [http[s]://]HOST[:PORT][/PATH][?QUERY]";
    /// No address.
    UnreachableDns "unreachable-dns" Fail "is the name right? --resolve HOST:PORT:ADDR does without name servers";
    /// No connection.
    UnreachableTcp "unreachable-tcp" Fail "is it running, and are address and port right?";
    /// No TLS.
    UnreachableTls "unreachable-tls" Fail "is it https? -k accepts any certificate, --cacert FILE those that you trust";
    /// No response head.
    NoAnswer "no-answer" Fail "is it http or https, and does a server's or a proxy's log tell why?";
    /// No HTTP.
    NotHttp "not-http" Fail "is the port right?";
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

/// A number of events as people read it.
pub(super) fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
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
