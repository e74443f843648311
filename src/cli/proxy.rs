//! `proxy`: options to configuration, and how the proxy runs until it is stopped.

use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::client::{ClientOptions, resolve, seconds};
use super::exit::{Exit, Failure};
use super::output::{show, show_addresses};
use super::values::{at_least_one, base_path};
use crate::impair::{self, Alterations, SpecError};
use crate::proxy::{self, AtEnd, Config, HeaderPolicy, ProxyError, RelayPolicy, Sharing};
use crate::server::MAX_CONNECTIONS;
use crate::server::listener::ListenAddr;
use crate::shutdown::Interrupts;

/// The port of the proxy, unless another is asked for.
const PORT: u16 = 8181;

/// Relay an SSE stream, byte for byte and as it comes.
///
/// Each request for /events goes to the target, with the client's header fields, query and body, and the response comes
/// back. The target's /time and /streams/ID are relayed too, so that a probe can measure through the proxy.
///
/// Cures get a stream through paths that hold or end it; impairments do to it what such paths do. --list-profiles shows
/// all of them.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "proxy", help_triggers("-h", "--help"))]
pub(super) struct Proxy {
    /// the stream's URL (default http://localhost:8080/sse)
    #[argh(positional, default = "proxy::TARGET.to_owned()")]
    target: String,
    /// where to serve: ADDR:PORT, or :PORT for every address (default localhost:8181)
    #[argh(option, default = "ListenAddr::localhost(PORT)", arg_name = "addr:port")]
    listen: ListenAddr,
    /// path to mount everything under, such as /sse
    #[argh(option, default = "String::new()", from_str_fn(base_path), arg_name = "path")]
    base_path: String,
    /// most connections at a time (default 4096)
    #[argh(option, default = "MAX_CONNECTIONS", from_str_fn(at_least_one), arg_name = "n")]
    max_connections: usize,
    /// seconds until the target's response head must be there (default 60)
    #[argh(option, default = "Some(proxy::HEAD_TIMEOUT)", from_str_fn(seconds), arg_name = "s")]
    head_timeout: Option<Duration>,
    /// set the response headers that are best practice, ask the target for no content coding, and undo gzip; every
    /// other cure does that too
    #[argh(switch)]
    cure: bool,
    /// cure: send a comment whenever nothing was sent for this time
    #[argh(option, arg_name = "d")]
    heartbeat: Option<String>,
    /// cure: send so many bytes of comments before the first byte of the stream
    #[argh(option, arg_name = "n")]
    pad: Option<String>,
    /// cure: send 4k bytes, or N, of comments at this interval
    #[argh(option, arg_name = "d[:n]")]
    pad_every: Option<String>,
    /// cure: send comments behind each event, so that both together have so many bytes
    #[argh(option, arg_name = "n")]
    pad_to: Option<String>,
    /// cure: send the head and a comment if the target has not answered after a second
    #[argh(switch)]
    early: bool,
    /// treat streams as a path of the world does, some of its impairments replaced or others added:
    /// envoy-15s,cut-after=3s
    #[argh(option, arg_name = "name[,spec]")]
    like: Vec<String>,
    /// impair streams, behind what --like does: hold-bytes=4k,cut-after=30s
    #[argh(option, arg_name = "spec[,spec]")]
    impair: Vec<String>,
    /// list profiles, impairments and cures, and exit
    #[argh(switch)]
    list_profiles: bool,
    /// when the target's stream ends, ask it to go on behind the last complete event, as browsers do: clients see one
    /// that does not break. Events may have 4 MiB
    #[argh(switch)]
    resume: bool,
    /// one connection to the target for all clients of the same URL without Authorization and Cookie; one that falls
    /// behind the last 1024 events, or 1 MiB, is dropped
    #[argh(switch)]
    share: bool,
    /// accept any certificate
    #[argh(switch, short = 'k')]
    insecure: bool,
    /// trust the certificates in this PEM file, and no others
    #[argh(option, arg_name = "file")]
    cacert: Option<PathBuf>,
    /// address to use for a host and port: HOST:PORT:ADDR
    #[argh(option, from_str_fn(resolve), arg_name = "host:port:addr")]
    resolve: Vec<((String, u16), IpAddr)>,
    /// seconds until the connection to the target must be there
    #[argh(option, from_str_fn(seconds), arg_name = "s")]
    connect_timeout: Option<Option<Duration>>,
    /// use IPv4 alone
    #[argh(switch, short = '4')]
    ipv4: bool,
    /// use IPv6 alone
    #[argh(switch, short = '6')]
    ipv6: bool,
    /// HTTP proxy to go through, such as http://127.0.0.1:3128
    #[argh(option, short = 'x', arg_name = "url")]
    proxy: Option<String>,
}

