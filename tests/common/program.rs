//! The program, running as one of its clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::PATIENCE;

/// Lines of a pipe, as they come.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Lines(lines)
    }

    /// The next one; none at the end.
    fn next(&self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(Disconnected) => None,
            Err(Timeout) => panic!("no line comes"),
        }
    }
}

/// A running client, killed when dropped.
pub(crate) struct Program {
    child: Child,
    out: Option<Lines>,
    err: Lines,
}

/// What a client came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    /// What it printed, as far as nobody has taken it before.
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Program {
    /// `probe`.
    pub(crate) fn probe(args: &[&str]) -> Program {
        Program::spawn("probe", args, Stdio::null())
    }

    /// Another command.
    pub(crate) fn of(name: &str, args: &[&str]) -> Program {
        Program::spawn(name, args, Stdio::null())
    }

    /// `cat`, as all that follow.
    pub(crate) fn start(args: &[&str]) -> Program {
        Program::spawn("cat", args, Stdio::null())
    }

    /// With a pipe as standard input.
    pub(crate) fn fed(args: &[&str]) -> (Program, ChildStdin) {
        let mut program = Program::spawn("cat", args, Stdio::piped());
        let input = program.child.stdin.take().unwrap();
        (program, input)
    }

    /// With all its input, to its end.
    pub(crate) fn run_on(args: &[&str], input: &[u8]) -> Finished {
        let (program, mut stdin) = Program::fed(args);
        stdin.write_all(input).unwrap();
        drop(stdin);
        program.finish()
    }

    /// To its end.
    pub(crate) fn run(args: &[&str]) -> Finished {
        Program::start(args).finish()
    }

    /// With the other end of its standard output, which nobody reads.
    pub(crate) fn unread(args: &[&str]) -> (Program, ChildStdout) {
        let mut program = Program::launch("cat", args, Stdio::null());
        let out = program.child.stdout.take().unwrap();
        (program, out)
    }

    fn spawn(name: &str, args: &[&str], input: Stdio) -> Program {
        let mut program = Program::launch(name, args, input);
        program.out = program.child.stdout.take().map(Lines::of);
        program
    }

    fn launch(name: &str, args: &[&str], input: Stdio) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        command.arg(name).args(args).stdin(input);
        Program::piped(command)
    }

    /// A command that runs it in its own way.
    pub(crate) fn by(mut command: Command) -> Program {
        command.stdin(Stdio::null());
        let mut program = Program::piped(command);
        program.out = program.child.stdout.take().map(Lines::of);
        program
    }

    fn piped(mut command: Command) -> Program {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the program");
        let err = Lines::of(child.stderr.take().unwrap());
        Program { child, out: None, err }
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.out
            .as_ref()
            .unwrap()
            .next()
            .unwrap_or_else(|| panic!("it has ended: {:#?}", self.err.0.iter().collect::<Vec<_>>()))
    }

    /// The next line that it prints, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// The next line on its standard error that contains `part`.
    pub(crate) fn log_line(&self, part: &str) -> String {
        std::iter::from_fn(|| self.err.next()).find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?}"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let out = self.out.take().map(|out| std::iter::from_fn(|| out.next()).collect()).unwrap_or_default();
        let err = std::iter::from_fn(|| self.err.next()).collect();
        // Its standard error is at its end, and so is the program.
        Finished { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// What it said to the user, and its log.
    pub(crate) fn said(&self) -> String {
        self.err.join("\n")
    }

    /// The lines of its text output without their times.
    pub(crate) fn untimed(&self) -> Vec<&str> {
        self.out.iter().map(|line| untimed(line)).collect()
    }

    /// The last line as JSON.
    pub(crate) fn end(&self) -> Value {
        serde_json::from_str(self.out.last().unwrap_or_else(|| panic!("no line; {}", self.said()))).unwrap()
    }
}

/// A line of the text output without its time, if it has one.
pub(crate) fn untimed(line: &str) -> &str {
    if line.starts_with(' ') {
        return line;
    }
    let (time, rest) = line.split_at("2026-11-21T12:07:45.596Z ".len());
    assert!(time.ends_with("Z ") && time[10..].starts_with('T'), "{line}");
    rest
}
