//! The page in front of an origin that isn't ours, as `proxy` has it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, never, tick, unbounded};

use crate::common::Origin;
use crate::common::browser::Browser;

const EVERY: Duration = Duration::from_millis(100);

/// Answers one request: with events without stamps, as often as that, and to others not at all. It is passed on.
fn answer(mut client: TcpStream, every: Option<Duration>, asked: &Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let _ = asked.send(request.clone());
    if !request.contains("/events") {
        return client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
    client.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")?;
    for (n, _) in every.map_or_else(never, tick).iter().enumerate() {
        client.write_all(format!("id: {n}\ndata: a token\n\n").as_bytes())?;
    }
    Ok(())
}

/// The URL of such events, and what was asked for there. It ends with the program.
fn elsewhere(every: Option<Duration>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let (sender, asked) = unbounded();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || answer(client, every, &sender));
        }
    });
    (url, asked)
}

fn text(browser: &mut Browser, selector: &str) -> String {
    browser.evaluate(&format!("document.querySelector('{selector}').innerText")).as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs chromium"]
fn another_origin_is_judged_by_how_its_events_arrive() {
    let (url, _) = elsewhere(Some(EVERY));
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

/// Who doesn't say that it is an origin of ours gets nothing that only such a one understands, and being quiet is no fault.
#[test]
#[ignore = "needs chromium"]
fn a_quiet_origin_is_not_accused_and_not_bothered() {
    let (url, asked) = elsewhere(None);
    let path = Origin::proxy(&url, &[]);
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/?topic=news", path.address));
    browser.wait_for("document.getElementById('verdict').textContent === 'inconclusive'");
    browser.wait_for("document.getElementById('detail').textContent.includes('those show only with GET by fetch()')");
    browser.click("diagnose");
    browser.wait_for("!document.getElementById('found').hidden");
    let found = text(&mut browser, "#found");
    assert!(found.starts_with("inconclusive") && found.contains("The origin isn't one of ours"), "{found}");
    let asked: Vec<String> = asked.try_iter().filter(|request| request.contains("/events")).collect();
    assert!(asked.len() >= 3 && asked.iter().all(|request| request == "GET /events?topic=news HTTP/1.1"), "{asked:#?}");
}

#[test]
#[ignore = "needs chromium"]
fn a_stream_that_has_all_its_events_has_ended() {
    let origin = Origin::start();
    let mut browser = Browser::start();
    for method in ["eventsource", "fetch", "post"] {
        browser.open(&format!("http://{}/?interval=100ms&count=40&method={method}", origin.address));
        browser.wait_for("document.getElementById('state').textContent === 'Ended'");
        assert_eq!(text(&mut browser, "#verdict"), "real-time", "{method}");
        assert_eq!(["#received", "#reconnects"].map(|id| text(&mut browser, id)), ["40", "0"], "{method}");
    }
}
