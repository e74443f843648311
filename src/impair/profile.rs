//! Paths of the world, as measured or documented.

use super::impairment::Impairment;
use super::spec::{self, SpecError, SpecKind};

/// A path with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name.
    pub name: &'static str,
    /// Its impairments, as they could be given one by one.
    pub spec: &'static str,
    /// One sentence, without a final dot.
    pub text: &'static str,
    /// Where that is known from.
    pub source: &'static str,
    /// When that was measured or read.
    pub date: &'static str,
}

impl Profile {
    pub(super) fn find(name: &str) -> Result<Profile, SpecError> {
        let found = PROFILES.iter().find(|profile| profile.name == name);
        found.copied().ok_or_else(|| {
            let names = PROFILES.iter().map(|profile| profile.name.to_owned()).collect();
            SpecError::unknown(SpecKind::Profile, name, names)
        })
    }

    pub(super) fn impairments(&self) -> Vec<Impairment> {
        spec::list(self.spec).map(|spec| Impairment::parse(spec).expect("a test reads all profiles")).collect()
    }
}

/// Everything there is a name for.
pub(super) const PROFILES: [Profile; 18] = [
    Profile {
        name: "argo-2024",
        spec: "hold-start-time=90s",
        text: "nothing for 90 seconds from the first byte on, then real time; it may have been 4096 bytes rather than a time",
        source: "the first experiment with events through an Argo tunnel: \"after buffering for about 90 seconds\"",
        date: "2024",
    },
    Profile {
        name: "quick-tunnel-get",
        spec: "hold-until-close,only=GET",
        text: "a Cloudflare quick tunnel: the head comes at once, the body of a GET when the origin ends it, POST streams",
        source: "cloudflared issues 199, 1095, 1404, 1449 and 1496",
        date: "2025 to 2026-11",
    },
    Profile {
        name: "cloudflare-idle",
        spec: "idle-cut=100s:truncated",
        text: "Cloudflare's edge: cut when the origin sent nothing for 100 seconds (measured up to 125)",
        source: "Cloudflare's documentation of error 524",
        date: "2026-11",
    },
    Profile {
        name: "nginx-default",
        spec: "hold-head,hold-bytes=4096,strip-header=X-Accel-Buffering,spares=accel-no",
        text: "proxy_pass with proxy_buffering on and HTTP/1.0 to the origin: 4096 bytes at a time, the head with the first",
        source: "measured with nginx 1.22",
        date: "2026-11",
    },
    Profile {
        name: "nginx-http11",
        spec: "hold-head,hold-bytes=4096,strip-header=X-Accel-Buffering,spares=accel-no,spares=chunked",
        text: "the same with HTTP/1.1 to the origin, the default since nginx 1.29.7: chunked streams pass, others are held",
        source: "measured with nginx 1.22, proxy_http_version 1.1",
        date: "2026-11",
    },
    Profile {
        name: "nginx-64k",
        spec: "hold-head,hold-bytes=64k,strip-header=X-Accel-Buffering,spares=accel-no",
        text: "nginx with 16 proxy_buffers of 64k: 64 KiB at a time",
        source: "measured with nginx 1.22",
        date: "2026-11",
    },
    Profile {
        name: "nginx-gzip",
        spec: "hold-head,gzip-noflush,hold-bytes=4096,strip-header=X-Accel-Buffering,spares=accel-no",
        text: "nginx with proxy_buffering and gzip for event streams: nothing, not even a head, to clients that accept gzip",
        source: "measured with nginx 1.22",
        date: "2026-11",
    },
    Profile {
        name: "nginx-idle",
        spec: "idle-cut=60s:truncated",
        text: "nginx without buffering: cut when the origin sent nothing for 60 seconds, the default of proxy_read_timeout",
        source: "nginx's documentation; measured with nginx 1.22 and a limit of 10 seconds",
        date: "2026-11",
    },
    Profile {
        name: "haproxy-default",
        spec: "cork=205ms,spares=unchunked",
        text: "chunks wait in a corked socket until 200 ms after the first; real ones go earlier once they fill a segment",
        source: "measured with haproxy 2.6: 203 to 209 ms",
        date: "2026-11",
    },
    Profile {
        name: "haproxy-compression",
        spec: "one-event,spares=no-transform,spares=no-gzip",
        text: "haproxy with compression and http-no-delay: one event behind for clients that accept gzip",
        source: "measured with haproxy 2.6; its timing only, the body stays uncompressed here",
        date: "2026-11",
    },
    Profile {
        name: "apache-modsecurity",
        spec: "hold-head,hold-start-bytes=512k",
        text: "mod_security that reads event streams: everything at the end, or once there are 512 KiB",
        source: "measured with apache 2.4",
        date: "2026-11",
    },
    Profile {
        name: "lighttpd-default",
        spec: "hold-head,hold-until-close,keep-origin-open",
        text: "nothing before the origin ends the response, head included, and it never hears that a client has gone",
        source: "measured with lighttpd 1.4",
        date: "2026-11",
    },
    Profile {
        name: "envoy-15s",
        spec: "cut-after=15s:truncated",
        text: "a route's default timeout: cut after 15 seconds, whatever is sent",
        source: "Envoy's documentation, \"How do I configure timeouts?\"",
        date: "2026-11",
    },
    Profile {
        name: "compression-middleware",
        spec: "gzip-noflush,spares=no-transform",
        text: "a framework's compressor that nobody flushes: the head, then nothing for clients that accept gzip",
        source: "measured with Node's compression and others",
        date: "2026-11",
    },
    Profile {
        name: "one-behind",
        spec: "one-event",
        text: "each event comes when the next one does, whatever the client accepts",
        source: "measured with several compressors, and with nginx and large events",
        date: "2026-11",
    },
    Profile {
        name: "heroku-idle",
        spec: "idle-cut=55s:truncated",
        text: "Heroku's router: cut when nothing was sent for 55 seconds",
        source: "Heroku's documentation, \"HTTP routing\"",
        date: "2026-11",
    },
    Profile {
        name: "aws-elb-idle",
        spec: "idle-cut=60s:truncated",
        text: "an AWS load balancer: cut when nothing was sent for 60 seconds",
        source: "AWS's documentation, \"Configure the idle connection timeout\"",
        date: "2026-11",
    },
    Profile {
        name: "google-lb-30s",
        spec: "cut-after=30s:truncated",
        text: "a Google Cloud load balancer: cut after 30 seconds, the backend's default timeout, whatever is sent",
        source: "Google's documentation, \"Backend service timeout\"",
        date: "2026-11",
    },
];
