//! How the page looks and reads: on a phone and a wide screen, light and dark, by keyboard and to a screen reader.
//!
//! Pictures of all that is looked at are kept in `screenshots` in Cargo's target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};

use super::live::{text, wait_for_result, wait_for_verdict};
use crate::common::Origin;
use crate::common::browser::Browser;

/// The release of axe-core that `.ci/run` fetches, too.
const AXE: &str = "4.11.0";

/// A screen: its width, which names it, and its height in CSS pixels, and whether it is a phone's.
#[derive(Debug, Clone, Copy)]
struct Screen(u32, u32, bool);
const PHONE: Screen = Screen(390, 844, true);
const WIDE: Screen = Screen(1440, 900, false);

/// What Core Web Vitals call good is 0.1, <https://web.dev/articles/cls>.
const SHIFT_MOST: f64 = 0.05;

/// Keeps what moved though nobody had touched the page just before, and what it was.
const WATCH_SHIFTS: &str = "globalThis.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries() \
    .filter(entry => !entry.hadRecentInput).map(({value, sources}) => [value, sources.map(({node}) => node?.id || \
    node?.className || node?.nodeName)]))).observe({type: 'layout-shift', buffered: true})";

/// The page has been drawn anew within so many frames.
const DRAWN: &str = "new Promise(done => { let left = 12; const next = () => left-- ? requestAnimationFrame(next) : done(0); next(); })";

/// Rows that aren't on the screen are drawn, too, which pictures are of.
const DRAW_ALL: &str = "{ const all = new CSSStyleSheet(); all.replaceSync('#events tbody tr { content-visibility: visible !important }'); \
    document.adoptedStyleSheets = [all]; }";

/// Rules of the Web Content Accessibility Guidelines, levels A and AA, and what axe-core calls good practice.
const CHECK: &str = "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', \
    'wcag21aa', 'wcag22aa', 'best-practice']}).then(({violations}) => violations.map(({id, impact, help, nodes}) => \
    `${impact}: ${id}: ${help}: ${nodes.map(node => `${node.target} (${node.any.map(one => one.message)})`).join(', ')}`))";

/// What is reached by Tab: its name, where it is, and the outline that shows it.
const FOCUSED: &str = "(() => { const e = document.activeElement, {top, bottom, left, right} = e.getBoundingClientRect(), \
    {outlineStyle, outlineWidth} = getComputedStyle(e); return {name: e.id || e.name || e.nodeName, top: top + scrollY, \
    bottom: bottom + scrollY, left, right, outline: outlineStyle === 'none' ? 0 : parseFloat(outlineWidth)}; })()";
const CONTROLS: &str = "[...document.querySelectorAll('a[href], button, select, input, textarea, summary, [tabindex=\"0\"]')] \
    .filter(e => !e.disabled && e.checkVisibility()).map(e => e.id || e.name || e.nodeName)";

/// Cargo's target folder.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// The script of axe-core, <https://github.com/dequelabs/axe-core>.
fn axe() -> String {
    let (target, name) = (target(), format!("axe-core-{AXE}"));
    let file = target.join(&name).join("axe.min.js");
    fs::read_to_string(&file).unwrap_or_else(|error| {
        let target = target.display();
        panic!(
            "read {}: {error}; get it with: mkdir -p {target}/{name} && npm pack --pack-destination {target} axe-core@{AXE} \
             && tar -xzf {target}/{name}.tgz -C {target}/{name} --strip-components=1 package/axe.min.js",
            file.display()
        )
    })
}

/// A picture of the page as it is now, light or dark, or in another state of a media feature.
fn picture(browser: &mut Browser, state: &str, screen: Screen, (feature, value): (&str, &str)) {
    let folder = target().join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    browser.set_media(feature, value);
    browser.evaluate(DRAW_ALL);
    browser.evaluate(DRAWN);
    // A chart that is not on the screen is not drawn.
    browser.evaluate(&format!("scrollTo(0, document.getElementById('chart').offsetTop - 100); {DRAWN}"));
    let file = folder.join(format!("{state}-{}-{value}.png", screen.0));
    browser.screenshot(&file);
    browser.evaluate("scrollTo(0, 0)");
    assert!(fs::metadata(&file).unwrap().len() > 10_000, "{} has a picture", file.display());
}

