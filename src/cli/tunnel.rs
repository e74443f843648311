//! `tunnel`: options to configuration, report to output and exit code.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use crossbeam_channel::{Sender, unbounded};

use super::client::client_command;
use super::diagnose::ReportFile;
use super::exit::{Exit, Failure};
use super::interrupt::Wish;
use super::logging::Quiet;
use super::output::{show, unless_unread};
use super::serve::PORT;
use super::terminal::{self, Progress};
use super::values::{WITHIN, long_wait, run_time};
use crate::client::Request;
use crate::diagnose::Depth;
use crate::lock::lock;
use crate::origin::Origin;
use crate::origin::config::Config;
use crate::probe::Notice;
use crate::report::tunnel::{self, Failed, Tunnelled};
use crate::server::listener::ListenAddr;
use crate::tunnel::cloudflared::{self, Protocol, READY_TIMEOUT, Settings};
use crate::tunnel::experiment::{Experiment, Opened, Way};

/// How long it may take to end: the origin takes 2 s at most, and cloudflared as long.
const GRACE: Duration = Duration::from_secs(6);
/// The same in a hurry.
const HURRIED: Duration = Duration::from_secs(1);
/// Variables of which one says which named tunnel to run.
const TOKENS: [&str; 2] = ["TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE"];

client_command! {
    /// Find out what Cloudflare's tunnel does to events: starts the origin and cloudflared, waits until the public URL works,
    /// diagnoses it beside the direct way, prints one report, and serves on until Ctrl-C.
    ///
    /// It is a quick tunnel unless --hostname or --public-url is given. What stands behind '--' is handed to cloudflared.
    #[derive(FromArgs, ArgsInfo, Debug)]
    #[argh(subcommand, name = "tunnel", help_triggers("-h", "--help"))]
    struct Tunnel {
        /// handed to cloudflared, behind '--'
        #[argh(positional)]
        args: Vec<String>,
        /// where the origin serves (default 127.0.0.1 on a free port; localhost:3000 with --hostname or --public-url)
        #[argh(option, arg_name = "addr:port")]
        listen: Option<ListenAddr>,
        /// the program (default cloudflared, looked for in PATH)
        #[argh(option, arg_name = "path")]
        cloudflared: Option<PathBuf>,
        /// how it connects: auto (default), quic, http2, or both, one after the other
        #[argh(option, from_str_fn(protocols), arg_name = "protocol")]
        protocol: Option<Protocols>,
        /// public name of a tunnel of your own; its token is in the environment, TUNNEL_TOKEN, or in a file,
        /// TUNNEL_TOKEN_FILE
        #[argh(option, arg_name = "name")]
        hostname: Option<String>,
        /// URL of a tunnel that runs already and leads to the origin: no cloudflared is started
        #[argh(option, arg_name = "url")]
        public_url: Option<String>,
        /// longest wait until the origin answers through the tunnel, 1s to 1h (default 90s)
        #[argh(option, default = "READY_TIMEOUT", from_str_fn(long_wait), arg_name = "duration")]
        ready_timeout: Duration,
        /// exit after the report, with the code of its verdict
        #[argh(switch)]
        once: bool,
        /// diagnose for 12 seconds at most: fewer events, no silences, no combinations of cures
        #[argh(switch)]
        quick: bool,
        /// most an event may be late and still be in real time (default 100ms)
        #[argh(option, default = "WITHIN", from_str_fn(run_time), arg_name = "duration")]
        within: Duration,
        /// write the report to this file as one HTML page with charts, to be passed on
        #[argh(option, arg_name = "file.html")]
        report: Option<PathBuf>,
        /// print the report as one JSON object
        #[argh(switch)]
        json: bool,
    }
}

/// The protocols to try, one after the other.
type Protocols = &'static [Protocol];

fn protocols(text: &str) -> Result<Protocols, String> {
    match text {
        "auto" => Ok(&[Protocol::Auto]),
        "quic" => Ok(&[Protocol::Quic]),
        "http2" => Ok(&[Protocol::Http2]),
        "both" => Ok(&[Protocol::Quic, Protocol::Http2]),
        _ => Err("it is one of auto, quic, http2 and both".to_owned()),
    }
}

