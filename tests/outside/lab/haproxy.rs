//! haproxy.

use std::time::Duration;

use super::configs::haproxy::{COMPRESSION, COMPRESSION_CORKED, NO_DELAY};
use super::proxy::Software::Haproxy;
use super::run::{CASE, CUT, Case, Event, IDLE, NOT_SSE, ONE_EVENT};

/// Its cases.
pub(crate) const ALL: &[Case] = &[
    Case {
        name: "haproxy-default",
        software: Haproxy,
        verdict: ("batched", "time"),
        ms: Some(205),
        findings: &["cork"],
        ..CASE
    },
    Case { name: "haproxy-default-close", software: Haproxy, target: "/events?framing=close", ..CASE },
    Case {
        name: "haproxy-short-run",
        software: Haproxy,
        args: &["--plain", "--duration", "2s"],
        verdict: ("batched", "time"),
        ms: Some(205),
        findings: &["cork"],
        ..CASE
    },
    Case {
        name: "haproxy-one-pace",
        software: Haproxy,
        target: "/events?interval=1s&count=6",
        verdict: ("lagging", "constant"),
        ms: Some(205),
        findings: &["cork", "timer-or-constant"],
        ..CASE
    },
    Case {
        name: "haproxy-foreign",
        software: Haproxy,
        config: "http-request deny deny_status 404 if { path /time }",
        target: "/events?interval=100ms&count=60",
        verdict: ("inconclusive", "unknown"),
        findings: &["bursty"],
        ..CASE
    },
    Case { name: "haproxy-tcp", software: Haproxy, config: "mode tcp", ..CASE },
    Case { name: "haproxy-no-delay", software: Haproxy, config: NO_DELAY, ..CASE },
    Case {
        name: "haproxy-compression",
        software: Haproxy,
        config: COMPRESSION,
        verdict: ONE_EVENT,
        findings: &["one-event"],
        ..CASE
    },
    Case {
        name: "haproxy-compression-fast",
        software: Haproxy,
        config: COMPRESSION,
        args: &["--plain", "--interval", "30ms", "--duration", "4s"],
        verdict: ONE_EVENT,
        findings: &["one-event"],
        ..CASE
    },
    Case {
        name: "haproxy-compression-corked",
        software: Haproxy,
        config: COMPRESSION_CORKED,
        verdict: ONE_EVENT,
        findings: &["one-event", "cork"],
        ..CASE
    },
    Case { name: "haproxy-no-transform", software: Haproxy, config: COMPRESSION, args: &[], ..CASE },
    Case {
        name: "haproxy-timeout-chunked",
        software: Haproxy,
        config: "option http-no-delay\n timeout server 3s",
        target: IDLE,
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
    Case {
        name: "haproxy-timeout-close",
        software: Haproxy,
        config: "option http-no-delay\n timeout server 3s",
        target: "/events?interval=6s&count=3&framing=close",
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
    Case {
        name: "haproxy-killed",
        software: Haproxy,
        config: NO_DELAY,
        event: Event::Kill(Duration::from_millis(4850)),
        verdict: CUT,
        end: "truncated",
        ..CASE
    },
    Case {
        name: "haproxy-killed-close",
        software: Haproxy,
        config: NO_DELAY,
        target: "/events?framing=close",
        event: Event::Kill(Duration::from_millis(2850)),
        verdict: CUT,
        end: "clean",
        findings: &["cut-clean"],
        ..CASE
    },
    Case {
        name: "haproxy-503",
        software: Haproxy,
        config: "http-request return status 503 if { path /events }",
        target: "/events",
        verdict: NOT_SSE,
        end: "none",
        ..CASE
    },
    Case {
        name: "haproxy-inspect-1s",
        software: Haproxy,
        config: "option http-no-delay\n tcp-response inspect-delay 1s\n tcp-response content accept if WAIT_END",
        verdict: ("late-start", "start-time"),
        ms: Some(1000),
        ..CASE
    },
    Case {
        name: "haproxy-inspect-2s",
        software: Haproxy,
        config: "option http-no-delay\n tcp-response inspect-delay 2s\n tcp-response content accept if WAIT_END",
        verdict: ("late-start", "start-time"),
        ms: Some(2000),
        ..CASE
    },
    Case {
        name: "haproxy-wait-4k",
        software: Haproxy,
        config: "option http-no-delay\n http-request set-var(txn.path) path\n http-response wait-for-body time 30s at-least 4k if { var(txn.path) -m str /events }",
        target: "/events",
        verdict: ("late-start", "start-bytes"),
        bytes: Some(4096),
        ..CASE
    },
    Case {
        name: "haproxy-wait-1500",
        software: Haproxy,
        config: "option http-no-delay\n http-request set-var(txn.path) path\n http-response wait-for-body time 30s at-least 1500 if { var(txn.path) -m str /events }",
        target: "/events",
        verdict: ("late-start", "start-bytes"),
        bytes: Some(1500),
        ..CASE
    },
    Case {
        name: "haproxy-wait-full",
        software: Haproxy,
        config: "option http-no-delay\n http-request set-var(txn.path) path\n http-response wait-for-body time 30s if { var(txn.path) -m str /events }",
        target: "/events",
        verdict: ("late-start", "start-bytes"),
        bytes: Some(15360),
        ..CASE
    },
    Case {
        name: "haproxy-wait-in-vain",
        software: Haproxy,
        config: "option http-no-delay\n http-request set-var(txn.path) path\n http-response wait-for-body time 1s if { var(txn.path) -m str /events }",
        target: "/events",
        verdict: NOT_SSE,
        end: "clean",
        findings: &["gateway-timeout"],
        ..CASE
    },
    Case {
        name: "haproxy-inspect",
        software: Haproxy,
        config: "option http-no-delay\n tcp-response inspect-delay 30s\n tcp-response content accept if WAIT_END",
        target: "/events",
        verdict: ("late-start", "start-bytes"),
        bytes: Some(15360),
        ..CASE
    },
];
