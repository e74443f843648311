//! What drives the browser does what it says.

use std::fs;

use tempfile::TempDir;

use crate::common::browser::Browser;

/// A page that talks, fails, and asks for what its policy forbids.
const NOISY: &str = "data:text/html,<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><body>\
    <script>console.warn('two', 2); fetch('data:,asked').then(() => { throw new Error('not caught'); });</script>\
    <img src='data:image/gif,x'>";

#[test]
#[ignore = "needs chromium"]
fn what_a_page_does_is_seen() {
    let mut browser = Browser::start();
    browser.open(NOISY);
    browser.wait_for("document.readyState === 'complete'");
    let seen = browser.seen();
    assert_eq!(seen.console, ["warning: two 2"]);
    assert!(seen.exceptions.len() == 1 && seen.exceptions[0].starts_with("Error: not caught"), "{seen:?}");
    assert_eq!(seen.violations, ["img-src: data"]);
    assert!(seen.requests.iter().any(|url| url == "data:,asked"), "{seen:?}");
    browser.open("about:blank");
    assert_eq!(format!("{:?}", browser.seen().console), "[]", "what was seen before is forgotten");
}

#[test]
#[ignore = "needs chromium"]
fn a_page_can_be_put_into_other_circumstances() {
    let mut browser = Browser::start();
    browser.open("data:text/html,<meta name=viewport content='width=device-width'><body style='height: 3000px'>");
    browser.set_viewport(390, 844, true);
    assert_eq!(browser.evaluate("[innerWidth, screen.height]").to_string(), "[390,844]");
    for value in ["dark", "light"] {
        browser.set_media("prefers-color-scheme", value);
        assert_eq!(browser.evaluate(&format!("matchMedia('(prefers-color-scheme: {value})').matches")), true);
    }
    for offline in [true, false] {
        browser.set_offline(offline);
        assert_eq!(browser.evaluate("navigator.onLine"), !offline);
    }
    let place = TempDir::new().unwrap();
    let file = place.path().join("page.png");
    browser.screenshot(&file);
    let picture = fs::read(&file).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    // The first chunk begins with width and height.
    let height = u32::from_be_bytes(picture[20..24].try_into().unwrap());
    assert!(height > 3000, "the whole page: {height}");
}

#[test]
#[ignore = "needs chromium"]
fn what_a_page_costs_is_measured() {
    const WORK: &str = "new Promise(done => setTimeout(() => { \
        const end = performance.now() + 120; while (performance.now() < end); done(true); }))";
    const FRAMES: &str = "new Promise(done => { let left = 20; const draw = () => { \
        document.body.style.background = `rgb(${left}, 0, 0)`; left-- ? requestAnimationFrame(draw) : done(true); }; draw(); })";
    let mut browser = Browser::start();
    browser.open("data:text/html,<body>");
    let before = browser.heap_bytes();
    browser.evaluate("window.kept = Array.from({length: 1000000}, (_, n) => n + .5).length");
    assert!(browser.heap_bytes() < before + 4_000_000, "what isn't in use doesn't count");
    browser.evaluate("(window.kept = Array.from({length: 1000000}, (_, n) => n + .5)).length");
    assert!(browser.heap_bytes() > before + 4_000_000);
    let trace = browser.trace(|browser| {
        browser.evaluate(WORK);
        browser.evaluate(FRAMES);
    });
    assert!(trace.tasks_ms().iter().any(|ms| *ms >= 115.0), "{:?}", trace.tasks_ms());
    // On a busy machine it had the processor for less.
    assert!(trace.cpu_ms().iter().any(|ms| (10.0..=130.0).contains(ms)), "{:?}", trace.cpu_ms());
    assert!(trace.frames_ms().len() >= 5, "{:?}", trace.frames_ms());
    browser.set_slowness(4.0);
    browser.evaluate(WORK);
}