/// Where the origin serves, unless the user says otherwise: what leads to it from elsewhere knows but one port.
fn listen(options: &Tunnel) -> ListenAddr {
    let is_set_up = options.hostname.is_some() || options.public_url.is_some();
    let free = || ListenAddr::from(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0));
    options.listen.clone().unwrap_or_else(|| if is_set_up { ListenAddr::localhost(PORT) } else { free() })
}

/// What the options can't mean.
fn check(options: &Tunnel) -> Result<(), String> {
    if let Some(stray) = options.args.first().filter(|arg| !arg.starts_with('-') && *arg != "run") {
        let stray = stray.escape_debug();
        return Err(format!("unexpected argument \"{stray}\": what is for cloudflared stands behind '--'"));
    }
    // Its command line takes options with one dash, too.
    let has = |name: &str| {
        let options = options.args.iter().filter(|arg| arg.starts_with('-')).map(|arg| arg.trim_start_matches('-'));
        options.into_iter().any(|option| option.split('=').next() == Some(name))
    };
    if has("token") {
        return Err(
            "a token on the command line is shown to everybody on this machine: set TUNNEL_TOKEN instead".to_owned()
        );
    }
    if let Some(name) = ["metrics", "url"].into_iter().find(|name| has(name)) {
        return Err(format!("--{name} of cloudflared is set by this command: leave it out behind '--'"));
    }
    if options.args.iter().any(|arg| arg == "run") && options.hostname.is_none() && options.public_url.is_none() {
        return Err("'run' is for a named tunnel: give its public name with --hostname, too".to_owned());
    }
    if options.public_url.is_some() {
        let given = [
            ("--hostname", options.hostname.is_some()),
            ("--cloudflared", options.cloudflared.is_some()),
            ("--protocol", options.protocol.is_some()),
            ("what stands behind '--'", !options.args.is_empty()),
        ];
        if let Some((name, _)) = given.iter().find(|(_, is_given)| *is_given) {
            return Err(format!("--public-url starts no cloudflared: leave {name} out"));
        }
    }
    let has_token = || TOKENS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if options.hostname.is_some() && !options.args.iter().any(|arg| arg == "run") && !has_token() {
        return Err("--hostname needs the tunnel's token: set TUNNEL_TOKEN, or TUNNEL_TOKEN_FILE to the path of a file \
                    with it; the tunnel's page in Cloudflare's dashboard shows it where it says how to install a connector"
            .to_owned());
    }
    if let Some(name) = options.hostname.as_ref().filter(|name| !is_host(name)) {
        let name = name.escape_debug();
        return Err(format!("--hostname is a name such as sse.example.com, without scheme and path, not \"{name}\""));
    }
    Ok(())
}

/// Whether it is a host's name, perhaps with a port.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
}

/// How the origin is reached from this machine: over IPv4 on loopback if it serves there, as cloudflared does.
fn origin(addresses: &[SocketAddr]) -> Result<SocketAddr, Failure> {
    let serves =
        |address: &SocketAddr| address.ip().is_unspecified() || address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = addresses.iter().find(|address| serves(address)).map(SocketAddr::port);
    let over_ipv4 = port.map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    let address = over_ipv4.or(addresses.first().copied());
    address.ok_or_else(|| Failure::unreachable("the origin has no address".to_owned()))
}

