//! Exit codes, and failures with their messages.

use std::process::ExitCode;

use crate::probe::ProbeError;
use crate::verdict::Judgement;

/// The program's exit codes. Other programs rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked to, and was stopped as it should be.
    Ok,
    /// An origin is not well.
    Unhealthy,
    /// The arguments are wrong.
    Usage,
    /// A host can't be reached, or did not answer; it can't bind its address, or the system refuses something else that
    /// it needs.
    Unreachable,
    /// The answer is no event stream.
    NotSse,
    /// The stream was cut, or can't be decoded.
    Cut,
    /// What a path does.
    Verdict(Judgement),
    /// A signal interrupted it: the first one a client, the second one a server that was ending.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Unhealthy => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::NotSse => 4,
            Exit::Cut => 5,
            Exit::Verdict(judgement) => judgement.exit_code(),
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        exit.code().into()
    }
}

/// Why a command failed.
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// The message for the user.
    pub(super) text: String,
}

impl Failure {
    pub(super) fn usage(text: String) -> Failure {
        Failure { exit: Exit::Usage, text }
    }

    pub(super) fn unreachable(text: String) -> Failure {
        Failure { exit: Exit::Unreachable, text }
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Failure {
        match error {
            ProbeError::Request(_) => Failure::usage(error.to_string()),
            ProbeError::System(_) => Failure::unreachable(error.to_string()),
        }
    }
}
