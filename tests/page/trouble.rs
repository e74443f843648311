//! What the page makes of trouble: servers that go, answers that are no streams, tabs that nobody looks at.

use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::browser::Browser;
use super::common::{Origin, wrong_of};
use super::live::{assert_calm, text, wait_for_verdict};
use super::proxy::{Proxy, Software, free_address};

/// Waits until an element says something.
fn wait_for_text(browser: &mut Browser, id: &str, part: &str) {
    browser.wait_for(&format!("document.getElementById('{id}').textContent.includes({})", json!(part)));
}

/// The number that an element shows.
fn number(browser: &mut Browser, id: &str) -> u64 {
    text(browser, id).replace(',', "").parse().unwrap()
}

/// Keeps all that the badge says, from when the page begins.
const WATCH: &str =
    "globalThis.said = new Set(); setInterval(() => said.add(document.getElementById('verdict')?.textContent), 20)";

/// What the badge has said that it may not say.
fn wrongly_said(browser: &mut Browser, may: &[&str]) -> Vec<String> {
    let said: Vec<String> = serde_json::from_value(browser.evaluate("[...said].filter(Boolean)")).unwrap();
    said.into_iter().filter(|word| word != "measuring" && !may.contains(&word.as_str())).collect()
}

/// Another time for the origin, in microseconds on top of its own; other clocks as a script says.
fn with_clocks(script: &str, more_us: &str) -> String {
    format!(
        "{WATCH}; {{ {script}; const parse = JSON.parse; JSON.parse = (text) => {{ const value = parse(text); \
         for (const name of ['sent_us', 'now_us']) if (value?.[name] !== undefined) value[name] += Math.round({more_us}); \
         return value; }}; Response.prototype.json = async function() {{ return JSON.parse(await this.text()); }}; }}"
    )
}

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
    wait_for_verdict(&mut browser, "not-sse");
    assert!(text(&mut browser, "reason").contains("502 Bad Gateway"));
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
fn a_tab_that_nobody_looks_at_is_not_judged() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.set_hidden(true);
    let before = number(&mut browser, "received");
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 40));
    // Slowed down by far more than any browser does.
    browser.evaluate("(() => { const end = performance.now() + 1500; while (performance.now() < end); })()");
    browser.set_hidden(false);
    wait_for_text(&mut browser, "rows", "the tab was hidden for");
    wait_for_text(&mut browser, "detail", "The tab was hidden for");
    // It is judged every second.
    let after = number(&mut browser, "received");
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", after + 40));
    assert_eq!(text(&mut browser, "verdict"), "real-time");
    assert_eq!(number(&mut browser, "missing"), 0);
    assert_calm(&mut browser, &place);
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
    wait_for_verdict(&mut browser, "silent");
    wait_for_text(&mut browser, "advice", "or other tabs use up the connections");
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

/// A device that sleeps: the page's clock stands still meanwhile, while others go on.
#[test]
#[ignore = "needs chromium"]
fn a_device_that_slept_is_noticed() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.prepare(&with_clocks(
        "globalThis.slept = 0; const now = Date.now; Date.now = () => now() + slept",
        "slept * 1000",
    ));
    let place = format!("http://{}/", origin.address);
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.evaluate("globalThis.slept = 60000");
    wait_for_text(&mut browser, "rows", "this device slept, or its clock was set");
    let before = number(&mut browser, "received");
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 40));
    assert_eq!(wrongly_said(&mut browser, &["real-time"]), [""; 0]);
    // A minute would show.
    assert!(text(&mut browser, "max-lag").ends_with(" ms"), "{}", text(&mut browser, "max-lag"));
    assert!(text(&mut browser, "clocks").contains("± "));
    assert_calm(&mut browser, &place);
}

/// An origin whose clock gains eight milliseconds a second.
#[test]
#[ignore = "needs chromium"]
fn a_clock_that_goes_otherwise_is_followed() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.prepare(&with_clocks("", "performance.now() * 8"));
    let place = format!("http://{}/", origin.address);
    browser.open(&format!("{place}?interval=50ms"));
    browser.wait_for("performance.now() > 20000");
    browser.wait_for("performance.now() > 35000");
    assert_eq!(wrongly_said(&mut browser, &["real-time"]), [""; 0]);
    assert_eq!(text(&mut browser, "verdict"), "real-time");
    assert_calm(&mut browser, &place);
}

/// What was long ago doesn't make up for what is now, or the other way round.
#[test]
#[ignore = "needs chromium"]
fn the_verdict_is_on_the_last_minutes() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    let clocks = "globalThis.later = 0; const [now, unix] = [performance.now.bind(performance), Date.now]; \
                  performance.now = () => now() + later; Date.now = () => unix() + later";
    browser.prepare(&with_clocks(clocks, "later * 1000"));
    let place = format!("http://{}/", origin.address);
    for method in ["eventsource", "fetch"] {
        browser.open(&format!("{place}?interval=50ms&method={method}"));
        wait_for_verdict(&mut browser, "real-time");
        browser.wait_for("Number(document.getElementById('received').textContent) > 60");
        browser.evaluate("globalThis.later = 301000");
        let before = number(&mut browser, "received");
        browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 80));
        assert_eq!(text(&mut browser, "verdict"), "real-time");
        let saved = std::fs::read_to_string(browser.saved_by("save-live")).unwrap();
        let saved: Value = serde_json::from_str(&saved).unwrap();
        let [all, newest] =
            [&saved["events"], &saved["streams"][0]["events"]].map(|events| events["received"].as_u64().unwrap());
        assert!(all >= before + 80 && newest < all - 60, "{method}: {saved}");
        assert_eq!(saved["timing_ms"]["first_event"].as_f64().map(|ms| ms < 5000.0), Some(true), "{method}: {saved}");
        assert_eq!(wrongly_said(&mut browser, &["real-time"]), [""; 0]);
        assert_calm(&mut browser, &place);
    }
}

