//! What goes wrong with cloudflared, known by the lines of its log.

use std::fmt;

/// What is wrong, the most certain first: of several, the first one names the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// The launcher can't become the program.
    NotRunnable,
    /// It doesn't know an option.
    UnknownOption,
    /// Its configuration file can't be read.
    Configuration,
    /// There is neither a token nor another name of a tunnel to run.
    NoToken,
    /// Cloudflare gives this address no more quick tunnels for now.
    RateLimited,
    /// Cloudflare doesn't accept the token.
    TokenRefused,
    /// Cloudflare doesn't know the tunnel any more.
    TunnelGone,
    /// It wants a certificate of `cloudflared login`.
    OriginCertificate,
    /// The port of its metrics server is taken.
    MetricsPort,
    /// The tunnel leads to nothing.
    NoRoute,
    /// It can't connect to the origin that the tunnel leads to.
    OriginDown,
    /// Something in between inspects TLS.
    Intercepted,
    /// Names can't be resolved.
    Dns,
    /// The service that gives quick tunnels can't be reached.
    ServiceUnreachable,
    /// That service is reached, and gives none.
    ServiceDown,
    /// QUIC doesn't get through.
    QuicBlocked,
    /// Cloudflare's edge can't be reached at all.
    EdgeUnreachable,
}

use Problem::{
    Configuration, Dns, EdgeUnreachable, Intercepted, MetricsPort, NoRoute, NoToken, NotRunnable, OriginCertificate,
    OriginDown, QuicBlocked, RateLimited, ServiceDown, ServiceUnreachable, TokenRefused, TunnelGone, UnknownOption,
};

/// Texts in lines, and what they mean. The first one that is there counts.
const MARKS: [(&str, Problem); 33] = [
    (super::launch::FAILURE, NotRunnable),
    ("flag provided but not defined", UnknownOption),
    ("in config file at", Configuration),
    ("Cannot load configuration from", Configuration),
    ("requires the ID or name of the tunnel to run", NoToken),
    // Cloudflare's error 1015 is its limit on requests.
    ("429 Too Many Requests", RateLimited),
    ("provisioning failed with status 429", RateLimited),
    ("QuickTunnel response: error code: 1015", RateLimited),
    ("Tunnel token is not valid", TokenRefused),
    ("Unauthorized: Tunnel not found", TunnelGone),
    ("Unauthorized: ", TokenRefused),
    ("client didn't specify origincert path", OriginCertificate),
    ("Cannot find a valid certificate at the path", OriginCertificate),
    ("opening metrics server listener", MetricsPort),
    ("No ingress rules were defined", NoRoute),
    ("Unable to reach the origin service", OriginDown),
    // Of what follows, the origin may be the reason, too: it was looked for above.
    ("x509: certificate signed by unknown authority", Intercepted),
    ("no such host", Dns),
    ("server misbehaving", Dns),
    ("lookup api.trycloudflare.com", Dns),
    ("lookup region1.v2.argotunnel.com", Dns),
    ("lookup region2.v2.argotunnel.com", Dns),
    ("failed to request quick Tunnel", ServiceUnreachable),
    ("quick tunnel provisioning failed", ServiceDown),
    ("failed to unmarshal quick Tunnel", ServiceDown),
    ("Error unmarshaling QuickTunnel response", ServiceDown),
    ("failed to parse quick Tunnel ID", ServiceDown),
    ("failed to dial to edge with quic", QuicBlocked),
    ("Failed to dial a quic connection", QuicBlocked),
    ("egress UDP to port 7844", QuicBlocked),
    ("Allow outbound QUIC traffic on port 7844", QuicBlocked),
    ("Unable to establish connection with Cloudflare edge", EdgeUnreachable),
    ("DialContext error: dial tcp", EdgeUnreachable),
];

/// What it says when a connection to the edge is there: what was wrong before is so no more.
const CONNECTED: &str = "Registered tunnel connection";

impl Problem {
    /// The problem that a line of the log tells of.
    pub fn of_line(line: &str) -> Option<Problem> {
        MARKS.iter().find(|(mark, _)| line.contains(mark)).map(|(_, problem)| *problem)
    }

    /// Whether it stays as it is however soon and often cloudflared is started again.
    pub fn is_lasting(self) -> bool {
        matches!(
            self,
            NotRunnable
                | UnknownOption
                | Configuration
                | NoToken
                | RateLimited
                | TokenRefused
                | OriginCertificate
                | Intercepted
        )
    }

