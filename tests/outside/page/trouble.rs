//! What the page makes of trouble: servers that go, answers that are no streams, what comes from outside.

use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use super::live::{assert_calm, number, text, wait_for_text, wait_for_verdict};
use crate::common::Origin;
use crate::common::browser::Browser;
use crate::lab::proxy::{Proxy, Software, free_address};

fn serve_at(address: &str) -> Origin {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(["serve", "--listen", address]);
    Origin::spawn(command)
}

/// The server is killed, and starts again at the same address: nothing is lost, and it is seen that it was away.
fn assert_it_goes_on(query: &str) {
    let address = free_address().to_string();
    let mut origin = serve_at(&address);
    let place = format!("http://{address}/");
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms&retry=500ms&{query}"));
    wait_for_verdict(&mut browser, "real-time");
    origin.signal(Signal::KILL);
    origin.wait();
    browser.wait_for("/Reconnecting|No stream/.test(document.getElementById('state').textContent)");
    // Failed attempts show, and how long it is.
    browser.wait_for("/failed (attempts|so far): [1-9]/.test(document.getElementById('since').textContent)");
    wait_for_verdict(&mut browser, "unreachable");
    let before = number(&mut browser, "received");
    let _origin = serve_at(&address);
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 20));
    wait_for_verdict(&mut browser, "real-time");
    assert_eq!(text(&mut browser, "state"), "Receiving", "{query}");
    let counts = ["missing", "repeated", "reconnects"].map(|id| number(&mut browser, id));
    assert_eq!(counts, [0, 0, 1], "{query}");
    wait_for_text(&mut browser, "request", &format!("Last-Event-ID{before}"));
    assert_calm(&mut browser, &place);
}

/// Behind nginx, which answers for the server while that is away: then a browser's EventSource gives up, and the page
/// doesn't.
fn assert_it_begins_anew() {
    let address = free_address();
    let mut origin = serve_at(&address.to_string());
    let path = Proxy::start(Software::Nginx, "proxy_buffering off;", address);
    let place = format!("http://{}/", path.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    origin.signal(Signal::KILL);
    origin.wait();
    // The program that judges is away as well.
    wait_for_text(&mut browser, "detail", "not an event stream: status 502");
    wait_for_text(&mut browser, "reason", "502 Bad Gateway");
    browser.wait_for("document.getElementById('since').textContent.startsWith('next attempt in ')");
    let before = number(&mut browser, "received");
    let _origin = serve_at(&address.to_string());
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 20));
    wait_for_verdict(&mut browser, "real-time");
    wait_for_text(&mut browser, "rows", "a new EventSource sends no Last-Event-ID");
    let counts = ["missing", "repeated", "reconnects"].map(|id| number(&mut browser, id));
    assert_eq!(counts, [0, 0, 1]);
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_server_that_starts_again_loses_nothing() {
    std::thread::scope(|scope| {
        scope.spawn(assert_it_begins_anew);
        for query in ["stream=page", "method=eventsource", "stream=page&method=fetch"] {
            scope.spawn(move || assert_it_goes_on(query));
        }
    });
}

