//! The ways to the origin: none in between, ours, and the relays that people have.

use std::fmt;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::process::Process;
use crate::server::{LAUNCH, Server, binary};

const NGINX: &str = "/usr/sbin/nginx";
const HAPROXY: &str = "/usr/sbin/haproxy";
const START_DEADLINE: Duration = Duration::from_secs(10);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at what nothing announces.
const POLL: Duration = Duration::from_millis(1);

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Straight to the origin: the baseline.
    Direct,
    /// The crate's `proxy`.
    Ours,
    Nginx,
    Haproxy,
}

impl Path {
    pub(crate) const ALL: [Path; 4] = [Path::Direct, Path::Ours, Path::Nginx, Path::Haproxy];

    /// Whether there is such a program here.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Path::Direct | Path::Ours => true,
            Path::Nginx => fs::exists(NGINX).unwrap_or(false),
            Path::Haproxy => fs::exists(HAPROXY).unwrap_or(false),
        }
    }

    /// The program's version, as it says it.
    pub(crate) fn version(self) -> Option<String> {
        let program = match self {
            Path::Direct | Path::Ours => return None,
            Path::Nginx => NGINX,
            Path::Haproxy => HAPROXY,
        };
        let output = Command::new(program).arg("-v").output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).replace(['/', '-'], " ");
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        Some(format!("{self} {number}"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Path::Direct => "direct",
            Path::Ours => "ours",
            Path::Nginx => "nginx",
            Path::Haproxy => "haproxy",
        })
    }
}

/// A relay that runs in front of the origin, or none.
pub(crate) enum Relay {
    None(SocketAddr),
    Ours(Server),
    Other(Other),
}

impl Relay {
    pub(crate) fn start(path: Path, origin: SocketAddr) -> Result<Relay, String> {
        Ok(match path {
            Path::Direct => Relay::None(origin),
            Path::Ours => {
                let target = format!("http://{origin}/events");
                let options = ["--listen", "127.0.0.1:0", "--log-level", "warn"].map(Into::into);
                let command_line = [binary()?, "proxy".into(), target.into()].into_iter().chain(options);
                Relay::Ours(Server::spawn(command_line.collect(), path)?)
            }
            Path::Nginx => {
                let args = ["-e", "stderr", "-c"];
                Relay::Other(Other::start(path, NGINX, &args, include_str!("nginx.conf"), origin)?)
            }
            Path::Haproxy => {
                let args = ["-db", "-f"];
                Relay::Other(Other::start(path, HAPROXY, &args, include_str!("haproxy.cfg"), origin)?)
            }
        })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Relay::None(origin) => *origin,
            Relay::Ours(server) => server.address(),
            Relay::Other(other) => other.address,
        }
    }

    /// The relay's processes.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let pids = match self {
            Relay::None(_) => Vec::new(),
            Relay::Ours(server) => vec![server.pid()],
            Relay::Other(other) => family(other.child.id()),
        };
        pids.into_iter().map(Process::new).collect()
    }
}

/// Another project's relay, in a process group and a folder of its own. Killed when dropped.
pub(crate) struct Other {
    child: Child,
    address: SocketAddr,
    _place: TempDir,
}

impl Other {
    fn start(path: Path, program: &str, args: &[&str], conf: &str, origin: SocketAddr) -> Result<Other, String> {
        let failed = |error: std::io::Error| format!("start {path}: {error}");
        let place = TempDir::new().map_err(failed)?;
        let address = free_address().map_err(failed)?;
        let text = conf
            .replace("{LISTEN}", &address.to_string())
            .replace("{ORIGIN}", &origin.to_string())
            .replace("{TEMP}", &place.path().display().to_string());
        let file = place.path().join("conf");
        fs::write(&file, text).map_err(failed)?;
        let log_file = place.path().join("log");
        let log = File::create(&log_file).map_err(failed)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg(LAUNCH).arg(std::process::id().to_string()).arg(program).args(args).arg(&file);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut other = Other { child: command.spawn().map_err(failed)?, address, _place: place };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > START_DEADLINE || other.child.try_wait().map_err(failed)?.is_some() {
                let log = fs::read_to_string(&log_file).unwrap_or_default();
                return Err(format!("{path} does not accept connections: {}", log.trim_end()));
            }
            thread::sleep(POLL);
        }
        Ok(other)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // These fail only when the processes have ended already.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < STOP_DEADLINE {
            thread::sleep(POLL);
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// A process and all that descend from it.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|word| word.parse().ok());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
}
