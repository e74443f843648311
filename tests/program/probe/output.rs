//! What is printed, and what is refused.

use std::fs::File;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;
use sse_argo_tester::report::json;
use sse_argo_tester::stats::recording::Recording;
use sse_argo_tester::{judge, stats};

use crate::common::Origin;
use crate::common::program::Program;

fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn text_fits_and_its_last_line_is_for_grep() {
    let origin = Origin::start();
    let url = format!("http://{}/events", origin.address);
    let finished = Program::probe(&[&url, "--duration", "1s"]).finish();
    assert_eq!((finished.code, finished.said().as_str()), (Some(0), ""), "progress is for terminals");
    let (last, rest) = finished.out.split_last().unwrap();
    assert!(last.starts_with("VERDICT real-time hold=none lag_p50_ms="), "{last}");
    assert!(last.ends_with(&format!(" end=clean url={url}")), "{last}");
    assert!(rest.iter().all(|line| line.chars().count() <= 80 && !line.contains('\x1b')), "{rest:#?}");
    assert!(rest.iter().any(|line| line.contains("small events every 100 ms")), "{rest:#?}");
}

#[test]
fn an_output_that_takes_nothing_is_a_failure_and_one_that_nobody_reads_is_none() {
    let origin = Origin::start();
    let url = format!("http://{}/events", origin.address);
    let run = |arguments: &[&str], out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        command.args(["probe", &url]).args(arguments).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
        command.output().unwrap()
    };
    for arguments in [&["--duration", "1s"][..], &["--follow", "--interval", "100ms"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = run(arguments, full.into());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains("write the output: No space left on device"), "{arguments:?}: {said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(arguments, writer.into());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

fn events(server: &Origin) -> String {
    format!("http://{}/events", server.address)
}

/// An origin, and a proxy that holds its streams until they end.
fn held() -> (Origin, Origin) {
    let origin = Origin::start();
    let proxy = Origin::proxy(&events(&origin), &["--impair", "hold-until-close"]);
    (origin, proxy)
}

#[test]
fn json_has_all_that_programs_rely_on() {
    let (origin, proxy) = held();
    let against = events(&origin);
    let finished = Program::probe(&[&events(&proxy), "--json", "--duration", "1s", "--against", &against]).finish();
    assert_eq!((finished.code, finished.out.len()), (Some(1), 1), "{}", finished.said());
    let report = finished.end();
    // In alphabetical order.
    let expected = [
        "against",
        "bursts",
        "bytes",
        "clock",
        "end",
        "events",
        "findings",
        "gap_ms",
        "hold",
        "hop",
        "lag_ms",
        "method",
        "ok",
        "origin_saw",
        "response",
        "schema",
        "streams",
        "summary",
        "timing_ms",
        "url",
        "verdict",
    ];
    assert_eq!(names(&report), expected);
    assert_eq!(
        (&report["schema"], &report["verdict"], &report["ok"]),
        (&1.into(), &"held-until-close".into(), &false.into())
    );
    assert_eq!(names(&report["hold"]), ["bytes", "kind", "ms"]);
    assert_eq!(names(&report["timing_ms"]), ["connect", "dns", "first_byte", "first_event", "head", "tls"]);
    assert_eq!(names(&report["lag_ms"]), ["max", "p50", "p90", "p99"]);
    assert_eq!(names(&report["clock"]), ["error_ms", "offset_ms"]);
    let offset = report["clock"]["offset_ms"].as_f64().unwrap();
    assert!(offset.abs() < 1000.0, "the same machine has the same clock: {offset}");
    assert_eq!(report["response"]["status"], 200);
    assert_eq!(report["response"]["content_type"], "text/event-stream");
    let against = &report["against"];
    assert_eq!(
        (&against["verdict"], &against["ok"], &against["against"]),
        (&"real-time".into(), &true.into(), &Value::Null)
    );
    assert_eq!(names(against), expected);
}

#[test]
fn junit_is_a_document_that_fails() {
    let (_origin, proxy) = held();
    let finished = Program::probe(&[&events(&proxy), "--format", "junit", "--duration", "1s"]).finish();
    let text = finished.out.join("\n");
    let document = roxmltree::Document::parse(&text).unwrap();
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    assert_eq!((finished.code, failure.attribute("type")), (Some(1), Some("held-until-close")));
}

#[test]
fn recordings_hold_what_was_seen() {
    let origin = Origin::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    let url = format!("http://{}/events", origin.address);
    let finished = Program::probe(&[&url, "--duration", "1s", "--json", "--record", path.to_str().unwrap()]).finish();
    assert_eq!(finished.code, Some(0));
    let report: Value = serde_json::from_str(&finished.out.join("\n")).unwrap();
    let mut recording: Recording = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((recording.origin, recording.streams.len()), (Some(stats::Origin::Ours), 4));
    for stream in &mut recording.streams {
        let body = BASE64_STANDARD.decode(stream.body.take().unwrap()).unwrap();
        let read = stream.reads.iter().flatten().map(|read| read.length).sum::<u64>();
        assert_eq!(body.len() as u64, read, "the body's bytes are there, with the reads as boundaries");
    }
    let judged = serde_json::to_value(json(&judge::judge(&recording).unwrap())).unwrap();
    for key in ["verdict", "hold", "findings", "summary", "timing_ms", "lag_ms", "events", "streams", "response", "hop"]
    {
        assert_eq!(judged[key], report[key], "{key}");
    }
}

#[test]
fn bad_options_are_explained_at_once() {
    for (arguments, part) in [
        (&["--format", "xml", "http://localhost"][..], "text, json or junit"),
        (&["--interval", "1ms", "http://localhost"], "10ms to 1m"),
        (&["--within", "soon", "http://localhost"], "duration"),
        (&["--duration", "2h", "http://localhost"], "1ms to 1h"),
        (&["--record", "/no/such/folder/file", "http://localhost"], "/no/such/folder/file"),
        (&["-H", "nonsense", "http://localhost"], "Name: value"),
        (&["http://"], "URL"),
        (&[], "url"),
    ] {
        let finished = Program::probe(arguments).finish();
        assert_eq!((finished.code, finished.out.len()), (Some(2), 0), "{arguments:?}: {}", finished.said());
        assert!(finished.said().contains(part), "{arguments:?}: {}", finished.said());
    }
}

/// What `probe` writes to a terminal.
fn on_a_terminal(env: &[(&str, &str)]) -> String {
    let origin = Origin::start();
    let program = env!("CARGO_BIN_EXE_sse-argo-tester");
    let command = format!("stty cols 80; exec '{program}' probe --duration 1s http://{}", origin.address);
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").envs(env.iter().copied());
    let output = script.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_gets_progress_and_colour_unless_it_does_not_want_them() {
    let written = on_a_terminal(&[]);
    assert!(written.contains("\x1b[32m") || written.contains("\x1b[1;32m"), "{written:?}");
    let progress = written.find("S 1/").or(written.find("S 2/")).unwrap_or_else(|| panic!("no progress: {written:?}"));
    assert!(progress < written.find("timing").unwrap());
    let plain = on_a_terminal(&[("NO_COLOR", "1")]);
    assert!(!plain.contains("\x1b[1") && !plain.contains("\x1b[3"), "{plain:?}");
    let dumb = on_a_terminal(&[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
}
