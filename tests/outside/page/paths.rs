//! The page is right about paths: what our proxy does on purpose, and real nginx.

use std::fs;
use std::net::SocketAddr;

use rcgen::generate_simple_self_signed;
use serde_json::json;
use tempfile::TempDir;

use super::live::{assert_calm, diagnosed, text, wait_for_result, wait_for_verdict};
use crate::common::browser::Browser;
use crate::common::{Origin, wrong_of};
use crate::lab::configs::nginx;
use crate::lab::proxy::{Proxy, Software};

/// An impairment, and what the badge is to say of it.
#[derive(Debug, Clone, Copy)]
struct Case {
    impairment: &'static str,
    interval: &'static str,
    verdict: &'static str,
    /// Stands in the reason, or behind it.
    says: &'static str,
    /// What the badge may say before.
    before: &'static [&'static str],
}

const fn case(impairment: &'static str, interval: &'static str, verdict: &'static str, says: &'static str) -> Case {
    Case { impairment, interval, verdict, says, before: &[] }
}

/// A case in which all is well at first.
const fn later(impairment: &'static str, interval: &'static str, verdict: &'static str, says: &'static str) -> Case {
    Case { before: &["real-time"], ..case(impairment, interval, verdict, says) }
}

/// What an endless stream of one pace tells, and no more.
const CASES: &[Case] = &[
    case("hold-bytes=2k", "100ms", "batched", "either may release them"),
    case("hold-bytes=4k:whole", "50ms", "batched", "either may release them"),
    case("hold-time=1s", "100ms", "batched", "either may release them"),
    case("cork=300ms", "50ms", "batched", "either may release them"),
    case("hold-start-bytes=2k", "100ms", "late-start", "either may release them"),
    case("hold-start-time=2s", "100ms", "late-start", "either may release them"),
    case("hold-until-close", "50ms", "silent", "or until the response ends"),
    case("hold-head", "100ms", "real-time", "arrive in real time"),
    case("gzip-noflush", "50ms", "silent", "or until the response ends"),
    case("silent", "50ms", "silent", "or loses them"),
    case("lag=400ms", "50ms", "lagging", "arrives alone"),
    case("one-event", "300ms", "lagging", "only when the next one is sent"),
    later("hang=1s", "50ms", "cut", "the connection stays open"),
    later("cut-after=2s", "100ms", "cut", "The path ended the stream"),
    later("idle-cut=1s", "3s", "cut", "The path ended the stream"),
    later("drop=5", "50ms", "corrupt", "lost"),
    later("duplicate=5", "50ms", "corrupt", "repeated"),
    later("reorder=5", "50ms", "corrupt", "reordered"),
    later("corrupt=5", "50ms", "corrupt", "changed"),
    case("only=POST,hold-until-close", "100ms", "real-time", "arrive in real time"),
];

/// Keeps what the badge says, and waits for a verdict with its reasons; what it said, and how it ends.
const WATCH: &str = "new Promise(done => { const said = new Set(); const text = id => document.getElementById(id).textContent; \
    const look = () => { said.add(text('verdict')); const why = text('reason') + ' ' + text('advice'); \
    const is = text('verdict') === VERDICT && why.includes(SAYS); \
    if (is || performance.now() > 40000) done({is, said: [...said], why, missing: text('missing'), repeated: text('repeated')}); \
    else setTimeout(look, 20); }; look(); })";

impl Case {
    fn wrong(&self, origin: &Origin, browser: &mut Browser) -> Option<String> {
        let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", self.impairment]);
        let place = format!("http://{}/", path.address);
        browser.open(&format!("{place}?interval={}", self.interval));
        let watch = WATCH.replace("VERDICT", &json!(self.verdict).to_string());
        let seen = browser.evaluate(&watch.replace("SAYS", &json!(self.says).to_string()));
        assert_calm(browser, &place);
        let may_say =
            |word: &str| ["measuring", "inconclusive", self.verdict].contains(&word) || self.before.contains(&word);
        let said: Vec<String> = serde_json::from_value(seen["said"].clone()).unwrap();
        // What is out of order is neither missing nor repeated, but for a moment.
        let is_repeated = seen["repeated"] != "0";
        let is_right = seen["is"] == true
            && said.iter().all(|word| may_say(word))
            && is_repeated == self.impairment.starts_with("duplicate");
        (!is_right).then(|| format!("{}: {seen}", self.impairment))
    }
}

