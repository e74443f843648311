//! One server, one number of streams: everything that is measured of it, step by step.

use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Connection, now_us};
use crate::figures::{self, Figures, Span, Spread, millis};
use crate::process::{Counts, Descriptors, Process};
use crate::server::{Kind, Server};

/// Between the last stream's start and the first reading: each stream has its first tick behind it.
const WARM_UP: Duration = Duration::from_millis(1200);
/// For the client to catch up with what came during a reading of `/proc`.
const CATCH_UP: Duration = Duration::from_millis(300);
/// Threads and descriptors that may remain after a hang-up without being a leak: a pool keeps some.
const REMAINDER: usize = 4;
const RELEASE_DEADLINE: Duration = Duration::from_secs(15);
/// Hang-ups that are measured one by one, and how far apart they are: a server that notices at once does so long
/// before the next.
const HANG_UPS: usize = 50;
const HANG_UP_SPACING: Duration = Duration::from_millis(20);
/// Multiples of it, less their whole part, are spread evenly and in no order: streams picked by it are hung up at all
/// times between two of their ticks.
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;
/// Between two looks at the server; the kernel's timer slack adds 50 us.
const POLL: Duration = Duration::from_micros(100);
/// The step that measures connections a second.
const SHORT_CONNECTIONS: usize = 8000;
/// For threads to end after the last short connection; what that costs counts as well.
const THREADS_END: Duration = Duration::from_millis(200);
const SHORT_AT_ONCE: usize = 16;
/// The crate promises that `serve` is gone by then.
const SHUTDOWN_PROMISE_MS: f64 = 2000.0;

/// Starts a server, measures and stops it.
pub(crate) fn measure(kind: Kind, streams: usize, seconds: u64) -> Result<Figures, String> {
    let server = Server::start(kind, streams)?;
    let process = Process::new(server.pid());
    let mut figures = Figures { startup_ms: millis(server.startup()), ..Figures::default() };
    // What only the first request touches belongs to no stream.
    Client::short_requests(server.address(), 1, 1)?;
    let idle = process.settled_counts()?;
    let idle_pss_kib = process.pss_kib()?;
    figures.idle_pss_mib = idle_pss_kib / 1024.0;

    let mut client = Client::new(server.address())?;
    client.open_streams(streams)?;
    let delays = client.connections().filter_map(|connection| connection.first_event());
    figures.first_event_ms = Spread::of(delays.map(millis).collect());
    run_streams(&mut client, &process, seconds, &mut figures)?;

    let loaded = process.counts()?;
    let per_stream = |now: usize, before: usize| (now as f64 - before as f64) / streams as f64;
    figures.threads_per_stream = per_stream(loaded.threads, idle.threads);
    figures.descriptors_per_stream = per_stream(loaded.descriptors, idle.descriptors);
    figures.pss_kib_per_stream = (process.pss_kib()? - idle_pss_kib) / streams as f64;

    hang_up_some(&mut client, &server, &process, &mut figures)?;
    hang_up_all(&mut client, &process, idle, &mut figures)?;
    let before = process.cpu_of_all()?;
    let took = Client::short_requests(server.address(), SHORT_CONNECTIONS, SHORT_AT_ONCE)?;
    figures.connections_per_s = SHORT_CONNECTIONS as f64 / took.as_secs_f64();
    thread::sleep(THREADS_END);
    figures.cpu_ms_per_connection = millis(process.cpu_of_all()? - before) / SHORT_CONNECTIONS as f64;
    figures.shutdown_ms = millis(server.stop()?);
    if kind == Kind::Serve && figures.shutdown_ms > SHUTDOWN_PROMISE_MS {
        figures.faults.push(format!("{:.0} ms from SIGTERM to exit", figures.shutdown_ms));
    }
    Ok(figures)
}

