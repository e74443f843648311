//! Load benchmark: the crate's server beside the least server of the same design, or beside an earlier build of itself,
//! in one run on one machine.
//!
//! ```text
//! cargo bench --bench load -- --streams 100,1000 --seconds 10 --rounds 3
//! SSE_BASELINE=PATH cargo bench --bench load -- --streams 1000,10000
//! ```
//!
//! `serve` is the release binary's, `bare` is [`bare`]: std alone, one thread a connection, no features, and `baseline` an
//! earlier build of the binary. Each is
//! a child process of its own; one client thread with epoll, in this process, opens N streams of one event a second.
//! Client and server share the processors, so only figures of the same run compare.
//!
//! | figure | how |
//! |---|---|
//! | start | from spawning the process (through an intermediate, some 1 ms) to its `listening on` |
//! | first event | from just before `connect` to the read that brought the hello event, while streams are ramped up at up to 5000 a second |
//! | jitter | how late each event's `sent_us` is on the earliest grid of one second that its stream's events allow; the client's delays have no part in it |
//! | lag | from `sent_us` to the return of the client's read |
//! | CPU | nanoseconds on a processor and times scheduled, summed over the server's threads from `task/*/schedstat` |
//! | PSS | `smaps_rollup` with all streams open, less that of the idle server after one request. The idle bare server shares its program's pages with the client |
//! | one hang-up | one stream among N is closed; until the server's descriptor of that socket is gone |
//! | all hang-ups | all N are closed; from the first close until threads and descriptors are as before |
//! | connections/s | 8000 connections, 16 at a time: connect, request, read a hello event and the last chunk, close |
//! | CPU a short connection | of the same 8000, user and system time of the whole process until 0.2 s after the last. Compare this rather than connections/s: the kernel may defer the end of the bare server's threads to the next tick, when nobody waits for it |
//! | SIGTERM | without streams, until the process has ended |
//!
//! Every event is checked: a missing, repeated or disordered one is reported as a fault, and the exit code is 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program's job is to print")]

mod bare;
mod client;
mod figures;
mod machine;
mod markdown;
mod measure;
mod options;
mod process;
mod report;
mod server;
mod stream;

use std::ffi::OsString;
use std::process::ExitCode;

use options::{Command, Options};
use report::Results;
use server::Kind;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match arguments.first().and_then(|first| first.to_str()) {
        Some(server::BARE_SERVER) => bare::serve().map(|()| true),
        Some(server::LAUNCH) => Err(server::launch(&arguments[1..])),
        _ => match options::parse(arguments) {
            Ok(Command::Run(options)) => run(&options),
            Ok(Command::Print(text)) => {
                println!("{text}");
                Ok(true)
            }
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
        },
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

/// Measures and prints all that was asked for; whether nothing failed.
fn run(options: &Options) -> Result<bool, String> {
    machine::raise_descriptor_limit()?;
    machine::grow_descriptor_table(options.streams.iter().copied().max().unwrap_or(0))?;
    println!("{}", machine::description());
    let mut all = Vec::new();
    let mut failed = false;
    for &streams in &options.streams {
        if let Some(obstacle) = machine::obstacle(streams) {
            println!("{streams} streams: skipped, because {obstacle}\n");
            continue;
        }
        let results = rounds(options, streams, &mut failed);
        if results.is_empty() {
            continue;
        }
        println!("{streams} streams, {} s, median of {} round(s)\n", options.seconds, options.rounds);
        println!("{}", report::table(&results));
        all.extend(results);
    }
    if !all.is_empty() {
        println!("{}", report::combined(&all));
    }
    let faults = report::faults(&all);
    print!("{faults}");
    Ok(!failed && faults.is_empty())
}

/// All rounds with one number of streams, of the servers that could be measured. They take turns in going first.
fn rounds(options: &Options, streams: usize, failed: &mut bool) -> Vec<Results> {
    let new = |&kind: &Kind| Results { kind, streams, rounds: Vec::new() };
    let mut results: Vec<Results> = options.servers.iter().map(new).collect();
    for round in 0..options.rounds {
        let mut order: Vec<&mut Results> = results.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for result in order {
            let kind = result.kind;
            eprintln!("{streams} streams, round {} of {}, {kind} ...", round + 1, options.rounds);
            match measure::measure(kind, streams, options.seconds) {
                Ok(figures) => result.rounds.push(figures),
                Err(error) => {
                    println!("*** FAILED: {kind} with {streams} streams: {error}");
                    *failed = true;
                }
            }
        }
    }
    results.retain(|result| !result.rounds.is_empty());
    results
}
