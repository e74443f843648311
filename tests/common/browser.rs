//! A headless Chromium, driven by the DevTools protocol (<https://chromedevtools.github.io/devtools-protocol/>).
//!
//! The protocol goes through a pair of pipes: Chromium reads messages from descriptor 3 and writes them to descriptor 4,
//! each of them JSON with a NUL behind it. That takes neither a port nor a WebSocket. A browser has one page; it has a
//! process group and a profile folder of its own, and both are gone when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::machine::{self, Turn};

/// How long the browser has for whatever it is asked. Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(45);

/// Puts the pipes where Chromium looks for them.
const PIPES: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
const ARGUMENTS: [&str; 12] = [
    // Pages of such a name are no secure context.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    // It is to ask for nothing but the page.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
    "about:blank",
];

/// Frames that were shown, and tasks of the page's thread.
const TRACED: [&str; 2] = ["devtools.timeline", "disabled-by-default-devtools.timeline"];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    _turn: Option<Turn>,
    orders: Sender<Vec<u8>>,
    messages: Receiver<Value>,
    /// Its profile, and whatever else it writes.
    place: TempDir,
    session: String,
    /// The page in front of it, if there is one.
    cover: Option<Value>,
    calls: u64,
    seen: Seen,
    loads: u64,
    traced: Vec<Value>,
    is_traced: bool,
    /// The name that the page gave a download, and whether all of it is there.
    saved: (String, bool),
}

/// What was seen of the page since it was opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// What it wrote to the console: `error: what it said`.
    pub(crate) console: Vec<String>,
    /// Exceptions that nothing caught, promises among them.
    pub(crate) exceptions: Vec<String>,
    /// What a content security policy forbade: `script-src-elem: inline`.
    pub(crate) violations: Vec<String>,
    /// The URLs that were asked for.
    pub(crate) requests: Vec<String>,
}

/// What a trace has.
pub(crate) struct Trace(Vec<Value>);

impl Browser {
    /// Starts one, with an empty page.
    pub(crate) fn start() -> Browser {
        Browser::with(&[])
    }

