//! Reports as they were once found good. `UPDATE_GOLDEN=1` writes them anew: look at what changes.

use std::path::Path;
use std::{env, fs};

use sse_argo_tester::report::{Report, Style, json, junit, text};

use super::reports::{PLAIN, compared, direct, login, tunnel};

/// Compares with the file of that name.
pub(crate) fn check(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/report/golden").join(file);
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, found).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == found, "{file} is another one:\n{}", difference(&golden, found));
}

/// The lines that differ, of those that do not stand in the same place from either end.
fn difference(golden: &str, found: &str) -> String {
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (golden.lines().collect(), found.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    (old, new) = (old.split_off(same), new.split_off(same));
    while old.last().is_some_and(|line| new.last() == Some(line)) {
        old.pop();
        new.pop();
    }
    let marked = |mark: &str, lines: &[&str]| lines.iter().map(|line| format!("{mark} {line}\n")).collect::<String>();
    format!("from line {}\n{}{}", same + 1, marked("-", &old), marked("+", &new))
}

fn check_text(file: &str, report: &Report) {
    check(&format!("{file}.txt"), &text(report, PLAIN));
}

fn check_json(file: &str, report: &Report) {
    let found = serde_json::to_string_pretty(&json(report)).unwrap() + "\n";
    check(&format!("{file}.json"), &found);
}

fn check_junit(file: &str, report: &Report) {
    check(&format!("{file}.xml"), &junit(report));
}

#[test]
fn texts_of_every_verdict() {
    let names = [
        "real-time-near",
        "real-time-large-events-held",
        "start-bytes-20k",
        "start-time-3s",
        "batched-4k-cut-anywhere",
        "batched-1s-by-a-clock",
        "lagging-777ms-noisy",
        "one-event",
        "until-close",
        "silent",
        "cut-reset",
        "cut-idle",
        "corrupt-lost",
        "inconclusive-pause",
        "inconclusive-no-clock",
        "foreign-real-time",
        "foreign-bursts",
        "foreign-quiet",
        "not-sse-404",
        "unreachable-refused",
    ];
    for name in names {
        check_text(name, &tunnel(name));
    }
    check_text("not-sse-login", &login());
}

#[test]
fn texts_of_two_paths() {
    check_text("against-better", &compared("batched-4k-cut-anywhere", "real-time-near"));
    check_text("against-same", &compared("until-close", "until-close"));
    check_text("against-none", &compared("real-time-near", "unreachable-refused"));
}

#[test]
fn texts_in_other_styles() {
    let report = compared("batched-4k-cut-anywhere", "real-time-near");
    check("narrow.txt", &text(&report, Style { columns: 60, colours: false }));
    check("wide.txt", &text(&report, Style { columns: 200, colours: false }));
    check("coloured.txt", &text(&report, Style { columns: 80, colours: true }));
}

#[test]
fn json_objects() {
    check_json("batched-4k-cut-anywhere", &tunnel("batched-4k-cut-anywhere"));
    check_json("cut-reset", &tunnel("cut-reset"));
    check_json("foreign-bursts", &direct("foreign-bursts"));
    check_json("not-sse-login", &login());
    check_json("unreachable-refused", &direct("unreachable-refused"));
    check_json("against-better", &compared("batched-4k-cut-anywhere", "real-time-near"));
}

#[test]
fn junit_documents() {
    check_junit("real-time-near", &direct("real-time-near"));
    check_junit("against-better", &compared("batched-4k-cut-anywhere", "real-time-near"));
    check_junit("unreachable-refused", &direct("unreachable-refused"));
}
