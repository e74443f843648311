//! Why there is no tunnel.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::tunnel::problem::Found;
use crate::units::format_duration;

/// How to install cloudflared.
pub const INSTALLING: &str = "\
Debian, Ubuntu:  the repository and its key are on https://pkg.cloudflare.com; then 'apt install cloudflared'
Fedora, RHEL:    the repository is on https://pkg.cloudflare.com; then 'dnf install cloudflared'
Arch:            pacman -S cloudflared
Homebrew:        brew install cloudflared
Raspberry Pi:    cloudflared-linux-arm64.deb, or -armhf.deb for 32 bits, from https://github.com/cloudflare/cloudflared/releases;
                 then 'dpkg -i FILE'
containers:      the image cloudflare/cloudflared has the program in it, as /usr/local/bin/cloudflared
or name the program with --cloudflared PATH";

/// Why there is no tunnel.
#[derive(Debug)]
pub enum TunnelError {
    /// There is no such program.
    NotInstalled(PathBuf),
    /// The system refuses a thread or a descriptor.
    System(String),
    /// It says that it can't work, for a reason that [lasts](crate::tunnel::problem::Problem::is_lasting).
    Problem(Found),
    /// It was not connected in time.
    NotReady {
        /// How long it was waited for.
        within: Duration,
        /// What it says of the reason.
        found: Option<Found>,
        /// The newest lines of its log, fit for a terminal.
        last: Vec<String>,
        /// How often it ended by itself meanwhile.
        ended: u32,
    },
    /// It doesn't tell the name of its quick tunnel.
    NoName,
    /// The user wants to end.
    Stopped,
}

impl TunnelError {
    /// What the user may try; it may be several lines, or empty.
    pub fn advice(&self) -> &'static str {
        match self {
            TunnelError::NotInstalled(_) => INSTALLING,
            TunnelError::Problem(found) | TunnelError::NotReady { found: Some(found), .. } => found.problem.advice(),
            TunnelError::NotReady { found: None, .. } => "--log-level debug shows all that cloudflared says",
            TunnelError::NoName => "update cloudflared: it is too old to tell",
            TunnelError::System(_) | TunnelError::Stopped => "",
        }
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TunnelError::NotInstalled(program) => {
                write!(
                    f,
                    "start {}: there is no such program, or it can't be executed",
                    program.display().to_string().escape_debug()
                )
            }
            TunnelError::System(error) => write!(f, "start cloudflared: {error}"),
            TunnelError::Problem(found) => write!(f, "start a tunnel with cloudflared: {found}"),
            TunnelError::NotReady { within, found, last, ended } => {
                let within = format_duration(*within);
                write!(f, "wait for cloudflared to connect: it did not within {within}")?;
                match ended {
                    0 => {}
                    1 => f.write_str(", and ended by itself")?,
                    times => write!(f, ", and ended by itself {times} times")?,
                }
                match (found, last.last()) {
                    (Some(found), _) => write!(f, ": {found}"),
                    (None, Some(line)) => write!(f, "; the last that it said: {line}"),
                    (None, None) => f.write_str(", and said nothing"),
                }
            }
            TunnelError::NoName => f.write_str("ask cloudflared for the name of its quick tunnel: it does not tell"),
            TunnelError::Stopped => f.write_str("wait for cloudflared to connect: interrupted"),
        }
    }
}

impl std::error::Error for TunnelError {}
