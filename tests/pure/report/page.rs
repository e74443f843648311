//! The page of a diagnosis: what it says, what it leaves out, and that nothing from outside becomes a part of it.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use serde_json::json as value;
use sse_argo_tester::report::diagnosis::{Diagnosed, Row, html};
use sse_argo_tester::report::{self, Report, Response};
use sse_argo_tester::stats::Sample;
use sse_argo_tester::verdict::diagnosis::Note;
use sse_argo_tester::verdict::diagnosis::cause::Behaviour;
use sse_argo_tester::verdict::{Finding, Hop, Id};

use super::golden::check;
use super::reports::{buffered, compared, direct, foreign, login, refused};
use super::safety::{HOSTILE, any_report, found};

/// No page is larger, in bytes.
const PAGE_MOST: usize = 1_000_000;

/// The page as XML. It has no name for it but the one that HTML wants.
fn parsed(page: &str) -> Document<'_> {
    let root = page.strip_prefix("<!DOCTYPE html>").unwrap();
    Document::parse(root).unwrap_or_else(|error| panic!("{error}: {page}"))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

fn texts(page: &str) -> String {
    let document = parsed(page);
    text_of(document.descendants().find(|node| node.has_tag_name("body")).unwrap())
}

/// Every element with its attributes, in order.
fn skeleton(page: &str) -> Vec<String> {
    let document = parsed(page);
    let attributes = |node: Node<'_, '_>| {
        let attributes = node.attributes().map(|attribute| format!(" {}={:?}", attribute.name(), attribute.value()));
        attributes.collect::<String>()
    };
    let elements = document.descendants().filter(Node::is_element);
    elements.map(|node| format!("{}{}", node.tag_name().name(), attributes(node))).collect()
}

/// The version changes from release to release.
fn check_page(file: &str, diagnosed: &Diagnosed) {
    check(file, &html(diagnosed).replace(concat!("tester/", env!("CARGO_PKG_VERSION")), "tester/VERSION"));
}

#[test]
fn pages_of_diagnoses() {
    check_page("diagnosed-buffered.html", &buffered());
    check_page("diagnosed-foreign.html", &foreign());
    check_page("diagnosed-refused.html", &refused());
}

/// The version changes from release to release.
fn check_probe(file: &str, report: &Report) {
    check(file, &report::html(report).replace(concat!("tester/", env!("CARGO_PKG_VERSION")), "tester/VERSION"));
}

#[test]
fn pages_of_probes() {
    check_probe("probe-against-better.html", &compared("batched-4k-cut-anywhere", "real-time-near"));
    check_probe("probe-foreign-bursts.html", &direct("foreign-bursts"));
    check_probe("probe-not-sse-login.html", &login());
}

#[test]
fn pages_of_probes_and_diagnoses_have_one_head() {
    let head = |page: &str| {
        let (head, _) = page.split_once("</head>").unwrap();
        let (before, title) = head.split_once("<title>").unwrap();
        before.to_owned() + title.split_once("</title>").unwrap().1
    };
    assert_eq!(head(&report::html(&direct("silent"))), head(&html(&buffered())));
}

#[test]
fn a_page_of_a_probe_says_what_its_text_says() {
    for name in ["real-time-near", "until-close", "cut-reset", "foreign-quiet", "unreachable-refused"] {
        let report = direct(name);
        let said = texts(&report::html(&report));
        assert!(said.contains(report.verdict.verdict.as_str()) && said.contains(&report.verdict.summary()), "{said}");
        for finding in &report.verdict.findings {
            assert!(said.contains(&finding.text()) && said.contains(finding.advice()), "{name}: {finding:?} {said}");
        }
    }
}