/// The ways to try, one after the other.
fn ways(options: &Tunnel, origin: SocketAddr, public: Option<Request>) -> Result<Vec<Way>, Failure> {
    if let Some(request) = public {
        return Ok(vec![Way::Running(request)]);
    }
    let tunnel = match &options.hostname {
        Some(hostname) => cloudflared::Tunnel::Named { hostname: hostname.clone() },
        None if origin.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) => cloudflared::Tunnel::Quick { origin: origin.port() },
        None => {
            let text = format!("a quick tunnel leads to 127.0.0.1, where the origin does not serve: --listen {origin}");
            return Err(Failure::usage(text));
        }
    };
    let settings = |protocol: &Protocol| {
        let mut settings = Settings { protocol: *protocol, ..Settings::new(tunnel.clone()) };
        settings.program = options.cloudflared.clone().unwrap_or(settings.program);
        settings.args = options.args.iter().map(Into::into).collect();
        Way::Cloudflared(settings)
    };
    Ok(options.protocol.unwrap_or(&[Protocol::Auto]).iter().map(settings).collect())
}

/// Runs the command.
pub(super) fn run(mut options: Tunnel, out: &mut dyn Write) -> Result<Exit, Failure> {
    check(&options).map_err(Failure::usage)?;
    let client = options.client();
    let max_time = client.max_time;
    // Its URL is known only when there is a tunnel.
    let request = client.request_for_events("localhost", "diagnose").map_err(Failure::usage)?;
    let public = options.public_url.as_deref().map(|url| client.request(url)).transpose().map_err(Failure::usage)?;
    let (client, direct) = client.into_clients().map_err(Failure::usage)?;
    let page = ReportFile::create(options.report.as_deref())?;
    let cannot_wait = |error: io::Error| Failure::unreachable(format!("handle signals: {error}"));
    let wish = Wish::within(GRACE, HURRIED);
    // It serves on for somebody: if nobody reads any more, there is nobody.
    let wish = if options.once { wish } else { wish.and_then(Wish::or_unread) }.map_err(cannot_wait)?;
    let deadline = wish.deadline(None);
    let server = Origin::start(Config::new(listen(&options)));
    let server = server.map_err(|error| Failure::unreachable(error.to_string()))?;
    let status = Status::start();
    let tell = |text: &str| status.tell(text);
    let ready_timeout = options.ready_timeout;
    let mut opened = None;
    let result = origin(server.addresses()).and_then(|origin| {
        let ways = ways(&options, origin, public)?;
        let experiment = Experiment { client, direct, request, origin, ready_timeout, deadline, tell: &tell };
        let stage = Stage { options: &options, experiment, wish: &wish, max_time, status: &status };
        stage.play(&ways, page, out, &mut opened)
    });
    status.end();
    // The streams first: as long as there is one, cloudflared waits for its end.
    server.stop(wish.hurry());
    if let Some(opened) = opened {
        opened.stop(wish.hurry());
    }
    result.map(|exit| if wish.hurry().is_triggered() { Exit::Interrupted } else { exit })
}

/// All that the experiment needs.
struct Stage<'a> {
    options: &'a Tunnel,
    experiment: Experiment<'a>,
    wish: &'a Wish,
    /// How long a diagnosis may take.
    max_time: Option<Duration>,
    status: &'a Status,
}

