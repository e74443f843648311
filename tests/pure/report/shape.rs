//! What holds of every story's report.

use serde_json::Value;
use sse_argo_tester::report::{Report, Style, json, junit, text};
use sse_argo_tester::stats::Ending;
use unicode_width::UnicodeWidthStr;

use super::reports::{PLAIN, compared, direct, login, tunnel};
use crate::story;

/// Every story's report, some with another one.
fn all() -> Vec<Report> {
    let names = story::files().into_iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let pairs =
        [("batched-64k", "real-time-near"), ("silent", "foreign-bursts"), ("until-close", "unreachable-refused")];
    let pairs = pairs.map(|(this, other)| compared(this, other));
    names.map(|name| tunnel(&name)).chain(pairs).chain([login()]).collect()
}

/// `text` without the sequences that Select Graphic Rendition consists of.
pub(crate) fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |plain, piece| plain + piece.split_once('m').unwrap().1)
}

#[test]
fn lines_fit_but_for_the_last() {
    let reports = all();
    for columns in [60, 72, 80, 100] {
        for report in &reports {
            let text = text(report, Style { columns, colours: false });
            let lines: Vec<&str> = text.lines().collect();
            for line in &lines[..lines.len() - 1] {
                assert!(line.width() <= columns, "{} in {columns}: {line}", line.width());
                assert_eq!(line.trim_end(), *line, "nothing hangs on");
            }
            assert!(!text.contains("\n\n\n") && !text.starts_with('\n'), "{text}");
        }
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    for report in all() {
        let coloured = text(&report, Style { colours: true, ..PLAIN });
        assert!(coloured.contains("\x1b[1;3"), "the verdict has a colour");
        assert_eq!(without_colours(&coloured), text(&report, PLAIN));
    }
}

/// The values of the last line.
fn values(line: &str) -> Vec<(&str, &str)> {
    line.split(' ').skip(2).map(|pair| pair.split_once('=').unwrap()).collect()
}

#[test]
fn the_last_line_says_what_the_json_says() {
    for report in all() {
        let text = text(&report, PLAIN);
        let line = text.lines().last().unwrap();
        let found = serde_json::to_value(json(&report)).unwrap();
        assert!(line.starts_with(&format!("VERDICT {} hold=", found["verdict"].as_str().unwrap())), "{line}");
        let number = |value: &Value, name: &str| (!value.is_null()).then(|| (name.to_owned(), value.to_string()));
        let (hold, lag, events) = (&found["hold"], &found["lag_ms"], &found["events"]);
        let expected = number(&events["expected"], "").map(|(_, expected)| format!("/{expected}")).unwrap_or_default();
        let words = [
            Some(("hold".to_owned(), hold["kind"].as_str().unwrap().to_owned())),
            number(&hold["bytes"], "hold_bytes"),
            number(&hold["ms"], "hold_ms"),
            number(&lag["p50"], "lag_p50_ms"),
            number(&lag["p99"], "lag_p99_ms"),
            number(&lag["max"], "lag_max_ms"),
            Some(("events".to_owned(), format!("{}{expected}", events["received"]))),
            Some(("end".to_owned(), found["end"]["how"].as_str().unwrap().to_owned())),
            Some(("url".to_owned(), report.url.clone())),
        ];
        let words: Vec<(String, String)> = words.into_iter().flatten().collect();
        let pairs = values(line).into_iter().map(|(key, value)| {
            // 2 in text is 2.0 in JSON.
            let whole = key.starts_with("lag_") && !value.contains('.');
            (key.to_owned(), if whole { format!("{value}.0") } else { value.to_owned() })
        });
        assert_eq!(pairs.collect::<Vec<_>>(), words, "{line}");
    }
}

#[test]
fn the_json_has_the_contracts_names() {
    let names = [
        "schema",
        "url",
        "method",
        "verdict",
        "ok",
        "summary",
        "hold",
        "timing_ms",
        "lag_ms",
        "clock",
        "gap_ms",
        "bursts",
        "events",
        "bytes",
        "end",
        "response",
        "origin_saw",
        "hop",
        "against",
        "findings",
        "streams",
    ];
    for report in all() {
        let found = serde_json::to_value(json(&report)).unwrap();
        let mut found_names: Vec<&String> = found.as_object().unwrap().keys().collect();
        found_names.sort_unstable();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(found_names, names);
        assert_eq!(found["ok"], found["verdict"] == "real-time");
        assert_eq!(found["against"].is_null(), report.against.is_none());
        assert_eq!(found["against"]["against"], Value::Null);
        assert_eq!(found["streams"].as_array().unwrap().len(), report.streams.len());
    }
}

#[test]
fn the_json_counts_from_the_request_and_the_machines_clocks() {
    let found = serde_json::to_value(json(&direct("cut-reset"))).unwrap();
    assert_eq!(found["end"]["how"], "lifetime-cut");
    let after_s = found["end"]["after_s"].as_f64().unwrap();
    assert!((5.43..5.45).contains(&after_s), "{after_s}");
    // The story's clock is right, and the probe's is 12.345 ms behind.
    let clock = &found["clock"];
    let (offset_ms, error_ms) = (clock["offset_ms"].as_f64().unwrap(), clock["error_ms"].as_f64().unwrap());
    assert!((offset_ms - 12.345).abs() <= error_ms, "{clock}");
    for (name, is_known) in [("inconclusive-no-clock", false), ("foreign-real-time", false), ("silent", true)] {
        assert_eq!(!serde_json::to_value(json(&direct(name))).unwrap()["clock"].is_null(), is_known, "{name}");
    }
}

#[test]
fn an_unknown_end_has_no_time() {
    let mut report = direct("real-time-near");
    for stream in &mut report.streams {
        (stream.end, stream.end_us) = (Ending::None, None);
    }
    let found = serde_json::to_value(json(&report)).unwrap();
    assert_eq!(found["end"], serde_json::json!({ "how": "none", "after_s": null }));
}

#[test]
fn junit_documents_count_their_cases() {
    for report in all() {
        let document = junit(&report);
        let tree = roxmltree::Document::parse(&document).unwrap_or_else(|error| panic!("{error}: {document}"));
        let suite = tree.root_element().first_element_child().unwrap();
        let has = |case: &roxmltree::Node<'_, '_>, name| case.children().any(|child| child.has_tag_name(name));
        let cases: Vec<_> = suite.children().filter(roxmltree::Node::is_element).collect();
        let count = |name| cases.iter().filter(|case| has(case, name)).count().to_string();
        assert_eq!(cases.len(), 1 + usize::from(report.against.is_some()));
        assert_eq!(suite.attribute("tests"), Some(cases.len().to_string().as_str()));
        assert_eq!(suite.attribute("failures"), Some(count("failure").as_str()));
        assert_eq!(suite.attribute("errors"), Some(count("error").as_str()));
        let passed = !has(&cases[0], "failure") && !has(&cases[0], "error");
        assert_eq!(passed, report.verdict.verdict.exit_code() == 0);
        let printed = cases[0].children().find(|child| child.has_tag_name("system-out")).unwrap();
        assert_eq!(printed.text().unwrap(), text(&report, PLAIN));
    }
}