#[test]
fn a_page_tells_what_why_and_what_helps() {
    let page = html(&buffered());
    let text = texts(&page);
    let cause = buffered().diagnosis.cause.unwrap().text();
    for part in [
        "https://app.example/events?a=1&b=<2>",
        "✗ batched",
        &buffered().variants[0].report.verdict.summary(),
        &cause,
        "X-Accel-Buffering: no",
        "streamed twice, the second time",
        "proxy_buffering off;",
        "the fault lies on this one",
        "server: nginx/1.22.1",
    ] {
        assert!(text.contains(part), "{part:?} is not there: {text}");
    }
    let document = parsed(&page);
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((count("h1"), count("main"), count("table")), (1, 1, 3));
    // The plain variant, the other path and the cure; then each variant but the one that asks for the same as plain.
    assert_eq!(count("figure"), 3 + 6);
    for picture in document.descendants().filter(|node| node.attribute("role") == Some("img")) {
        let said: Vec<&str> = picture.children().filter(Node::is_element).map(|node| node.tag_name().name()).collect();
        assert_eq!(said[..2], ["title", "desc"]);
    }
    for table in document.descendants().filter(|node| node.has_tag_name("table")) {
        assert!(table.children().any(|node| node.has_tag_name("caption")));
        assert!(table.descendants().filter(|node| node.has_tag_name("th")).all(|th| th.has_attribute("scope")));
    }
}

#[test]
fn a_page_needs_nothing_else_and_allows_nothing_else() {
    let page = html(&buffered());
    let document = parsed(&page);
    let meta = document.descendants().find(|node| node.attribute("http-equiv") == Some("Content-Security-Policy"));
    let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13().unwrap().common.hash_provider;
    let hash = BASE64_STANDARD.encode(sha256.hash(style.text().unwrap().as_bytes()).as_ref());
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    assert_eq!(meta.unwrap().attribute("content"), Some(&*policy), "STYLE_SHA256 is that of style.css");
    for name in ["script", "link", "img", "iframe", "object", "form", "base"] {
        assert!(!document.descendants().any(|node| node.has_tag_name(name)), "{name}");
    }
    for attribute in document.descendants().flat_map(|node| node.attributes()) {
        let name = attribute.name();
        assert!(!name.starts_with("on") && !["style", "src"].contains(&name), "{attribute:?}");
        assert!(name != "href" || attribute.value().starts_with("https://"), "{attribute:?}");
    }
    assert!(!style.text().unwrap().contains("url("));
}

#[test]
fn secrets_are_left_out() {
    let page = html(&buffered());
    assert!(!page.contains("hush"), "{page}");
    let text = texts(&page);
    assert!(text.contains("sid=<value left out>") && text.contains("<4 bytes>"), "{text}");
    assert!(text.contains("http://h/"), "{text}");
}

/// A diagnosis with `text` wherever a server or a user can put one.
fn saying(text: &str) -> Diagnosed {
    static DIAGNOSED: LazyLock<Diagnosed> = LazyLock::new(buffered);
    let mut diagnosed = DIAGNOSED.clone();
    let words = || text.to_owned();
    diagnosed.url = words();
    diagnosed.diagnosis.notes = vec![Note::SeenOnce(vec![words(); 3]); 3];
    diagnosed.diagnosis.cause.as_mut().unwrap().behaviour = Behaviour::Judged(found(&format!("why: {text}")));
    diagnosed.against.as_mut().unwrap().url = words();
    for row in &mut diagnosed.variants {
        (row.method, row.query) = (words(), words());
        let report = &mut row.report;
        (report.url, report.method, report.verdict.reason) = (words(), words(), found(text));
        report.verdict.findings.push(Finding::new(Id::Quiet, format!("found: {text}")));
        report.streams[0].spec.name = words();
        let fields = vec![(words(), words()); 9];
        report.response = Some(Response { status: 0, http: words(), headers: fields, redirects: vec![words(); 9] });
        report.origin_saw = Some(value!({ "target": text, "http": text, "headers": [[text, text], [text, text]] }));
        report.hop = Some(Hop { name: words(), evidence: vec![words(), words()] });
    }
    diagnosed
}

