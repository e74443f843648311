//! The story files whose source is the model. `WRITE_STORIES=1` writes them.

use std::fs;
use std::path::Path as FilePath;

use serde_json::{Value, json};
use sse_argo_tester::stats::{Ending, Origin, StreamSpec, Summary};

use crate::story;

use super::model::{Fate, Hold, MS, Path, Run, four, run, spec};

/// What is to be said.
struct Expect {
    verdict: &'static str,
    kind: &'static str,
    bytes: Option<u64>,
    ms: Option<u64>,
    findings: &'static [&'static str],
}

fn expect(verdict: &'static str, kind: &'static str, findings: &'static [&'static str]) -> Expect {
    Expect { verdict, kind, bytes: None, ms: None, findings }
}

fn of_bytes(verdict: &'static str, kind: &'static str, bytes: u64, findings: &'static [&'static str]) -> Expect {
    Expect { bytes: Some(bytes), ..expect(verdict, kind, findings) }
}

fn of_ms(verdict: &'static str, kind: &'static str, ms: u64, findings: &'static [&'static str]) -> Expect {
    Expect { ms: Some(ms), ..expect(verdict, kind, findings) }
}

const REAL: fn(&'static [&'static str]) -> Expect = |findings| expect("real-time", "none", findings);
const CUT: fn(&'static [&'static str]) -> Expect = |findings| expect("cut", "none", findings);
const BAD: fn(&'static [&'static str]) -> Expect = |findings| expect("corrupt", "none", findings);
const OPEN: fn(&'static [&'static str]) -> Expect = |findings| expect("inconclusive", "unknown", findings);

/// Some of the four streams, by their letters.
fn some(letters: &str) -> Vec<StreamSpec> {
    four().into_iter().filter(|spec| letters.contains(&spec.name)).collect()
}

fn quiet(hold: Hold) -> Path {
    Path { hold, jitter: MS, ..Path::default() }
}

/// Far away, and as unsteady as a radio link.
fn noisy(hold: Hold) -> Path {
    Path { hold, latency: 40 * MS, jitter: 35 * MS, asymmetry: 5 * MS, seed: 7, ..Path::default() }
}

fn fated(fate: Fate) -> Path {
    Path { fate, ..quiet(Hold::None) }
}

fn exact(n: u64) -> Hold {
    Hold::Bytes { n, exactly: true }
}

fn whole(n: u64) -> Hold {
    Hold::Bytes { n, exactly: false }
}

type Case = (&'static str, &'static str, Path, Expect);

fn on_time() -> Vec<Case> {
    let pause = |t| Hold::Pause { from: 3_010 * MS, t: t * MS };
    vec![
        ("real-time-near", "SMLW", quiet(Hold::None), REAL(&[])),
        ("real-time-far-and-noisy", "SMW", noisy(Hold::None), REAL(&[])),
        ("real-time-read-in-steps", "SMW", Path { coalesce: 12 * MS, ..quiet(Hold::None) }, REAL(&[])),
        ("real-time-with-one-late-event", "SMW", quiet(pause(180)), REAL(&[])),
        ("inconclusive-pause", "SMW", quiet(pause(900)), OPEN(&["unsteady"])),
        (
            "inconclusive-clock",
            "SMW",
            Path { slow_time: 250 * MS, ..quiet(Hold::Constant { t: 250 * MS }) },
            OPEN(&["clock-error"]),
        ),
    ]
}

fn starts() -> Vec<Case> {
    let bytes = |n| Hold::StartBytes { n };
    let time = |t| Hold::StartTime { t: t * MS };
    let by_bytes = |n| of_bytes("late-start", "start-bytes", n, &["start-bytes"]);
    let by_time = |t| of_ms("late-start", "start-time", t, &["start-time"]);
    vec![
        ("start-bytes-1k", "SMW", quiet(bytes(1024)), by_bytes(1024)),
        ("start-bytes-20k", "SMLW", quiet(bytes(20_000)), by_bytes(20_000)),
        ("start-bytes-64k-noisy", "SMLW", noisy(bytes(65_536)), by_bytes(65_536)),
        ("start-bytes-256k", "SLW", quiet(bytes(262_144)), by_bytes(262_144)),
        ("start-time-300ms", "SMW", quiet(time(300)), by_time(300)),
        ("start-time-3s", "SMLW", quiet(time(3000)), by_time(3000)),
        (
            "start-bytes-30k-then-4k",
            "SMLW",
            quiet(Hold::StartThenBytes { start: 30_000, n: 4_000 }),
            of_bytes("late-start", "start-bytes", 30_000, &["still-held"]),
        ),
    ]
}