#[test]
#[ignore = "needs chromium and nginx"]
fn an_answer_that_is_no_stream_is_named() {
    let origin = Origin::start();
    let answers = [
        ("return 404;", "404 Not Found", "Is the path right"),
        (
            "default_type text/html; return 200 '<!doctype html><title>Sign <b>in</b></title>';",
            "Sign",
            "open it in a browser",
        ),
        ("return 204;", "204", "nothing to send"),
        ("return 503;", "503 Service", "service is down"),
    ];
    let mut browser = Browser::start();
    for (answer, reason, advice) in answers {
        let path = Proxy::start(Software::Nginx, &format!("location /events {{ {answer} }}"), origin.address);
        let place = format!("http://{}/", path.address);
        for method in ["", "method=fetch"] {
            browser.open(&format!("{place}?{method}"));
            wait_for_verdict(&mut browser, "not-sse");
            let said = [text(&mut browser, "reason"), text(&mut browser, "advice")];
            assert!(said[0].contains(reason) && said[1].contains(advice), "{answer} {method}: {said:?}");
            let passes = answer.contains("503");
            let state = if passes { "No stream" } else { "Closed for good" };
            assert_eq!(text(&mut browser, "state"), state, "{answer} {method}");
            assert!(!passes || text(&mut browser, "since").starts_with("next attempt in "));
            assert_calm(&mut browser, &place);
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn what_does_not_begin_is_counted() {
    let origin = Origin::start();
    let silent = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "silent,hold-head"]);
    let seconds = "Number(/ for (\\d+) s/.exec(document.getElementById('since').textContent)?.[1])";
    let mut browser = Browser::start();
    let place = format!("http://{}/", silent.address);
    browser.open(&format!("{place}?interval=50ms"));
    for at_least in [1, 2, 4] {
        browser.wait_for(&format!("{seconds} >= {at_least}"));
    }
    wait_for_verdict(&mut browser, "silent");
    wait_for_text(&mut browser, "detail", "Not even a response head has come");
    assert_calm(&mut browser, &place);
    // What was asked for is no trouble.
    let place = format!("http://{}/", origin.address);
    for (query, state) in [("delay=5s", "Open"), ("head_delay=5s", "Opening")] {
        browser.open(&format!("{place}?interval=50ms&{query}"));
        wait_for_text(&mut browser, "detail", &format!("was asked to begin late: {query}"));
        assert_eq!(text(&mut browser, "state"), state);
        browser.wait_for(&format!("{seconds} >= 4"));
        assert_eq!(text(&mut browser, "verdict"), "measuring", "{query}");
        wait_for_verdict(&mut browser, "real-time");
        assert_calm(&mut browser, &place);
    }
}

#[test]
#[ignore = "needs chromium"]
fn connections_may_be_used_up() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    // As other tabs would; all of them have the same six.
    browser.evaluate(
        "document.getElementById('stop').click(); window.tabs = Array.from({length: 6}, () => new EventSource('events')); \
         Promise.all(tabs.map(tab => new Promise(done => { tab.onopen = done; })))",
    );
    browser.evaluate("document.getElementById('reconnect').click()");
    wait_for_text(&mut browser, "detail", "other tabs use up the connections");
    // Nor is there one for the program that judges.
    wait_for_text(&mut browser, "reason", "The verdict waits: the server can’t be reached");
    browser.evaluate("tabs.forEach(tab => tab.close())");
    wait_for_verdict(&mut browser, "real-time");
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium"]
fn what_comes_from_outside_is_text() {
    let origin = Origin::start();
    let markup = "%3Cb%20id=x%3Ex%3C/b%3E";
    let mut browser = Browser::start();
    let place = format!("http://{}/", origin.address);
    for name in ["stream", "event", "interval", "size", "method", "anything", "id"] {
        browser.open(&format!("{place}?{name}={markup}"));
        let verdict = if name == "method" { "real-time" } else { "not-sse" };
        wait_for_verdict(&mut browser, verdict);
        assert_eq!(browser.evaluate("document.getElementById('x')"), json!(null), "{name}");
        assert_calm(&mut browser, &place);
    }
    // Names of events that mean something to a browser.
    for name in ["open", "error", "message", "hello"] {
        browser.open(&format!("{place}?interval=50ms&event={name}"));
        wait_for_verdict(&mut browser, "real-time");
        assert_eq!(number(&mut browser, "missing") + number(&mut browser, "reconnects"), 0, "{name}");
        assert_calm(&mut browser, &place);
    }
}

#[test]
#[ignore = "needs chromium"]
fn what_is_asked_for_again_in_vain_is_silent() {
    let address = free_address();
    let mut origin = serve_at(&address.to_string());
    let path = Origin::proxy(&format!("http://{address}/events"), &[]);
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/?interval=50ms&retry=500ms", path.address));
    wait_for_verdict(&mut browser, "real-time");
    origin.signal(Signal::KILL);
    origin.wait();
    // It takes connections, and nothing else.
    let _listener = TcpListener::bind(address).unwrap();
    wait_for_verdict(&mut browser, "silent");
    assert!(text(&mut browser, "reason").starts_with("The stream was asked for again, and in "));
    assert_eq!(text(&mut browser, "state"), "Reconnecting");
}

/// What a path answers to POST may be anything but the verdict. Then the page says so, shows all the rest, and asks again.
#[test]
#[ignore = "needs chromium"]
fn a_path_that_refuses_to_pass_recordings_on_delays_the_verdict_alone() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.prepare(
        "{ const own = fetch; globalThis.refusal = 403; globalThis.posted = 0; globalThis.fetch = (url, options) => \
         !refusal || !url.endsWith('/judge') ? own(url, options) : \
         (posted++, Promise.resolve(new Response('no', {status: refusal}))); }",
    );
    browser.open(&format!("{place}?interval=50ms"));
    for status in [403, 405, 413, 415] {
        browser.evaluate(&format!("globalThis.refusal = {status}; globalThis.posted = 0"));
        browser.click("reconnect");
        wait_for_text(&mut browser, "reason", &format!("The verdict waits: the path answers POST with {status}"));
        wait_for_text(&mut browser, "advice", &format!("sse-argo-tester probe \"{place}?interval=50ms\""));
        assert_eq!([text(&mut browser, "verdict"), text(&mut browser, "state")], ["waiting", "Receiving"]);
        assert!(number(&mut browser, "received") > 5 && text(&mut browser, "median-lag").ends_with(" ms"));
    }
    browser.wait_for("posted > 1");
    browser.evaluate("globalThis.refusal = 0");
    wait_for_verdict(&mut browser, "real-time");
    assert!(!text(&mut browser, "advice").contains("probe"));
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn what_was_stopped_stays_so() {
    let origin = Origin::start();
    let path = Proxy::start(Software::Nginx, "location /events { return 502; }", origin.address);
    let mut browser = Browser::start();
    // The answer to the question why comes late.
    browser.prepare(
        "{ const own = fetch; globalThis.answered = 0; globalThis.fetch = (url, options) => !url.includes('/events') ? \
         own(url, options) : new Promise(done => setTimeout(() => { done(own(url, {...options, signal: undefined})); answered++; }, 1500)); }",
    );
    browser.open(&format!("http://{}/", path.address));
    wait_for_text(&mut browser, "detail", "Asking the same URL once for the reason.");
    browser.click("diagnose");
    browser.wait_for("answered === 1");
    let states = browser.evaluate(
        "new Promise(done => { const states = new Set(); const look = setInterval(() => \
         states.add(document.getElementById('state').textContent), 20); setTimeout(() => { clearInterval(look); done([...states]); }, 1000); })",
    );
    assert_eq!(states, json!(["Stopped"]));
}

#[test]
#[ignore = "needs chromium"]
fn a_diagnosis_is_begun_by_a_link_and_cancelled_by_a_click() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=100ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.evaluate("location.hash = 'diagnose'");
    browser.wait_for("document.getElementById('progress').value > 0");
    // The second click of two was for the first one; and nothing takes the connections that it needs.
    browser.evaluate(
        "document.getElementById('diagnose').dispatchEvent(new MouseEvent('click', {detail: 2, bubbles: true}))",
    );
    assert!(text(&mut browser, "progress-text").starts_with("Asking for the stream"));
    browser.click("clear");
    assert_eq!([text(&mut browser, "diagnose"), text(&mut browser, "state")], ["Cancel", "Stopped"]);
    browser.click("diagnose");
    wait_for_text(&mut browser, "progress-text", "and nothing is concluded");
    assert_eq!(browser.evaluate("document.getElementById('found').hidden"), true);
    wait_for_verdict(&mut browser, "real-time");
    assert_calm(&mut browser, &place);
}