impl Stage<'_> {
    /// Measures, reports, and keeps the last tunnel open until the user wants to end. What is open then is left in
    /// `opened`.
    fn play(
        &self,
        ways: &[Way],
        page: ReportFile<'_>,
        out: &mut dyn Write,
        opened: &mut Option<Opened>,
    ) -> Result<Exit, Failure> {
        let quiet = Quiet::new();
        let tunnelled = self.measure(ways, opened);
        drop(quiet);
        let tunnelled = match tunnelled {
            Err(failure) if self.options.json && failure.exit == Exit::Unreachable => {
                show(out, &tunnel::failed_json(&failure.text).to_string());
                return Err(failure);
            }
            other => other?,
        };
        self.status.end();
        let paged = tunnelled.naming().map(|run| page.write(&run.diagnosed));
        let text = written(&tunnelled, self.options.json);
        let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        paged.transpose()?;
        printed.or_else(unless_unread)?;
        let exit = self.wish.exit(Exit::Verdict(tunnelled.verdict()));
        match opened {
            Some(opened) if !self.options.once && exit != Exit::Interrupted => {
                self.keep(opened, out);
                Ok(Exit::Ok)
            }
            _ => Ok(exit),
        }
    }

    fn measure(&self, ways: &[Way], opened: &mut Option<Opened>) -> Result<Tunnelled, Failure> {
        let Stage { options, experiment, wish, .. } = self;
        let mut tunnelled = Tunnelled::default();
        let depth = if options.quick { Depth::Quick } else { Depth::Standard };
        for way in ways {
            if let Some(before) = opened.take() {
                before.stop(wish.hurry());
            }
            match experiment.open(way) {
                Ok(now) => {
                    let now = opened.insert(now);
                    let deadline = self.max_time.map(|time| experiment.deadline.at_most(time));
                    let deadline = deadline.as_ref().unwrap_or(&experiment.deadline);
                    let notices = Some(self.status.notices.clone());
                    let run = experiment.diagnose(now, options.within, depth, deadline, notices);
                    tunnelled.runs.push(run?);
                }
                Err(error) if error.is_stopped() && tunnelled.runs.is_empty() => {
                    return Err(Failure { exit: Exit::Interrupted, text: error.to_string() });
                }
                Err(error) if error.is_stopped() => {}
                Err(error) => {
                    let failed = Failed {
                        protocol: way.protocol(),
                        error: error.to_string(),
                        advice: error.advice().to_owned(),
                    };
                    tunnelled.failed.push(failed);
                }
            }
            if wish.stop().is_triggered() {
                break;
            }
        }
        if tunnelled.runs.is_empty() { Err(failure(tunnelled.failed)) } else { Ok(tunnelled) }
    }

    /// Says where the tunnel leads to, and keeps it open.
    fn keep(&self, opened: &mut Opened, out: &mut dyn Write) {
        let is_json = self.options.json;
        let mut say = |url: &str| match is_json {
            true => log::info!("serving on {url} until Ctrl-C"),
            false => show(out, &format!("serving on {url} until Ctrl-C")),
        };
        say(&opened.url().to_string());
        self.experiment.keep(opened, &mut say);
    }
}

/// That there is no tunnel at all, told once if all failed alike.
fn failure(failed: Vec<Failed>) -> Failure {
    let mut texts: Vec<String> = failed
        .into_iter()
        .map(|Failed { error, advice, .. }| format!("{error}\n{advice}").trim_end().to_owned())
        .collect();
    texts.dedup();
    Failure::unreachable(texts.join("\n"))
}

fn written(tunnelled: &Tunnelled, json: bool) -> String {
    if json {
        return serde_json::to_string(&tunnel::json(tunnelled)).unwrap_or_default() + "\n";
    }
    tunnel::text(tunnelled, terminal::style(&io::stdout()))
}

/// What is going on: a line on a terminal, lines of the log elsewhere.
struct Status {
    step: Arc<Mutex<Step>>,
    notices: Sender<Notice>,
    progress: Mutex<Option<Progress>>,
}

struct Step {
    text: String,
    begun: Instant,
    /// Events that came meanwhile.
    events: usize,
}

impl Status {
    fn start() -> Status {
        let step = Arc::new(Mutex::new(Step { text: String::new(), begun: Instant::now(), events: 0 }));
        let (sender, notices) = unbounded();
        let shown = Arc::clone(&step);
        let progress = Progress::start(move || {
            let Step { text, begun, events } = &mut *lock(&shown);
            *events += notices.try_iter().count();
            let events = match events {
                0 => String::new(),
                events => format!("  {events} events so far"),
            };
            format!("{:4.1} s{events}  {text}", begun.elapsed().as_secs_f64())
        });
        Status { step, notices: sender, progress: Mutex::new(Some(progress)) }
    }

    fn tell(&self, text: &str) {
        let mut step = lock(&self.step);
        if step.text == text {
            return;
        }
        *step = Step { text: text.to_owned(), begun: Instant::now(), events: 0 };
        if !lock(&self.progress).as_ref().is_some_and(Progress::is_shown) {
            log::info!("{text}");
        }
    }

    /// What is told from now on goes into the log.
    fn end(&self) {
        drop(lock(&self.progress).take());
    }
}