fn batches() -> Vec<Case> {
    let by_bytes = |n| of_bytes("batched", "bytes", n, &["batched-bytes"]);
    let by_time = |t| of_ms("batched", "time", t, &["batched-time"]);
    let ticks = |t: i64, phase: i64| Hold::Ticks { t: t * MS, phase: phase * MS };
    vec![
        ("batched-512-bytes", "SMW", quiet(exact(512)), by_bytes(512)),
        ("batched-4k-cut-anywhere", "SMLW", quiet(exact(4096)), by_bytes(4096)),
        ("batched-4k-whole-noisy", "SMW", noisy(whole(4096)), by_bytes(4096)),
        ("batched-64k", "SLW", quiet(whole(65_536)), by_bytes(65_536)),
        ("batched-256k", "SLW", quiet(exact(262_144)), by_bytes(262_144)),
        ("batched-300ms-noisy", "SMW", noisy(Hold::Timer { t: 300 * MS }), by_time(300)),
        ("batched-1s-by-a-clock", "SMW", quiet(ticks(1000, 333)), by_time(1000)),
        ("batched-3s", "SMLW", quiet(Hold::Timer { t: 3000 * MS }), by_time(3000)),
        (
            "batched-compressor-8k",
            "SMLW",
            quiet(Hold::Compressor { n: 8192 }),
            of_bytes("batched", "bytes", 8192, &["compressed"]),
        ),
        ("batched-one-pace", "S", quiet(exact(1024)), of_bytes("batched", "bytes", 1024, &["time-or-bytes"])),
    ]
}

fn lags() -> Vec<Case> {
    let constant = |t: i64| Hold::Constant { t: t * MS };
    let by = |t| of_ms("lagging", "constant", t, &["constant-lag"]);
    let close = |findings| expect("held-until-close", "close", findings);
    vec![
        ("lagging-200ms", "SMLW", quiet(constant(200)), of_ms("lagging", "constant", 200, &["cork"])),
        ("lagging-777ms-noisy", "SMW", noisy(constant(777)), by(777)),
        ("lagging-3s", "SMW", quiet(constant(3000)), by(3000)),
        ("one-event", "SMLW", quiet(Hold::OneEvent), expect("lagging", "one-event", &["one-event"])),
        (
            "one-event-at-one-pace",
            "W",
            quiet(Hold::OneEvent),
            expect("lagging", "one-event", &["one-event-or-constant"]),
        ),
        ("until-close", "SMLW", quiet(Hold::Close), close(&["close-or-larger"])),
        ("until-close-but-hello", "SMW", quiet(Hold::CloseAfterHello), close(&["close-or-larger"])),
    ]
}

fn ends() -> Vec<Case> {
    let cut = |at: i64, how| fated(Fate::Cut { at: at * MS, how });
    let silent = |findings| expect("silent", "unknown", findings);
    let cut_while_held = Fate::Cut { at: 2_000 * MS, how: Ending::Truncated };
    vec![
        ("silent", "SMW", quiet(Hold::Silent), silent(&["silent", "silent-or-longer"])),
        ("silent-far", "SW", noisy(Hold::Silent), silent(&["silent"])),
        ("silent-one-stream", "W", quiet(Hold::Silent), silent(&["silent"])),
        ("cut-reset", "SMW", cut(5_432, Ending::Reset), CUT(&["cut-reset"])),
        ("cut-at-an-age", "SMW", cut(3_000, Ending::Truncated), CUT(&["lifetime-cut"])),
        ("cut-while-held", "SMW", Path { fate: cut_while_held, ..noisy(exact(4096)) }, CUT(&["cut-truncated"])),
        ("cut-hanging", "SMW", fated(Fate::Hangs { at: 2_500 * MS }), CUT(&["hanging"])),
        ("corrupt-lost", "SW", fated(Fate::Lost(4)), BAD(&["lost"])),
        ("corrupt-repeated", "SW", fated(Fate::Twice(5)), BAD(&["repeated"])),
        ("corrupt-reordered", "SW", fated(Fate::Swapped(3)), BAD(&["reordered"])),
        ("corrupt-replay", "SW", fated(Fate::Replayed { age: 60_000 * MS }), BAD(&["replay"])),
    ]
}

