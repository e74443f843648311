//! Where the server listens, and what it says of that.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Client, Origin, eventually};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program until `lines` lines of standard output are there and `meanwhile` is done with their addresses, and
/// stops it. Returns what it wrote to standard error.
fn serve(args: &[&str], lines: usize, meanwhile: impl FnOnce(&[SocketAddr])) -> String {
    let mut child = Guard(program(args).spawn().unwrap());
    let mut out = BufReader::new(child.0.stdout.take().unwrap());
    let mut addresses = Vec::new();
    for _ in 0..lines {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.strip_suffix("/\n"));
        addresses.push(address.unwrap_or_else(|| panic!("{line:?}")).parse().unwrap());
    }
    meanwhile(&addresses);
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    let (mut more, mut log) = (String::new(), String::new());
    out.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "nothing else is written to standard output");
    child.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    log
}

/// Kills the program when a test fails.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

fn is_healthy(address: SocketAddr) -> bool {
    let mut client = Client::connect(address);
    client.ask("/healthz");
    client.read_response().1 == "ok\n"
}

#[test]
fn loopback_addresses_are_served_without_a_warning() {
    let ipv4 = ["127.0.0.1:0", "127.0.0.2:0"].into_iter();
    for listen in ipv4.chain(has_ipv6().then_some("[::1]:0")) {
        let log = serve(&["--listen", listen], 1, |addresses| {
            assert_eq!(addresses[0].ip().to_string(), listen.trim_end_matches(":0").trim_matches(['[', ']']));
            assert!(addresses[0].port() != 0 && is_healthy(addresses[0]));
        });
        assert!(!log.contains("[WARN]"), "{log}");
    }
}

#[test]
fn localhost_is_every_loopback_address_on_one_port() {
    let lines = 1 + usize::from(has_ipv6());
    let log = serve(&["--listen", "localhost:0"], lines, |addresses| {
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == addresses[0].port()));
        assert!(addresses.iter().all(|address| is_healthy(*address)));
    });
    assert!(!log.contains("[WARN]"), "{log}");
}

#[test]
fn an_address_that_others_can_reach_is_warned_of_once() {
    for listen in ["0.0.0.0:0", ":0"] {
        let log = serve(&["--listen", listen], 1, |addresses| {
            let loopback = SocketAddr::new("127.0.0.1".parse().unwrap(), addresses[0].port());
            assert!(is_healthy(loopback));
            let mut client = Client::connect(loopback);
            client.ask("/events?count=0");
            client.read_head();
            assert!(client.read_event().json()["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
        });
        let warnings: Vec<_> = log.lines().filter(|line| line.contains("[WARN]")).collect();
        assert_eq!(warnings.len(), 1, "{log}");
        assert!(warnings[0].contains(listen) && warnings[0].contains("plain HTTP"), "{log}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_try() {
    let origin = Origin::start();
    let taken = origin.address.to_string();
    for (args, name) in [
        (vec!["--listen", &taken], &taken),
        (vec!["--listen", "127.0.0.1:0", "--admin", &taken], &taken),
        (
            vec!["--listen", &format!("localhost:{}", origin.address.port())],
            &format!("localhost:{}", origin.address.port()),
        ),
    ] {
        let output = program(&args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(output.stdout.is_empty(), "nothing is announced that is not there");
        for part in [name.as_str(), "in use", "another", "--listen"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert_eq!(origin.fetch("/healthz").1, "ok\n", "who has the port keeps it");
}

#[test]
fn an_address_that_is_not_there_is_named() {
    for (listen, part) in [("203.0.113.7:0", "no such address"), ("no-such-host.invalid:0", "no-such-host.invalid")] {
        let output = program(&["--listen", listen]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(listen) && text.contains(part), "{text}");
    }
}

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    for closed in ["stdout", "stderr", "both"] {
        let port = free_port();
        let mut command = program(&["--listen", &format!("127.0.0.1:{port}")]);
        let mut child = Guard(command.spawn().unwrap());
        // Before the program writes to it, most likely; and behind that, in any case.
        let out = (closed == "stderr").then_some(child.0.stdout.take().unwrap());
        let err = (closed == "stdout").then_some(child.0.stderr.take().unwrap());
        let _ = (child.0.stdout.take(), child.0.stderr.take());
        eventually(|| TcpStream::connect(("127.0.0.1", port)).ok());
        let address = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
        for _ in 0..3 {
            let mut client = Client::connect(address);
            client.send("nonsense\r\n\r\n");
            assert_eq!(client.read_response().0.status, 400, "with {closed} closed");
            let mut client = Client::connect(address);
            client.ask("/events?count=1&interval=10ms");
            client.read_head();
            assert_eq!(client.read_chunks().len(), 2, "with {closed} closed");
        }
        kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
        assert_eq!(child.0.wait().unwrap().code(), Some(0), "with {closed} closed");
        drop((out, err));
    }
}
