//! The page's core judges as the Rust core does: every story, and those that were changed at random.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sse_argo_tester::sse::decoder::{Decoded, Item, Message};
use sse_argo_tester::stats::{self, Clock, Recorder, StreamSpec, Summary};
use sse_argo_tester::verdict::{Finding, Id, Verdict, ending, products, representative};

use crate::common::Origin;
use crate::common::browser::Browser;
use crate::story::{self, Story, Told};

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

/// What Rust says of a story, in the words of the page.
fn said(told: &Told) -> Value {
    json!({
        "clock": told.clock.as_ref().map(clock),
        "streams": told.streams.iter().map(summary).collect::<Vec<_>>(),
        "verdict": verdict_json(&told.verdict),
        "ending": ending(&told.streams),
        "naming": representative(&told.streams).map(|stream| &stream.spec.name),
    })
}

fn clock(clock: &Clock) -> Value {
    json!({
        "offsetUs": clock.offset_us, "errorUs": clock.error_us, "pathUs": clock.path_us, "doubtUs": clock.doubt_us,
        "isMeasured": clock.is_measured, "contradictionUs": clock.contradiction_us,
    })
}

fn summary(stream: &Summary) -> Value {
    let samples = stream.samples.iter().map(
        |sample| json!({"seq": sample.seq, "sentUs": sample.sent_us, "atUs": sample.at_us, "lagUs": sample.lag_us}),
    );
    let lumps = stream.lumps.iter().map(|lump| {
        json!({
            "atUs": lump.at_us, "waitUs": lump.wait_us, "bytes": lump.bytes, "contentBytes": lump.content_bytes,
            "events": lump.events, "isWhole": lump.is_whole, "isClosing": lump.is_closing,
        })
    });
    json!({
        "spec": {
            "name": stream.spec.name, "intervalUs": stream.spec.interval_us, "size": stream.spec.size,
            "count": stream.spec.count,
        },
        "origin": if stream.origin == stats::Origin::Ours { "ours" } else { "foreign" },
        "requestedUs": stream.requested_us, "firstByteUs": stream.first_byte_us,
        "firstEventUs": stream.first_event_us, "lastEventUs": stream.last_event_us, "counts": stream.counts,
        "heartbeats": stream.heartbeats, "bytes": stream.bytes, "contentBytes": stream.content_bytes,
        "lag": stream.lag, "gap": stream.gap, "bursts": stream.bursts, "samples": samples.collect::<Vec<_>>(),
        "excused": stream.excused, "lumps": lumps.collect::<Vec<_>>(), "allSentUs": stream.all_sent_us,
        "staleUs": stream.stale_us, "end": stream.end, "endUs": stream.end_us,
    })
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

/// Where the page differs from Rust about a story.
pub(crate) fn differs(browser: &mut Browser, story: &Value) -> Option<String> {
    let told: Story = serde_json::from_value(story.clone()).unwrap();
    let page = browser.evaluate(&format!("told({story})"));
    difference(&page, &said(&told.told()), "")
}

#[test]
#[ignore = "needs chromium"]
fn every_story_is_judged_alike() {
    let mut browser = core();
    for path in story::files() {
        let story: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let difference = differs(&mut browser, &story);
        assert_eq!(difference, None, "{path:?}");
    }
    assert_eq!(format!("{:?}", browser.seen().exceptions), "[]");
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
fn a_probe_is_judged_fast() {
    const MOST_MS: f64 = 20.0;
    let story = fs::read_to_string(story::folder().join("recorded-nginx-default.json")).unwrap();
    let mut browser = core();
    let events = browser.evaluate(&format!("(window.story = {story}).streams.flatMap((one) => one.events).length"));
    assert!(events.as_u64() > Some(400), "{events}");
    // The machine may be busy: the best of some counts.
    let measured = "Math.min(...Array.from({length: 9}, () => { \
        const begun = performance.now(); told(story); return performance.now() - begun; }))";
    let best_ms = browser.evaluate(measured).as_f64().unwrap();
    assert!(best_ms < MOST_MS, "{best_ms} ms");
}

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
fn a_long_watch_is_judged_alike() {
    const COUNT: i64 = 20_000;
    let (mut reads, mut events) = (Vec::new(), Vec::new());
    for n in 0..COUNT {
        // 5000 at once, some of which come late.
        let seq = if n < COUNT / 2 { n + 1 } else { n + 5_001 };
        let seq = if n % 777 == 700 && n > COUNT / 2 { COUNT / 2 + n % 5_000 } else { seq };
        let late_us = if n % 1_000 > 990 { 400_000 } else { 1_000 + n * 7_919 % 20_000 };
        reads.push(json!([300_000 * n + late_us, 100 * (n + 1)]));
        events.push(json!([seq, 300_000 * n, 100 * n, 100 * (n + 1)]));
    }
    let stream = json!({
        "name": "S", "interval_us": 300_000, "size": 0, "count": null, "requested_us": -500_000, "events": events,
        "comments": [], "reads": reads, "end": ["ours", 300_000 * COUNT],
    });
    let story = json!({
        "source": "model", "about": "a long watch", "answer": ["stream"], "ours": true, "within_ms": 100,
        "unix_us": 1_763_724_597_000_000_i64, "connect_us": null, "exchanges": [[-900_000, -899_900, -899_700]],
        "stalls": [[1_000_000, 9_000_000]], "streams": [stream],
        "expect": {"verdict": "", "hold": {"kind": "", "bytes": null, "ms": null}, "findings": [], "streams": {}},
    });
    assert_eq!(differs(&mut core(), &story), None);
}

#[test]
#[ignore = "needs chromium"]
fn a_stream_of_another_pace_is_of_small_events_without_end() {
    let spec = core().evaluate(
        "(() => { const recorder = new Core.Recorder({name: 'S', intervalUs: 5, size: 7, count: 3}, 'ours', 0); \
         recorder.isOfOtherPace(0); return recorder.spec; })()",
    );
    assert_eq!(spec, json!({"name": "S", "intervalUs": 1, "size": 0, "count": null}));
}

#[test]
#[ignore = "needs chromium"]
fn data_of_events_is_read_alike() {
    let data = [
        r#"{"seq":1,"sent_us":5,"fill":"123456789","crc32":"cbf43926"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"123456789","crc32":"+CBF43926"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"123456780","crc32":"cbf43926"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"é €","crc32":"cbf43926"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"","crc32":"00000000"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"","crc32":"zz"}"#,
        r#"{"seq":1,"sent_us":5,"fill":"","crc32":""}"#,
        r#"{"seq":1,"sent_us":5,"crc32":"0"}"#,
        r#"{"seq":1,"sent_us":5,"crc32":null}"#,
        r#"{"seq":1,"sent_us":5,"crc32":7}"#,
        r#"{"seq":1,"sent_us":5,"fill":null}"#,
        r#"{"seq":1,"sent_us":5}"#,
        r#"{"seq":null,"sent_us":5}"#,
        r#"{"seq":"1","sent_us":5}"#,
        r#"{"seq":-1,"sent_us":5}"#,
        r#"{"sent_us":1763724597000000,"id":"x","headers":[["a","b"]]}"#,
        r#"{"sent_us":9007199254740991}"#,
        r#"{"sent_us":9007199254740993}"#,
        r#"{"sent_us":-1}"#,
        r#"{"sent_us":"1"}"#,
        r#"{"sent_us":1.5}"#,
        r#"{"sent_us":1"#,
        r#"{"seq":1}"#,
        "[1]",
        "null",
        "7",
        "what",
        "",
    ];
    let ids = ["", "7", "+7", "-7", "7 ", "7.0", "0x7", "007", "9007199254740991", "seven", "٧"];
    let mut browser = core();
    let cases =
        data.iter().map(|data| (stats::Origin::Ours, *data, "")).chain(ids.map(|id| (stats::Origin::Foreign, "", id)));
    for (origin, data, id) in cases {
        let spec = StreamSpec { name: String::new(), interval_us: 1, size: 0, count: None };
        let mut recorder = Recorder::new(spec, origin, 0);
        recorder.keep_journal();
        recorder.read(0, 0, 0);
        let message = Message { event: String::new(), data: data.to_owned(), last_event_id: id.to_owned() };
        recorder.item(&Decoded { item: Item::Event(message), start: 0, end: 0 });
        let event = &recorder.journal(0).unwrap()["events"][0];
        let words = if origin == stats::Origin::Ours { "ours" } else { "foreign" };
        let page = browser.evaluate(&format!("eventOf(Core.whatOf({}, {}, {}))", json!(words), json!(data), json!(id)));
        assert_eq!(page, *event, "{data}{id}");
    }
}

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
