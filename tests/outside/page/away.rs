//! What is the device's doing, and not the path's: tabs that nobody looks at, sleep, clocks that go otherwise. And when a
//! record of the live stream begins anew because of that.

use serde_json::Value;

use super::live::{assert_calm, number, text, wait_for_more, wait_for_text, wait_for_verdict};
use crate::common::browser::Browser;
use crate::common::{Origin, wrong_of};

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

#[test]
#[ignore = "needs chromium"]
fn a_tab_that_nobody_looks_at_is_not_judged() {
    let origin = Origin::start();
    let place = format!("http://{}/", origin.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.set_hidden(true);
    wait_for_more(&mut browser, 40);
    // Slowed down by far more than any browser does.
    browser.evaluate("(() => { const end = performance.now() + 1500; while (performance.now() < end); })()");
    browser.set_hidden(false);
    wait_for_text(&mut browser, "rows", "the tab was hidden for");
    wait_for_text(&mut browser, "detail", "The tab was hidden for");
    // It is judged every second.
    wait_for_more(&mut browser, 40);
    assert_eq!(text(&mut browser, "verdict"), "real-time");
    assert_eq!(number(&mut browser, "missing"), 0);
    assert_calm(&mut browser, &place);
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
    wait_for_more(&mut browser, 40);
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
        wait_for_more(&mut browser, 80);
        assert_eq!(text(&mut browser, "verdict"), "real-time");
        let saved = std::fs::read_to_string(browser.saved_by("save-live")).unwrap();
        let saved: Value = serde_json::from_str(&saved).unwrap();
        let judged = saved["events"]["received"].as_u64().unwrap();
        assert!(judged >= 20 && judged < number(&mut browser, "received") - 60, "{method}: {saved}");
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
    wait_for_more(&mut browser, 20);
    assert_eq!(wrongly_said(&mut browser, &["real-time"]), [""; 0]);
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
        wait_for_more(browser, 40);
    }),
    ("hold-start-time=2s", "interval=100ms", &["late-start"], |browser| {
        wait_for_verdict(browser, "late-start");
        browser.evaluate("said.clear()");
        look_away(browser);
        wait_for_more(browser, 40);
    }),
    (
        "hold-bytes=4k,hold-head",
        "interval=50ms&retry=500ms&duration=8s",
        &["batched", "late-start", "inconclusive", "silent"],
        |browser| {
            browser.wait_for("document.getElementById('reconnects').textContent === '1'");
            wait_for_more(browser, 60);
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