    /// With further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Browser {
        Browser::launch(arguments, Some(machine::take(machine::BROWSER)))
    }

    /// Another one, in a test that has its turn already.
    pub(crate) fn another() -> Browser {
        Browser::launch(&[], None)
    }

    fn launch(arguments: &[&str], turn: Option<Turn>) -> Browser {
        let place = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", PIPES, "sh", "chromium"]).args(arguments).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", place.path().join("profile").display()));
        command.env("HOME", place.path()).env("TMPDIR", place.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().expect("start a shell");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let ((orders, ordered), (heard, messages)) = (unbounded(), unbounded());
        // Both end with the browser. A pipe that is full or empty keeps them waiting, and nobody else.
        thread::spawn(move || order(input, &ordered));
        thread::spawn(move || listen(output, &heard));
        let mut browser = Browser {
            child,
            _turn: turn,
            orders,
            messages,
            place,
            session: String::new(),
            cover: None,
            calls: 0,
            seen: Seen::default(),
            loads: 0,
            traced: Vec::new(),
            is_traced: false,
            saved: Default::default(),
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let folder = self.place.path().join("saved");
        let downloads = json!({"behavior": "allow", "downloadPath": folder, "eventsEnabled": true});
        self.call("Browser.setDownloadBehavior", downloads);
        let targets = self.call("Target.getTargets", json!({}));
        let page = targets["targetInfos"].as_array().unwrap().iter().find(|target| target["type"] == "page");
        let target = &page.expect("the browser has a page")["targetId"];
        let attached = self.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        attached["sessionId"].as_str().unwrap().clone_into(&mut self.session);
        for domain in ["Page", "Runtime", "Network", "Audits"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens a URL and waits until it is loaded. What was seen before is forgotten.
    pub(crate) fn open(&mut self, url: &str) {
        // The page that was there before asks for no more then.
        self.load("about:blank");
        self.take_messages();
        self.seen = Seen::default();
        self.load(url);
    }

    fn load(&mut self, url: &str) {
        let before = self.loads;
        let opened = self.call("Page.navigate", json!({"url": url}));
        assert_eq!(opened.get("errorText"), None, "open {url}");
        self.take_until(&format!("{url} is loaded"), |browser| browser.loads > before);
    }

    /// The JSON value of an expression; of a promise, what it becomes.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", params);
        if let Some(details) = result.get("exceptionDetails") {
            let start: String = expression.chars().take(200).collect();
            panic!("{} in {start}", thrown(details));
        }
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let most_ms = (PATIENCE - Duration::from_secs(5)).as_millis();
        let look = format!(
            "new Promise(done => {{ setTimeout(() => done(document.body.innerText), {most_ms}); \
             const look = () => ({expression}) ? done(null) : setTimeout(look, 20); look(); }})"
        );
        let shown = self.evaluate(&look);
        assert!(shown.is_null(), "{expression} does not come about in {}", text(&shown));
    }

    /// Has the page do something as if its user had asked for it.
    pub(crate) fn act(&mut self, expression: &str) {
        let params = json!({"expression": expression, "awaitPromise": true, "userGesture": true});
        let result = self.call("Runtime.evaluate", params);
        assert_eq!(result.get("exceptionDetails"), None, "{expression}");
    }

    /// Clicks on an element.
    pub(crate) fn click(&mut self, id: &str) {
        self.act(&format!("document.getElementById('{id}').click()"));
    }

    /// Clicks on what saves a file; where that is.
    pub(crate) fn saved_by(&mut self, id: &str) -> PathBuf {
        self.saved = Default::default();
        self.click(id);
        self.take_until(&format!("{id} saves a file"), |browser| browser.saved.1);
        self.place.path().join("saved").join(&self.saved.0)
    }

    /// What is in the clipboard. It is pasted into the page, which may not read it.
    pub(crate) fn clipboard(&mut self) -> String {
        self.evaluate("{ const area = document.createElement('textarea'); area.id = 'pasted'; document.body.append(area); area.focus(); }");
        self.call("Input.dispatchKeyEvent", json!({"type": "keyDown", "commands": ["paste"]}));
        let pasted = self.evaluate("document.getElementById('pasted').value");
        self.evaluate("document.getElementById('pasted').remove()");
        pasted.as_str().unwrap().to_owned()
    }

    /// Has a script run in every page that is opened, before its own.
    pub(crate) fn prepare(&mut self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// What was seen of the page so far.
    pub(crate) fn seen(&mut self) -> &Seen {
        // An answer comes behind all that happened before.
        self.evaluate("0");
        self.take_messages();
        &self.seen
    }

    /// Gives the page a size, in CSS pixels, on a phone's screen or another.
    pub(crate) fn set_viewport(&mut self, width: u32, height: u32, is_phone: bool) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// Sets a media feature, such as `prefers-color-scheme` to `dark`.
    pub(crate) fn set_media(&mut self, feature: &str, value: &str) {
        self.call("Emulation.setEmulatedMedia", json!({"features": [{"name": feature, "value": value}]}));
    }

    /// Puts an empty page in front of it, or takes that one away again.
    pub(crate) fn set_hidden(&mut self, hidden: bool) {
        // What concerns all pages is asked of the browser itself.
        let session = std::mem::take(&mut self.session);
        if hidden {
            let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
            self.cover = Some(target["targetId"].clone());
        } else if let Some(target) = self.cover.take() {
            self.call("Target.closeTarget", json!({"targetId": target}));
        }
        self.session = session;
        self.wait_for(&format!("document.hidden === {hidden}"));
    }

    /// Takes the network away, or gives it back.
    pub(crate) fn set_offline(&mut self, offline: bool) {
        let limits = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.call("Network.emulateNetworkConditions", limits);
    }

    /// Makes the page's thread so many times as slow.
    pub(crate) fn set_slowness(&mut self, times: f64) {
        self.call("Emulation.setCPUThrottlingRate", json!({"rate": times}));
    }

    /// Writes a picture of the whole page, as PNG.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", params);
        fs::write(file, BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// How many bytes the page's objects take that are still in use.
    pub(crate) fn heap_bytes(&mut self) -> u64 {
        self.call("HeapProfiler.collectGarbage", json!({}));
        self.call("Runtime.getHeapUsage", json!({}))["usedSize"].as_f64().unwrap() as u64
    }

    /// Traces what the page's threads do meanwhile.
    pub(crate) fn trace(&mut self, meanwhile: impl FnOnce(&mut Browser)) -> Trace {
        self.call("Tracing.start", json!({"traceConfig": {"includedCategories": TRACED}}));
        meanwhile(self);
        self.call("Tracing.end", json!({}));
        self.take_until("the trace is there", |browser| std::mem::take(&mut browser.is_traced));
        Trace(std::mem::take(&mut self.traced))
    }

    /// Calls a method of the protocol; what it answers.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.orders.send([message.to_string().as_bytes(), b"\0"].concat()).expect("the browser takes messages");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut answer = self.next(method, deadline);
            if answer["id"] != id {
                self.take(&answer);
                continue;
            }
            assert_eq!(answer.get("error"), None, "{method}");
            return answer["result"].take();
        }
    }

    fn take_until(&mut self, what: &str, mut is_there: impl FnMut(&mut Browser) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there(self) {
            let message = self.next(what, deadline);
            self.take(&message);
        }
    }

    fn next(&self, what: &str, deadline: Instant) -> Value {
        self.messages.recv_deadline(deadline).unwrap_or_else(|error| panic!("wait for {what}: {error}"))
    }

    fn take_messages(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.take(&message);
        }
    }

    /// Takes notice of an event.
    fn take(&mut self, message: &Value) {
        let params = &message["params"];
        let seen = &mut self.seen;
        match message["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loads += 1,
            "Runtime.consoleAPICalled" => seen.console.push(said(params)),
            "Runtime.exceptionThrown" => seen.exceptions.push(thrown(&params["exceptionDetails"])),
            "Network.requestWillBeSent" => seen.requests.push(text(&params["request"]["url"])),
            "Audits.issueAdded" => seen.violations.extend(violation(&params["issue"])),
            "Tracing.dataCollected" => self.traced.extend(params["value"].as_array().unwrap().iter().cloned()),
            "Tracing.tracingComplete" => self.is_traced = true,
            "Browser.downloadWillBegin" => self.saved.0 = text(&params["suggestedFilename"]),
            "Browser.downloadProgress" => self.saved.1 |= params["state"] == "completed",
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It fails only when all of them have ended.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Trace {
    /// Milliseconds from each frame that was shown to the next.
    pub(crate) fn frames_ms(&self) -> Vec<f64> {
        let shown = self.0.iter().filter(|event| event["name"] == "AnimationFrame::Presentation");
        let mut at_us: Vec<f64> = shown.filter_map(|event| event["ts"].as_f64()).collect();
        at_us.sort_by(f64::total_cmp);
        at_us.windows(2).map(|pair| (pair[1] - pair[0]) / 1000.0).collect()
    }

    /// Milliseconds that each task of the page's thread took.
    pub(crate) fn tasks_ms(&self) -> Vec<f64> {
        self.tasks("dur")
    }

    /// Milliseconds of the processor's time that each of them took.
    pub(crate) fn cpu_ms(&self) -> Vec<f64> {
        self.tasks("tdur")
    }

    fn tasks(&self, duration: &str) -> Vec<f64> {
        let is_page = |event: &&Value| event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain";
        let threads: Vec<(&Value, &Value)> =
            self.0.iter().filter(is_page).map(|event| (&event["pid"], &event["tid"])).collect();
        let tasks = self.0.iter().filter(|event| event["name"] == "RunTask");
        let of_page = tasks.filter(|event| threads.contains(&(&event["pid"], &event["tid"])));
        of_page.filter_map(|event| event[duration].as_f64()).map(|us| us / 1000.0).collect()
    }
}

fn order(mut input: ChildStdin, orders: &Receiver<Vec<u8>>) {
    for order in orders {
        if input.write_all(&order).is_err() {
            return;
        }
    }
}

fn listen(output: ChildStdout, messages: &Sender<Value>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while output.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
        let Ok(message) = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap_or(&bytes)) else { return };
        if messages.send(message).is_err() {
            return;
        }
        bytes.clear();
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn said(params: &Value) -> String {
    let argument = |argument: &Value| match &argument["value"] {
        Value::Null => text(&argument["description"]),
        value => text(value),
    };
    let arguments: Vec<String> = params["args"].as_array().unwrap().iter().map(argument).collect();
    format!("{}: {}", text(&params["type"]), arguments.join(" "))
}

fn thrown(details: &Value) -> String {
    match &details["exception"]["description"] {
        Value::Null => format!("{}: {}", text(&details["text"]), details["exception"]["value"]),
        description => text(description),
    }
}

fn violation(issue: &Value) -> Option<String> {
    let details = issue["details"].get("contentSecurityPolicyIssueDetails")?;
    let blocked = details.get("blockedURL").map_or("inline".to_owned(), text);
    Some(format!("{}: {blocked}", text(&details["violatedDirective"])))
}
