//! `cloudflared`: started, watched, started again when it ends, and stopped.

mod error;
mod supervisor;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::problem::Found;
use super::{launch, metrics};
use crate::shutdown::Stop;
pub use error::{INSTALLING, TunnelError};
use supervisor::Supervisor;
pub use supervisor::{Ended, Event};

/// How long it may take until the tunnel is connected, unless the user says otherwise. To ask for a quick tunnel may
/// take 15 s, and each attempt to connect another 5 to 15 s.
pub const READY_TIMEOUT: Duration = Duration::from_secs(90);
/// How often it is asked whether it is connected.
const TICK: Duration = Duration::from_millis(250);
/// The name of the program.
const PROGRAM: &str = "cloudflared";
/// How this program is started again, as the launcher: the file may have been replaced or removed since.
const SELF: &str = "/proc/self/exe";
/// Variables that make another tunnel of a quick one.
const NAMING: [&str; 5] = ["TUNNEL_NAME", "TUNNEL_HOSTNAME", "TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE", "TUNNEL_UNIX_SOCKET"];
/// Asks for lines in JSON. As an option, versions before 2025.6.1 would refuse it.
const LOG_FORMAT: (&str, &str) = ("TUNNEL_LOG_OUTPUT", "json");

/// Which tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tunnel {
    /// One that Cloudflare makes up, with a name of its own, to an origin on a port of 127.0.0.1.
    Quick {
        /// The origin's port.
        origin: u16,
    },
    /// One that the user has made before. The token, in the environment as `TUNNEL_TOKEN` or in a file as
    /// `TUNNEL_TOKEN_FILE`, says which; Cloudflare's dashboard says where it leads.
    Named {
        /// The public hostname, with a port if it isn't 443.
        hostname: String,
    },
}

/// How it connects to Cloudflare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// QUIC, or HTTP/2 where that doesn't get through.
    #[default]
    Auto,
    /// QUIC, over UDP.
    Quic,
    /// HTTP/2, over TCP.
    Http2,
}

impl Protocol {
    /// The name that cloudflared has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Auto => "auto",
            Protocol::Quic => "quic",
            Protocol::Http2 => "http2",
        }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Protocol, String> {
        let all = [Protocol::Auto, Protocol::Quic, Protocol::Http2];
        let found = all.into_iter().find(|protocol| protocol.as_str() == text);
        found.ok_or_else(|| "it is one of auto, quic and http2".to_owned())
    }
}

/// How cloudflared is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: PathBuf,
    /// Which tunnel.
    pub tunnel: Tunnel,
    /// How it connects.
    pub protocol: Protocol,
    /// Further arguments, handed over as they are. Those of a named tunnel stand before its command `run`, or hold it:
    /// `run NAME`.
    pub args: Vec<OsString>,
    /// Variables of its environment, beside those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// An executable of this program, which starts it.
    pub launcher: PathBuf,
}

impl Settings {
    /// For a tunnel, with nothing special about it.
    pub fn new(tunnel: Tunnel) -> Settings {
        Settings {
            program: PROGRAM.into(),
            tunnel,
            protocol: Protocol::default(),
            args: Vec::new(),
            environment: Vec::new(),
            launcher: SELF.into(),
        }
    }

