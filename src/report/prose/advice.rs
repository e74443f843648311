//! What to try, or why a finding matters.

use crate::verdict::detail::Arrivals;
use crate::verdict::{Detail, Finding, Id};

impl Finding {
    /// Why it matters, or what to try.
    pub fn advice(&self) -> &'static str {
        self.own_advice.or_else(|| of_detail(&self.detail)).unwrap_or_else(|| of_id(self.id))
    }
}

/// Where the case says more than its id.
fn of_detail(detail: &Detail) -> Option<&'static str> {
    match detail {
        Detail::NoEventsWanted => Some("ask for some: leave count or silent_after out of the URL's query"),
        Detail::ClockAnswersDiffer { .. } => Some(
            "repeat it; if that doesn't help, two machines with different clocks answer: let them agree, or ask one",
        ),
        Detail::Arrivals(Arrivals::NothingCame) => {
            Some("does the server take requests at all? only of an origin of this program's more can be told")
        }
        Detail::Arrivals(Arrivals::BeforeUndecodable { events: 0 }) => Some(
            "it says that it is an event stream, and is none: is the URL the stream's? the log on standard error tells \
             what is wrong with its bytes",
        ),
        _ => None,
    }
}

fn of_id(id: Id) -> &'static str {
    ADVICE.iter().find(|(known, _)| *known == id).map_or("", |(_, advice)| advice)
}