/// Looks at the page as it is now, light and dark: a picture of it, and what axe-core says. The page is light then.
fn look(browser: &mut Browser, state: &str, screen: Screen) -> Vec<String> {
    if browser.evaluate("typeof axe") == "undefined" {
        browser.evaluate(&format!("{}; 0", axe()));
    }
    let mut faults = Vec::new();
    for scheme in ["dark", "light"] {
        picture(browser, state, screen, ("prefers-color-scheme", scheme));
        let found: Vec<String> = serde_json::from_value(browser.evaluate(CHECK)).unwrap();
        faults.extend(found.iter().map(|fault| format!("{state}, {} px, {scheme}: {fault}", screen.0)));
    }
    if browser.evaluate("document.documentElement.scrollWidth <= innerWidth") != true {
        faults.push(format!("{state}: wider than {} px", screen.0));
    }
    faults
}

/// What has moved by itself since it was asked last.
fn shifts(browser: &mut Browser, state: &str, screen: Screen) -> Vec<String> {
    let moved: Vec<(f64, Value)> = serde_json::from_value(browser.evaluate("shifts.splice(0)")).unwrap();
    let sum: f64 = moved.iter().map(|(value, _)| value).sum();
    let is_calm = sum < SHIFT_MOST;
    (!is_calm).then(|| format!("{state}, {} px: moved by {sum}: {moved:?}", screen.0)).into_iter().collect()
}

/// Looks, and forgets what moved because of that.
fn look_aside(browser: &mut Browser, state: &str, screen: Screen) -> Vec<String> {
    let faults = look(browser, state, screen);
    browser.evaluate(DRAWN);
    browser.evaluate("shifts.splice(0).length");
    faults
}

fn press(browser: &mut Browser, key: &str, code: u32, text: &str) {
    let event =
        |kind: &str| json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
    browser.call("Input.dispatchKeyEvent", event("keyDown"));
    browser.call("Input.dispatchKeyEvent", event("keyUp"));
}

fn press_on(browser: &mut Browser, id: &str, (key, code, text): (&str, u32, &str)) {
    browser.evaluate(&format!("document.getElementById('{id}').focus()"));
    press(browser, key, code, text);
}

const ENTER: (&str, u32, &str) = ("Enter", 13, "\r");
const SPACE: (&str, u32, &str) = (" ", 32, " ");

/// All that the page shows on one screen.
fn tour(origin: &Origin, path: &Origin, screen: Screen) -> Vec<String> {
    let mut browser = Browser::start();
    let browser = &mut browser;
    browser.prepare(WATCH_SHIFTS);
    browser.set_viewport(screen.0, screen.1, screen.2);
    let mut faults = Vec::new();
    browser.open(&format!("http://{}/?interval=100ms", origin.address));
    wait_for_verdict(browser, "real-time");
    let received = "Number(document.getElementById('received').textContent)";
    browser.wait_for(&format!("{received} > 40"));
    browser.click("reconnect");
    browser.wait_for(&format!("{received} < 20"));
    browser.wait_for(&format!("{received} > 20"));
    wait_for_verdict(browser, "real-time");
    faults.extend(shifts(browser, "real-time", screen));
    faults.extend(look(browser, "real-time", screen));
    browser.open(&format!("http://{}/?event=%3Cimg%20src=x%3E", origin.address));
    wait_for_verdict(browser, "not-sse");
    faults.extend(shifts(browser, "refused", screen));
    faults.extend(look(browser, "refused", screen));
    browser.open(&format!("http://{}/?accel=none", path.address));
    browser.wait_for("/^(silent|batched)$/.test(document.getElementById('verdict').textContent)");
    faults.extend(shifts(browser, "held", screen));
    faults.extend(look_aside(browser, "held", screen));
    press_on(browser, "diagnose", ENTER);
    browser.wait_for("document.getElementById('progress').value > 2");
    browser.wait_for("/running/.test(document.getElementById('going').innerText)");
    faults.extend(shifts(browser, "running", screen));
    faults.extend(look_aside(browser, "running", screen));
    wait_for_result(browser);
    browser.evaluate(DRAWN);
    faults.extend(shifts(browser, "diagnosed", screen));
    faults.extend(look(browser, "diagnosed", screen));
    browser.evaluate("document.getElementById('by-hand').showModal()");
    faults.extend(look(browser, "by-hand", screen));
    faults
}

#[test]
#[ignore = "needs chromium, and axe-core from npm"]
fn it_looks_well_stays_where_it_is_and_axe_finds_no_fault() {
    let origin = Origin::start();
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "nginx-default"]);
    let (origin, path) = (&origin, &path);
    let tours = thread::scope(|scope| {
        let tours = [PHONE, WIDE].map(|screen| scope.spawn(move || tour(origin, path, screen)));
        tours.map(|tour| tour.join().unwrap())
    });
    assert_eq!(tours.concat(), [""; 0]);
}

