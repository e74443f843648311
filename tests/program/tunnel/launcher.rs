//! The hidden launcher: what it starts never outlives its parent.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::PATIENCE;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sse-argo-tester");

/// All that comes out of a pipe until all who can write into it are gone; none if that does not come about.
fn to_the_end(mut pipe: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        let _ = sender.send(text);
    });
    receiver.recv_timeout(PATIENCE).ok()
}

#[test]
fn a_child_ends_when_its_parent_is_killed() {
    // The shell's child says that it is there, and waits for more than the test's patience; so does the shell.
    let script = "\"$0\" --launch-child $$ -- /bin/sh -c 'echo here; exec sleep 60' & read line; wait";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn().unwrap();
    let mut out = shell.stdout.take().unwrap();
    let mut here = [0; 5];
    out.read_exact(&mut here).unwrap();
    assert_eq!(&here, b"here\n");
    shell.kill().unwrap();
    shell.wait().unwrap();
    assert_eq!(to_the_end(out).as_deref(), Some(""), "it lives on");
}

#[test]
fn nothing_is_started_when_the_parent_is_another_one() {
    let mut launcher = Command::new(PROGRAM);
    // The first process of all is there, but is not the parent.
    let launched = launcher.args(["--launch-child", "1", "--", "/bin/echo", "here"]).output().unwrap();
    assert_eq!((launched.status.code(), launched.stdout.as_slice()), (Some(3), &b""[..]));
    assert!(String::from_utf8(launched.stderr).unwrap().contains("the parent is gone"));
}

#[test]
fn the_launcher_is_hidden() {
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("launch"));
}
