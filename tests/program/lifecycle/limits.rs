//! What the server does when the system gives it too little: few descriptors, none any more, no threads, a log that
//! nobody reads.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, kill_process, prlimit};

use crate::common::witness::Scene;
use crate::common::{Client, Origin, eventually};

/// More connections than the server can have.
const MANY: usize = 200;

/// What comes on a connection: a response head, or nothing if it is closed.
fn head_or_close(client: &mut Client) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        match client.stream.read(&mut piece) {
            Ok(len) if len > 0 => answer.extend_from_slice(&piece[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => break,
        }
    }
    String::from_utf8(answer).unwrap()
}

/// Whether who asked for a stream gets it, and not 503 or a close.
fn is_admitted(client: &mut Client) -> bool {
    let answer = head_or_close(client);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 503 "),
        "{answer}"
    );
    answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn with_few_descriptors_the_rest_is_turned_away_and_the_streams_go_on() {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_sse-argo-tester");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", program, "serve", "--listen", "127.0.0.1:0"]);
    let mut scene = Scene::of(Origin::spawn(command));
    for round in 0..3 {
        let mut clients: Vec<_> = (0..MANY).map(|_| scene.origin.get("/events?interval=1h")).collect();
        let admitted = clients.iter_mut().map(is_admitted).filter(|admitted| *admitted).count();
        assert!((5..50).contains(&admitted), "{admitted} in round {round}");
        scene.wait_events(2);
        drop(clients);
        eventually(|| {
            let mut client = scene.origin.get("/events?count=0");
            is_admitted(&mut client).then_some(())
        });
        scene.wait_events(2);
    }
    scene.origin.wait_log(&["[WARN]", "descriptors is 64"]);
    scene.origin.wait_log(&["[WARN]", "further ones get 503"]);
    let log = scene.origin.log_lines();
    let warnings = log.iter().filter(|line| line.contains("[WARN]")).count();
    assert!(warnings <= 4, "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("[ERROR]")), "{log:#?}");
}

/// Lets the process have so many descriptors beside those that it has.
fn leave_descriptors(pid: Pid, free: usize) {
    let listed = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap();
    let used: Vec<u64> = listed.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let limit = (0..).filter(|number| !used.contains(number)).nth(free).unwrap();
    limit_descriptors(pid, Some(limit));
}

/// Sets the limit on descriptors; none for as many as the system allows.
fn limit_descriptors(pid: Pid, limit: Option<u64>) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let maximum = line.split_whitespace().nth(1).unwrap().parse().ok();
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: limit.or(maximum), maximum }).unwrap();
}

#[test]
fn without_descriptors_it_waits_without_spinning_and_goes_on_when_there_are_some() {
    let mut scene = Scene::new();
    let pid = scene.origin.pid();
    leave_descriptors(pid, 0);
    let mut waiting: Vec<_> = (0..30).map(|_| scene.origin.get("/healthz")).collect();
    scene.origin.wait_log(&["[ERROR]", "accept a connection", "Too many open files"]);
    let before = scene.gauge().cpu();
    scene.wait_events(40);
    let used = scene.gauge().cpu() - before;
    assert!(used < Duration::from_millis(300), "{used:?} in two seconds");
    let errors = scene.origin.log_lines().iter().filter(|line| line.contains("[ERROR]")).count();
    assert_eq!(errors, 1, "{:#?}", scene.origin.log_lines());
    limit_descriptors(pid, None);
    scene.origin.wait_log(&["accepting connections again"]);
    for client in &mut waiting {
        assert_eq!(client.read_response().0.status, 200, "who waited is served");
    }
    scene.check_stream();
}

