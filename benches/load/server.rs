//! A server under test as a child process that cannot outlive this one.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// What a server prints before its address.
pub(crate) const ANNOUNCEMENT: &str = "listening on http://";
/// First argument of this program when it is to be the bare server.
pub(crate) const BARE_SERVER: &str = "bare-server";
/// First argument of this program when it is to become another one; see [`launch`].
pub(crate) const LAUNCH: &str = "launch";
/// Names another build of the crate's binary.
pub(crate) const BINARY_VARIABLE: &str = "SSE_BIN";
/// Names an earlier build to compare with.
pub(crate) const BASELINE_VARIABLE: &str = "SSE_BASELINE";
/// Connections allowed beyond the streams.
pub(crate) const SPARE_CONNECTIONS: usize = 500;
const START_DEADLINE: Duration = Duration::from_secs(10);
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The crate's own release binary.
    Serve,
    /// An earlier build of it.
    Baseline,
    /// [`crate::bare`].
    Bare,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Serve => "serve",
            Self::Baseline => "baseline",
            Self::Bare => "bare",
        })
    }
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    startup: Duration,
}

impl Server {
    /// Starts a server and waits for the line that tells its address.
    pub(crate) fn start(kind: Kind, streams: usize) -> Result<Self, String> {
        Self::spawn(command_line(kind, streams)?, kind)
    }

    /// The same with a program that announces its address as servers here do; `name` is for messages.
    pub(crate) fn spawn(command_line: Vec<OsString>, name: impl fmt::Display) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
        let mut command = Command::new(this);
        command.arg(LAUNCH).arg(std::process::id().to_string()).args(command_line);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let began = Instant::now();
        let child = command.spawn().map_err(|error| format!("start {name}: {error}"))?;
        let mut server = Self { child, address: SocketAddr::from(([0; 4], 0)), startup: Duration::ZERO };
        let announced = announcement(server.child.stdout.take().expect("stdout is a pipe"));
        let (address, at) = announced.recv_timeout(START_DEADLINE).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("the server announced no address within {START_DEADLINE:?}"),
            RecvTimeoutError::Disconnected => "the server ended before it announced an address".to_owned(),
        })?;
        server.address = address;
        server.startup = at - began;
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From spawning the process to its announcement.
    pub(crate) fn startup(&self) -> Duration {
        self.startup
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and returns how long the process took to end.
    pub(crate) fn stop(mut self) -> Result<Duration, String> {
        let began = Instant::now();
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| format!("signal the server: {error}"))?;
        while self.child.try_wait().map_err(|error| format!("wait for the server: {error}"))?.is_none() {
            if began.elapsed() > STOP_DEADLINE {
                return Err(format!("the server still runs {STOP_DEADLINE:?} after SIGTERM"));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(began.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Becomes the program in `arguments` (after the parent's process id) with SIGKILL ordered for the parent's death.
/// It returns only when that fails.
///
/// `Command::pre_exec` would be unsafe; the order survives `exec`, so this program sets it as an intermediate.
pub(crate) fn launch(arguments: &[OsString]) -> String {
    let [parent, program, arguments @ ..] = arguments else {
        return format!("usage: {LAUNCH} PARENT_PID PROGRAM [ARGUMENT]...");
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("order a signal for the parent's death: {error}");
    }
    let current = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent.to_str() != Some(current.to_string().as_str()) {
        return "the parent is gone".to_owned();
    }
    let error = Command::new(program).args(arguments).exec();
    format!("run {}: {error}", program.display())
}

fn command_line(kind: Kind, streams: usize) -> Result<Vec<OsString>, String> {
    if kind == Kind::Bare {
        let this = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
        return Ok(vec![this.into(), BARE_SERVER.into()]);
    }
    let limit = (streams + SPARE_CONNECTIONS).to_string();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--max-connections", &limit, "--max-streams", &limit];
    let program = match kind {
        Kind::Baseline => std::env::var_os(BASELINE_VARIABLE).ok_or_else(|| format!("set {BASELINE_VARIABLE}"))?,
        _ => binary()?,
    };
    Ok(std::iter::once(program)
        .chain(arguments.into_iter().chain(["--log-level", "warn"]).map(OsString::from))
        .collect())
}

/// The crate's own program.
pub(crate) fn binary() -> Result<OsString, String> {
    std::env::var_os(BINARY_VARIABLE)
        .or_else(|| option_env!("CARGO_BIN_EXE_sse-argo-tester").map(OsString::from))
        .ok_or_else(|| format!("no binary: set {BINARY_VARIABLE}"))
}

/// Reads the server's output to its end, so that it never waits for a full pipe, and passes the address on.
fn announcement(stdout: ChildStdout) -> Receiver<(SocketAddr, Instant)> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let at = Instant::now();
            let address = line.strip_prefix(ANNOUNCEMENT).and_then(|rest| rest.split('/').next());
            if let Some(address) = address.and_then(|text| text.parse().ok()) {
                // Nobody listens for a second address.
                let _ = sender.send((address, at));
            }
        }
    });
    receiver
}