#[test]
#[ignore = "needs chromium"]
fn each_impairment_has_its_verdict() {
    let origin = Origin::start();
    let shares: Vec<Vec<Case>> = (0..4).map(|n| CASES.iter().skip(n).step_by(4).copied().collect()).collect();
    let wrong = wrong_of(shares, 4, |cases| {
        let mut browser = Browser::start();
        let wrong: Vec<String> = cases.iter().filter_map(|case| case.wrong(&origin, &mut browser)).collect();
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the diagnosis of a path is to begin with: the verdict, the cause, the smallest cure.
fn assert_diagnosed(path: SocketAddr, tabs: &str, starts: [&str; 3]) {
    let place = format!("http://{path}/");
    let mut browser = Browser::start();
    browser.open(&place);
    browser.evaluate(tabs);
    let found = diagnosed(&mut browser);
    assert!(found.iter().zip(starts).all(|(text, start)| text.starts_with(start)), "{found:#?}");
    assert_calm(&mut browser, &place);
}

/// As two more tabs take two of the six connections to a server.
const TABS: &str = "(() => { window.tabs = [1, 2].map(() => new EventSource('events')); })()";

/// A path: nginx with a configuration, and what other tabs do; or what our proxy does on purpose.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nginx(&'static str, &'static str),
    Ours(&'static str),
}
use Between::{Nginx, Ours};

/// With the same cause and cure as the command line names them, which `tests/outside/lab` looks at. A few at a time: each has a
/// browser, which takes what the others measure with.
#[test]
#[ignore = "needs chromium and nginx"]
fn a_diagnosis_names_what_one_stream_can_not_tell() {
    let cases = vec![
        (Nginx(nginx::DEFAULT, "0"), ["batched ", "Cause: buffer: ", "Smallest cure: accel-no: "]),
        (Nginx(nginx::UNBUFFERED, TABS), ["real-time ", "Smallest cure: none is needed", ""]),
        (Nginx(nginx::GZIP_11, "0"), ["batched ", "Cause: compressor: ", "Smallest cure: accel-no: "]),
        (Ours("hold-until-close"), ["held-until-close ", "Cause: until-close: ", "Smallest cure: none was found"]),
        (Ours("hold-time=1s"), ["batched ", "Cause: timer: ", "Smallest cure: none was found"]),
    ];
    wrong_of(cases, 3, |(between, starts)| {
        let origin = Origin::start();
        match between {
            Nginx(config, tabs) => {
                let path = Proxy::start(Software::Nginx, config, origin.address);
                assert_diagnosed(path.address, tabs, *starts);
            }
            Ours(impairment) => {
                let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", impairment]);
                assert_diagnosed(path.address, "0", *starts);
            }
        }
        None
    });
}

/// What came while nobody looked is looked at again.
#[test]
#[ignore = "needs chromium"]
fn a_diagnosis_that_was_hidden_is_no_all_clear() {
    let origin = Origin::start();
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "hold-time=1s"]);
    let place = format!("http://{}/", path.address);
    let mut browser = Browser::start();
    browser.open(&place);
    browser.click("diagnose");
    browser.wait_for("document.getElementById('going').tBodies[0].rows.length > 10");
    browser.set_hidden(true);
    browser.wait_for("performance.now() > 12000");
    browser.set_hidden(false);
    wait_for_result(&mut browser);
    let found = text(&mut browser, "found");
    assert!(found.starts_with("batched ") && found.contains("Cause: timer: "), "{found}");
    assert!(found.contains("The tab was hidden for a while"), "{found}");
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn over_http_2_many_streams_run_at_once() {
    let origin = Origin::start();
    let place = TempDir::new().unwrap();
    let certified = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (place.path().join("certificate"), place.path().join("key"));
    fs::write(&certificate, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let config = format!(
        "listen {{LISTEN_HOST}}:8443 ssl http2; ssl_certificate {}; ssl_certificate_key {}; proxy_buffering off;",
        certificate.display(),
        key.display()
    );
    let path = Proxy::start(Software::Nginx, &config, origin.address);
    let place = format!("https://{}:8443/", path.address.ip());
    let mut browser = Browser::with(&["--ignore-certificate-errors"]);
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    browser.wait_for("document.getElementById('protocol').textContent === 'HTTP/2'");
    let found = diagnosed(&mut browser);
    assert!(found[0].starts_with("real-time ") && found[1].starts_with("Smallest cure: none is needed"), "{found:#?}");
    assert_calm(&mut browser, &place);
    let lines = origin.log_lines();
    let steps =
        lines.iter().map(|line| i32::from(line.contains("stream opened")) - i32::from(line.contains("stream closed")));
    let open = steps.scan(0, |open, step| {
        *open += step;
        Some(*open)
    });
    let most = open.max().unwrap();
    assert!((15..=20).contains(&most), "{most} streams were open at once");
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_prefix_that_the_path_adds_is_no_trouble() {
    let origin = Origin::start();
    let config = "location /deep/ { proxy_pass http://{ORIGIN}/; proxy_buffering off; }";
    let path = Proxy::start(Software::Nginx, config, origin.address);
    let place = format!("http://{}/deep/", path.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    assert!(text(&mut browser, "clocks").starts_with("Lag is corrected"), "the origin's time is found, too");
    assert_calm(&mut browser, &place);
}

#[test]
#[ignore = "needs chromium and nginx"]
fn a_page_that_is_held_itself_works_when_it_is_there() {
    let origin = Origin::start();
    // The page comes at the pace of a bad line.
    let config = "limit_rate 64k; location /events { proxy_pass http://{ORIGIN}; limit_rate 0; }";
    let path = Proxy::start(Software::Nginx, config, origin.address);
    let place = format!("http://{}/", path.address);
    let mut browser = Browser::start();
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "real-time");
    assert_calm(&mut browser, &place);
    let path = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "argo-2024"]);
    let place = format!("http://{}/", path.address);
    browser.open(&format!("{place}?interval=50ms"));
    wait_for_verdict(&mut browser, "silent");
    browser.evaluate("document.getElementById('stop').click()");
    assert_calm(&mut browser, &place);
}