#[test]
#[ignore = "needs chromium"]
fn what_a_hidden_tab_sees_is_no_all_clear() {
    let origin = Origin::start();
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "hold-time=2s"]);
    let place = format!("http://{}/", path.address);
    let mut browser = Browser::start();
    browser.prepare(WATCH);
    browser.open(&format!("{place}?interval=100ms"));
    browser.set_hidden(true);
    browser.wait_for("Number(document.getElementById('received').textContent) > 80");
    browser.set_hidden(false);
    wait_for_verdict(&mut browser, "batched");
    assert_eq!(wrongly_said(&mut browser, &["batched", "inconclusive"]), [""; 0]);
    assert_calm(&mut browser, &place);
    // Nor is it the path's doing if a stream ends meanwhile.
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "cut-after=3s"]);
    let place = format!("http://{}/", path.address);
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.set_hidden(true);
    wait_for_text(&mut browser, "rows", "that it ended is not judged");
    browser.set_hidden(false);
    let before = number(&mut browser, "received");
    browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {}", before + 20));
    assert_eq!(wrongly_said(&mut browser, &["real-time"]), [""; 0]);
}

#[test]
#[ignore = "needs chromium"]
fn what_is_asked_for_again_in_vain_is_silent() {
    let address = free_address();
    let mut origin = serve_at(&address.to_string());
    let mut browser = Browser::start();
    browser.open(&format!("http://{address}/?interval=50ms&retry=500ms"));
    wait_for_verdict(&mut browser, "real-time");
    origin.signal(Signal::KILL);
    origin.wait();
    // It takes connections, and nothing else.
    let _listener = TcpListener::bind(address).unwrap();
    wait_for_verdict(&mut browser, "silent");
    assert!(text(&mut browser, "reason").starts_with("The stream was asked for again, and in "));
    assert_eq!(text(&mut browser, "state"), "Reconnecting");
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

/// Hides the page for longer than a glance takes, and until something is so.
fn look_away_until(browser: &mut Browser, expression: &str) {
    browser.set_hidden(true);
    browser.evaluate("globalThis.hiddenAt = performance.now()");
    browser.wait_for("performance.now() > hiddenAt + 6000");
    browser.evaluate("globalThis.before = document.getElementById('received').textContent");
    browser.wait_for(expression);
    browser.set_hidden(false);
}

fn look_away(browser: &mut Browser) {
    look_away_until(browser, "true");
}

/// A path, what is asked for there, and what the badge may say.
type Reopened = (&'static str, &'static str, &'static [&'static str], fn(&mut Browser));

/// Records begin anew when somebody looks again, and when the browser reconnects: of what was held meanwhile it is known
/// when it was sent, but that is no replay, and no end.
const REOPENED: &[Reopened] = &[
    ("hold-until-close", "interval=50ms", &["silent"], |browser| {
        browser.wait_for("document.getElementById('state').textContent === 'Open'");
        look_away(browser);
        wait_for_verdict(browser, "silent");
    }),
    ("hold-time=10s", "interval=100ms", &["batched"], |browser| {
        wait_for_verdict(browser, "batched");
        browser.evaluate("said.clear()");
        // Nothing comes for as long as possible then.
        look_away_until(browser, "before !== document.getElementById('received').textContent");
        let more = number(browser, "received") + 40;
        browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {more}"));
    }),
    ("hold-start-time=2s", "interval=100ms", &["late-start"], |browser| {
        wait_for_verdict(browser, "late-start");
        browser.evaluate("said.clear()");
        look_away(browser);
        let more = number(browser, "received") + 40;
        browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {more}"));
    }),
    (
        "hold-bytes=4k,hold-head",
        "interval=50ms&retry=500ms&duration=8s",
        &["batched", "late-start", "inconclusive", "silent"],
        |browser| {
            browser.wait_for("document.getElementById('reconnects').textContent === '1'");
            let more = number(browser, "received") + 60;
            browser.wait_for(&format!("Number(document.getElementById('received').textContent) > {more}"));
        },
    ),
    ("cut-after=8s", "interval=50ms&retry=500ms&head_delay=5s", &["real-time", "cut"], |browser| {
        browser.wait_for("document.getElementById('reconnects').textContent === '1'");
        assert_eq!(text(browser, "state"), "Receiving");
    }),
];

#[test]
#[ignore = "needs chromium"]
fn who_looks_again_accuses_nobody() {
    let origin = Origin::start();
    let wrong = wrong_of(REOPENED.to_vec(), 3, |(impairment, query, may, go)| {
        let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", impairment]);
        let mut browser = Browser::start();
        browser.prepare(WATCH);
        browser.open(&format!("http://{}/?{query}", path.address));
        go(&mut browser);
        let wrong = wrongly_said(&mut browser, may);
        (!wrong.is_empty()).then(|| format!("{impairment}: {wrong:?}"))
    });
    assert_eq!(wrong, [""; 0]);
}