/// What to try for each finding. A test finds all of them here.
const ADVICE: [(Id, &str); 87] = [
    (
        Id::HeldUntilClose,
        "something reads the whole response before it passes it on: turn response buffering off in the proxy, or exempt text/event-stream from whatever inspects bodies",
    ),
    (
        Id::BatchedBytes,
        "a buffer or a compressor is flushed only when it is full, so that padding at the start doesn't help: turn response buffering or compression of text/event-stream off",
    ),
    (Id::BatchedTime, "something flushes by a timer: look for a flush interval, a polling relay or a corked socket"),
    (
        Id::StartBytes,
        "something waits for so many bytes before it begins: a comment of that length as the first thing in the body makes it flow at once",
    ),
    (
        Id::StartTime,
        "something waits at the start, such as a body inspection with a time limit: padding doesn't help; look for that limit",
    ),
    (Id::ConstantLag, "look for a corked socket (Nagle, TCP_CORK, about 200 ms), a delay that was put in, or a detour"),
    (
        Id::OneEvent,
        "something keeps the end of each write until more comes, as compressors do: turn compression of text/event-stream off (Cache-Control: no-transform, or no Accept-Encoding), or send a comment right behind each event",
    ),
    (
        Id::Silent,
        "the response never reaches the client, not even when it ends: look for a limit on streaming responses, or for a proxy that waits for a Content-Length",
    ),
    (Id::Lost, "events sent are gone for good; a client that resumes with Last-Event-ID doesn't notice"),
    (
        Id::Repeated,
        "something sent the request a second time, or replays what it has stored: check retries of GET requests and caches",
    ),
    (Id::Reordered, "one TCP connection can't do that: something splits the stream or merges several"),
    (
        Id::Changed,
        "something rewrites bodies: look for minification, character set conversion or injected scripts, and say Cache-Control: no-transform",
    ),
    (Id::Replay, "a cache serves what another client was sent: say Cache-Control: no-store"),
    (
        Id::CutTruncated,
        "a client notices and reconnects; look for limits on responses in the path, or for one of its parts that restarts",
    ),
    (
        Id::CutClean,
        "a client can't tell that from the end of the stream: say so in the stream itself, with a last event",
    ),
    (Id::CutReset, "a part of the path went away or killed the connection"),
    (Id::IdleCut, "send a comment as heartbeat at less than half that time"),
    (
        Id::LifetimeCut,
        "heartbeats don't help: raise the limit, or end streams yourself before that and let clients resume with Last-Event-ID",
    ),
    (
        Id::Hanging,
        "the client isn't told that the stream ended: let it reconnect when nothing came for longer than a heartbeat",
    ),
    (Id::Unsteady, "measure again, for longer; a radio link or a busy machine looks like that"),
    (Id::BigEvents, "small events pass; if yours are large or frequent, this is what they meet"),
    (
        Id::FallsBehind,
        "the path has a limit on bytes a second, per stream or for all: look for a rate limit, or send less",
    ),
    (Id::StillHeld, "padding at the start cures the first hold only"),
    (Id::ClockError, "repeat it closer to the origin, or with a larger tolerance"),
    (Id::NoClock, "let the path pass requests for the time, which lies beside the stream"),
    (
        Id::OtherPace,
        "something drops or rewrites the query, or answers with another stream: look at the target that the origin saw; thresholds are rough ones then",
    ),
    (Id::TooShort, "let it run for longer"),
    (Id::ContentHeld, "a compressor does that: what compresses well stays inside for long"),
    (Id::Compressed, "the response is compressed; the number of bytes is that of the compressed body"),
    (
        Id::HeldThenCompressed,
        "a buffer in front of a compressor holds them; the number of bytes is that of the events before compression",
    ),
    (Id::CloseOrLarger, "a hold of more bytes than were sent, or for longer than the streams ran, looks the same"),
    (Id::StartOrLasting, "whether it is held again afterwards takes a second release: run it for longer"),
    (Id::TimeOrBytes, "one pace can't tell bytes from time: run streams of different pace"),
    (
        Id::LongHold,
        "with few releases the time is a rough one, and a lasting hold may be one at the start: run it for longer",
    ),
    (Id::TimerOrConstant, "to such events a timer is a constant lag: each comes alone, late by up to that time"),
    (
        Id::Cork,
        "about 200 ms is how long Linux keeps a corked or unacknowledged segment: TCP_NODELAY helps (haproxy: option http-no-delay)",
    ),
    (
        Id::OneEventOrConstant,
        "a constant lag as long as the interval looks the same: run streams of different intervals",
    ),
    (
        Id::IntervalsWithin,
        "events that come only with the next one would look the same: run a stream with an interval above the tolerance",
    ),
    (
        Id::SilentOrLonger,
        "a hold for longer than the window, of a response whose end isn't passed on either, looks the same",
    ),
    (Id::OwnStalls, "this machine is busy: measure again when it is not"),
    (Id::SomeRefused, "something limits how many streams run at once: a second tab, or a busy day, meets the same"),
    (
        Id::QueryLost,
        "something on the path drops or changes the query, or answers several requests with one stream: the streams have the origin's own pace then, which tells less about bytes and time",
    ),
    (
        Id::NoHead,
        "the server doesn't answer, or something keeps the head until the body, or its end, comes: a proxy's log may tell",
    ),
    (Id::Redirected, "give the last URL, and clients save a round trip"),
    (
        Id::NoStamps,
        "the origin isn't this program's: when events were sent is unknown, so that a constant lag, or what the origin itself holds back, can't be told",
    ),
    (Id::Quiet, "an origin that has nothing to say looks the same as a path that holds everything"),
    (
        Id::Bursty,
        "an origin that sends several at once looks the same as a path that holds them: compare with a request that doesn't take this path",
    ),
    (Id::IdsGoBack, "an origin may number its events as it likes"),
    (
        Id::LoginPage,
        "log in with a browser and send what it got, with -H 'Cookie: ...', or exempt the stream's path from the login",
    ),
    (
        Id::BotChallenge,
        "an EventSource can't pass it: exempt the stream's path from it, or let this client's address pass",
    ),
    (Id::BrowserWarning, "the tunnel's manual names a header field that skips it: send it with -H"),
    (
        Id::Unauthorized,
        "try -H 'Authorization: ...', or https://USER:PASSWORD@HOST/; a browser's EventSource can send cookies only",
    ),
    (Id::ProxyUnauthorized, "a proxy on the way out wants credentials: try -x http://USER:PASSWORD@PROXY"),
    (Id::CaptivePortal, "the network wants a login before it lets anything pass: open any http page in a browser"),
    (
        Id::Forbidden,
        "are credentials wanted, or does something in between block programs, this address or this method?",
    ),
    (Id::NotFound, "is the path right, and does the proxy pass it on unchanged?"),
    (Id::MethodNotAllowed, "try another method, with -X: a browser's EventSource can send GET only"),
    (
        Id::NotAcceptable,
        "the server has nothing of the type text/event-stream here; try -H 'Accept: */*' to see what it has",
    ),
    (
        Id::UpgradeRequired,
        "it wants another protocol: a WebSocket perhaps, or a newer HTTP than a proxy in between speaks",
    ),
    (Id::TooManyRequests, "try again later; each stream that is open may count, so raise the limit for its path"),
    (Id::Refused, "is the URL right, and does it want other header fields, or parameters?"),
    (Id::RedirectNowhere, "there is no usable Location: is the URL complete, and is it http or https?"),
    (
        Id::RedirectLoop,
        "does it want to set a cookie, or a login? behind a proxy that ends TLS, does the origin redirect to https what came by https?",
    ),
    (Id::RedirectOfBody, "try the URL that it redirects to"),
    (
        Id::BadGateway,
        "is the origin running where the proxy or tunnel looks for it, and does it speak the protocol that is expected there?",
    ),
    (
        Id::Unavailable,
        "the service is down, starting or full, says something in between or the origin itself: its log should tell why",
    ),
    (
        Id::GatewayTimeout,
        "send the head and a first comment at once, whether there is an event or not; or the proxy waits for the end of the response",
    ),
    (Id::OriginAnswer, "does the origin crash, close early, or send more than 128 KiB of header fields?"),
    (
        Id::OriginRefused,
        "is it running, does it listen on the port that is expected, and does its firewall let the edge's addresses pass?",
    ),
    (Id::OriginTimeout, "is the address right, and does a firewall drop what comes from the edge's addresses?"),
    (Id::OriginUnreachable, "is the address in the DNS record right, and is there a route to it?"),
    (Id::OriginTls, "has the origin a valid certificate for this name, and TLS on the port that is expected?"),
    (Id::OriginDns, "does the name that the DNS record or the rule points to exist?"),
    (
        Id::TunnelDown,
        "is the tunnel's client (cloudflared, ngrok, ...) running and connected, and is this still its URL?",
    ),
    (Id::EdgeError, "look its code up in the provider's manual"),
    (Id::ServerError, "the origin or something in between failed: its log should tell why"),
    (
        Id::HtmlPage,
        "a login, an error page, an application that answers every path with its page, or a network's portal: open it in a browser, and is the URL the stream's?",
    ),
    (
        Id::WrongType,
        "an event stream has the content type text/event-stream: is the URL the stream's, and does something in between change the type?",
    ),
    (
        Id::NoContent,
        "it tells an EventSource to stop reconnecting: is there nothing to send, or nothing behind the last event ID?",
    ),
    (Id::OddStatus, "an EventSource takes the status 200 and no other"),
    (Id::ContentEncoding, "something compresses without being asked: try -H 'Accept-Encoding: identity'"),
    (Id::Unusable, "a URL is [http[s]://]HOST[:PORT][/PATH][?QUERY]"),
    (Id::UnreachableDns, "is the name right? --resolve HOST:PORT:ADDR does without name servers"),
    (Id::UnreachableTcp, "is it running, and are address and port right?"),
    (Id::UnreachableTls, "is it https? -k accepts any certificate, --cacert FILE those that you trust"),
    (Id::NoAnswer, "is it http or https, and does a server's or a proxy's log tell why?"),
    (Id::NotHttp, "is the port right?"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_an_advice_and_a_better_one_comes_first() {
        for id in Id::ALL {
            let advice = Finding::new(*id, "x").advice();
            assert!(!advice.is_empty() && !advice.ends_with('.'), "{id:?}");
        }
        assert!(Finding::new(Id::Cork, "207 ms").advice().contains("TCP_NODELAY"));
        assert_eq!(Finding::new(Id::LoginPage, "x").advising("log in").advice(), "log in");
        assert!(Finding::new(Id::TooShort, Detail::NoEventsWanted).advice().starts_with("ask for some"));
    }
}
