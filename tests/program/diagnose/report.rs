//! The report for people.

use std::fs;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr;

use crate::common::Origin;
use crate::common::program::Program;

#[test]
fn it_fits_one_screen_and_ends_with_a_line_for_grep() {
    let origin = Origin::start();
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "nginx-default"]);
    let url = format!("http://{}/events", proxy.address);
    let finished = Program::of("diagnose", &[&url]).finish();
    assert_eq!(finished.code, Some(1));
    let last = format!("VERDICT batched hold=bytes cause=buffer cure=accel-no url={url}");
    assert_eq!(finished.out.last(), Some(&last));
    assert!(finished.out.len() <= 40, "{} lines", finished.out.len());
    let lines = &finished.out[..finished.out.len() - 1];
    assert!(lines.iter().all(|line| line.width() <= 80 && !line.contains('\x1b')), "{lines:#?}");
    let text = lines.join("\n");
    for part in ["✗ plain", "✓ accel-no", "why ", "cure ", "proven", "X-Accel-Buffering: no", "proxy_buffering off;"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_page_to_be_passed_on_names_verdict_and_cure() {
    let origin = Origin::start();
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "nginx-default"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let url = format!("http://user:hush@{}/events", proxy.address);
    let finished = Program::of("diagnose", &[&url, "--quick", "--report", file.to_str().unwrap()]).finish();
    let page = fs::read_to_string(&file).unwrap();
    let last = finished.out.last().unwrap();
    let word = |name: &str| last.split([' ', '=']).skip_while(|part| *part != name).nth(1).unwrap().to_owned();
    let (verdict, cure) = (word("VERDICT"), word("cure"));
    assert_eq!((finished.code, &*cure), (Some(1), "accel-no"), "{last}");
    let document = roxmltree::Document::parse(page.strip_prefix("<!DOCTYPE html>").unwrap()).unwrap();
    let says = |name: &str, text: &str| {
        let mut named = document.descendants().filter(|node| node.has_tag_name(name));
        named.any(|node| node.text().is_some_and(|found| found.contains(text)))
    };
    assert!(says("strong", &verdict) && says("code", &cure) && says("pre", "X-Accel-Buffering: no"), "{page}");
    assert!(!page.contains("hush"), "{page}");
}

#[test]
fn a_page_that_cannot_be_written_is_told_at_once() {
    let began = Instant::now();
    let finished =
        Program::of("diagnose", &["http://localhost:1/", "--report", "/no-such-folder/report.html"]).finish();
    let expected = "write /no-such-folder/report.html: No such file or directory";
    assert!(finished.code == Some(2) && finished.said().contains(expected), "{finished:?}");
    assert!(finished.out.is_empty() && began.elapsed() < Duration::from_secs(5), "{finished:?}");
}
