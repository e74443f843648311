//! The page as people meet it: the live stream, its verdict, the diagnosis, and what it makes of trouble.

use serde_json::json;

use crate::common::Origin;
use crate::common::browser::Browser;

/// What an element says.
pub(crate) fn text(browser: &mut Browser, id: &str) -> String {
    browser.evaluate(&format!("document.getElementById('{id}').textContent")).as_str().unwrap().to_owned()
}

pub(crate) fn wait_for_verdict(browser: &mut Browser, verdict: &str) {
    browser.wait_for(&format!("document.getElementById('verdict').textContent === '{verdict}'"));
}

/// Waits until an element says something.
pub(crate) fn wait_for_text(browser: &mut Browser, id: &str, part: &str) {
    browser.wait_for(&format!("document.getElementById('{id}').textContent.includes({})", json!(part)));
}

/// The number that an element shows.
pub(crate) fn number(browser: &mut Browser, id: &str) -> u64 {
    text(browser, id).replace(',', "").parse().unwrap()
}

/// Waits until so many more events have come.
pub(crate) fn wait_for_more(browser: &mut Browser, more: u64) {
    let enough = number(browser, "received") + more;
    browser
        .wait_for(&format!("Number(document.getElementById('received').textContent.replaceAll(',', '')) > {enough}"));
}

/// Runs the diagnosis: the verdict on the plain variant, the cause if there is one, and the smallest cure.
pub(crate) fn diagnosed(browser: &mut Browser) -> Vec<String> {
    browser.evaluate("document.getElementById('diagnose').click()");
    wait_for_result(browser);
    let conclusion = "[...document.querySelectorAll('#found > p')].map(e => e.textContent)";
    serde_json::from_value(browser.evaluate(conclusion)).unwrap()
}

/// Waits until the diagnosis is done, which takes longer than one look may.
pub(crate) fn wait_for_result(browser: &mut Browser) {
    let look = "new Promise(done => { const end = performance.now() + 20000; const found = document.getElementById('found'); \
                const look = () => !found.hidden || performance.now() > end ? done(!found.hidden) : setTimeout(look, 100); look(); })";
    let is_done = (0..6).any(|_| browser.evaluate(look) == true);
    assert!(is_done, "no result comes about in {}", text(browser, "diagnosis"));
}

/// Nothing went wrong in the page, and all that it asked for came from where it came from itself.
pub(crate) fn assert_calm(browser: &mut Browser, place: &str) {
    let seen = browser.seen();
    assert!(seen.exceptions.is_empty() && seen.violations.is_empty() && seen.console.is_empty(), "{seen:?}");
    let is_own = |url: &String| url.starts_with(place) || url.starts_with("data:");
    assert!(seen.requests.iter().all(is_own), "{:?}", seen.requests);
}

#[test]
#[ignore = "needs chromium"]
fn the_live_stream_is_judged_wherever_the_page_is() {
    let origin = Origin::with(&["--base-path", "/deep/down"]);
    let place = format!("http://{}/deep/down/", origin.address);
    let mut browser = Browser::start();
    for method in ["", "&method=fetch", "&method=post"] {
        browser.open(&format!("{place}?interval=50ms{method}"));
        wait_for_verdict(&mut browser, "real-time");
        browser.wait_for("document.getElementById('protocol').textContent === 'HTTP/1.1'");
        assert_eq!((text(&mut browser, "missing"), text(&mut browser, "repeated")), ("0".to_owned(), "0".to_owned()));
        assert_calm(&mut browser, &place);
    }
}

#[test]
#[ignore = "needs chromium"]
fn scripts_that_do_not_start_are_no_blank_page() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    let is_shown = "document.getElementById('not-started').checkVisibility({visibilityProperty: true})";
    for blocked in ["*/page/list.js", "*/page/*"] {
        browser.call("Network.setBlockedURLs", json!({"urls": [blocked]}));
        browser.open(&place);
        browser.wait_for(is_shown);
        assert!(text(&mut browser, "not-started").contains("did not start"));
    }
    browser.call("Network.setBlockedURLs", json!({"urls": []}));
    browser.open(&place);
    browser.wait_for("document.getElementById('not-started') === null");
}