/// Lets all streams run. The readings of processor time stand around the window in which jitter and lag are taken,
/// because they keep a processor busy; each is divided by the events sent between the two readings.
fn run_streams(client: &mut Client, process: &Process, seconds: u64, figures: &mut Figures) -> Result<(), String> {
    client.read_until(Instant::now() + WARM_UP)?;
    let before = process.cpu()?;
    client.read_until(Instant::now() + CATCH_UP)?;
    let from_us = now_us();
    client.read_until(Instant::now() + Duration::from_secs(seconds))?;
    let window = Span { from_us, to_us: now_us() };
    let after = process.cpu()?;
    client.read_until(Instant::now() + CATCH_UP)?;
    let end_us = now_us();

    figures.jitter_ms = figures::jitter_ms(client, window);
    figures.lag_ms = figures::lag_ms(client, window);
    figures.faults = figures::sequence_faults(client, end_us);
    let events = figures::events_sent(client, Span { from_us: before.at_us, to_us: after.at_us }) as f64;
    let used = before.until(&after);
    figures.cpu_ms_per_1000 = used.on_cpu_ns as f64 / 1e6 / (events / 1e3);
    figures.scheduled_per_event = used.times_scheduled as f64 / events;
    Ok(())
}

/// Closes single streams among all the others, and looks until the server's descriptor of each is closed. That is
/// exact (the very socket, found by its inode) and costs one `readlink` a look, however many streams there are.
///
/// The next stream is closed without waiting for a server that has not noticed the last.
fn hang_up_some(client: &mut Client, server: &Server, process: &Process, figures: &mut Figures) -> Result<(), String> {
    let victims = victims(client);
    let ports: Vec<u16> = victims.iter().map(Connection::local_port).collect::<Result<_, _>>()?;
    let descriptors = process.descriptors_of(server.address(), &ports)?;
    let mut waiting = victims.into_iter().zip(descriptors);
    let mut closed: Vec<(Instant, Descriptors)> = Vec::new();
    let mut noticed = Vec::new();
    let began = Instant::now();
    let mut next_close = began;
    while waiting.len() > 0 || !closed.is_empty() {
        if Instant::now() >= next_close
            && let Some((victim, descriptors)) = waiting.next()
        {
            next_close += HANG_UP_SPACING;
            closed.push((client.hang_up(victim), descriptors));
        }
        closed.retain(|(closed_at, descriptors)| {
            let are_closed = descriptors.are_closed();
            if are_closed {
                noticed.push(millis(closed_at.elapsed()));
            }
            !are_closed
        });
        if began.elapsed() > RELEASE_DEADLINE {
            figures.faults.push(format!("{} single hang-ups never noticed", closed.len()));
            break;
        }
        thread::sleep(POLL);
    }
    figures.hang_up_ms = Spread::of(noticed);
    Ok(())
}

/// Takes streams out that are spread evenly over all, but no more than half of them.
fn victims(client: &mut Client) -> Vec<Connection> {
    let streams = client.connections().count();
    (0..HANG_UPS.min(streams / 2))
        .map(|number| (number as f64 * GOLDEN_RATIO).fract())
        // With few streams a place can come up twice; a stream that the server ended has nothing to show.
        .filter_map(|place| client.take((place * streams as f64) as usize))
        .filter(|victim| !victim.ended())
        .collect()
}

/// Closes all streams and waits until threads and descriptors are where they were before the first.
fn hang_up_all(client: &mut Client, process: &Process, idle: Counts, figures: &mut Figures) -> Result<(), String> {
    let began = Instant::now();
    client.hang_up_all();
    figures.close_all_ms = millis(began.elapsed());
    loop {
        let now = process.counts()?;
        figures.release_all_ms = millis(began.elapsed());
        if now.threads <= idle.threads + REMAINDER && now.descriptors <= idle.descriptors + REMAINDER {
            return Ok(());
        }
        if began.elapsed() > RELEASE_DEADLINE {
            figures.release_all_ms = f64::NAN;
            let (threads, descriptors) = (now.threads - idle.threads, now.descriptors - idle.descriptors);
            figures.faults.push(format!("{threads} threads, {descriptors} descriptors not released after hang-ups"));
            return Ok(());
        }
        thread::sleep(POLL);
    }
}
