//! What a diagnosis is to say of real proxies.

use super::configs::{apache, haproxy, lighttpd, nginx};
use super::diagnose::Row;
use super::proxy::Software::{Apache, Haproxy, Lighttpd, Nginx};

/// A row to start from: a path that is fine.
const ROW: Row = Row {
    name: "",
    hops: &[],
    target: "/",
    args: &[],
    verdict: ("real-time", "none"),
    bytes: None,
    ms: None,
    cause: None,
    smallest_cure: None,
    works: &[],
    useless: &[],
    idle_cut_s: None,
};

const BATCHED: (&str, &str) = ("batched", "bytes");
const CLOSE: (&str, &str) = ("held-until-close", "close");
const CORKED: (&str, &str) = ("batched", "time");
const ONE_EVENT: (&str, &str) = ("lagging", "one-event");

/// What does nothing about a buffer that is released whenever it is full, but heed a header field.
const NOT_FOR_BUFFERS: &[&str] = &[
    "no-transform",
    "identity",
    "encoding-identity",
    "post",
    "pad-4k",
    "pad-16k",
    "pad-64k",
    "close-framing",
    "plain-type",
];
/// Everything that an origin and a client can do.
const NOTHING: &[&str] = &[
    "accel-no",
    "no-transform",
    "identity",
    "encoding-identity",
    "post",
    "pad-4k",
    "pad-16k",
    "pad-64k",
    "close-framing",
    "plain-type",
];
/// What does nothing about a socket that is corked for chunks.
const NOT_FOR_CORKS: &[&str] = &[
    "accel-no",
    "no-transform",
    "identity",
    "encoding-identity",
    "post",
    "pad-4k",
    "pad-16k",
    "pad-64k",
    "plain-type",
];

