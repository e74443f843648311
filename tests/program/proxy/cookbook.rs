//! The two servers of a well-known cookbook, through the proxy, to those who read them: a raw client, curl, and the
//! EventSource of a browser.
//!
//! They are those of <https://echo.labstack.com/docs/cookbook/sse>, imitated to the byte: `simple` has a clock for each
//! client, and sends no head before its first event; `broadcast` has one clock for all who ask for `?stream=time`. Their
//! clocks run ten times as fast.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender, tick, unbounded};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use sse_argo_tester::timestamp::{RFC3339_LEN, write_rfc3339};
use tempfile::TempDir;

use super::proxy;
use crate::common::raw::{chunk, field, response};
use crate::common::{Client, Head, Origin, PATIENCE};

/// Between two events.
const TICK: Duration = Duration::from_millis(100);
/// How many events a client waits for.
const EVENTS: usize = 3;
/// The head that Go's server writes for both of them, but for its `Date`.
const HEAD: &str = "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nConnection: keep-alive\r\nContent-Type: \
                    text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// The page of the cookbook's example, but that it tells what it gets: each event as it comes, three of them in all.
const PAGE: &str = "<!doctype html><title>events</title><script>
    const got = [], kinds = new Set();
    const source = new EventSource('/events' + (new URLSearchParams(location.search).get('page') === 'broadcast'
        ? '?stream=time' : ''));
    source.onopen = () => kinds.add('open');
    source.onerror = () => kinds.add('error');
    source.onmessage = event => {
        got.push({data: event.data, id: event.lastEventId, type: event.type});
        if (got.length < 3) return;
        source.close();
        fetch('/events?result', {method: 'POST', body: JSON.stringify({events: got, kinds: [...kinds]})});
    };
</script>";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recipe {
    Simple,
    Broadcast,
}

impl Recipe {
    /// What the page asks the proxy for.
    fn target(self) -> &'static str {
        match self {
            Recipe::Simple => "/events",
            Recipe::Broadcast => "/events?stream=time",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Recipe::Simple => "simple",
            Recipe::Broadcast => "broadcast",
        }
    }
}

/// A server of the cookbook, with the proxy in front of it.
struct Scene {
    proxy: Origin,
    kitchen: Arc<Kitchen>,
    /// What a page posts.
    results: Receiver<String>,
}

/// What the server's threads share.
struct Kitchen {
    recipe: Recipe,
    /// The events that each client of a stream was sent, or is about to be sent.
    sent: Mutex<Vec<Vec<String>>>,
    /// Where events for all go.
    subscribers: Mutex<Vec<Sender<String>>>,
    results: Sender<String>,
}

impl Scene {
    fn new(recipe: Recipe) -> Scene {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = proxy(&format!("http://{}/sse", target.local_addr().unwrap()));
        let (posted, results) = unbounded();
        let kitchen =
            Arc::new(Kitchen { recipe, sent: Mutex::default(), subscribers: Mutex::default(), results: posted });
        if recipe == Recipe::Broadcast {
            let kitchen = Arc::clone(&kitchen);
            thread::spawn(move || kitchen.broadcast());
        }
        let serving = Arc::clone(&kitchen);
        // It waits for clients until the test is over.
        thread::spawn(move || {
            for client in target.incoming() {
                let kitchen = Arc::clone(&serving);
                thread::spawn(move || kitchen.serve(Client::over(client.unwrap())));
            }
        });
        Scene { proxy, kitchen, results }
    }

    /// What the first `count` events of a client were.
    fn sent(&self, client: usize, count: usize) -> Vec<String> {
        self.kitchen.sent.lock().unwrap()[client][..count].to_vec()
    }
}

impl Kitchen {
    fn serve(&self, mut client: Client) {
        let head = String::from_utf8(client.read_until(b"\r\n\r\n").bytes).unwrap();
        let target = head.split(' ').nth(1).unwrap();
        match (self.recipe, target) {
            (_, "/sse?page=simple" | "/sse?page=broadcast") => client.send(response("200 OK", "text/html", PAGE)),
            (_, "/sse?result") => {
                let length = field(&head, "Content-Length").unwrap().parse().unwrap();
                let body = client.read_exact(length);
                client.send(response("200 OK", "text/plain", ""));
                self.results.send(String::from_utf8(body).unwrap()).unwrap();
            }
            (Recipe::Simple, "/sse") => self.simple(client),
            (Recipe::Broadcast, "/sse?stream=time") => self.subscribed(client),
            (_, other) => client.send(response("404 Not Found", "text/plain", other)),
        }
    }

    /// A clock for this client. The head waits for the first event.
    fn simple(&self, mut client: Client) {
        let number = self.enter();
        let mut head = HEAD;
        for _ in tick(TICK) {
            let event = event();
            self.sent.lock().unwrap()[number].push(event.clone());
            let bytes = [std::mem::take(&mut head).as_bytes(), &chunk(event)].concat();
            if client.stream.write_all(&bytes).is_err() {
                return;
            }
        }
    }

    /// The clock for all.
    fn broadcast(&self) {
        for _ in tick(TICK) {
            let event = event();
            self.subscribers.lock().unwrap().retain(|subscriber| subscriber.send(event.clone()).is_ok());
        }
    }

    fn subscribed(&self, mut client: Client) {
        let number = self.enter();
        let (subscriber, events) = unbounded();
        self.subscribers.lock().unwrap().push(subscriber);
        client.send(HEAD);
        for event in events {
            self.sent.lock().unwrap()[number].push(event.clone());
            if client.stream.write_all(&chunk(event)).is_err() {
                return;
            }
        }
    }

