//! Whatever a server says and whatever the numbers are: the terminal stays ours, and nothing panics.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json as value;
use sse_argo_tester::report::{Report, Response, Style, Timing, json, junit, text};
use sse_argo_tester::stats::{Bursts, Clock, Counts, Ending, Gap, Lag, Lump, Origin, Sample, StreamSpec, Summary};
use sse_argo_tester::verdict::{Detail, Finding, Hold, HoldKind, Hop, Id, Judgement, Reason, Verdict};
use unicode_width::UnicodeWidthStr;

use super::reports::{PLAIN, compared, direct};
use super::shape::without_colours;

pub(crate) const HOSTILE: &str = "a\x1b]0;owned\x07\x1b[2J\r\n\tb\u{9b}31m\u{202e}c\u{200b}\u{fffe}\u{0}]]><&\"'長";

/// A reason that an edge of the program reports.
pub(crate) fn found(text: &str) -> Reason {
    Reason::Found(Detail::Reported(text.to_owned()))
}

/// A report with `text` wherever a server can put one.
fn saying(text: &str) -> Report {
    let mut report = compared("batched-one-pace", "real-time-near");
    let words = || text.to_owned();
    report.url = words();
    report.method = words();
    report.verdict.reason = found(text);
    report.verdict.findings.push(Finding::new(Id::Quiet, words()));
    report.streams[0].spec.name = words();
    let fields = ["content-type", "content-encoding", text].map(|name| (name.to_owned(), words()));
    report.response =
        Some(Response { status: 0, http: words(), headers: fields.to_vec(), redirects: vec![words(); 9] });
    report.origin_saw = Some(value!({ text: text }));
    report.hop = Some(Hop { name: words(), evidence: vec![words(), words()] });
    report.against.as_mut().unwrap().url = words();
    report
}

/// Every line but the last, which is whole.
fn check_lines(text: &str, columns: usize) -> Result<(), TestCaseError> {
    let columns = columns.clamp(60, 100);
    let lines: Vec<&str> = text.lines().collect();
    let (last, lines) = lines.split_last().unwrap();
    for line in lines {
        prop_assert!(line.width() <= columns, "{} in {columns}: {line:?}", line.width());
    }
    prop_assert!(last.starts_with("VERDICT "), "{last:?}");
    Ok(())
}

fn obeyed(c: char) -> bool {
    c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c))
}

#[test]
fn a_hostile_server_is_only_shown() {
    let report = saying(HOSTILE);
    for columns in [60, 80, 100] {
        let plain = text(&report, Style { columns, colours: false });
        assert!(!plain.chars().any(obeyed), "{plain:?}");
        assert!(plain.contains("\\u{1b}]0;owned"), "{plain}");
        assert_eq!(without_colours(&text(&report, Style { columns, colours: true })), plain);
        assert!(plain.lines().last().unwrap().contains("url=a%1B]0;owned%07"), "{plain}");
        check_lines(&plain, columns).unwrap();
    }
    let document = junit(&report);
    let tree = roxmltree::Document::parse(&document).unwrap();
    assert!(!document.chars().any(|c| obeyed(c) && c.is_control()), "{document:?}");
    let case = tree.descendants().find(|node| node.has_tag_name("testcase")).unwrap();
    assert!(case.attribute("name").unwrap().contains("]]><&\"'長"));
    let found: serde_json::Value = serde_json::from_str(&serde_json::to_string(&json(&report)).unwrap()).unwrap();
    assert_eq!(found["url"], HOSTILE, "programs get it as it was");
}

#[test]
fn long_words_are_shortened() {
    let report = saying(&"長い".repeat(5000));
    let printed = text(&report, PLAIN);
    check_lines(&printed, 80).unwrap();
    let from_headers: usize = printed.lines().take(12).map(str::len).sum();
    assert!(from_headers < 3000, "{from_headers}");
}

fn any_us() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..10_000_000_i64, 1 => -1_000_000..1_000_000_i64, 1 => i64::MIN / 4..i64::MAX / 4]
}

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..400_u64, 1 => any::<u64>()]
}

fn any_ms() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..20_000.0_f64, 1 => any::<f64>()]
}