#[test]
fn with_hardly_any_descriptors_left_every_request_gets_an_answer() {
    let mut scene = Scene::new();
    let pid = scene.origin.pid();
    for free in 1..8 {
        leave_descriptors(pid, free);
        let mut clients: Vec<_> = (0..6).map(|_| scene.origin.get("/healthz")).collect();
        scene.wait_events(4);
        limit_descriptors(pid, None);
        for client in &mut clients {
            let status = client.read_response().0.status;
            assert!(matches!(status, 200 | 503), "{status} with {free} descriptors left");
        }
        drop(clients);
        assert_eq!(scene.origin.fetch("/healthz").1, "ok\n", "with {free} descriptors left before");
    }
    scene.check_stream();
}

/// The program as somebody who may not exceed limits, which root may.
fn unprivileged(program: &str) -> Command {
    if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    }
}

/// Sets the limit on the threads of the process's user; returns the one before.
fn limit_threads(pid: Pid, limit: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).unwrap();
    let before = limits.lines().find_map(|line| line.strip_prefix("Max processes")).unwrap();
    let before = before.split_whitespace().next().unwrap().to_owned();
    let mut command = unprivileged("prlimit");
    command.args(["--pid", &pid.as_raw_nonzero().to_string(), &format!("--nproc={limit}:")]);
    assert!(command.status().unwrap().success());
    before
}

#[test]
fn without_threads_it_closes_what_comes_and_goes_on_when_there_are_some() {
    // Where everybody may read and run it.
    let everybody = fs::Permissions::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir().unwrap();
    let program = folder.path().join("program");
    fs::copy(env!("CARGO_BIN_EXE_sse-argo-tester"), &program).unwrap();
    let mut command = unprivileged(program.to_str().unwrap());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let mut scene = Scene::of(Origin::spawn(command));
    let mut kept = scene.origin.connect();
    let mut ask = |target: &str| {
        kept.ask(target);
        kept.read_response()
    };
    assert_eq!(ask("/healthz").1, "ok\n");
    let before = limit_threads(scene.origin.pid(), "0");
    for _ in 0..50 {
        assert!(scene.origin.get("/healthz").read_to_end().is_empty());
    }
    assert_eq!(ask("/healthz").1, "ok\n", "who has a thread is served");
    let (head, text) = ask("/events?stream=needs-a-thread");
    assert!(head.status == 503 && text.contains("thread"), "{} {text}", head.status);
    scene.wait_events(2);
    limit_threads(scene.origin.pid(), &before);
    assert_eq!(scene.origin.fetch("/healthz").1, "ok\n");
    let errors = scene.origin.log_lines().iter().filter(|line| line.contains("[ERROR]")).count();
    assert!(errors < 5, "{errors} lines for the same cause");
    scene.origin.signal(Signal::TERM);
    scene.origin.wait();
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(["--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().trim_end_matches('/').parse().unwrap();
    let pid = Pid::from_child(&child);
    // More lines than a pipe holds.
    let served = (0..1000).take_while(|_| is_served_soon(address)).count();
    kill_process(pid, Signal::TERM).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let deadline = Instant::now() + Duration::from_secs(3);
    let mut ended = None;
    while ended.is_none() && Instant::now() < deadline {
        ended = child.try_wait().unwrap();
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(served, 1000, "requests hang when the log does");
    assert!(ended.is_some(), "signals do nothing when the log hangs");
}

fn is_served_soon(address: SocketAddr) -> bool {
    let mut client = Client::connect(address);
    client.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    client.ask("/events?count=0");
    client.stream.read_exact(&mut [0]).is_ok()
}

#[test]
fn a_private_folder_that_was_cleaned_away_is_made_again() {
    let mut scene = Scene::new();
    let folder = scene.origin.place().read_dir().unwrap().next().unwrap().unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    eventually(|| (scene.origin.fetch("/healthz").0.status == 200).then_some(()));
    scene.check_stream();
    scene.origin.signal(Signal::TERM);
    assert_eq!(scene.origin.wait().code(), Some(0));
    assert_eq!(scene.origin.place().read_dir().unwrap().count(), 0);
}
