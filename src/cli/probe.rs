//! `probe`: options to configuration, report to output and exit code.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use crossbeam_channel::{bounded, unbounded};

use super::client::client_command;
use super::exit::{Exit, Failure};
use super::follow::Lines;
use super::interrupt::Wish;
use super::output::{Format, format, unless_unread};
use super::terminal::{self, Progress};
use super::values::{WITHIN, pace, run_time};
use crate::probe::{self, Config, Notice, ProbeError};
use crate::report::{self, Report, Style};
use crate::shutdown::Deadline;

client_command! {
    /// Measure whether events arrive in real time on the way to URL, and say what to do if they don't.
    ///
    /// Takes about 8 seconds. A URL without a path means the origin's /events, if it is one of ours. Of another origin,
    /// only how events arrive is known, not how late they are.
    #[derive(FromArgs, ArgsInfo, Debug)]
    #[argh(subcommand, name = "probe", help_triggers("-h", "--help"))]
    struct Probe {
        /// the stream's URL
        #[argh(positional)]
        url: String,
        /// measure this URL at the same time, and compare: the direct way, for one
        #[argh(option, arg_name = "url")]
        against: Option<String>,
        /// ask the origin to leave out the header fields that cure some proxies
        #[argh(switch)]
        plain: bool,
        /// time to measure (default 8s, or ten intervals)
        #[argh(option, from_str_fn(run_time), arg_name = "duration")]
        duration: Option<Duration>,
        /// time between two small events (default 100ms; 1s with --follow)
        #[argh(option, from_str_fn(pace), arg_name = "duration")]
        interval: Option<Duration>,
        /// most an event may be late and still be in real time (default 100ms)
        #[argh(option, default = "WITHIN", from_str_fn(run_time), arg_name = "duration")]
        within: Duration,
        /// watch one stream until interrupted, a line an event
        #[argh(switch)]
        follow: bool,
        /// write all that was seen to this file, as JSON, to be judged again
        #[argh(option, arg_name = "file")]
        record: Option<PathBuf>,
        /// print the report as one JSON object
        #[argh(switch)]
        json: bool,
        /// text (default), json or junit
        #[argh(option, default = "Format::Text", from_str_fn(format), arg_name = "format")]
        format: Format,
    }
}

/// Runs the command.
pub(super) fn run(mut options: Probe, out: &mut dyn Write) -> Result<Exit, Failure> {
    let client = options.client();
    let max_time = client.max_time;
    let format = if options.json { Format::Json } else { options.format };
    let request = client.request_for_events(&options.url, "measure").map_err(Failure::usage)?;
    let against = options.against.as_deref().map(|url| client.request(url)).transpose().map_err(Failure::usage)?;
    let config = Config {
        client: client.into_client().map_err(Failure::usage)?,
        request,
        against,
        interval: options.interval,
        duration: options.duration,
        within: options.within,
        plain: options.plain,
        follow: options.follow,
        record: options.record.is_some(),
    };
    let cannot_record = |error: io::Error| {
        Failure::usage(format!("write {}: {error}", options.record.as_deref().unwrap_or(Path::new("")).display()))
    };
    let record = options.record.as_ref().map(File::create).transpose().map_err(cannot_record)?;
    let wish = Wish::install().and_then(|wish| if options.follow { wish.or_unread() } else { Ok(wish) });
    let wish = wish.map_err(|error| Failure::unreachable(format!("handle signals: {error}")))?;
    let deadline = wish.deadline(max_time);
    let report = if options.follow {
        follow(&config, &deadline, format, &wish)?
    } else {
        let mut seen = Seen::new(config.request.url.to_string());
        let (sender, notices) = unbounded();
        let _progress = Progress::start(move || {
            notices.try_iter().for_each(|notice| seen.note(&notice));
            seen.line()
        });
        probe::run(&config, &deadline, Some(sender))
    };
    let report = report?;
    let recorded = record.zip(report.recording.as_ref()).map(|(mut file, recording)| {
        serde_json::to_writer(&mut file, recording).map_err(io::Error::from).and_then(|()| writeln!(file))
    });
    let text = written(&report, format, terminal::style(&io::stdout()));
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    recorded.transpose().map_err(cannot_record)?;
    printed.or_else(unless_unread)?;
    Ok(wish.exit(Exit::Verdict(report.verdict.verdict)))
}

fn written(report: &Report, format: Format, style: Style) -> String {
    match format {
        Format::Text => report::text(report, style),
        Format::Json => serde_json::to_string(&report::json(report)).unwrap_or_default() + "\n",
        Format::Junit => report::junit(report),
    }
}

/// Measures, and prints every event as it comes. Ends when nobody reads them any more.
fn follow(config: &Config, deadline: &Deadline, format: Format, wish: &Wish) -> Result<Measured, Failure> {
    let (sender, notices) = bounded(NOTICES_MAX);
    let (report, printed) = thread::scope(|scope| {
        let print = || {
            let mut lines = Lines::new(format);
            let printed = notices.iter().try_for_each(|notice| lines.print(&notice));
            if printed.is_err() {
                wish.give_up();
            }
            // What still comes waits for nobody.
            notices.iter().for_each(drop);
            printed
        };
        let printer = thread::Builder::new().name("lines".to_owned()).spawn_scoped(scope, print);
        let printer = printer.map_err(|error| Failure::unreachable(format!("start a thread: {error}")))?;
        let report = probe::run(config, deadline, Some(sender));
        let printed = printer.join().unwrap_or_else(|_| Err(io::Error::other("the thread that prints was lost")));
        Ok::<_, Failure>((report, printed))
    })?;
    printed.or_else(unless_unread)?;
    Ok(report)
}

/// A report, or why there is none.
type Measured = Result<Report, ProbeError>;

/// Events that may wait to be printed. Behind them the streams wait.
const NOTICES_MAX: usize = 1024;

/// What came so far, for the line of progress.
struct Seen {
    url: String,
    begun: Instant,
    /// Events by stream, and how many there will be.
    events: BTreeMap<String, (u64, Option<u64>)>,
}

impl Seen {
    fn new(url: String) -> Seen {
        Seen { url, begun: Instant::now(), events: BTreeMap::new() }
    }

    fn note(&mut self, notice: &Notice) {
        let (received, expected) = self.events.entry(notice.spec.name.clone()).or_default();
        *received += u64::from(notice.message.event != "hello");
        *expected = notice.spec.count;
    }

    fn line(&self) -> String {
        let events = self.events.iter().map(|(name, (received, expected))| match expected {
            Some(expected) => format!("  {name} {received}/{expected}"),
            None => format!("  {name} {received}"),
        });
        let events: String = events.collect();
        let events = if events.is_empty() { "  no event yet".to_owned() } else { events };
        format!("{:4.1} s{events}  {}", self.begun.elapsed().as_secs_f64(), self.url)
    }
}