    /// What the user may try.
    pub fn advice(self) -> &'static str {
        match self {
            NotRunnable => "is it for this machine's architecture (uname -m), and may it be executed?",
            UnknownOption => "update cloudflared, unless the option is one of those that you gave behind '--'",
            Configuration => "the line names the file: repair it, or name another one with '-- --config FILE'",
            NoToken => {
                "set TUNNEL_TOKEN, or TUNNEL_TOKEN_FILE; the tunnel's page in Cloudflare's dashboard shows the token where it says how to install a connector"
            }
            RateLimited => {
                "each start of a quick tunnel counts: wait for an hour at most, ask from another address, or use a named tunnel"
            }
            TokenRefused => {
                "copy the whole token again (it begins with eyJ): the tunnel was perhaps deleted, or its token replaced"
            }
            TunnelGone => {
                "start again: a quick tunnel gets a new name; a named one was deleted, and another one has another token"
            }
            OriginCertificate => {
                "'cloudflared login' gets one; a named tunnel that is run with a token (TUNNEL_TOKEN) needs none"
            }
            MetricsPort => "another program took it in the same moment: try again",
            NoRoute => {
                "add a public hostname to the tunnel, in Cloudflare's dashboard, whose service is the origin on this machine"
            }
            OriginDown => {
                "the service of the tunnel's public hostname, in Cloudflare's dashboard, must be the origin on this machine, with its port"
            }
            Intercepted => {
                "a proxy or virus scanner seems to read along: let it pass api.trycloudflare.com and *.argotunnel.com, or add its certificate to this machine's"
            }
            Dns => "is there a connection to the internet, and does its DNS resolve api.trycloudflare.com?",
            ServiceUnreachable => {
                "is there a connection to the internet, and does a firewall let https to api.trycloudflare.com pass?"
            }
            ServiceDown => {
                "Cloudflare promises nothing for quick tunnels: try again later, or use a named tunnel; a status of 403 may come from a firewall"
            }
            QuicBlocked => "a firewall seems to block UDP to port 7844: try --protocol http2",
            EdgeUnreachable => {
                "a firewall must let connections to port 7844 of region1.v2.argotunnel.com and region2.v2.argotunnel.com pass: TCP for --protocol http2, UDP for quic"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotRunnable => "it can't be executed",
            UnknownOption => "it doesn't know an option; it may be too old",
            Configuration => "its configuration file can't be read",
            NoToken => "there is no token that says which tunnel to run",
            RateLimited => "Cloudflare gives this address no more quick tunnels for now (429)",
            TokenRefused => "Cloudflare doesn't accept the token",
            TunnelGone => "Cloudflare doesn't know the tunnel any more",
            OriginCertificate => "it wants a certificate of 'cloudflared login'",
            MetricsPort => "the port for its metrics is taken",
            NoRoute => "the tunnel leads nowhere: no public hostname is set up for it",
            OriginDown => "it can't connect to the origin that the tunnel leads to",
            Intercepted => "the certificate that came isn't Cloudflare's",
            Dns => "names can't be resolved",
            ServiceUnreachable => "api.trycloudflare.com, which gives quick tunnels, can't be reached",
            ServiceDown => "api.trycloudflare.com gives no quick tunnel",
            QuicBlocked => "QUIC doesn't get through to Cloudflare",
            EdgeUnreachable => "Cloudflare's edge can't be reached",
        })
    }
}

/// A problem with the line that tells of it, fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub problem: Problem,
    /// The line of the log.
    pub line: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.line)
    }
}

/// What a log has told since there was last a connection.
#[derive(Debug, Default)]
pub(super) struct Diary {
    found: Option<Found>,
    told: Vec<Problem>,
}

impl Diary {
    /// Takes a line, and returns a problem that was not told before.
    pub(super) fn read(&mut self, line: &str) -> Option<Found> {
        if line.contains(CONNECTED) {
            *self = Diary::default();
        }
        let found = Found { problem: Problem::of_line(line)?, line: line.to_owned() };
        if self.told.contains(&found.problem) {
            return None;
        }
        self.told.push(found.problem);
        if self.found.as_ref().is_none_or(|before| found.problem < before.problem) {
            self.found = Some(found.clone());
        }
        Some(found)
    }

    /// The problem that names the cause.
    pub(super) fn cause(&self) -> Option<&Found> {
        self.found.as_ref()
    }
}

#[cfg(test)]
mod tests;
