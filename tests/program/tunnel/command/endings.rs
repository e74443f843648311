//! However it ends, nothing is left of it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sse_argo_tester::client::Arrival;

use super::{Set, is_closed};
use crate::common::eventually;
use crate::common::program::{Finished, Program};

/// How long an end may take on a busy machine; without it, it takes one second, and 30 s where cloudflared waits for
/// streams.
const END_MAX: Duration = Duration::from_secs(12);

/// Interrupts it, and waits for its end.
fn interrupted(set: &Set, program: Program) -> Finished {
    let begun = Instant::now();
    program.signal(Signal::INT);
    let finished = set.finish(program);
    assert!(begun.elapsed() < END_MAX, "{:?}", begun.elapsed());
    finished
}

/// It serves on: its report was printed.
fn serving(set: &Set, program: &Program) {
    let expected = format!("serving on {} until Ctrl-C", set.url());
    while program.line() != expected {}
}

#[test]
fn while_it_waits_for_cloudflared() {
    let set = Set::new().mode("unready");
    let program = set.start(&["--quick"]);
    program.log_line("waiting for cloudflared to connect");
    let finished = interrupted(&set, program);
    assert_eq!((finished.code, finished.out.len()), (Some(130), 0), "{}", finished.said());
    assert!(finished.said().contains("interrupted"), "{}", finished.said());
}

#[test]
fn while_it_waits_for_the_public_url() {
    let set = Set::new();
    let elsewhere = format!("{}:127.0.0.2", set.host());
    let program = set.start(&["--resolve", &elsewhere]);
    program.log_line("waiting for the origin to answer through");
    let finished = interrupted(&set, program);
    assert_eq!((finished.code, finished.out.len()), (Some(130), 0), "{}", finished.said());
}

#[test]
fn while_it_waits_and_cloudflared_does_not_hear() {
    let set = Set::new().mode("deaf");
    let elsewhere = format!("{}:127.0.0.2", set.host());
    let program = set.start(&["--resolve", &elsewhere]);
    program.log_line("waiting for the origin to answer through");
    program.signal(Signal::INT);
    let finished = interrupted(&set, program);
    assert_eq!(finished.code, Some(130), "{}", finished.said());
}

#[test]
fn while_it_diagnoses() {
    let set = Set::new();
    let program = set.start(&["--quick"]);
    program.log_line("diagnosing");
    let finished = interrupted(&set, program);
    assert_eq!(finished.code, Some(130), "{}", finished.said());
    assert!(finished.out.last().unwrap().starts_with("VERDICT "), "what is known is told: {finished:?}");
}

#[test]
fn while_it_serves() {
    let set = Set::new();
    let program = set.start(&["--quick"]);
    serving(&set, &program);
    // A stream that its client would keep.
    let mut stream = set.client().session().open(&set.request("/events")).unwrap();
    assert!(matches!(stream.body.read(), Arrival::Bytes(..)));
    let finished = interrupted(&set, program);
    assert_eq!(finished.code, Some(0), "{}", finished.said());
    assert!(!finished.said().contains("is killed"), "cloudflared ended by itself: {}", finished.said());
}

#[test]
fn while_it_serves_and_cloudflared_does_not_hear() {
    let set = Set::new().mode("deaf");
    let program = set.start(&["--quick", "--json"]);
    program.log_line("serving on");
    program.signal(Signal::INT);
    program.log_line("stopping");
    let finished = interrupted(&set, program);
    assert_eq!(finished.code, Some(130), "the second one is in a hurry: {}", finished.said());
}

#[test]
fn when_it_is_killed() {
    killed(Set::new());
    killed(Set::new().mode("deaf"));
}

/// Kills it, after which there must be no cloudflared.
fn killed(set: Set) {
    let program = set.start(&["--quick"]);
    serving(&set, &program);
    program.signal(Signal::KILL);
    let finished = program.finish();
    assert_eq!(finished.code, None);
    // Of one that is about to end, the environment goes before its sockets.
    eventually(|| (set.processes().is_empty() && is_closed(set.edge)).then_some(()));
}

#[test]
fn a_crash_while_it_serves_is_told_and_made_good() {
    let set = Set::new();
    let program = set.start(&["--quick"]);
    serving(&set, &program);
    assert!(set.client().session().open(&set.request("/die")).is_err(), "it died, and does not answer");
    let told = program.log_line("cloudflared ended");
    assert!(told.contains("nil pointer") && told.contains("it is started again in 1s"), "{told}");
    serving(&set, &program);
    let mut stream = set.client().session().open(&set.request("/events")).unwrap();
    assert!(matches!(stream.body.read(), Arrival::Bytes(..)));
    let finished = interrupted(&set, program);
    assert_eq!(finished.code, Some(0), "{}", finished.said());
}

#[test]
fn a_crash_during_the_diagnosis_is_part_of_the_report() {
    let set = Set::new();
    let program = set.start(&["--quick", "--once"]);
    program.log_line("diagnosing");
    assert!(set.client().session().open(&set.request("/die")).is_err(), "it died, and does not answer");
    let finished = set.finish(program);
    let text = finished.out.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("cloudflared ended") && text.contains("that was during the diagnosis"), "{text}");
}
