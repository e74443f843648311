//! One path, one number of streams, one round: what is measured of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, now_us};
use crate::figures::{Span, Spread, events_sent, lag_ms, median};
use crate::path::{Path, Relay};
use crate::process::{CpuReading, Process};

/// One stream alone: a hundred events a second.
const ALONE: &[u8] = b"GET /events?interval=10ms HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
/// Each of many: ten events a second. Streams are opened some milliseconds apart, and with an interval that these do not
/// divide their events are spread over all of it.
const CROWDED: &[u8] = b"GET /events?interval=97ms HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
/// For every stream to have its first events behind it.
const WARM_UP: Duration = Duration::from_millis(500);
/// For the client to catch up with what came during a reading of `/proc`.
const CATCH_UP: Duration = Duration::from_millis(200);
/// Clients that leave, in each round. Each has one event a second: a relay that notices a client's end only when it has
/// something to write shows it.
const LEAVING: usize = 5;
/// How long the origin may take to learn of it.
const LEFT_DEADLINE: Duration = Duration::from_secs(10);
/// Between two questions to the origin whether a stream has ended. The answer has the time in it.
const POLL: Duration = Duration::from_millis(5);

/// What one round told of one path.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    pub(crate) lag_ms: Spread,
    /// Of the relay's processes; of none for the direct path.
    pub(crate) cpu_ms_per_1000: f64,
    pub(crate) pss_kib_per_stream: f64,
    pub(crate) idle_pss_mib: f64,
    pub(crate) left_ms: Spread,
    /// What went wrong, in sentences.
    pub(crate) faults: Vec<String>,
}

/// Starts the relay of a path in front of `origin`, measures and stops it.
pub(crate) fn measure(path: Path, origin: SocketAddr, streams: usize, seconds: u64) -> Result<Figures, String> {
    let relay = Relay::start(path, origin)?;
    // What only the first request touches belongs to no stream.
    Client::short_requests(relay.address(), 1, 1)?;
    let processes = relay.processes();
    let idle_kib = pss_kib(&processes)?;
    let mut figures = Figures { idle_pss_mib: idle_kib / 1024.0, ..Figures::default() };
    let mut client = Client::new(relay.address())?;
    client.open_streams_of(if streams == 1 { ALONE } else { CROWDED }, streams)?;
    client.read_until(Instant::now() + WARM_UP)?;
    let before = readings(&processes)?;
    let before_us = now_us();
    client.read_until(Instant::now() + CATCH_UP)?;
    let from_us = now_us();
    client.read_until(Instant::now() + Duration::from_secs(seconds))?;
    let window = Span { from_us, to_us: now_us() };
    let after = readings(&processes)?;
    let after_us = now_us();
    client.read_until(Instant::now() + CATCH_UP)?;

    figures.lag_ms = lag_ms(&client, window);
    let events = events_sent(&client, Span { from_us: before_us, to_us: after_us });
    let used: u64 = before.iter().zip(&after).map(|(before, after)| before.until(after).on_cpu_ns).sum();
    figures.cpu_ms_per_1000 = used as f64 / 1e6 / (events as f64 / 1e3);
    figures.pss_kib_per_stream = (pss_kib(&processes)? - idle_kib) / streams as f64;
    figures.faults = faults(&client);
    client.hang_up_all();
    figures.left_ms = left_ms(relay.address(), origin)?;
    Ok(figures)
}

fn pss_kib(processes: &[Process]) -> Result<f64, String> {
    processes.iter().map(Process::pss_kib).sum()
}

fn readings(processes: &[Process]) -> Result<Vec<CpuReading>, String> {
    processes.iter().map(Process::cpu).collect()
}

fn faults(client: &Client) -> Vec<String> {
    let (mut ended, mut broken) = (0, 0);
    for connection in client.connections() {
        ended += usize::from(connection.ended());
        let records = connection.reader().records();
        broken += records.windows(2).filter(|pair| pair[1].seq != pair[0].seq + 1).count();
    }
    let counted = [(ended, "streams ended"), (broken, "gaps or repetitions")];
    counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

/// From a client's close to the end of its stream at the origin, by the origin's clock, which is ours.
fn left_ms(relay: SocketAddr, origin: SocketAddr) -> Result<Spread, String> {
    let mut open = Vec::new();
    for number in 0..LEAVING {
        let id = format!("leaving-{}-{number:03}", now_us());
        let mut stream = ask(relay, &format!("/events?interval=1s&id={id}"))?;
        // The head and the hello event have come when this line has.
        let mut line = String::new();
        while !line.starts_with("data: ") {
            line.clear();
            match stream.read_line(&mut line) {
                Ok(1..) => {}
                Ok(_) => return Err("a stream ended at its start".to_owned()),
                Err(error) => return Err(format!("read a stream: {error}")),
            }
        }
        open.push((id, stream));
    }
    let closed: Vec<(String, u64)> = open
        .into_iter()
        .map(|(id, stream)| {
            let closed_us = now_us();
            drop(stream);
            (id, closed_us)
        })
        .collect();
    let ends = closed.into_iter().map(|(id, closed_us)| Ok((ended_us(origin, &id)? - closed_us) as f64 / 1e3));
    Ok(Spread::of(ends.collect::<Result<_, String>>()?))
}

/// When a stream ended at the origin, as soon as it has.
fn ended_us(origin: SocketAddr, id: &str) -> Result<u64, String> {
    let began = Instant::now();
    loop {
        let mut text = String::new();
        let mut answer = ask(origin, &format!("/streams/{id}"))?;
        answer.read_to_string(&mut text).map_err(|error| format!("read a stream's state: {error}"))?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let state: serde_json::Value =
            serde_json::from_str(body).map_err(|error| format!("a stream's state: {error} in {text}"))?;
        if let Some(at) = state["ended_us"].as_u64() {
            return Ok(at);
        }
        if began.elapsed() > LEFT_DEADLINE {
            return Err(format!("the origin has not noticed within {LEFT_DEADLINE:?} that a client left"));
        }
        thread::sleep(POLL);
    }
}

/// Sends a request on a connection that is for it alone.
fn ask(server: SocketAddr, target: &str) -> Result<BufReader<TcpStream>, String> {
    let failed = |error: std::io::Error| format!("ask {server} for {target}: {error}");
    let mut stream = TcpStream::connect(server).map_err(failed)?;
    stream.set_read_timeout(Some(LEFT_DEADLINE)).map_err(failed)?;
    // Only what is not a stream ends with the connection.
    let last = if target.starts_with("/streams/") { "Connection: close\r\n" } else { "" };
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n").map_err(failed)?;
    Ok(BufReader::new(stream))
}

/// The rounds of one path, each with the direct path's figures of the same round.
pub(crate) struct Rounds {
    pub(crate) path: Path,
    pub(crate) rounds: Vec<(Figures, Figures)>,
}

impl Rounds {
    /// The median over the rounds of what `value` makes of a path's figures.
    pub(crate) fn of(&self, value: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(|(own, _)| value(own)).collect())
    }

    /// The same, of the difference to the direct path.
    pub(crate) fn added(&self, value: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(|(own, direct)| value(own) - value(direct)).collect())
    }

    /// What went wrong in any round.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (Path, &String)> {
        self.rounds.iter().flat_map(|(own, _)| &own.faults).map(|fault| (self.path, fault))
    }
}
