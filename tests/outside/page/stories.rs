//! The page's core judges as the Rust core does: every story, and those that were changed at random.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sse_argo_tester::verdict::{Finding, Id, Verdict, products};

use crate::common::Origin;
use crate::common::browser::Browser;

/// The program that tells a story to the page's core.
const TELL: &str = include_str!("tell.js");

/// The core, in an empty page.
pub(crate) fn core() -> Browser {
    let core = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/core.js")).unwrap();
    let mut browser = Browser::start();
    browser.evaluate(&format!("(() => {{ 'use strict';\n{core}\n}})()"));
    browser.evaluate(TELL);
    browser.evaluate(&format!("globalThis.products = {}; 0", products()));
    browser
}

pub(crate) fn finding_json(finding: &Finding) -> Value {
    json!({"id": finding.id, "severity": finding.severity(), "text": finding.text(), "advice": finding.advice()})
}

pub(crate) fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "verdict": verdict.verdict, "hold": verdict.hold, "summary": verdict.summary(),
        "findings": verdict.findings.iter().map(finding_json).collect::<Vec<_>>(),
    })
}

/// Where the page differs from Rust: the place, what the page has, and what Rust has. An advice may be shorter in the
/// page, which has no command line.
pub(crate) fn difference(page: &Value, rust: &Value, place: &str) -> Option<String> {
    let is_same = match (page, rust) {
        (Value::Object(page), Value::Object(rust)) if page.keys().eq(rust.keys()) => {
            return page.iter().find_map(|(key, value)| difference(value, &rust[key], &format!("{place}.{key}")));
        }
        (Value::Array(page), Value::Array(rust)) if page.len() == rust.len() => {
            let mut pairs = page.iter().zip(rust).enumerate();
            return pairs.find_map(|(n, (page, rust))| difference(page, rust, &format!("{place}[{n}]")));
        }
        (Value::Number(page), Value::Number(rust)) => {
            let (page, rust) = (page.as_f64().unwrap(), rust.as_f64().unwrap());
            (page - rust).abs() <= rust.abs() * 1e-15
        }
        (Value::String(page), Value::String(rust)) if place.ends_with(".advice") => rust.starts_with(page.as_str()),
        _ => page == rust,
    };
    (!is_same).then(|| format!("{place}: {page} in the page, {rust} in Rust"))
}

#[test]
#[ignore = "needs chromium"]
fn every_finding_is_as_bad() {
    let page = core().evaluate("Object.fromEntries([...Core.FINDINGS].map(([id, entry]) => [id, entry]))");
    let rust: serde_json::Map<String, Value> = Id::ALL
        .iter()
        .map(|id| {
            let finding = Finding::new(*id, "");
            (id.as_str().to_owned(), json!({"severity": finding.severity(), "advice": finding.advice()}))
        })
        .collect();
    assert_eq!(difference(&page, &Value::Object(rust), ""), None);
}

/// So fast that judging between two frames is not seen.
#[test]
#[ignore = "needs chromium"]
fn the_page_has_the_core() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    let page = format!("http://{}/", origin.address);
    browser.open(&page);
    assert_eq!(browser.evaluate("Object.isFrozen(Core)"), true);
    // What the page is for works beside it.
    browser.wait_for("document.getElementById('received').textContent !== '0'");
    let seen = browser.seen();
    assert!(seen.exceptions.is_empty() && seen.violations.is_empty() && seen.console.is_empty(), "{seen:?}");
    let elsewhere = seen.requests.iter().find(|url| !url.starts_with(&page) && !url.starts_with("data:"));
    assert_eq!(elsewhere, None);
}

/// An hour and a half, in which the machine is busy at times and events are lost: more than is kept of anything.
#[test]
#[ignore = "needs chromium"]
fn streams_that_others_kept_back_do_not_count() {
    let said = core().evaluate(
        "(() => { const spec = (name) => ({name, intervalUs: 1000000, size: name === 'L' ? 2000 : 0, count: 3}); \
         const record = (name, {sent = [], end = 'ours', ...seen} = {}) => { \
         const recorder = new Core.Recorder(spec(name), 'ours', 0); \
         sent.forEach((sentUs, seq) => { recorder.read(sentUs, 10 * (seq + 1)); \
         recorder.event(seq === 0 ? {kind: 'hello', sentUs} : {kind: 'numbered', seq, sentUs, intact: true}, 10 * seq, 10 * seq + 10); }); \
         recorder.end(end, 4e6); return {recorder, finding: null, neverBegan: false, ...seen}; }; \
         const clock = Core.Clock.fromExchanges([{t0Us: -1000, t1Us: -500, t3Us: 0}]); \
         const fine = (name) => record(name, {sent: [0, 1e6, 2e6, 3e6], end: 'clean'}); \
         const kept = (name) => record(name, {neverBegan: true}), vain = (name) => record(name, {sent: [3e6]}); \
         const refused = (name, id) => ({...record(name), finding: Core.finding(id, 'so it is')}); \
         return [[fine('L'), kept('W')], [fine('L'), vain('W')], [vain('W')], [kept('W')], [fine('L'), refused('W', 'too-many-requests')], \
         [fine('L'), refused('W', 'gateway-timeout')], [refused('W', 'no-answer')]].map((found) => { \
         const {answer, streams, findings} = Core.sortOut(found, clock, []); \
         return [answer.kind, streams.map(({spec}) => spec.name).join(), findings.map(({id, text}) => `${id}: ${text}`).join()]; }); })()",
    );
    let vain =
        "streams-refused: not counted: 1 of 2 streams at once, which reached the origin when the time was nearly up";
    let kept = "streams-refused: not counted: 1 of 2 streams at once, which never reached the origin";
    let refused = "streams-refused: 1 of 2 streams at once brought none: so it is";
    let expected = json!([
        ["stream", "L", kept],
        ["stream", "L", vain],
        ["stream", "W", ""],
        ["stream", "W", ""],
        ["stream", "L", refused],
        ["not-sse", "L", ""],
        ["unreachable", "", ""],
    ]);
    assert_eq!(said, expected);
}