    fn enter(&self) -> usize {
        let mut sent = self.sent.lock().unwrap();
        sent.push(Vec::new());
        sent.len() - 1
    }
}

/// An event as the cookbook writes it: its id is empty, and its data the time.
fn event() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut text = [0; RFC3339_LEN];
    write_rfc3339(&mut text, u64::try_from(since.as_micros()).unwrap());
    let seconds = std::str::from_utf8(&text[..19]).unwrap();
    let fraction = format!(".{:09}", since.subsec_nanos());
    // Zeros at the end are left out.
    format!("id: \ndata: time: {seconds}{}Z\n\n", fraction.trim_end_matches('0').trim_end_matches('.'))
}

/// The data of events.
fn data(events: &[String]) -> Vec<&str> {
    events.iter().map(|event| event.strip_prefix("id: \ndata: ").unwrap().trim_end()).collect()
}

#[test]
fn simple_comes_unchanged() {
    let scene = Scene::new(Recipe::Simple);
    let mut clients = [scene.proxy.get("/events"), scene.proxy.get("/events")];
    let read: Vec<Vec<String>> = clients.iter_mut().map(read_events).collect();
    // The clients may have reached the server in either order.
    let mut sent = [scene.sent(0, EVENTS), scene.sent(1, EVENTS)];
    if read[0] != sent[0] {
        sent.reverse();
    }
    assert_eq!(read, sent);
    assert_ne!(read[0], read[1], "each has a clock of its own");
}

#[test]
fn broadcast_comes_unchanged_to_all() {
    let scene = Scene::new(Recipe::Broadcast);
    let mut first = scene.proxy.get("/events?stream=time");
    check(&first.read_head());
    // The first one is there when the second comes.
    let mut second = scene.proxy.get("/events?stream=time");
    let late = read_events(&mut second);
    let mut early: Vec<String> = Vec::new();
    while !early.ends_with(&late) {
        early.push(first.read_chunk().unwrap().text().to_owned());
        assert_eq!(early, scene.sent(0, early.len()), "it has what the second one has: {late:?}");
    }
    assert_eq!(late, scene.sent(1, EVENTS));
    let (refused, body) = scene.proxy.fetch("/events");
    assert_eq!((refused.status, body.as_str()), (404, "/sse"), "the query is the client's");
}

/// The first events of a stream, each of which is a chunk.
fn read_events(client: &mut Client) -> Vec<String> {
    check(&client.read_head());
    // Events that came together may be passed on together, or in parts.
    let mut text = String::new();
    while text.matches("\n\n").count() < EVENTS {
        text += client.read_chunk().unwrap().text();
    }
    text.split_inclusive("\n\n").take(EVENTS).map(str::to_owned).collect()
}

fn check(head: &Head) {
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/event-stream")));
    assert_eq!(head.get("Cache-Control"), Some("no-cache"));
    assert_eq!(head.get("Connection"), None, "it is about the other connection");
}

#[test]
#[ignore = "needs curl"]
fn curl_prints_what_was_sent() {
    for recipe in [Recipe::Simple, Recipe::Broadcast] {
        let scene = Scene::new(recipe);
        let mut command = Command::new("curl");
        command.args(["-sSN", "--max-time", "20"]).arg(format!("http://{}{}", scene.proxy.address, recipe.target()));
        let mut curl = Group::spawn(command.stdout(Stdio::piped()));
        let mut out = curl.0.stdout.take().unwrap();
        let mut printed = String::new();
        while printed.matches("\n\n").count() < EVENTS {
            let mut bytes = [0; 1024];
            let read = out.read(&mut bytes).unwrap();
            assert!(read > 0, "curl ended behind {printed:?}");
            printed.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let first: String = printed.split_inclusive("\n\n").take(EVENTS).collect();
        assert_eq!(first, scene.sent(0, EVENTS).concat(), "{recipe:?}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_browsers_event_source_gets_what_was_sent() {
    for recipe in [Recipe::Simple, Recipe::Broadcast] {
        let scene = Scene::new(recipe);
        let place = TempDir::new().unwrap();
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        // With a debugging port it stays when the page is loaded.
        command.arg("--remote-debugging-port=0").arg(format!("--user-data-dir={}", place.path().display()));
        command.env("HOME", place.path()).stderr(Stdio::null()).stdout(Stdio::null());
        // The page comes through the proxy too, so that page and stream have one origin, as in the cookbook.
        let page = format!("http://{}/events?page={}", scene.proxy.address, recipe.name());
        let _browser = Group::spawn(command.arg(page));
        let result = scene.results.recv_timeout(2 * PATIENCE).expect("the page tells what it got");
        let result: Value = serde_json::from_str(&result).unwrap();
        let sent = scene.sent(0, EVENTS);
        let events: Vec<Value> =
            data(&sent).into_iter().map(|data| json!({"data": data, "id": "", "type": "message"})).collect();
        assert_eq!(result, json!({"events": events, "kinds": ["open"]}), "{recipe:?}");
    }
}

/// A program with all that it starts. Killed when dropped.
struct Group(Child);

impl Group {
    fn spawn(command: &mut Command) -> Group {
        use std::os::unix::process::CommandExt;
        Group(command.process_group(0).stdin(Stdio::null()).spawn().expect("start the program"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It fails only when all of them have ended.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}
