//! The command line as a user sees it: texts, exit codes, and what the log looks like.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

use crate::common::Origin;
use rustix::process::Signal;

const USAGE: i32 = 2;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"))
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A server started with just these arguments; the first line that it prints must be its address.
fn start(args: &[&str]) -> Origin {
    let mut command = program();
    command.args(args);
    Origin::spawn(command)
}

#[test]
fn help_goes_to_standard_output_and_fits_a_terminal() {
    for (args, parts) in [
        (&["--help"][..], &["serve", "--log-level", "--log-file", "--version"][..]),
        (&["-h"], &["serve", "--log-level"]),
        (&["serve", "--help"], &["--listen", "--admin", "--interval", "--base-path", "--max-rate"]),
        (&["serve", "-h"], &["--listen", "--max-connections", "--max-streams", "--max-duration"]),
        (&["--help", "serve"], &["--listen"]),
        (&["serve", "--listen", ":0", "-h"], &["--listen"]),
        (&["--listen", ":0", "--help"], &["serve"]),
        (&["--log-level", "debug", "serve", "--help"], &["--listen"]),
        (&["--help", "--nonsense"], &["serve"]),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{args:?}");
        let help = text(&output.stdout);
        assert!(help.starts_with("Usage: sse-argo-tester"), "{args:?}: {help}");
        for part in parts {
            assert!(help.contains(part), "{args:?}: no {part} in {help}");
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 80 && !line.ends_with(' '), "{args:?}: {line:?}");
        }
    }
}

#[test]
fn every_option_of_serve_is_in_its_help_with_its_default_or_limit() {
    let help = run(&["serve", "--help"]);
    let help = text(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "ADDR:PORT",
        "default localhost:3000",
        "1ms to 1h (default 1s)",
        "such as /sse",
        "default 4096",
        "default 2048",
        "default 32m",
        "1ms to 24h (default 24h)",
    ] {
        assert!(help.contains(part), "no {part:?} in {help}");
    }
}

#[test]
fn the_version_can_be_asked_for_anywhere() {
    let expected = format!("sse-argo-tester {}\n", env!("CARGO_PKG_VERSION"));
    for args in [
        &["--version"][..],
        &["serve", "--version"],
        &["--version", "serve"],
        &["--listen", ":0", "--version"],
        &["serve", "--listen", ":0", "--version"],
        &["--log-file", "/nonexistent/log", "--version"],
    ] {
        let output = run(args);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), expected.as_str()), "{args:?}");
        assert_eq!(text(&output.stderr), "", "{args:?}");
    }
}

/// Whether the arguments are refused with a short text that has all of `parts`.
fn assert_refused(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(USAGE), "{args:?}: {message}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    assert!(message.starts_with("sse-argo-tester: "), "{args:?}: {message}");
    assert!(message.lines().count() <= 3, "{args:?}: {message}");
    for part in parts.iter().chain(&["--help"]) {
        assert!(message.contains(part), "{args:?}: no {part:?} in {message}");
    }
}

#[test]
fn what_is_not_known_is_named() {
    assert_refused(&["--nonsense"], &["--nonsense"]);
    assert_refused(&["--nonsense=1"], &["--nonsense"]);
    assert_refused(&["--nonsense", "value"], &["--nonsense"]);
    assert_refused(&["serve", "--nonsense", "--listen", ":0"], &["--nonsense"]);
    assert_refused(&["-z"], &["-z"]);
    assert_refused(&["-zh"], &["-z"]);
    assert_refused(&["--list", ":0"], &["--list"]);
    assert_refused(&["dance"], &["dance", "serve"]);
    assert_refused(&["Serve"], &["Serve", "serve"]);
    assert_refused(&["help"], &["help", "serve"]);
    assert_refused(&["-"], &["\"-\"", "serve"]);
    assert_refused(&[""], &["\"\"", "serve"]);
    assert_refused(&["dance\n\x1b[31m"], &[r"dance\n\u{1b}[31m"]);
    assert_refused(&["serve", "dance"], &["dance"]);
    assert_refused(&["serve", "serve"], &["serve"]);
    assert_refused(&["serve", "help"], &["help"]);
    assert_refused(&["--version=1"], &["--version", "no value"]);
}

