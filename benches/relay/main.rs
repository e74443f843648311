//! Relay benchmark: the crate's `proxy` beside nginx and haproxy, in one run on one machine.
//!
//! ```text
//! cargo bench --bench relay -- --streams 1,200 --seconds 3 --rounds 7
//! ```
//!
//! The origin is the release binary's `serve`, whose events carry the time of their sending. In each round, the client
//! of the load benchmark reads the same streams directly and through each relay, one path after another; nginx and
//! haproxy are set up for event streams (`nginx.conf` and `haproxy.cfg` beside this), and left out where they are not
//! installed. All share the processors, so only figures of the same run compare.
//!
//! | figure | how |
//! |---|---|
//! | latency | from an event's `sent_us` to the return of the client's read |
//! | added | the relay's percentile less that of the direct path in the same round |
//! | CPU | nanoseconds on a processor, of all the relay's processes and threads, by the events sent meanwhile |
//! | PSS | of all the relay's processes, with all streams open, less that of the idle relay after one request |
//! | client gone | from a client's close to the end of its stream at the origin; the streams have one event a second |
//!
//! Each figure is the median over the rounds. Events that are missing, repeated or disordered are faults, and the exit
//! code is 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program's job is to print")]

// The load benchmark uses all of each.
#[allow(dead_code)]
#[path = "../load/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../load/figures.rs"]
mod figures;
#[allow(dead_code)]
#[path = "../load/machine.rs"]
mod machine;
#[path = "../load/markdown.rs"]
mod markdown;
mod measure;
mod options;
mod path;
#[allow(dead_code)]
#[path = "../load/process.rs"]
mod process;
mod report;
#[allow(dead_code)]
#[path = "../load/server.rs"]
mod server;
#[path = "../load/stream.rs"]
mod stream;

use std::ffi::OsString;
use std::process::ExitCode;

use measure::{Figures, Rounds, measure};
use options::{Command, Options};
use path::Path;
use server::{Kind, Server};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == server::LAUNCH) {
        eprintln!("error: {}", server::launch(&arguments[1..]));
        return ExitCode::FAILURE;
    }
    let outcome = match options::parse(arguments) {
        Ok(Command::Run(options)) => run(&options),
        Ok(Command::Print(text)) => {
            println!("{text}");
            Ok(true)
        }
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints all that was asked for; whether nothing went wrong.
fn run(options: &Options) -> Result<bool, String> {
    machine::raise_descriptor_limit()?;
    machine::grow_descriptor_table(options.streams.iter().copied().max().unwrap_or(0))?;
    println!("{}", machine::description());
    let (paths, absent): (Vec<Path>, Vec<Path>) = Path::ALL.into_iter().partition(|path| path.is_installed());
    for path in absent {
        println!("{path} is not installed, and left out\n");
    }
    let versions: Vec<String> = paths.iter().filter_map(|path| path.version()).collect();
    println!("{}\n", versions.join(", "));
    let (mut all, mut is_well) = (Vec::new(), true);
    for &streams in &options.streams {
        let results = rounds(options, streams, &paths)?;
        for (path, fault) in results.iter().flat_map(|rounds| rounds.faults()) {
            println!("*** FAULT: {path} with {streams} streams: {fault}");
            is_well = false;
        }
        all.push((streams, results));
    }
    println!("{}", report::table(&all));
    Ok(is_well)
}

/// All rounds with one number of streams. Every second round goes the other way round.
fn rounds(options: &Options, streams: usize, paths: &[Path]) -> Result<Vec<Rounds>, String> {
    let new = |&path: &Path| Rounds { path, rounds: Vec::new() };
    let mut results: Vec<Rounds> = paths.iter().map(new).collect();
    for round in 0..options.rounds {
        eprintln!("{streams} streams, round {} of {} ...", round + 1, options.rounds);
        let origin = Server::start(Kind::Serve, streams)?;
        let mut order: Vec<usize> = (0..paths.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut figures = vec![Figures::default(); paths.len()];
        for index in order {
            let failed = |error| format!("{} with {streams} streams: {error}", paths[index]);
            figures[index] = measure(paths[index], origin.address(), streams, options.seconds).map_err(failed)?;
        }
        // The direct path is the first of all.
        let direct = figures[0].clone();
        for (result, own) in results.iter_mut().zip(figures) {
            result.rounds.push((own, direct.clone()));
        }
    }
    Ok(results)
}
