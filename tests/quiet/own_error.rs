//! The probe's own error: what it reports as lag, against the lag that there was.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::machine;
use crossbeam_channel::never;
use sse_argo_tester::client::{Client, Request, Settings};
use sse_argo_tester::probe::{self, Config};
use sse_argo_tester::shutdown::{Deadline, Stop};
use sse_argo_tester::stamp::{Shape, Stamped};
use sse_argo_tester::verdict::WITHIN_US;

/// The largest error that 99 of 100 lags may have, in microseconds.
const P99_MAX_US: i64 = 500;

fn name(interval: Duration, size: usize) -> String {
    format!("{size} bytes every {interval:?}")
}

/// How much earlier than it is written event `seq` says it was.
fn backdated_us(seq: u64) -> i64 {
    (seq * 7919 % 50_000) as i64
}

fn unix_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// The lags that there were, at least and at most, by stream and event: the kernel takes an event over somewhere between
/// the start and the end of its write.
type Truth = Mutex<HashMap<(String, u64), (i64, i64)>>;

/// Serves `/time`, and streams whose stamps are older than they should be.
fn origin(truth: &Arc<Truth>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let truth = Arc::clone(truth);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let truth = Arc::clone(&truth);
            thread::spawn(move || serve(stream.unwrap(), &truth));
        }
    });
    format!("http://{address}/events")
}

fn serve(mut stream: TcpStream, truth: &Truth) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let target = head.split(' ').nth(1).unwrap();
        if !target.starts_with("/time") {
            let _ = events(&mut stream, target, truth);
            return;
        }
        let body = format!("{{\"server\":\"sse-argo-tester/test\",\"now_us\":{}}}", unix_us());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
        if stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).is_err() {
            return;
        }
    }
}

fn events(stream: &mut TcpStream, target: &str, truth: &Truth) -> std::io::Result<()> {
    let parameter = |name: &str| {
        let (_, query) = target.split_once('?').unwrap();
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let interval = sse_argo_tester::units::parse_duration(parameter("interval").unwrap()).unwrap();
    let count: u64 = parameter("count").unwrap().parse().unwrap();
    let shape = Shape { event: None, size: parameter("size").map_or(0, |size| size.parse().unwrap()) };
    let mut filler = fastrand::Rng::with_seed(1);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")?;
    let begun = Instant::now();
    for seq in 1..=count {
        let mut event = Stamped::numbered(seq, &shape, &mut filler);
        let due = begun + interval * seq as u32;
        let _ = never::<()>().recv_deadline(due);
        let sent_us = unix_us() - backdated_us(seq);
        event.stamp(sent_us as u64);
        let before_us = unix_us();
        stream.write_all(event.piece().payload())?;
        let lag = (before_us - sent_us, unix_us() - sent_us);
        truth.lock().unwrap().insert((name(interval, shape.size), seq), lag);
    }
    Ok(())
}

#[test]
fn lags_are_told_to_half_a_millisecond() {
    let _alone = machine::alone();
    let truth = Arc::default();
    let request = Request::event_stream(&origin(&truth), None, &[], None);
    let config = Config {
        client: Client::new(&Settings::default()).unwrap(),
        request,
        against: None,
        interval: None,
        duration: None,
        within: Duration::from_micros(WITHIN_US as u64),
        plain: false,
        follow: false,
        record: false,
    };
    let report = probe::run(&config, &Deadline::new(&Stop::new().unwrap(), None), None).unwrap();
    let truth = truth.lock().unwrap();
    let mut errors = Vec::new();
    for stream in &report.streams {
        let name = name(Duration::from_micros(stream.spec.interval_us as u64), stream.spec.size as usize);
        for sample in &stream.samples {
            let (least, most) = truth[&(name.clone(), sample.seq)];
            errors.push((sample.lag_us - sample.lag_us.clamp(least, most)).abs());
        }
    }
    errors.sort_unstable();
    let at = |share: usize| errors[(errors.len() - 1) * share / 100];
    let figures = format!("error p50 {} us, p99 {} us, max {} us", at(50), at(99), at(100));
    let _ = writeln!(std::io::stdout(), "{} lags told: {figures}", errors.len());
    assert_eq!(errors.len(), 60 + 60 + 300 + 8);
    assert!(at(99) < P99_MAX_US, "{figures}");
}
