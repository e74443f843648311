//! nginx: streams that are cut, replaced or never begin.

use std::time::Duration;

use super::configs::nginx::UNBUFFERED;
use super::run::{CASE, CORRUPT, CUT, Case, Event, IDLE, NOT_SSE, SILENT};

/// They end otherwise than they were sent.
pub(crate) const ALL: &[Case] = &[
    Case {
        name: "nginx-read-timeout",
        config: "proxy_buffering off; proxy_read_timeout 3s;",
        target: IDLE,
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
    Case {
        name: "nginx-read-timeout-1.1",
        config: "proxy_buffering off; proxy_http_version 1.1; proxy_read_timeout 2500ms;",
        target: IDLE,
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
    Case {
        name: "nginx-read-timeout-held",
        config: "proxy_read_timeout 3s;",
        target: IDLE,
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
    Case {
        name: "nginx-killed",
        config: UNBUFFERED,
        event: Event::Kill(Duration::from_millis(3850)),
        verdict: CUT,
        end: "truncated",
        ..CASE
    },
    Case {
        name: "nginx-killed-early",
        config: UNBUFFERED,
        event: Event::Kill(Duration::from_millis(1200)),
        verdict: CUT,
        end: "truncated",
        ..CASE
    },
    Case {
        name: "nginx-killed-held",
        event: Event::Kill(Duration::from_millis(4850)),
        verdict: CUT,
        end: "truncated",
        ..CASE
    },
    Case {
        name: "nginx-replay",
        config: "proxy_cache store; proxy_cache_key $uri; proxy_cache_valid 200 1m; location = /time { proxy_cache off; proxy_pass http://{ORIGIN}; }",
        target: "/events",
        event: Event::Repeat,
        verdict: CORRUPT,
        findings: &["replay"],
        ..CASE
    },
    Case {
        name: "nginx-cache-lock",
        config: "proxy_cache store; proxy_cache_key $uri; proxy_cache_valid 200 1m; proxy_cache_lock on; proxy_cache_lock_timeout 20s; proxy_cache_lock_age 20s; location = /time { proxy_cache off; proxy_pass http://{ORIGIN}; }",
        target: "/events?interval=100ms&count=40",
        verdict: CORRUPT,
        findings: &["replay"],
        ..CASE
    },
    Case {
        name: "nginx-sub-filter",
        config: "proxy_buffering off; sub_filter_types text/event-stream; sub_filter_once off; sub_filter aa bb;",
        verdict: CORRUPT,
        findings: &["changed"],
        ..CASE
    },
    Case {
        name: "nginx-sub-filter-name",
        config: "proxy_buffering off; sub_filter_types text/event-stream; sub_filter_once off; sub_filter sent_us sent;",
        verdict: CORRUPT,
        findings: &["changed"],
        ..CASE
    },
    Case {
        name: "nginx-limit-rate-tiny",
        config: "proxy_http_version 1.1; location = /events { limit_rate 8; proxy_pass http://{ORIGIN}; }",
        target: "/events",
        verdict: SILENT,
        end: "ours",
        findings: &["silent"],
        ..CASE
    },
    Case {
        name: "nginx-proxy-limit-rate",
        config: "proxy_http_version 1.1; proxy_ignore_headers X-Accel-Buffering; location = /events { proxy_limit_rate 8; proxy_pass http://{ORIGIN}; }",
        target: "/events",
        verdict: SILENT,
        end: "ours",
        findings: &["silent"],
        ..CASE
    },
    Case {
        name: "nginx-stopped",
        args: &["--plain", "--max-time", "2"],
        verdict: ("inconclusive", "unknown"),
        end: "ours",
        findings: &["too-short"],
        ..CASE
    },
    Case {
        name: "nginx-502",
        config: "location = /events { proxy_pass http://127.0.0.1:1; }",
        target: "/events",
        verdict: NOT_SSE,
        end: "none",
        ..CASE
    },
    Case {
        name: "nginx-504",
        config: "location = /events { proxy_read_timeout 2s; proxy_pass http://{ORIGIN}; }",
        target: "/events?head_delay=10s",
        verdict: NOT_SSE,
        end: "none",
        ..CASE
    },
    Case {
        name: "nginx-404",
        config: "location = /events { return 404; }",
        target: "/events",
        verdict: NOT_SSE,
        end: "none",
        ..CASE
    },
    Case {
        name: "nginx-login",
        config: "location = /login { default_type text/html; return 200 '<title>log in</title>'; } location = /events { return 302 /login; }",
        target: "/events",
        verdict: NOT_SSE,
        end: "none",
        ..CASE
    },
    Case {
        name: "nginx-no-answer",
        config: "location = /events { return 444; }",
        target: "/events",
        verdict: ("unreachable", "unknown"),
        end: "none",
        ..CASE
    },
];
