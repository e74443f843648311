//! lighttpd and Apache.

use super::configs::{apache, lighttpd};
use super::proxy::Software::{Apache, Lighttpd};
use super::run::{BATCHED, CASE, CLOSE, CORRUPT, CUT, Case, IDLE, ONE_EVENT};

/// Their cases.
pub(crate) const ALL: &[Case] = &[
    Case { name: "lighttpd-default", software: Lighttpd, verdict: CLOSE, ..CASE },
    Case {
        name: "lighttpd-default-post",
        software: Lighttpd,
        args: &["--plain", "-X", "POST"],
        verdict: CLOSE,
        ..CASE
    },
    Case {
        name: "lighttpd-default-close",
        software: Lighttpd,
        target: "/events?framing=close",
        verdict: CLOSE,
        ..CASE
    },
    Case { name: "lighttpd-stream-1", software: Lighttpd, config: lighttpd::STREAM, ..CASE },
    Case { name: "lighttpd-stream-2", software: Lighttpd, config: "server.stream-response-body = 2", ..CASE },
    Case {
        name: "lighttpd-deflate",
        software: Lighttpd,
        config: "server.stream-response-body = 2\n deflate.mimetypes = (\"text/event-stream\")\n deflate.allowed-encodings = (\"gzip\")",
        ..CASE
    },
    Case { name: "lighttpd-deflate-held", software: Lighttpd, config: lighttpd::DEFLATE, verdict: CLOSE, ..CASE },
    Case { name: "apache-default", software: Apache, ..CASE },
    Case {
        name: "apache-sed",
        software: Apache,
        config: "LoadModule sed_module /usr/lib/apache2/modules/mod_sed.so\n<Location /events>\nSetOutputFilter Sed\nOutputSed s/x/x/\n</Location>",
        target: "/events",
        verdict: ONE_EVENT,
        findings: &["one-event"],
        ..CASE
    },
    Case {
        name: "apache-ext-filter",
        software: Apache,
        config: "LoadModule ext_filter_module /usr/lib/apache2/modules/mod_ext_filter.so\nExtFilterDefine sed mode=output intype=text/event-stream cmd=\"/bin/sed s/x/x/\"\n<Location /events>\nSetOutputFilter sed\n</Location>",
        target: "/events",
        verdict: BATCHED,
        bytes: Some(4096),
        ..CASE
    },
    Case { name: "apache-deflate", software: Apache, config: apache::DEFLATE, ..CASE },
    Case {
        name: "apache-substitute",
        software: Apache,
        config: "AddOutputFilterByType SUBSTITUTE text/event-stream\nSubstitute s/aa/bb/n",
        verdict: CORRUPT,
        findings: &["changed"],
        ..CASE
    },
    Case {
        name: "apache-rate",
        software: Apache,
        config: "<Location /events>\nSetOutputFilter RATE_LIMIT\nSetEnv rate-limit 4\n</Location>",
        verdict: ("batched", "time"),
        ms: Some(200),
        findings: &["falls-behind"],
        ..CASE
    },
    Case {
        name: "apache-buffer",
        software: Apache,
        config: "LoadModule buffer_module /usr/lib/apache2/modules/mod_buffer.so\n<Location />\nSetOutputFilter BUFFER\nBufferSize 20000\n</Location>",
        ..CASE
    },
    Case {
        name: "apache-mod-security",
        software: Apache,
        config: apache::MOD_SECURITY,
        args: &["--plain", "--duration", "6s"],
        verdict: CLOSE,
        findings: &["close-or-larger"],
        ..CASE
    },
    // A longer run has a stream of more than 512 KiB.
    Case {
        name: "apache-mod-security-full",
        software: Apache,
        config: apache::MOD_SECURITY,
        verdict: ("late-start", "start-bytes"),
        bytes: Some(524_288),
        findings: &["start-bytes"],
        ..CASE
    },
    Case {
        name: "apache-timeout",
        software: Apache,
        config: "ProxyTimeout 3",
        target: IDLE,
        verdict: CUT,
        end: "idle-cut",
        findings: &["idle-cut"],
        ..CASE
    },
];