/// Goes through the page by Tab: every control that works, in the order in which one reads, and seen to be reached.
fn assert_tab_reaches_all(browser: &mut Browser) {
    let controls: Vec<Value> = serde_json::from_value(browser.evaluate(CONTROLS)).unwrap();
    browser.evaluate("document.activeElement.blur()");
    let mut reached = Vec::new();
    while reached.len() < controls.len() {
        press(browser, "Tab", 9, "");
        let focused = browser.evaluate(FOCUSED);
        // Between the end of the page and its beginning there is the browser itself.
        if !reached.is_empty() || focused["name"] != "BODY" {
            reached.push(focused);
        }
    }
    assert_eq!(reached.iter().map(|control| control["name"].clone()).collect::<Vec<_>>(), controls);
    for pair in reached.windows(2) {
        let number = |n: usize, side: &str| pair[n][side].as_f64().unwrap();
        let is_below = number(1, "top") >= number(0, "bottom");
        let is_behind = number(1, "left") >= number(0, "right") && number(1, "bottom") > number(0, "top");
        assert!(is_below || is_behind, "{pair:?}");
    }
    for control in &reached {
        assert!(control["outline"].as_f64().unwrap() >= 2.0, "{control}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn it_is_used_by_keyboard_and_doesnt_shout() {
    let origin = Origin::start();
    let port = origin.address.port();
    let mut browser = Browser::start();
    let browser = &mut browser;
    // No secure context, and not the old way either, so nothing can be copied but by hand.
    browser.prepare("document.execCommand = () => false");
    browser.open(&format!("http://page.example:{port}/?interval=20ms"));
    wait_for_verdict(browser, "real-time");
    let told = browser.evaluate(
        "new Promise(done => { let told = 0; const watch = new MutationObserver(seen => told += seen.length); \
         for (const e of document.querySelectorAll('[role=status], [role=alert], [aria-live]')) \
         watch.observe(e, {childList: true, characterData: true, subtree: true}); setTimeout(() => done(told), 2000); })",
    );
    assert!(told.as_u64().unwrap() <= 3, "it is told {told} times within 2 s");
    for Screen(width, height, is_phone) in [WIDE, PHONE] {
        browser.set_viewport(width, height, is_phone);
        assert_tab_reaches_all(browser);
    }
    press_on(browser, "pause", SPACE);
    assert_eq!(text(browser, "pause"), "Resume");
    press_on(browser, "pause", ENTER);
    assert_eq!(text(browser, "pause"), "Pause");
    browser.evaluate("document.querySelector('summary').focus()");
    press(browser, ENTER.0, ENTER.1, ENTER.2);
    browser.wait_for("document.querySelector('details').open");
    browser.evaluate("document.querySelector('[name=cures]').focus()");
    press(browser, SPACE.0, SPACE.1, SPACE.2);
    browser.wait_for("!document.querySelector('[name=cures]').checked");
    press_on(browser, "stop", ENTER);
    assert_eq!(text(browser, "state"), "Stopped");
    press_on(browser, "copy-report", ENTER);
    browser.wait_for("document.getElementById('by-hand').open && document.activeElement.id === 'report-text'");
    press(browser, "Escape", 27, "");
    browser.wait_for("!document.getElementById('by-hand').open && document.activeElement.id === 'copy-report'");
}

#[test]
#[ignore = "needs chromium"]
fn it_is_readable_in_forced_colors_and_still_if_asked() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.set_viewport(PHONE.0, PHONE.1, PHONE.2);
    browser.open(&format!("http://{}/?interval=50ms", origin.address));
    wait_for_verdict(&mut browser, "real-time");
    picture(&mut browser, "reduced-motion", PHONE, ("prefers-reduced-motion", "reduce"));
    assert_eq!(browser.evaluate("document.getAnimations().length"), 0);
    picture(&mut browser, "forced-colors", PHONE, ("forced-colors", "active"));
    let borderless = "[...document.querySelectorAll('.badge, button, select')].filter(e => e.checkVisibility() && \
                      ['Top', 'Right', 'Bottom', 'Left'].some(side => parseFloat(getComputedStyle(e)[`border${side}Width`]) < 1)) \
                      .map(e => e.id)";
    assert_eq!(browser.evaluate(borderless), json!([]));
}
