//! The page in front of an origin that isn't ours, as `proxy` has it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crossbeam_channel::tick;

use super::browser::Browser;
use super::common::Origin;

const EVERY: Duration = Duration::from_millis(100);

/// Answers one request: with events without stamps, or, but for them, not at all.
fn answer(mut client: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    if !request.contains("/events") {
        return client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
    client.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")?;
    for (n, _) in tick(EVERY).iter().enumerate() {
        client.write_all(format!("id: {n}\ndata: a token\n\n").as_bytes())?;
    }
    Ok(())
}

fn text(browser: &mut Browser, selector: &str) -> String {
    browser.evaluate(&format!("document.querySelector('{selector}').innerText")).as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs chromium"]
fn another_origin_is_judged_by_how_its_events_arrive() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    // It ends with the program.
    thread::spawn(move || listener.incoming().flatten().for_each(|client| drop(thread::spawn(|| answer(client)))));
    let path = Origin::proxy(&url, &[]);
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/", path.address));
    browser.wait_for("document.getElementById('verdict').textContent === 'real-time'");
    assert!(text(&mut browser, "#reason").contains("arrived alone"));
    assert_eq!([text(&mut browser, "#missing"), text(&mut browser, "#last-lag")], ["–", "–"]);
    browser.click("diagnose");
    browser.wait_for("!document.getElementById('found').hidden");
    let found = text(&mut browser, "#found");
    for part in ["arrived alone", "The origin isn't one of ours", "sse-argo-tester serve"] {
        assert!(found.contains(part), "{part} in {found}");
    }
    let seen = browser.seen();
    assert!(seen.exceptions.is_empty() && seen.violations.is_empty(), "{seen:?}");
}

#[test]
#[ignore = "needs chromium"]
fn a_stream_that_has_all_its_events_has_ended() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/?interval=20ms&count=20", origin.address));
    browser.wait_for("document.getElementById('state').textContent === 'Ended'");
    assert_eq!(text(&mut browser, "#verdict"), "real-time");
    assert_eq!(text(&mut browser, "#received"), "20");
}
