//! Clients that vanish without a word: a cable is pulled, a laptop sleeps.
//!
//! The server runs in a network of its own, where this process may cut the loopback.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{id, value};
use crate::common::Origin;

fn run(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {args:?}: {status}");
}

/// The server behind its own loopback.
fn behind_own_loopback() -> Origin {
    assert!(geteuid().is_root(), "root is needed to make a network");
    let mut command = Command::new("unshare");
    let program = env!("CARGO_BIN_EXE_sse-argo-tester");
    command.args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\"", program, "--listen", "127.0.0.1:0"]);
    Origin::spawn(command)
}

#[test]
#[ignore = "needs root, iproute2 and 25 s"]
fn a_client_that_vanishes_is_noticed_when_nothing_is_acknowledged() {
    let origin = behind_own_loopback();
    // Only this thread moves; what it starts is there, too.
    let test = move || {
        let network = File::open(format!("/proc/{}/ns/net", origin.pid().as_raw_nonzero())).unwrap();
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let (mut client, _) = origin.open(&format!("/events?id={}&interval=1s", id("vanished")));
        client.read_event();
        client.read_event();
        run("ip", &["link", "set", "lo", "down"]);
        let since = Instant::now();
        let line = origin.wait_log_for(&["stream closed"], Duration::from_secs(40));
        let after = since.elapsed();
        assert_eq!(value(&line, "by"), "client");
        assert!(line.contains("vanished"), "{line}");
        assert!((Duration::from_secs(19)..Duration::from_secs(30)).contains(&after), "{after:?}");
        run("ip", &["link", "set", "lo", "up"]);
        assert_eq!(origin.fetch("/healthz").1, "ok\n");
    };
    thread::spawn(test).join().unwrap();
}