#[test]
fn two_dashes_end_the_options() {
    assert_refused(&["serve", "--", "--listen", ":0"], &["--listen"]);
    assert_refused(&["--", "--version"], &["--version", "serve"]);
    assert_refused(&["--", "-h"], &["-h", "serve"]);
    assert_refused(&["serve", "--", "--"], &["--"]);
    assert_eq!(start(&["--listen", "127.0.0.1:0", "--"]).fetch("/healthz").1, "ok\n");
    assert_eq!(start(&["--listen", "127.0.0.1:0", "--", "serve"]).fetch("/healthz").1, "ok\n");
    assert_eq!(start(&["serve", "--listen", "127.0.0.1:0", "--"]).fetch("/healthz").1, "ok\n");
}

#[test]
fn an_option_without_its_value_is_named() {
    for option in [
        "--listen",
        "--admin",
        "--interval",
        "--base-path",
        "--max-connections",
        "--max-streams",
        "--max-rate",
        "--max-duration",
        "--log-level",
        "--log-file",
    ] {
        assert_refused(&[option], &[option, "needs a value"]);
        assert_refused(&["serve", option], &[option, "needs a value"]);
    }
}

#[test]
fn bad_values_are_named_with_what_is_allowed() {
    for (option, allowed, values) in [
        (
            "--listen",
            "ADDR:PORT",
            &["", "3000", "localhost", "localhost:65536", "http://localhost:1", "::1:x", "a b:1", ":-1", "[::1]"][..],
        ),
        ("--admin", "ADDR:PORT", &["", "x", ":", "localhost:http"]),
        ("--interval", "1ms to 1h", &["0", "999us", "3601s", "61m"]),
        ("--interval", "such as", &["", "x", "1d", "-1s", "1e3", "1 s"]),
        ("--base-path", "/sse", &["", "sse", "/a b", "/a?b", "/a//b", "/%41", "/a\n", "http://h/"]),
        ("--max-connections", "at least 1", &["", "0", "-1", "x", "1.5", "4k", "99999999999999999999999"]),
        ("--max-streams", "at least 1", &["", "0", "-1", "x"]),
        ("--max-rate", "such as", &["", "x", "-1", "1g", "99999999999999999999999"]),
        ("--max-rate", "at least 1", &["0", "0k"]),
        ("--max-duration", "24h", &["0", "25h", "86401s"]),
        ("--max-duration", "such as", &["", "x", "1d"]),
        ("--log-level", "off, error, warn, info, debug", &["", "loud", "5", "debug,info"]),
    ] {
        for value in values {
            let escaped = value.escape_debug().to_string();
            assert_refused(&[option, value], &[option, &escaped, allowed]);
            assert_refused(&["serve", &format!("{option}={value}")], &[option, &escaped, allowed]);
        }
    }
}

#[test]
fn an_argument_that_is_no_utf_8_is_refused() {
    for args in [&[&b"\xff\xfe"[..]][..], &[b"serve", b"--listen", b"\xff:0"], &[b"--log-file", b"/tmp/\xff"]] {
        let output = program().args(args.iter().map(|arg| OsStr::from_bytes(arg))).output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(USAGE), "{message}");
        assert!(message.contains("UTF-8") && message.contains("\\xFF"), "{message}");
    }
}

#[test]
fn options_may_stand_anywhere_and_the_last_of_two_counts() {
    for args in [
        &["--listen=127.0.0.1:0"][..],
        &["--listen", "127.0.0.1:0"],
        &["serve", "--listen=127.0.0.1:0"],
        &["--listen", "127.0.0.1:0", "serve"],
        &["--log-level", "debug", "serve", "--listen", "127.0.0.1:0"],
        &["serve", "--listen", "127.0.0.1:0", "--log-level=debug"],
        &["--listen", "nonsense", "--listen", "127.0.0.1:0"],
        &["--listen", "nonsense", "serve", "--listen=127.0.0.1:0"],
        &["--log-level", "loud", "--listen", "127.0.0.1:0", "--log-level", "info"],
    ] {
        assert_eq!(start(args).fetch("/healthz").1, "ok\n", "{args:?}");
    }
}

#[test]
fn every_option_does_what_it_says() {
    let origin =
        Origin::with(&["--interval", "20ms", "--max-duration", "1m", "--max-streams", "1", "--max-rate", "2m"]);
    let (mut client, _) = origin.open("/events");
    assert_eq!(client.read_event().json()["interval_ms"], 20.0);
    assert_eq!(origin.fetch("/events").0.status, 503);
    drop(client);
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--base-path", "/deep/down/"]);
    // The page's address has the path.
    let origin = Origin::spawn(command);
    assert_eq!(origin.fetch("/deep/down/healthz").1, "ok\n");
    assert_eq!(origin.fetch("/healthz").0.status, 404);
    assert_eq!(origin.fetch("/deep/down").0.get("Location"), Some("/deep/down/"));
}