#[test]
fn a_hostile_server_is_only_shown() {
    let page = html(&saying(HOSTILE));
    assert_eq!(skeleton(&page), *HARMLESS);
    assert!(!page.chars().any(|c| c != '\n' && sse_argo_tester::escape::is_obeyed(c)), "{page:?}");
    assert!(texts(&page).contains("a\\u{1b}]0;owned\\u{7}"), "{page}");
    for markup in
        ["</style><script>", "--></svg><x y='", "\"/><img onerror=z src=x>", "]]>", "&#60;b&lt;", "javascript:x"]
    {
        let page = html(&saying(markup));
        assert_eq!(skeleton(&page), *HARMLESS);
        assert!(texts(&page).contains(markup), "{page}");
    }
}

#[test]
fn a_page_is_never_large() {
    let mut diagnosed = saying(&"\u{e0001}".repeat(9000));
    let sample = |n: i64| Sample { seq: n as u64, sent_us: n * 1000, at_us: n * 1000 + n % 7, lag_us: n % 7000 };
    let long: Vec<Sample> = (0..8191).map(sample).collect();
    for row in &mut diagnosed.variants {
        for report in [Some(&mut row.report), row.again.as_mut()].into_iter().flatten() {
            report.streams.iter_mut().for_each(|stream| stream.samples.clone_from(&long));
            report.response.iter_mut().for_each(|response| response.headers = vec![response.headers[0].clone(); 500]);
            report.verdict.findings.extend(vec![Finding::new(Id::Quiet, "\u{e0001}".repeat(9000)); 99]);
        }
    }
    let rows = diagnosed.variants.clone();
    diagnosed.variants.extend(rows.iter().cycle().take(60).cloned());
    let page = html(&diagnosed);
    assert!(page.len() < PAGE_MOST, "{} bytes", page.len());
    parsed(&page);
}

/// A report with `text` wherever a server or a user can put one.
fn probe_saying(text: &str) -> Report {
    Report { against: saying(text).against.map(Box::new), ..saying(text).variants.remove(0).report }
}

#[test]
fn a_hostile_server_is_only_shown_by_a_probe() {
    let harmless = skeleton(&report::html(&probe_saying("harmless")));
    for markup in [HOSTILE, "</style><script>", "\"/><img onerror=z src=x>", "]]>", "&#60;b&lt;"] {
        let page = report::html(&probe_saying(markup));
        assert_eq!(skeleton(&page), harmless);
        assert!(!page.chars().any(|c| c != '\n' && sse_argo_tester::escape::is_obeyed(c)), "{page:?}");
    }
    assert!(!report::html(&buffered().variants.remove(0).report).contains("hush"));
}

/// What every page of [`saying`] consists of.
static HARMLESS: LazyLock<Vec<String>> = LazyLock::new(|| skeleton(&html(&saying("harmless"))));

/// A row of some numbers.
fn row(report: Report, again: Option<Report>) -> Row {
    Row { report, again, ..saying("").variants.remove(1) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever is said, the page has the same elements and attributes.
    #[test]
    fn any_text_stays_text(text in prop_oneof![any::<String>(), "[<>&\"'/=a-c \\]!-]{0,60}"]) {
        prop_assert_eq!(&skeleton(&html(&saying(&text))), &*HARMLESS);
    }

    /// Any numbers are drawn.
    #[test]
    fn any_numbers_are_drawn(
        reports in vec((any_report(), option::of(any_report())), 1..4),
        other in option::of(any_report()),
    ) {
        let first = Report { against: other.clone().map(Box::new), ..reports[0].0.clone() };
        let variants = reports.into_iter().map(|(report, again)| row(report, again)).collect();
        for page in [report::html(&first), html(&Diagnosed { variants, against: other, ..saying("") })] {
            prop_assert!(page.len() < PAGE_MOST);
            let document = parsed(&page);
            for attribute in document.descendants().flat_map(|node| node.attributes()) {
                let is_drawn = ["d", "x", "y", "x1", "x2", "y1", "y2"].contains(&attribute.name());
                let is_odd = ["NaN", "inf"].iter().any(|odd| attribute.value().contains(odd));
                prop_assert!(!(is_drawn && is_odd), "{:?}", attribute);
            }
        }
    }
}
