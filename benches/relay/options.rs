//! The command line.

use std::ffi::OsString;

const USAGE: &str = "\
Usage: cargo bench --bench relay -- [OPTION]...

What relays add to the latency of an event, and what they cost: the crate's proxy, nginx and haproxy in one run.

  --streams N,...    numbers of streams to try [1,200]
  --seconds S        how long the streams of each relay run in a round [3]
  --rounds N         rounds of each; figures are the median [7]
  --quick            one round of one second
  --help             this text

SSE_BIN=PATH measures another build of the binary.";

pub(crate) enum Command {
    Run(Options),
    Print(&'static str),
}

pub(crate) struct Options {
    pub(crate) streams: Vec<usize>,
    pub(crate) seconds: u64,
    pub(crate) rounds: usize,
}

/// Reads the arguments. Without any it was `cargo test` that built and ran this program, for which minutes of load are
/// not meant; `cargo bench` adds `--bench`.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Command, String> {
    if arguments.is_empty() {
        return Ok(Command::Print("the relay benchmark runs with `cargo bench --bench relay`; see --help"));
    }
    let mut options = Options { streams: vec![1, 200], seconds: 3, rounds: 7 };
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value = || value.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"));
        match name {
            "--bench" => {}
            "--help" | "-h" => return Ok(Command::Print(USAGE)),
            "--quick" => (options.rounds, options.seconds) = (1, 1),
            "--streams" => {
                options.streams = value()?.split(',').map(|word| number(name, word)).collect::<Result<_, _>>()?;
            }
            "--seconds" => options.seconds = number(name, &value()?)?,
            "--rounds" => options.rounds = number(name, &value()?)?,
            _ => return Err(format!("unknown argument `{argument}`; see --help")),
        }
    }
    Ok(Command::Run(options))
}

fn number<N>(name: &str, word: &str) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + From<u8>,
{
    match word.parse() {
        Ok(number) if number >= N::from(1) => Ok(number),
        _ => Err(format!("{name}: `{word}` is not a number of at least 1")),
    }
}
