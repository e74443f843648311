//! `diagnose`: options to configuration, report to output and exit code.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use crossbeam_channel::unbounded;

use super::client::client_command;
use super::exit::{Exit, Failure};
use super::interrupt::Wish;
use super::output::unless_unread;
use super::terminal::{self, Progress};
use super::values::{WITHIN, long_wait, run_time};
use crate::diagnose::limits::IDLE_MAX;
use crate::diagnose::{self, Against, Config, Depth};
use crate::report::diagnosis::{self, Diagnosed};
use crate::verdict::Judgement;

client_command! {
    /// Find out why events don't arrive in real time on the way to URL, and the smallest change that cures it.
    ///
    /// Asks for many variants of one stream side by side, and looks twice at what helps. Takes up to 30 seconds. A URL
    /// without a path means the origin's /events, if it is one of ours; of another origin, only what a client can change
    /// is tried.
    #[derive(FromArgs, ArgsInfo, Debug)]
    #[argh(subcommand, name = "diagnose", help_triggers("-h", "--help"))]
    struct Diagnose {
        /// the stream's URL
        #[argh(positional)]
        url: String,
        /// measure this URL at the same time: the direct way, so that the path isn't blamed for the origin's faults
        #[argh(option, arg_name = "url")]
        against: Option<String>,
        /// take 12 seconds at most: fewer events, no silences, no combinations of cures
        #[argh(switch)]
        quick: bool,
        /// also find out how long streams may be quiet, and be at all, how the origin learns that clients have left, and how
        /// many streams pass at once: up to 4 minutes
        #[argh(switch)]
        thorough: bool,
        /// longest silence to try with --thorough, 1s to 1h (default 130s)
        #[argh(option, from_str_fn(long_wait), arg_name = "duration")]
        idle_max: Option<Duration>,
        /// most an event may be late and still be in real time (default 100ms)
        #[argh(option, default = "WITHIN", from_str_fn(run_time), arg_name = "duration")]
        within: Duration,
        /// write the report to this file as one HTML page with charts, to be passed on
        #[argh(option, arg_name = "file.html")]
        report: Option<PathBuf>,
        /// print the report as one JSON object
        #[argh(switch)]
        json: bool,
    }
}

fn depth(options: &Diagnose) -> Result<Depth, Failure> {
    match (options.quick, options.thorough, options.idle_max) {
        (true, true, _) => Err(Failure::usage("--quick and --thorough exclude each other".to_owned())),
        (_, false, Some(_)) => Err(Failure::usage("--idle-max is for --thorough".to_owned())),
        (_, true, idle_max) => Ok(Depth::Thorough(idle_max.unwrap_or(IDLE_MAX))),
        (true, ..) => Ok(Depth::Quick),
        (false, ..) => Ok(Depth::Standard),
    }
}

/// Runs the command.
pub(super) fn run(mut options: Diagnose, out: &mut dyn Write) -> Result<Exit, Failure> {
    let client = options.client();
    let max_time = client.max_time;
    let request = client.request_for_events(&options.url, "diagnose").map_err(Failure::usage)?;
    let against = options.against.as_deref().map(|url| client.request(url)).transpose().map_err(Failure::usage)?;
    let config = Config {
        client: client.into_client().map_err(Failure::usage)?,
        request,
        against: against.map(Against::Path),
        within: options.within,
        depth: depth(&options)?,
    };
    let page = ReportFile::create(options.report.as_deref())?;
    let wish = Wish::install().map_err(|error| Failure::unreachable(format!("handle signals: {error}")))?;
    let deadline = wish.deadline(max_time);
    let (sender, notices) = unbounded();
    let progress = {
        let (mut events, begun, url) = (0, Instant::now(), config.request.url.to_string());
        Progress::start(move || {
            events += notices.try_iter().count();
            format!("{:4.1} s  {events} events so far  {url}", begun.elapsed().as_secs_f64())
        })
    };
    let diagnosed = diagnose::run(&config, &deadline, Some(sender));
    drop(progress);
    let diagnosed = diagnosed?;
    let paged = page.write(&diagnosed);
    let text = written(&diagnosed, options.json);
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    paged?;
    printed.or_else(unless_unread)?;
    let verdict = diagnosed.plain().map_or(Judgement::Inconclusive, |plain| plain.report.verdict.verdict);
    Ok(wish.exit(Exit::Verdict(verdict)))
}

/// Where the page goes, if it is wanted: opened before anything is measured.
pub(super) struct ReportFile<'a>(Option<(File, &'a Path)>);

impl ReportFile<'_> {
    pub(super) fn create(path: Option<&Path>) -> Result<ReportFile<'_>, Failure> {
        let create = |path| File::create(path).map(|file| (file, path)).map_err(|error| unwritable(path, &error));
        Ok(ReportFile(path.map(create).transpose()?))
    }

    pub(super) fn write(self, diagnosed: &Diagnosed) -> Result<(), Failure> {
        let Some((mut file, path)) = self.0 else { return Ok(()) };
        file.write_all(diagnosis::html(diagnosed).as_bytes()).map_err(|error| unwritable(path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("write {}: {error}", path.display()))
}

fn written(diagnosed: &Diagnosed, json: bool) -> String {
    if json {
        return serde_json::to_string(&diagnosis::json(diagnosed)).unwrap_or_default() + "\n";
    }
    diagnosis::text(diagnosed, terminal::style(&io::stdout()))
}
