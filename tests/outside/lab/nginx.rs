//! nginx: what it holds, and what it passes on.

use super::configs::nginx::{BUFFERS_64K, GZIP, GZIP_UNBUFFERED, HTTP_11, UNBUFFERED};
use super::run::{BATCHED, CASE, CLOSE, Case, ONE_EVENT};

/// It holds.
pub(crate) const HOLDS: &[Case] = &[
    Case { name: "nginx-default", verdict: BATCHED, bytes: Some(4096), ..CASE },
    Case { name: "nginx-default-post", args: &["--plain", "-X", "POST"], verdict: BATCHED, bytes: Some(4096), ..CASE },
    Case {
        name: "nginx-1.1-close",
        config: HTTP_11,
        target: "/events?framing=close",
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case { name: "nginx-buffers-64k", config: BUFFERS_64K, verdict: BATCHED, bytes: Some(65536), ..CASE },
    Case {
        name: "nginx-buffers-16k",
        config: "proxy_buffers 8 16k; proxy_buffer_size 16k; proxy_busy_buffers_size 32k;",
        verdict: BATCHED,
        bytes: Some(16384),
        ..CASE
    },
    Case {
        name: "nginx-buffers-8k",
        config: "proxy_buffers 8 8k; proxy_buffer_size 8k;",
        verdict: BATCHED,
        bytes: Some(8192),
        ..CASE
    },
    Case {
        name: "nginx-buffers-32k",
        config: "proxy_buffers 8 32k; proxy_buffer_size 32k; proxy_busy_buffers_size 64k;",
        verdict: BATCHED,
        bytes: Some(32768),
        ..CASE
    },
    Case {
        name: "nginx-buffers-1k",
        config: "proxy_buffers 8 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 2k;",
        verdict: BATCHED,
        bytes: Some(1024),
        ..CASE
    },
    Case {
        name: "nginx-buffers-2k",
        config: "proxy_buffers 8 2k; proxy_buffer_size 2k; proxy_busy_buffers_size 4k;",
        verdict: BATCHED,
        bytes: Some(2048),
        ..CASE
    },
    Case {
        name: "nginx-buffers-128k",
        config: "proxy_buffers 8 128k; proxy_buffer_size 128k; proxy_busy_buffers_size 256k;",
        verdict: BATCHED,
        bytes: Some(131072),
        ..CASE
    },
    Case {
        name: "nginx-buffers-256k",
        config: "proxy_buffers 8 256k; proxy_buffer_size 256k; proxy_busy_buffers_size 512k;",
        verdict: BATCHED,
        bytes: Some(262144),
        ..CASE
    },
    Case {
        name: "nginx-short-run",
        args: &["--plain", "--duration", "2s"],
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case {
        name: "nginx-buffer-then-gzip",
        config: "gzip on; gzip_types text/event-stream; gzip_proxied any; proxy_buffering off; location /outer/ { proxy_pass http://unix:{TEMP}/second:/; }",
        target: "/outer/events",
        verdict: BATCHED,
        bytes: Some(4096),
        findings: &["held-then-compressed"],
        ..CASE
    },
    Case {
        name: "nginx-limit-rate-50k",
        config: "proxy_http_version 1.1; limit_rate 50k;",
        findings: &["falls-behind"],
        ..CASE
    },
    Case {
        name: "nginx-foreign-8k",
        config: "proxy_http_version 1.1; proxy_ignore_headers X-Accel-Buffering; location = /time { return 404; }",
        target: "/events?interval=200ms&count=20&size=9000",
        verdict: BATCHED,
        bytes: Some(8192),
        findings: &["no-stamps"],
        ..CASE
    },
    Case {
        name: "nginx-gzip-buffered",
        config: GZIP,
        verdict: BATCHED,
        bytes: Some(16384),
        findings: &["compressed"],
        ..CASE
    },
    Case { name: "nginx-gzip-unbuffered", config: GZIP_UNBUFFERED, ..CASE },
    Case {
        name: "nginx-gzip-unasked",
        config: GZIP_UNBUFFERED,
        args: &["--plain", "-H", "Accept-Encoding: identity"],
        ..CASE
    },
    Case {
        name: "nginx-twice",
        config: "location /outer/ { proxy_pass http://unix:{TEMP}/second:/; }",
        target: "/outer/events",
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case {
        name: "nginx-limit-rate",
        config: "proxy_http_version 1.1; limit_rate 4000;",
        findings: &["falls-behind"],
        ..CASE
    },
    Case {
        name: "nginx-foreign",
        config: "proxy_ignore_headers X-Accel-Buffering; location = /time { return 404; }",
        target: "/events?interval=50ms&size=500&count=100",
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case {
        name: "nginx-foreign-slow",
        config: "proxy_ignore_headers X-Accel-Buffering; location = /time { return 404; }",
        target: "/events?interval=100ms&count=20",
        verdict: CLOSE,
        ..CASE
    },
];

/// It passes on.
pub(crate) const PASSES: &[Case] = &[
    Case { name: "nginx-1.1-chunked", config: HTTP_11, ..CASE },
    Case {
        name: "nginx-1.1-chunked-large",
        config: HTTP_11,
        target: "/events?size=20000",
        verdict: ONE_EVENT,
        findings: &["one-event"],
        ..CASE
    },
    Case { name: "nginx-unbuffered", config: UNBUFFERED, ..CASE },
    Case { name: "nginx-accel", args: &[], ..CASE },
    Case {
        name: "nginx-accel-ignored",
        config: "proxy_ignore_headers X-Accel-Buffering;",
        args: &[],
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case {
        name: "nginx-redirect",
        config: "location = /old { return 301 /events$is_args$args; } location = /time { proxy_pass http://{ORIGIN}; }",
        target: "/old",
        args: &[],
        findings: &["redirected"],
        ..CASE
    },
    Case {
        name: "nginx-query-lost",
        config: "proxy_buffering off; location = /events { set $args ''; proxy_pass http://{ORIGIN}; }",
        target: "/events",
        args: &["--plain"],
        end: "ours",
        findings: &["query-lost"],
        ..CASE
    },
    Case {
        name: "nginx-limit-conn",
        config: "proxy_buffering off; location = /events { limit_conn all 2; proxy_pass http://{ORIGIN}; }",
        findings: &["streams-refused"],
        ..CASE
    },
    Case {
        name: "nginx-foreign-unbuffered",
        config: "proxy_buffering off; location = /time { return 404; }",
        target: "/events?interval=500ms&count=10",
        findings: &["no-stamps"],
        ..CASE
    },
    Case {
        name: "nginx-twice-unbuffered",
        config: "proxy_buffering off; location /outer/ { proxy_pass http://unix:{TEMP}/second:/; }",
        target: "/outer/events",
        args: &[],
        ..CASE
    },
];