/// nginx.
pub(crate) const NGINX: &[Row] = &[
    Row {
        name: "nginx-default",
        hops: &[(Nginx, nginx::DEFAULT)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    Row { name: "nginx-1.1", hops: &[(Nginx, nginx::HTTP_11)], ..ROW },
    Row {
        name: "nginx-1.1-close",
        hops: &[(Nginx, nginx::HTTP_11)],
        target: "/events?framing=close",
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("framing"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no", "chunked"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    Row {
        name: "nginx-1.1-large",
        hops: &[(Nginx, nginx::HTTP_11)],
        target: "/events?size=20k",
        verdict: ONE_EVENT,
        cause: Some("one-behind"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    Row {
        name: "nginx-buffers-64k",
        hops: &[(Nginx, nginx::BUFFERS_64K)],
        verdict: BATCHED,
        bytes: Some(65536),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    // Without gzip, the buffer still holds.
    Row {
        name: "nginx-gzip-buffered",
        hops: &[(Nginx, nginx::GZIP)],
        verdict: BATCHED,
        bytes: Some(16384),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    // Without gzip, chunks pass. It compresses nothing that is said to be encoded, and has a list of types.
    Row {
        name: "nginx-gzip-1.1",
        hops: &[(Nginx, nginx::GZIP_11)],
        verdict: BATCHED,
        bytes: Some(16384),
        cause: Some("compressor"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no", "identity", "encoding-identity", "plain-type"],
        useless: &["no-transform", "post", "pad-4k", "pad-16k", "pad-64k", "close-framing"],
        ..ROW
    },
    Row { name: "nginx-gzip-unbuffered", hops: &[(Nginx, nginx::GZIP_UNBUFFERED)], ..ROW },
    Row {
        name: "nginx-read-timeout",
        hops: &[(Nginx, nginx::READ_TIMEOUT)],
        cause: Some("idle-limit"),
        smallest_cure: Some("heartbeat"),
        works: &["heartbeat"],
        idle_cut_s: Some(10.0),
        ..ROW
    },
    Row {
        name: "nginx-read-timeout-held",
        hops: &[(Nginx, nginx::READ_TIMEOUT_HELD)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        idle_cut_s: Some(10.0),
        ..ROW
    },
];

/// haproxy.
pub(crate) const HAPROXY: &[Row] = &[
    Row {
        name: "haproxy-default",
        hops: &[(Haproxy, haproxy::DEFAULT)],
        verdict: CORKED,
        ms: Some(205),
        cause: Some("cork"),
        smallest_cure: Some("close-framing"),
        works: &["close-framing"],
        useless: NOT_FOR_CORKS,
        ..ROW
    },
    Row { name: "haproxy-no-delay", hops: &[(Haproxy, haproxy::NO_DELAY)], ..ROW },
    // It compresses chunks only.
    Row {
        name: "haproxy-compression",
        hops: &[(Haproxy, haproxy::COMPRESSION)],
        verdict: ONE_EVENT,
        cause: Some("compressor"),
        smallest_cure: Some("no-transform"),
        works: &["no-transform", "identity", "encoding-identity", "close-framing", "plain-type"],
        useless: &["accel-no", "post", "pad-4k", "pad-16k", "pad-64k"],
        ..ROW
    },
    // Without compression, the cork remains.
    Row {
        name: "haproxy-compression-corked",
        hops: &[(Haproxy, haproxy::COMPRESSION_CORKED)],
        verdict: ONE_EVENT,
        cause: Some("compressor"),
        smallest_cure: Some("close-framing"),
        works: &["close-framing"],
        useless: NOT_FOR_CORKS,
        ..ROW
    },
    Row {
        name: "haproxy-timeout",
        hops: &[(Haproxy, haproxy::TIMEOUT)],
        cause: Some("idle-limit"),
        smallest_cure: Some("heartbeat"),
        works: &["heartbeat"],
        idle_cut_s: Some(10.0),
        ..ROW
    },
    // Nothing but the missing event tells this cut from an end.
    Row {
        name: "haproxy-timeout-close",
        hops: &[(Haproxy, haproxy::TIMEOUT)],
        target: "/events?framing=close",
        cause: Some("idle-limit"),
        smallest_cure: Some("heartbeat"),
        works: &["heartbeat"],
        idle_cut_s: Some(10.0),
        ..ROW
    },
    Row {
        name: "haproxy-timeout-corked",
        hops: &[(Haproxy, haproxy::TIMEOUT_CORKED)],
        verdict: CORKED,
        ms: Some(205),
        cause: Some("cork"),
        smallest_cure: Some("close-framing"),
        works: &["close-framing"],
        useless: NOT_FOR_CORKS,
        idle_cut_s: Some(10.0),
        ..ROW
    },
];

/// Apache and lighttpd.
pub(crate) const OTHERS: &[Row] = &[
    Row { name: "apache-default", hops: &[(Apache, apache::DEFAULT)], ..ROW },
    Row { name: "apache-deflate", hops: &[(Apache, apache::DEFLATE)], ..ROW },
    // Of so large events, every pace brings the 512 KiB.
    Row {
        name: "apache-mod-security-large",
        hops: &[(Apache, apache::MOD_SECURITY)],
        target: "/events?size=32k",
        verdict: ("late-start", "start-bytes"),
        bytes: Some(524_288),
        cause: Some("start-buffer"),
        useless: NOTHING,
        ..ROW
    },
    // Of so small ones, none does.
    Row {
        name: "apache-mod-security-type",
        hops: &[(Apache, apache::MOD_SECURITY_TYPE)],
        target: "/events?size=200",
        verdict: CLOSE,
        cause: Some("content-type"),
        smallest_cure: Some("plain-type"),
        works: &["plain-type"],
        useless: &["accel-no", "no-transform", "identity", "encoding-identity", "post", "pad-64k", "close-framing"],
        ..ROW
    },
    Row {
        name: "lighttpd-default",
        hops: &[(Lighttpd, lighttpd::DEFAULT)],
        verdict: CLOSE,
        cause: Some("until-close"),
        useless: NOTHING,
        ..ROW
    },
    Row { name: "lighttpd-stream", hops: &[(Lighttpd, lighttpd::STREAM)], ..ROW },
    Row {
        name: "lighttpd-deflate",
        hops: &[(Lighttpd, lighttpd::DEFLATE)],
        verdict: CLOSE,
        cause: Some("until-close"),
        useless: NOTHING,
        ..ROW
    },
    Row { name: "lighttpd-deflate-stream", hops: &[(Lighttpd, lighttpd::DEFLATE_STREAM)], ..ROW },
];

/// One proxy behind the other.
pub(crate) const CHAINS: &[Row] = &[
    Row {
        name: "nginx-nginx",
        hops: &[(Nginx, nginx::DEFAULT), (Nginx, nginx::DEFAULT)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("header-eaten"),
        useless: NOTHING,
        ..ROW
    },
    Row {
        name: "nginx-nginx-unbuffered",
        hops: &[(Nginx, nginx::DEFAULT), (Nginx, nginx::UNBUFFERED)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("header-eaten"),
        useless: NOTHING,
        ..ROW
    },
    Row {
        name: "nginx-unbuffered-nginx",
        hops: &[(Nginx, nginx::UNBUFFERED), (Nginx, nginx::DEFAULT)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    Row {
        name: "haproxy-no-delay-nginx",
        hops: &[(Haproxy, haproxy::NO_DELAY), (Nginx, nginx::DEFAULT)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("buffer"),
        smallest_cure: Some("accel-no"),
        works: &["accel-no"],
        useless: NOT_FOR_BUFFERS,
        ..ROW
    },
    // nginx obeys X-Accel-Buffering, and makes chunks of whatever comes: the cork remains.
    Row {
        name: "haproxy-nginx",
        hops: &[(Haproxy, haproxy::DEFAULT), (Nginx, nginx::DEFAULT)],
        verdict: BATCHED,
        bytes: Some(4096),
        cause: Some("buffer"),
        useless: NOTHING,
        ..ROW
    },
];