/// Another origin's stream: S, without its stamps.
fn foreign() -> Vec<Case> {
    let cut = Fate::Cut { at: 2_000 * MS, how: Ending::Truncated };
    vec![
        ("foreign-real-time", "S", quiet(Hold::None), REAL(&["no-stamps"])),
        (
            "foreign-in-pieces-of-1000",
            "S",
            quiet(exact(1000)),
            of_bytes("batched", "bytes", 1000, &["no-stamps", "batched-bytes"]),
        ),
        ("foreign-bursts", "S", quiet(Hold::Timer { t: 1000 * MS }), OPEN(&["no-stamps", "bursty"])),
        ("foreign-quiet", "S", quiet(Hold::Silent), OPEN(&["no-stamps", "quiet"])),
        ("foreign-until-close", "S", quiet(Hold::Close), expect("held-until-close", "close", &["no-stamps"])),
        ("foreign-cut", "S", fated(cut), CUT(&["no-stamps", "cut-truncated"])),
    ]
}

/// A story file's name, without its ending, and its text.
type File = (String, String);

#[test]
fn stories_are_what_the_model_tells() {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let writes = std::env::var_os("WRITE_STORIES").is_some();
    for (name, text) in stories() {
        let path = folder.join(format!("{name}.json"));
        if writes {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{name} isn't what the model tells: WRITE_STORIES=1 writes it");
    }
}

fn stories() -> Vec<File> {
    let ours = [on_time(), starts(), batches(), lags(), ends()].into_iter().flatten();
    let ours = ours.map(|(name, letters, path, expect)| story(name, &run(&some(letters), &path), &path, &expect));
    let foreign = foreign().into_iter().map(|(name, letters, path, expect)| {
        let mut run = run(&some(letters), &path);
        run.streams[0].origin = Origin::Foreign;
        run.streams[0].spec.count = None;
        run.exchanges.clear();
        story(name, &run, &path, &expect)
    });
    ours.chain(foreign).chain(special()).collect()
}

/// Stories that no single path tells.
fn special() -> [File; 3] {
    let path = quiet(Hold::None);
    let mut large = run(&four(), &path);
    let held = run(&four(), &quiet(exact(16_384)));
    large.streams[1] = held.streams[1].clone();
    large.streams[2] = held.streams[2].clone();

    let mut blind = run(&some("SMW"), &path);
    blind.exchanges.clear();

    let idle = Path { fate: Fate::Cut { at: 10_000 * MS, how: Ending::Clean }, ..path };
    [
        story("real-time-large-events-held", &large, &path, &REAL(&["big-events"])),
        story("inconclusive-no-clock", &blind, &path, &OPEN(&["no-clock"])),
        story("cut-idle", &run(&[spec("I", 15_000, 0, 3)], &idle), &idle, &CUT(&["idle-cut"])),
    ]
}

fn story(name: &str, run: &Run, path: &Path, expect: &Expect) -> File {
    let clock = (!run.exchanges.is_empty()).then(|| run.clock());
    let summaries = run.summaries(clock.as_ref());
    let about = format!(
        "{:?}, {:?}, {} ms away, jitter up to {} ms",
        path.hold,
        path.fate,
        path.latency / MS,
        path.jitter / MS
    );
    let text = story::text("model", &about, &run.recording(), &expect_json(expect, &summaries));
    (name.to_owned(), text)
}

fn expect_json(expect: &Expect, summaries: &[Summary]) -> Value {
    let around = |right: Option<u64>, share: u64, more: u64| {
        right.map(|n| [(n - n / share).saturating_sub(more), n + n / share + more])
    };
    let streams: serde_json::Map<_, _> = summaries
        .iter()
        .map(|summary| {
            let numbers = json!({
                "lag_ms": summary.lag, "gap_ms": summary.gap, "bursts": summary.bursts, "events": summary.counts,
                "end": summary.end,
            });
            (summary.spec.name.clone(), numbers)
        })
        .collect();
    json!({
        "verdict": expect.verdict,
        "hold": {"kind": expect.kind, "bytes": around(expect.bytes, 4, 0), "ms": around(expect.ms, 10, 45)},
        "findings": expect.findings, "streams": streams,
    })
}
