//! Starts a program that never outlives this one.
//!
//! Linux sends a signal to a process when its parent dies, if the process asks for it. To ask between fork and exec takes
//! unsafe code; a launcher does it without: this program, started with a hidden option, asks, and becomes the other
//! program. What it asked for stays with the process.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::execv;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The hidden option. Behind it stand the id of the parent process, `--`, the program, and its arguments.
pub const OPTION: &str = "--launch-child";

/// What a launcher says, before the reason, if it can't become the program.
pub(super) const FAILURE: &str = "start the program: ";

/// A command that starts `program`, a path, by way of `launcher`, an executable of this program.
///
/// The signal comes when the *thread* that spawns the command ends: it must stay as long as the child.
pub fn command(launcher: &Path, program: &Path) -> Command {
    let mut command = Command::new(launcher);
    command.arg(OPTION).arg(std::process::id().to_string()).arg("--").arg(program);
    command
}

/// Becomes the program that `args`, those behind [`OPTION`], name: it returns only if it can't, and tells why.
pub fn launch(args: &[OsString]) -> String {
    match become_program(args) {
        Ok(never) => match never {},
        Err(error) => format!("{FAILURE}{error}"),
    }
}

fn become_program(args: &[OsString]) -> io::Result<Infallible> {
    let [parent, dashes, words @ ..] = args else { return Err(io::Error::other("no parent")) };
    let parent = parent.to_str().and_then(|parent| Pid::from_raw(parent.parse().ok()?));
    if parent.is_none() || dashes != "--" {
        return Err(io::Error::other("no parent"));
    }
    // One that the program can't put off.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before is not told of any more.
    if getppid() != parent {
        return Err(io::Error::other("the parent is gone"));
    }
    let words = words.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let program = words.first().ok_or_else(|| io::Error::other("no program"))?;
    Ok(execv(program, &words)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_started_for_a_parent_that_is_none() {
        let launch = |args: &[&str]| launch(&args.iter().map(OsString::from).collect::<Vec<_>>());
        for args in [&[][..], &["x", "--", "/bin/true"], &["0", "--", "/bin/true"], &["1", "/bin/true", "--"]] {
            assert!(launch(args).contains("no parent"), "{args:?}");
        }
    }
}