fn any_ending() -> impl Strategy<Value = Ending> {
    use Ending::{Clean, IdleCut, None, Ours, Reset, Truncated};
    prop::sample::select(vec![Ours, Clean, Truncated, Reset, IdleCut, None])
}

prop_compose! {
    fn any_samples()(samples in vec((any_count(), any_us(), any_us(), any_us()), 0..80)) -> Vec<Sample> {
        samples.into_iter().map(|(seq, sent_us, at_us, lag_us)| Sample { seq, sent_us, at_us, lag_us }).collect()
    }
}

prop_compose! {
    fn any_lumps()(lumps in vec((any_us(), any_count()), 0..80)) -> Vec<Lump> {
        let lump = |(at_us, events)| Lump { at_us, wait_us: None, bytes: 1, content_bytes: 1, events, is_whole: true, is_closing: false };
        lumps.into_iter().map(lump).collect()
    }
}

prop_compose! {
    fn any_lag()(p50 in any_ms(), p90 in any_ms(), p99 in any_ms(), max in any_ms()) -> Lag {
        Lag { p50, p90, p99, max }
    }
}

prop_compose! {
    fn any_summary()(
        (interval_us, size, count) in (any_us(), any_count(), option::of(any_count())),
        is_ours: bool,
        (requested_us, last_event_us) in (any_us(), option::of(any_us())),
        received in 0..1_000_000_u64,
        lag in option::of(any_lag()),
        gap in any_lag(),
        (samples, lumps, largest) in (any_samples(), any_lumps(), any_count()),
        (end, end_us) in (any_ending(), option::of(any_us())),
    ) -> Summary {
        Summary {
            spec: StreamSpec { name: "S".to_owned(), interval_us, size, count: count.map(|count| count / 8) },
            origin: if is_ours { Origin::Ours } else { Origin::Foreign },
            requested_us,
            first_byte_us: None,
            first_event_us: None,
            last_event_us,
            counts: Counts { received, expected: count.map(|count| count / 8), ..Counts::default() },
            heartbeats: 0,
            bytes: size,
            content_bytes: size,
            lag,
            gap: Gap { p50: gap.p50, p99: gap.p99, max: gap.max },
            bursts: Bursts { count: 0, largest },
            samples,
            excused: 0,
            lumps,
            all_sent_us: None,
            stale_us: None,
            end,
            end_us,
        }
    }
}

prop_compose! {
    pub(crate) fn any_report()(
        streams in vec(any_summary(), 0..5),
        steps in vec(option::of(any_ms()), 6),
        (offset_us, error_us, started_unix_us) in (any_us(), any_us(), any_us()),
        words in "\\PC{0,120}",
        judgement in prop::sample::select(vec![Judgement::RealTime, Judgement::Batched, Judgement::Inconclusive]),
        (bytes, ms) in (option::of(any::<u64>()), option::of(any::<u64>())),
    ) -> Report {
        let hold = Hold { bytes, ms, ..Hold::of(HoldKind::Bytes) };
        Report {
            url: words.clone(),
            verdict: Verdict { verdict: judgement, hold, reason: found(&words), findings: vec![Finding::new(Id::Cork, "x")] },
            timing: Timing {
                dns: steps[0], connect: steps[1], tls: steps[2],
                head: steps[3], first_byte: steps[4], first_event: steps[5],
            },
            clock: Some(Clock { offset_us, error_us, path_us: 0, doubt_us: 0, is_measured: true, contradiction_us: 0 }),
            started_unix_us,
            streams,
            ..direct("unreachable-refused")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any numbers are printed, in the columns that there are.
    #[test]
    fn any_report_is_printed(this in any_report(), other in option::of(any_report()), columns in 0..220_usize) {
        let report = Report { against: other.map(Box::new), ..this };
        let plain = text(&report, Style { columns, colours: false });
        check_lines(&plain, columns)?;
        prop_assert_eq!(without_colours(&text(&report, Style { columns, colours: true })), plain);
        let document = junit(&report);
        prop_assert!(roxmltree::Document::parse(&document).is_ok(), "{}", document);
        prop_assert!(serde_json::to_string(&json(&report)).is_ok());
    }
}