    /// The command that runs `program` with its metrics server on `metrics`.
    fn command(&self, program: &Path, metrics: SocketAddr) -> Command {
        let mut command = launch::command(&self.launcher, program);
        command.args(["tunnel", "--no-autoupdate"]);
        if let Tunnel::Quick { origin } = self.tunnel {
            // A configuration of the user's other tunnels would be in the way.
            command.args(["--config", "/dev/null", "--url", &format!("http://127.0.0.1:{origin}")]);
            for name in NAMING {
                command.env_remove(name);
            }
        }
        command.args(["--metrics", &metrics.to_string(), "--protocol", self.protocol.as_str(), "--loglevel", "info"]);
        command.args(&self.args);
        if matches!(self.tunnel, Tunnel::Named { .. }) && !self.args.iter().any(|arg| arg == "run") {
            command.arg("run");
        }
        command.env(LOG_FORMAT.0, LOG_FORMAT.1).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Where `program` is: a path, or a name that is looked for in the folders of `path`.
fn find(program: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if program.components().count() > 1 {
        return Some(program.to_owned()).filter(is_program);
    }
    std::env::split_paths(path?).map(|folder| folder.join(program)).find(is_program)
}

/// The URL under which a tunnel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: String,
    run: u64,
}

impl PublicUrl {
    /// `https://`, the name, and a port if it isn't 443; no path.
    pub fn as_str(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// A running cloudflared. Dropping it stops it.
#[derive(Debug)]
pub struct Cloudflared {
    tunnel: Tunnel,
    supervisor: Supervisor,
    events: Receiver<Event>,
    stop: Stop,
}

impl Cloudflared {
    /// Starts it. It is started again whenever it ends, after 1 s at first and 1 min at most; unless that was before the
    /// tunnel was ever connected and the [problem](super::problem::Problem::is_lasting) lasts. Nothing is started any
    /// more, and nothing waits, once `stop` is triggered; what runs then runs on, for a caller to end its streams first.
    ///
    /// # Errors
    /// When it isn't installed, or no thread or descriptor is left.
    pub fn start(settings: Settings, stop: &Stop) -> Result<Cloudflared, TunnelError> {
        let program = find(&settings.program, std::env::var_os("PATH").as_deref());
        let program = program.ok_or_else(|| TunnelError::NotInstalled(settings.program.clone()))?;
        let tunnel = settings.tunnel.clone();
        let command = move |metrics| settings.command(&program, metrics);
        let (supervisor, events) =
            Supervisor::start(command, stop).map_err(|error| TunnelError::System(error.to_string()))?;
        Ok(Cloudflared { tunnel, supervisor, events, stop: stop.clone() })
    }

    /// What happens to it, for whoever serves on once it is [ready](Cloudflared::wait_ready). After it
    /// [ended](Event::Ended) and is to be started again, it has to be waited for once more; a quick tunnel has another
    /// name then.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// Waits until it is connected to Cloudflare, at most `timeout`; `progress` hears of what is in the way, in
    /// sentences fit for a terminal. No name was looked up until then, and the name of a quick tunnel takes some more
    /// seconds to be there.
    ///
    /// # Errors
    /// When it says that it can't work, for a reason that lasts, and ends perhaps; when the time is up; when the stop
    /// token is triggered.
    pub fn wait_ready(&self, timeout: Duration, progress: &mut dyn FnMut(&str)) -> Result<PublicUrl, TunnelError> {
        let begun = Instant::now();
        let mut ended = 0;
        loop {
            for event in self.events.try_iter() {
                ended += u32::from(matches!(event, Event::Ended(_)));
                match event {
                    Event::Problem(found) if self.is_final(&found) => return Err(TunnelError::Problem(found)),
                    event => progress(&event.to_string()),
                }
            }
            let ready = self.supervisor.running().filter(|(_, server)| metrics::is_ready(*server));
            // One that does not answer now may do so the next time.
            if let Some((run, Ok(name))) = ready.map(|(run, server)| (run, self.name(server))) {
                let url = format!("https://{}", name.ok_or(TunnelError::NoName)?);
                self.supervisor.note_ready();
                progress(&format!("cloudflared is connected, with {url}"));
                return Ok(PublicUrl { url, run });
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if self.stop.wait(Some(TICK.min(left))) {
                return Err(TunnelError::Stopped);
            }
            if left.is_zero() {
                let (found, last) = self.supervisor.told();
                return Err(TunnelError::NotReady { within: timeout, found, last, ended });
            }
        }
    }

    /// Whether it is of no use to wait: once it was connected, everything may pass.
    fn is_final(&self, found: &Found) -> bool {
        found.problem.is_lasting() && !self.supervisor.was_ready()
    }

    fn name(&self, server: SocketAddr) -> io::Result<Option<String>> {
        match &self.tunnel {
            Tunnel::Quick { .. } => metrics::quick_name(server),
            Tunnel::Named { hostname } => Ok(Some(hostname.clone())),
        }
    }

    /// Whether the run of cloudflared that got this URL still runs. The next one of a quick tunnel gets another.
    pub fn serves(&self, url: &PublicUrl) -> bool {
        self.supervisor.running().is_some_and(|(run, _)| run == url.run)
    }

    /// Stops it, within about 2 s, and at once when `hurry` is triggered. An open stream would make it wait for 30 s if it
    /// were not killed then: end the streams before.
    pub fn stop(mut self, hurry: &Stop) {
        self.supervisor.end(hurry.channel());
    }
}

#[cfg(test)]
mod tests;