/// What the program logs about one refused request and one stream.
fn log_at(level: &str) -> Vec<String> {
    let mut origin = Origin::with(&["--log-level", level]);
    let mut client = origin.connect();
    client.send("nonsense\r\n\r\n");
    client.read_to_end();
    origin.open("/events?count=0").0.read_chunks();
    origin.signal(Signal::TERM);
    assert_eq!(origin.wait().code(), Some(0));
    origin.whole_log()
}

#[test]
fn the_log_level_decides_what_is_logged() {
    let has = |log: &[String], part: &str| log.iter().any(|line| line.contains(part));
    for quiet in ["off", "error", "warn"] {
        assert_eq!(log_at(quiet), Vec::<String>::new(), "{quiet}");
    }
    let info = log_at("INFO");
    for part in ["request refused", "stream opened", "stream closed", "stopping"] {
        assert!(has(&info, part), "{info:#?}");
    }
    assert!(!has(&info, "[DEBUG]"), "{info:#?}");
    let debug = log_at("debug");
    assert!(has(&debug, "stream closed") && has(&debug, "[DEBUG]"), "{debug:#?}");
    assert!(has(&log_at("trace"), "stream closed"));
}

#[test]
fn a_log_line_has_time_and_level_and_no_colour() {
    let mut command = program();
    command.args(["--listen", "0.0.0.0:0"]).env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color");
    let origin = Origin::spawn(command);
    let line = origin.wait_log(&["[WARN]"]);
    assert!(!line.contains('\x1b'), "{line:?}");
    let words: Vec<_> = line.splitn(3, ' ').collect();
    assert!(words[..2].contains(&"[WARN]") && words[2].contains("0.0.0.0:0"), "{line}");
    let time = words.iter().find(|word| word.ends_with('Z') && word.len() >= 20).unwrap_or_else(|| panic!("{line}"));
    assert_eq!((time.as_bytes()[10], time.as_bytes()[19]), (b'T', b'.'), "RFC 3339 with a fraction: {line}");
}

/// What the program writes to a terminal, in the environment `env`, when it warns of something and then fails.
fn on_a_terminal(env: &[(&str, &str)]) -> String {
    let taken = Origin::start();
    let program = env!("CARGO_BIN_EXE_sse-argo-tester");
    let command = format!("ulimit -n 64; exec '{program}' --listen {}", taken.address);
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").envs(env.iter().copied());
    let output = script.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_gets_colour_unless_it_does_not_want_it() {
    assert!(on_a_terminal(&[]).contains("\x1b["));
    for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let written = on_a_terminal(&[env]);
        assert!(written.contains("WARN") && !written.contains('\x1b'), "{env:?}: {written:?}");
    }
}

#[test]
fn the_log_file_gets_the_log_behind_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "before\n").unwrap();
    for round in 1..=2 {
        let mut origin = Origin::with(&["--log-file", path.to_str().unwrap()]);
        origin.open("/events?count=0").0.read_chunks();
        origin.wait_log(&["stream closed"]);
        origin.signal(Signal::TERM);
        origin.wait();
        let log = fs::read_to_string(&path).unwrap();
        assert!(log.starts_with("before\n") && !log.contains('\x1b'), "{log}");
        assert_eq!(log.matches("stream closed").count(), round, "{log}");
    }
}

#[test]
fn a_log_file_that_cannot_be_written_is_named_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    for (path, cause) in [
        ("/nonexistent/folder/log", "No such file or directory"),
        (folder, "Is a directory"),
        ("/dev/null/log", "Not a directory"),
        ("", "No such file or directory"),
    ] {
        let output = run(&["--listen", "127.0.0.1:0", "--log-file", path]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(USAGE), "{message}");
        assert!(message.contains("log file") && message.contains(path) && message.contains(cause), "{message}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_full_disk_does_not_end_the_server() {
    let origin = Origin::with(&["--log-file", "/dev/full"]);
    origin.open("/events?count=0").0.read_chunks();
    assert_eq!(origin.fetch("/healthz").1, "ok\n");
}
