//! Answers that are no stream, and none at all: named, with the right exit code and what to try.

use std::io::Read;
use std::net::TcpListener;
use std::thread;

use crate::common::Origin;
use crate::common::program::{Finished, Program};
use crate::common::relay::{Answer, Impairment, Relay, Scope};

const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

/// An answer, the id of what is found, and a part of the sentence.
type Case = (Answer, &'static str, &'static str);

fn cases() -> Vec<Case> {
    let page = |status, title: &str| Answer::new(status, &[HTML], &format!("<html><title>{title}</title></html>"));
    let cloudflare = |status, headers: &[(&str, &str)], body: &str| {
        let headers = [&[("Server", "cloudflare"), ("CF-RAY", "9a1f-FRA"), HTML], headers].concat();
        Answer::new(status, &headers, body)
    };
    vec![
        (Answer::new(404, &[], "nothing here\n"), "not-found", "404"),
        (page(200, "Welcome to the hotel"), "html-page", "Welcome to the hotel"),
        (page(502, "502 Bad Gateway"), "bad-gateway", "502"),
        (page(503, "503 Service Unavailable"), "unavailable", "503"),
        (page(504, "504 Gateway Time-out"), "gateway-timeout", "504"),
        (
            cloudflare(403, &[("cf-mitigated", "challenge")], "<title>Just a moment...</title>"),
            "bot-challenge",
            "challenge",
        ),
        (cloudflare(524, &[], "<title>A timeout occurred</title>"), "gateway-timeout", "524"),
        (
            Answer::new(530, &[("Server", "cloudflare"), ("CF-RAY", "9a1f-FRA")], "error code: 1033"),
            "tunnel-down",
            "530",
        ),
        (Answer::new(204, &[], ""), "no-content", "204"),
        (Answer::new(200, &[("Content-Type", "application/json")], "{}"), "wrong-type", "application/json"),
        (Answer::new(401, &[("WWW-Authenticate", "Basic realm=\"x\"")], ""), "unauthorized", "401"),
        (Answer::new(302, &[("Location", "/events?again")], ""), "redirect-loop", "redirect"),
    ]
}

fn probe(url: &str) -> Finished {
    Program::probe(&[url, "--json", "--duration", "1s"]).finish()
}

/// What is wrong with a run that should end so.
fn problem(finished: &Finished, code: i32, verdict: &str, id: &str, part: &str) -> Option<String> {
    let report = finished.end();
    let finding = &report["findings"][0];
    let advice = finding["advice"].as_str().unwrap_or_default();
    let is_right = (finished.code, report["verdict"].as_str()) == (Some(code), Some(verdict))
        && finding["id"] == id
        && report["summary"].as_str().unwrap().contains(part)
        && !advice.is_empty();
    (!is_right).then(|| format!("not {code} {verdict} {id} {part:?}: {:?}\n{report}", finished.code))
}

#[test]
fn answers_that_are_no_stream_are_named() {
    let origin = Origin::start();
    let address = origin.address;
    let check = |(answer, id, part): Case, scope: Scope| {
        let relay = Relay::start(address, Impairment::Answer(scope, answer));
        problem(&probe(&relay.url("/events")), 4, "not-sse", id, part)
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let runs =
            [Scope::Everything, Scope::Streams].into_iter().flat_map(|of| cases().into_iter().map(move |c| (c, of)));
        let runs: Vec<_> = runs.map(|(case, of)| scope.spawn(move || check(case, of))).collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_answer_is_told_with_its_step() {
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = Origin::start();
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let closes = closing.local_addr().unwrap();
    // It takes the request before it closes: what is unread makes a reset of the close.
    thread::spawn(move || closing.incoming().for_each(|accepted| drop(accepted.unwrap().read(&mut [0; 4096]))));
    for (url, id, part) in [
        (format!("http://{refused}/events"), "unreachable-tcp", "refused"),
        ("http://no-such-host.invalid/events".to_owned(), "unreachable-dns", "no-such-host.invalid"),
        (format!("https://{}/events", origin.address), "unreachable-tls", "TLS"),
        (format!("http://{closes}/events"), "no-answer", "closed"),
    ] {
        let wrong = problem(&probe(&url), 3, "unreachable", id, part);
        assert_eq!(wrong, None, "{url}");
    }
}

#[test]
fn some_streams_refused_is_worth_a_word() {
    let origin = Origin::with(&["--max-streams", "3"]);
    let finished = probe(&format!("http://{}/events", origin.address));
    let (code, verdict, findings) = super::outcome(&finished);
    assert_eq!((code, verdict.as_str()), (Some(0), "real-time"));
    assert!(findings.contains(&"streams-refused".to_owned()), "{findings:?}");
}
