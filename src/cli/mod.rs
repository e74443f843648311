//! The command line: arguments in, an exit code out.

mod cat;
mod client;
mod diagnose;
mod exit;
mod follow;
mod healthcheck;
mod interrupt;
mod logging;
mod normalize;
mod options;
mod output;
mod probe;
mod proxy;
mod serve;
mod terminal;
mod tunnel;
mod values;

use std::ffi::OsString;
use std::io::Write;

use argh::FromArgs;

use crate::escape::escaped;
use crate::server::MAX_CONNECTIONS;
use crate::server::grow_descriptor_table;
use crate::tunnel::launch;
pub use exit::Exit;
use exit::Failure;
use options::{Args, Command};
use output::{show, wrapped};

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
        Err(NoCommand::Show(text)) => {
            show(out, &wrapped(&text));
            return Exit::Ok;
        }
        Err(NoCommand::Wrong(text)) => {
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
            Box::new(|out| serve::run(config, out))
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

/// Why the arguments run no command.
enum NoCommand {
    /// They ask for a text, such as the help.
    Show(String),
    /// They are wrong, with the reason.
    Wrong(String),
}

fn parse(args: &[OsString]) -> Result<Args, NoCommand> {
    let text = |arg: &OsString| {
        let wrong = || NoCommand::Wrong(format!("argument {arg:?} is not valid UTF-8"));
        arg.to_str().map(str::to_owned).ok_or_else(wrong)
    };
    let args: Vec<String> = args.iter().map(text).collect::<Result<_, _>>()?;
    let args = normalize::normalize(&args, &options::spec()).map_err(NoCommand::Wrong)?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Args::from_args(&["sse-argo-tester"], &args).map_err(|early| match early.status {
        Ok(()) => NoCommand::Show(early.output),
        Err(()) => NoCommand::Wrong(early.output),
    })
}
