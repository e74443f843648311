//! The page's core names answers and products as the Rust core does.

use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sse_argo_tester::verdict::{Hop, Reply, products};

use super::stories::{core, difference, finding_json};

const CASES: u32 = 40;
/// Cases that cross to the browser at once.
const TOGETHER: usize = 50;

/// What values and texts are made of, beside the marks themselves.
const WORDS: [&str; 22] = [
    "text/event-stream",
    "Text/HTML; charset=utf-8",
    "application/problem+json",
    "cloudflare",
    "Cloudflare-Access",
    "error code: 1033",
    "<title>\n Log \u{202e}in </TITLE>",
    "<title></title>",
    "\r\n",
    "  ",
    "type=\"password\"",
    "https://user:secret@login.example:8443/SSO?x=/login",
    "http://[::1]:80/oauth2/x",
    "https://eu.accounts.google.com",
    "/login",
    "Basic realm=x",
    "a long value, of which only the start is shown: it goes on and on, and on, and on, and on, and on, and on, and on",
    "é€😀",
    "\u{7}\u{85}\u{200b}",
    "=",
    "1.1 varnish (squid/5.7)",
    "awselb/2.0",
];
const NAMES: [&str; 16] = [
    "Content-Type",
    "content-type",
    "Server",
    "Via",
    "CF-Ray",
    "Location",
    "Set-Cookie",
    "WWW-Authenticate",
    "Cf-Error-Type",
    "X-Cache",
    "X-Forwarded-For",
    "fly-anything",
    "Date",
    "x-amz-cf-id",
    "X-Served-By",
    "cf-worker",
];

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// What the tables have of names and of parts of values.
fn table() -> (Vec<String>, Vec<String>) {
    let known: Value = serde_json::from_str(products()).unwrap();
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    let text = |value: &Value| value.as_str().unwrap().replace(['*', '='], "");
    let hops = known["hops"].as_array().unwrap().iter().map(|hop| &hop[1]).chain([&known["unnamed"]]);
    for mark in hops.flat_map(|marks| marks.as_array().unwrap()) {
        names.push(text(&mark[1]));
        parts.push(text(&mark[2]));
    }
    for mark in known["answers"].as_array().unwrap().iter().flat_map(|row| row["marks"].as_array().unwrap()) {
        let (kind, value) = mark.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("field", pair) => {
                names.push(text(&pair[0]));
                parts.push(text(&pair[1]));
            }
            ("cloudflare", code) => {
                parts.push(format!("<span class=\"cf-error-code\">{code}</span> error code: {code}"));
            }
            ("host", host) => {
                parts.extend(["https://x.", "https://", "https://x"].map(|before| format!("{before}{}/", text(host))));
            }
            ("segment", segment) => parts.push(format!("https://a.example/{}/b", text(segment))),
            (_, Value::String(part)) => parts.push(part.clone()),
            _ => {}
        }
    }
    (names, parts)
}

/// Words, at random, with others between them.
fn words(rng: &mut Rng, parts: &[String]) -> String {
    let word =
        |rng: &mut Rng| if rng.bool() { one(rng, &WORDS).to_owned() } else { parts[rng.usize(..parts.len())].clone() };
    (0..rng.usize(0..4)).map(|_| word(rng)).collect::<Vec<_>>().join(" ")
}

fn fields(rng: &mut Rng, names: &[String], parts: &[String]) -> Vec<(String, String)> {
    let name =
        |rng: &mut Rng| if rng.bool() { one(rng, &NAMES).to_owned() } else { names[rng.usize(..names.len())].clone() };
    (0..rng.usize(0..5)).map(|_| (name(rng), words(rng, parts))).collect()
}

/// A random answer and what the origin saw: what both cores are told, and what Rust says.
fn case(rng: &mut Rng, (names, parts): &(Vec<String>, Vec<String>)) -> (Value, Value) {
    let headers = fields(rng, names, parts);
    let status = if rng.bool() { [200, 401, 403, 429, 503, 530][rng.usize(..6)] } else { rng.u16(100..600) };
    let urls: Vec<String> = (0..rng.usize(0..3)).map(|_| words(rng, parts)).collect();
    let (url, excerpt) = (words(rng, parts), words(rng, parts));
    let hello = match rng.u8(..4) {
        0 => Value::Null,
        1 => json!({"headers": [["via"], "via", [1, 2], ["via", "x"]]}),
        _ => json!({"http": if rng.bool() { "HTTP/1.0" } else { "HTTP/1.1" }, "headers": fields(rng, names, parts)}),
    };
    let reply = Reply { status, headers: &headers, redirects: &urls, url: &url, excerpt: &excerpt };
    let told = json!({
        "reply": {"status": status, "headers": headers, "redirects": urls, "url": url, "excerpt": excerpt},
        "hello": hello,
    });
    let rust = json!({"problem": reply.problem().as_ref().map(finding_json), "hop": Hop::of(&headers, Some(&hello).filter(|hello| !hello.is_null()))});
    (told, rust)
}

#[test]
#[ignore = "needs chromium"]
fn answers_and_products_have_the_same_names() {
    let (mut browser, table) = (core(), table());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let browser = std::cell::RefCell::new(&mut browser);
    let result = runner.run(&any::<u64>(), |seed| {
        let rng = &mut Rng::with_seed(seed);
        let cases: Vec<(Value, Value)> = (0..TOGETHER).map(|_| case(rng, &table)).collect();
        let told: Value = cases.iter().map(|(told, _)| told.clone()).collect();
        let names = "({reply, hello}) => ({problem: Core.problem(reply, products), hop: Core.hopOf(reply.headers, hello, products)})";
        let page = browser.borrow_mut().evaluate(&format!("{told}.map({names})"));
        for ((told, rust), page) in cases.iter().zip(page.as_array().unwrap()) {
            prop_assert_eq!(difference(page, rust, ""), None, "{}", told);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