#[test]
#[ignore = "needs chromium"]
fn settings_go_into_the_address() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?heartbeat=1s"));
    browser.evaluate(
        "(() => { const form = document.getElementById('settings'); form.interval.value = '100ms'; form.method.value = 'post'; \
         form.cures.checked = false; form.interval.dispatchEvent(new Event('change', {bubbles: true})); })()",
    );
    browser.wait_for("document.getElementById('command').textContent.includes('accel=none')");
    let query = browser.evaluate("location.search");
    assert_eq!(query, "?heartbeat=1s&interval=100ms&method=post&accel=none&cache=none");
    let command = text(&mut browser, "command");
    assert_eq!(command, format!("curl -N -X POST \"{place}events?heartbeat=1s&interval=100ms&accel=none&cache=none\""));
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium"]
fn a_refusal_is_told_as_text() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?event=%3Cimg%20src=x%20onerror=boom()%3E"));
    wait_for_verdict(&mut browser, "not-sse");
    assert!(text(&mut browser, "reason").contains("400, the request is refused"));
    assert_eq!(browser.evaluate("document.querySelectorAll('img').length"), 0);
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium"]
fn what_comes_in_lumps_is_shown_as_such() {
    let origin = Origin::start();
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "hold-bytes=8k"]);
    let place = format!("http://{}/", path.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=20ms"));
    wait_for_verdict(&mut browser, "batched");
    browser.wait_for("/events came at once, the oldest held for/.test(document.getElementById('rows').textContent)");
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium"]
fn it_goes_on_when_the_network_is_back() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/?interval=50ms", origin.address));
    wait_for_verdict(&mut browser, "real-time");
    browser.set_offline(true);
    browser.evaluate("document.getElementById('reconnect').click()");
    browser.wait_for("document.getElementById('detail').textContent.startsWith('This device is offline.')");
    browser.set_offline(false);
    wait_for_verdict(&mut browser, "real-time");
    assert_eq!(browser.seen().exceptions, [""; 0]);
    // What was seen before is kept, and events are counted on.
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "cut-after=2s"]);
    browser.open(&format!("http://{}/?interval=50ms&method=fetch&stream=page", path.address));
    let received = "Number(document.getElementById('received').textContent)";
    browser.wait_for(&format!("{received} > 10"));
    browser.set_offline(true);
    browser.wait_for("/failed so far: [3-9]/.test(document.getElementById('since').textContent)");
    let before = browser.evaluate(received).as_u64().unwrap();
    browser.set_offline(false);
    browser.wait_for("document.getElementById('rows').textContent.includes('this device is online again')");
    browser.wait_for(&format!("{received} > {}", before + 10));
    assert_eq!((text(&mut browser, "missing"), text(&mut browser, "repeated")), ("0".to_owned(), "0".to_owned()));
    assert_eq!(browser.seen().exceptions, [""; 0]);
}

#[test]
#[ignore = "needs chromium"]
fn a_stream_that_the_path_cuts_is_told_from_one_that_the_origin_ends() {
    let origin = Origin::start();
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "cut-after=2s"]);
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/?interval=100ms", path.address));
    wait_for_verdict(&mut browser, "cut");
    browser.wait_for("document.getElementById('rows').textContent.includes('the path cut it')");
    browser.open(&format!("http://{}/?interval=100ms&count=10", origin.address));
    browser.wait_for("document.getElementById('rows').textContent.includes('the origin ended it: count')");
    assert_eq!(text(&mut browser, "verdict"), "real-time");
}

#[test]
#[ignore = "needs chromium"]
fn it_fits_a_phone_and_every_control_has_a_name() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.set_viewport(390, 844, true);
    browser.open(&format!("http://{}/", origin.address));
    wait_for_verdict(&mut browser, "real-time");
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), 390);
    let nameless = "[...document.querySelectorAll('button, select, input, canvas, progress, [role=region]')].filter(e => !\
                    (e.labels?.[0]?.textContent || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || \
                    e.textContent).trim()).map(e => e.outerHTML)";
    assert_eq!(browser.evaluate(nameless), json!([]));
    let shifts = "new Promise(done => new PerformanceObserver(list => done(list.getEntries().reduce((sum, e) => sum + e.value, 0)))\
                  .observe({type: 'layout-shift', buffered: true}) ?? setTimeout(() => done(0), 500))";
    let shift = browser.evaluate(shifts).as_f64().unwrap();
    assert!(shift < 0.05, "the layout jumps: {shift}");
}
