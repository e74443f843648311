//! The command line.

use std::ffi::OsString;

use crate::server::{BASELINE_VARIABLE, Kind};

const DEFAULT_STREAMS: [usize; 4] = [100, 1000, 5000, 10_000];
const DEFAULT_SECONDS: u64 = 10;
/// Less would not tell a stalled stream from a slow one.
const MIN_SECONDS: u64 = 3;
const USAGE: &str = "\
Usage: cargo bench --bench load -- [OPTION]...

Compares the crate's server with the least server of one thread a connection.

  --streams N,...    numbers of streams to try [100,1000,5000,10000]
  --seconds S        how long all streams run, 3 at least [10]
  --rounds N         rounds of each; figures are the median [1]
  --only NAME        one server alone: serve, bare or baseline
  --help             this text

SSE_BIN=PATH measures another build of the binary; SSE_BASELINE=PATH compares with an earlier build instead of the
least server.";

pub(crate) enum Command {
    Run(Options),
    Print(&'static str),
}

pub(crate) struct Options {
    pub(crate) streams: Vec<usize>,
    pub(crate) seconds: u64,
    pub(crate) rounds: usize,
    pub(crate) servers: Vec<Kind>,
}

/// Reads the arguments. Without any it was `cargo test` that built and ran this program, for which minutes of load are
/// not meant; `cargo bench` adds `--bench`.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Command, String> {
    if arguments.is_empty() {
        return Ok(Command::Print("the load benchmark runs with `cargo bench --bench load`; see --help"));
    }
    let other = if std::env::var_os(BASELINE_VARIABLE).is_some() { Kind::Baseline } else { Kind::Bare };
    let mut options = Options {
        streams: DEFAULT_STREAMS.to_vec(),
        seconds: DEFAULT_SECONDS,
        rounds: 1,
        servers: vec![Kind::Serve, other],
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let argument = text(argument)?;
        let (name, mut value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value = || match value.take() {
            Some(value) => Ok(value),
            None => text(arguments.next().ok_or_else(|| format!("{name} needs a value"))?),
        };
        match name {
            "--bench" => {}
            "--help" | "-h" => return Ok(Command::Print(USAGE)),
            "--streams" => {
                options.streams = value()?.split(',').map(|word| number(name, word, 1)).collect::<Result<_, _>>()?;
            }
            "--seconds" => options.seconds = number(name, &value()?, MIN_SECONDS)?,
            "--rounds" => options.rounds = number(name, &value()?, 1)?,
            "--only" => options.servers = vec![server(&value()?)?],
            _ => return Err(format!("unknown argument `{argument}`; see --help")),
        }
    }
    Ok(Command::Run(options))
}

fn text(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|argument| format!("not text: {}", argument.display()))
}

fn number<N>(name: &str, word: &str, least: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match word.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("{name}: `{word}` is not a number of at least {least}")),
    }
}

fn server(name: &str) -> Result<Kind, String> {
    [Kind::Serve, Kind::Bare, Kind::Baseline]
        .into_iter()
        .find(|kind| kind.to_string() == name)
        .ok_or_else(|| format!("--only: `{name}` is neither serve nor bare nor baseline"))
}
