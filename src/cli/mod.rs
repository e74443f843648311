//! The command line: arguments in, an exit code out.

mod cat;
mod client;
mod diagnose;
mod follow;
mod healthcheck;
mod interrupt;
mod logging;
mod normalize;
mod options;
mod probe;
mod proxy;
mod terminal;
mod tunnel;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use argh::FromArgs;

use crate::escape::escaped;
use crate::probe::ProbeError;
use crate::server::config::{Config, MAX_CONNECTIONS};
use crate::server::{Server, grow_descriptor_table};
use crate::shutdown::Interrupts;
use crate::tunnel::launch;
use crate::verdict::Judgement;
use options::{Args, Command};

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
struct Failure {
    exit: Exit,
    /// What the user is told.
    text: String,
}

impl Failure {
    fn usage(text: String) -> Failure {
        Failure { exit: Exit::Usage, text }
    }

    fn unreachable(text: String) -> Failure {
        Failure { exit: Exit::Unreachable, text }
    }
}

/// A measurement that could not be made, told.
impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Failure {
        match error {
            ProbeError::Request(_) => Failure::usage(error.to_string()),
            ProbeError::System(_) => Failure::unreachable(error.to_string()),
        }
    }
}

/// Runs the program with `args`, its own name not among them. Results go to `out`, messages for the user to `err`;
/// the log goes to standard error. A closed `out` is no failure.
pub fn run(args: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if let Some((_, args)) = args.split_first().filter(|(first, _)| *first == launch::OPTION) {
        // It returns only if it can't become the program that is to be launched.
        show(err, &format!("sse-argo-tester: {}", launch::launch(args)));
        return Exit::Unreachable;
    }
    let args = match parse(args) {
        Ok(args) => args,
        Err(Early::Show(text)) => {
            show(out, &wrapped(&text));
            return Exit::Ok;
        }
        Err(Early::Wrong(text)) => {
            show(err, &format!("sse-argo-tester: {}\nTry 'sse-argo-tester --help'.", escaped(text.trim_end())));
            return Exit::Usage;
        }
    };
    if args.version {
        show(out, concat!("sse-argo-tester ", env!("CARGO_PKG_VERSION")));
        return Exit::Ok;
    }
    let job = prepared(args.command);
    if let Err(text) = logging::start(args.log_level, args.log_file.as_deref()) {
        show(err, &format!("sse-argo-tester: {text}"));
        return Exit::Usage;
    }
    let exit = job(out).unwrap_or_else(|Failure { exit, text }| {
        show(err, &format!("sse-argo-tester: {text}"));
        exit
    });
    log::logger().flush();
    exit
}

/// A command, ready to run: results go to the writer.
type Job = Box<dyn FnOnce(&mut dyn Write) -> Result<Exit, Failure>>;

/// What has to be done for `command` before the log starts the first thread, and what is left to do.
fn prepared(command: Command) -> Job {
    match command {
        Command::Serve(options) => {
            let config = options.into_config();
            grow_descriptor_table(config.max_connections);
            Box::new(|out| serve(config, out).map_err(|error| Failure::unreachable(error.to_string())))
        }
        Command::Probe(options) => Box::new(|out| probe::run(options, out)),
        Command::Diagnose(options) => Box::new(|out| diagnose::run(options, out)),
        Command::Cat(options) => Box::new(|out| cat::run(options, out)),
        Command::Proxy(options) => {
            grow_descriptor_table(options.descriptors());
            Box::new(|out| proxy::run(options, out))
        }
        Command::Tunnel(options) => {
            grow_descriptor_table(MAX_CONNECTIONS);
            Box::new(|out| tunnel::run(options, out))
        }
        Command::Healthcheck(options) => Box::new(move |_| healthcheck::run(&options)),
    }
}

/// Why the arguments lead to no command.
enum Early {
    /// A text was asked for.
    Show(String),
    /// They are wrong, and this is how.
    Wrong(String),
}

fn parse(args: &[OsString]) -> Result<Args, Early> {
    let text = |arg: &OsString| {
        let wrong = || Early::Wrong(format!("argument {arg:?} is not valid UTF-8"));
        arg.to_str().map(str::to_owned).ok_or_else(wrong)
    };
    let args: Vec<String> = args.iter().map(text).collect::<Result<_, _>>()?;
    let args = normalize::normalize(&args, &options::spec()).map_err(Early::Wrong)?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Args::from_args(&["sse-argo-tester"], &args).map_err(|early| match early.status {
        Ok(()) => Early::Show(early.output),
        Err(()) => Early::Wrong(early.output),
    })
}

/// Writes a line. There is nobody to tell if that fails: a closed pipe is success, as with other tools.
fn show(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{}", text.trim_end());
    let _ = to.flush();
}

/// `text` with lines of at most 80 columns, as far as its words allow; what goes on keeps the line's indentation.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut out = String::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let mut column = 0;
        for word in line[indent.len()..].split_inclusive(' ') {
            let fits = column + word.trim_end().len() <= COLUMNS;
            if column == 0 || !fits {
                out.truncate(out.trim_end_matches(' ').len());
                out += if column == 0 { "" } else { "\n" };
                out += indent;
                column = indent.len();
            }
            out += word;
            column += word.len();
        }
        out.push('\n');
    }
    out
}

/// Says where a server can be reached.
fn show_addresses(out: &mut dyn Write, addresses: &[SocketAddr], base: &str) {
    for address in addresses {
        show(out, &format!("listening on http://{address}{base}/"));
    }
}

fn serve(config: Config, out: &mut dyn Write) -> Result<Exit, Box<dyn std::error::Error>> {
    let base = config.base_path.clone();
    let server = Server::start(config)?;
    let interrupts = Interrupts::install().map_err(|error| io::Error::other(format!("handle signals: {error}")))?;
    show_addresses(out, server.addresses(), &base);
    for address in server.admin_addresses() {
        show(out, &format!("admin on http://{address}/"));
    }
    interrupts.stop.wait_forever();
    server.stop(&interrupts.hurry);
    Ok(if interrupts.hurry.is_triggered() { Exit::Interrupted } else { Exit::Ok })
}