impl Proxy {
    /// How many descriptors its connections may take.
    pub(super) fn descriptors(&self) -> usize {
        self.max_connections.saturating_mul(self.sharing().descriptors())
    }

    fn sharing(&self) -> Sharing {
        if self.share { Sharing::SameUrl } else { Sharing::Never }
    }

    fn policy(&self) -> Result<RelayPolicy, String> {
        let told = |error: SpecError| error.to_string();
        let cures = [
            ("heartbeat", &self.heartbeat),
            ("pad", &self.pad),
            ("pad-every", &self.pad_every),
            ("pad-to", &self.pad_to),
        ];
        let mut alterations = Alterations::default();
        for (name, value) in cures {
            let Some(value) = value else { continue };
            if value.contains(',') {
                return Err(format!("--{name} {value}: it takes one value; other cures are options of their own"));
            }
            alterations.cure(&format!("{name}={value}")).map_err(told)?;
        }
        self.like.iter().try_for_each(|specs| alterations.like(specs)).map_err(told)?;
        self.impair.iter().try_for_each(|specs| alterations.impair(specs)).map_err(told)?;
        let headers = if self.cure { HeaderPolicy::BestPractice } else { HeaderPolicy::PassOn };
        Ok(RelayPolicy { alterations, headers, early: self.early.then_some(proxy::EARLY) })
    }

    fn into_config(self) -> Result<Config, String> {
        let policy = self.policy()?;
        if self.share && policy != RelayPolicy::default() {
            return Err("--share goes with no cure and no impairment: put another proxy behind it for those".to_owned());
        }
        let sharing = self.sharing();
        let client = ClientOptions {
            method: None,
            changes: Vec::new(),
            data: Vec::new(),
            insecure: self.insecure,
            cacert: self.cacert,
            resolve: self.resolve,
            connect_timeout: self.connect_timeout.flatten(),
            max_time: None,
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            proxy: self.proxy,
        };
        Ok(Config {
            base_path: self.base_path,
            max_connections: self.max_connections,
            target: self.target,
            settings: client.into_settings()?,
            // No limit, as with curl, is one of many years.
            head_timeout: self.head_timeout.unwrap_or(Duration::MAX),
            policy,
            at_end: if self.resume { AtEnd::Resume } else { AtEnd::PassOn },
            sharing,
            ..Config::new(self.listen)
        })
    }
}

/// Runs the command.
pub(super) fn run(options: Proxy, out: &mut dyn Write) -> Result<Exit, Failure> {
    if options.list_profiles {
        show(out, &lists());
        return Ok(Exit::Ok);
    }
    let config = options.into_config().map_err(Failure::usage)?;
    let base = config.base_path.clone();
    let proxy = proxy::Proxy::start(config).map_err(|error| match error {
        ProxyError::Target(_) | ProxyError::Client(_) => Failure::usage(error.to_string()),
        ProxyError::Start(_) | ProxyError::Name(_) => Failure::unreachable(error.to_string()),
    })?;
    let interrupts = Interrupts::install();
    let interrupts = interrupts.map_err(|error| Failure::unreachable(format!("handle signals: {error}")))?;
    show_addresses(out, proxy.addresses(), &base);
    interrupts.stop.wait_forever();
    proxy.stop(&interrupts.hurry);
    Ok(if interrupts.hurry.is_triggered() { Exit::Interrupted } else { Exit::Ok })
}

/// Everything that can be done to streams.
fn lists() -> String {
    let mut text = "Profiles, for --like NAME:\n".to_owned();
    for profile in impair::profiles() {
        let impair::Profile { name, spec, text: what, source, date } = profile;
        let _ = write!(text, "  {name}\n      {what}\n      = {spec}\n      {source} ({date})\n");
    }
    let lists = [
        ("Impairments, for --impair SPEC[,SPEC...] and behind a profile's name", impair::impairments()),
        ("Cures, each an option of the same name", impair::cures()),
    ];
    for (title, entries) in lists {
        let _ = write!(text, "\n{title}:\n");
        for entry in entries {
            let takes = if entry.takes.is_empty() { String::new() } else { format!("; {}", entry.takes) };
            let _ = write!(text, "  {}\n      {}{takes}\n", entry.form, entry.text);
        }
    }
    text
}
