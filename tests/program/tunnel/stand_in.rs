//! Stands in for cloudflared: the same options and log lines, the same metrics server, and Cloudflare's edge in itself,
//! which passes requests on as cloudflared does.
//!
//! The script `stand-in/cloudflared` runs the test program with this test alone. The environment says what it does:
//!
//! | variable | |
//! |---|---|
//! | `STAND_IN` | the test program; set for the script |
//! | `STAND_IN_MODE` | `good`, or one of [`Mode`]; `STAND_IN_MODE_http2` with that protocol alone, and so on |
//! | `STAND_IN_SAYS` | lines that it prints at its start |
//! | `STAND_IN_EDGE` | where its edge listens, `ADDR:PORT`; a free port of 127.0.0.1 without it |
//! | `STAND_IN_NAME` | the name of its quick tunnels, to which the edge's port is added |
//! | `STAND_IN_CERTIFICATE`, `STAND_IN_KEY` | PEM files for the edge, which speaks TLS then |
//! | `STAND_IN_ORIGIN` | port of the origin that a named tunnel leads to |
//!
//! A request for `/die` makes it die.

// It is a program of its own.
#![allow(clippy::print_stderr)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::exit;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

/// How long cloudflared waits for open requests before it ends.
const GRACE: Duration = Duration::from_secs(30);

/// The script that stands in for the program.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/program/tunnel/stand-in/cloudflared")
}

/// What it does, beside working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Good,
    /// It holds the body of an answer to GET until the origin ends it, as quick tunnels are said to do.
    Hold,
    /// It is so many milliseconds away: each way takes them.
    Far(u64),
    /// It ends at once, with this exit code.
    Fails(i32),
    /// It never gets connected.
    Unready,
    /// It takes all of the grace period to end, whether there are requests or not.
    Deaf,
    /// It doesn't know the name of its quick tunnel, as old versions don't.
    Nameless,
}

impl Mode {
    fn of(text: &str) -> Mode {
        let (name, number) = text.split_once(':').unwrap_or((text, "0"));
        match name {
            "good" => Mode::Good,
            "hold" => Mode::Hold,
            "far" => Mode::Far(number.parse().unwrap()),
            "fails" => Mode::Fails(number.parse().unwrap()),
            "unready" => Mode::Unready,
            "deaf" => Mode::Deaf,
            "nameless" => Mode::Nameless,
            _ => panic!("no mode {text}"),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The program, if the script asks for it.
#[test]
fn acts_as_cloudflared() {
    let Some(args) = variable("STAND_IN_ARGS") else { return };
    let args: Vec<&str> = args.lines().collect();
    let options = Options::of(&args);
    let mode = variable(&format!("STAND_IN_MODE_{}", options.protocol)).or_else(|| variable("STAND_IN_MODE"));
    let mode = Mode::of(&mode.unwrap_or_else(|| "good".to_owned()));
    let edge = variable("STAND_IN_EDGE").unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let edge = TcpListener::bind(edge).unwrap();
    let port = edge.local_addr().unwrap().port();
    let signals = Signals::new([SIGTERM]).unwrap();

    for line in variable("STAND_IN_SAYS").iter().flat_map(|text| text.lines()) {
        eprintln!("{line}");
    }
    if let Mode::Fails(code) = mode {
        exit(code);
    }
    let name = match options.is_quick() {
        true if mode == Mode::Nameless => String::new(),
        true => {
            format!("{}:{port}", variable("STAND_IN_NAME").unwrap_or_else(|| "some-words.trycloudflare.com".to_owned()))
        }
        false => String::new(),
    };
    if options.is_quick() {
        say("Requesting new quick Tunnel on trycloudflare.com...");
        say("+----------------------------------------------------------------------------------------------+");
        say("|  Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):  |");
        say(&format!("|  https://{name}  |"));
    }
    let state = Arc::<State>::default();
    let metrics = TcpListener::bind(options.metrics).unwrap_or_else(|error| {
        eprintln!("Error opening metrics server listener: listen tcp {}: bind: {error}", options.metrics);
        exit(1);
    });
    say(&format!("Starting metrics server on {}/metrics", options.metrics));
    {
        let state = Arc::clone(&state);
        std::thread::spawn(move || serve_metrics(&metrics, &name, &state));
    }
    let relay = Relay { origin: options.origin, is_quick: options.is_quick(), mode, state: Arc::clone(&state) };
    std::thread::spawn(move || serve_edge(&edge, Arc::new(relay)));
    if mode != Mode::Unready {
        state.update(|inner| inner.is_ready = true);
        say("Registered tunnel connection");
    }
    wait_for_the_end(signals, mode, &state);
}

/// Ends when it is told to, and all requests are answered or the grace period is over.
fn wait_for_the_end(mut signals: Signals, mode: Mode, state: &State) -> ! {
    // There is one signal alone: others are of no use.
    signals.forever().next();
    say("Initiating graceful shutdown due to signal terminated ...");
    let inner = state.inner.lock().unwrap();
    let is_busy = |inner: &mut Inner| inner.requests > 0 || mode == Mode::Deaf;
    drop(state.changed.wait_timeout_while(inner, GRACE, is_busy));
    exit(0);
}

/// A line of the log, in the format that is asked for.
fn say(message: &str) {
    match variable("TUNNEL_LOG_OUTPUT").as_deref() {
        Some("json") => {
            eprintln!("{}", serde_json::json!({"level": "info", "message": message, "time": "2026-09-21T19:45:31Z"}));
        }
        _ => eprintln!("2026-09-21T19:45:31Z INF {message}"),
    }
}

/// The options that it understands; it ends with a message of cloudflared's if there is one that it doesn't.
struct Options {
    metrics: SocketAddr,
    origin: u16,
    is_named: bool,
    protocol: String,
}

impl Options {
    fn of(args: &[&str]) -> Options {
        let origin = variable("STAND_IN_ORIGIN").map_or(0, |port| port.parse().unwrap());
        let metrics = ([127, 0, 0, 1], 0).into();
        let mut options = Options { metrics, origin, is_named: false, protocol: String::new() };
        assert_eq!(args.first(), Some(&"tunnel"));
        let mut args = args[1..].iter();
        while let Some(arg) = args.next() {
            let mut value = || *args.next().unwrap_or_else(|| panic!("{arg} has no value"));
            match *arg {
                "--no-autoupdate" => {}
                "--metrics" => options.metrics = value().parse().unwrap(),
                "--url" => options.origin = value().strip_prefix("http://127.0.0.1:").unwrap().parse().unwrap(),
                "--config" => assert_eq!(value(), "/dev/null"),
                "--protocol" => options.protocol = value().to_owned(),
                "--label" => say(&format!("label={}", value())),
                "--loglevel" => assert_eq!(value(), "info"),
                "run" => options.is_named = true,
                other => {
                    let name = other.trim_start_matches('-');
                    eprintln!(
                        "Incorrect Usage: flag provided but not defined: -{name}\n\nNAME:\n   cloudflared tunnel"
                    );
                    exit(1);
                }
            }
        }
        assert!(["auto", "quic", "http2"].contains(&options.protocol.as_str()));
        if options.is_named {
            require_token();
        }
        options
    }

    fn is_quick(&self) -> bool {
        !self.is_named
    }
}

fn require_token() {
    match variable("TUNNEL_TOKEN") {
        None => {
            eprintln!(
                "\"cloudflared tunnel run\" requires the ID or name of the tunnel to run as the last command line argument or in the configuration file.\nSee 'cloudflared tunnel run --help'."
            );
            exit(255);
        }
        Some(token) if !token.starts_with("eyJ") => {
            eprintln!("Provided Tunnel token is not valid.\nSee 'cloudflared tunnel run --help'.");
            exit(255);
        }
        Some(token) => say(&format!("Settings: map[no-autoupdate:true token:{token}]")),
    }
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    is_ready: bool,
    requests: usize,
}

impl State {
    fn update(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap());
        self.changed.notify_all();
    }
}

fn serve_metrics(listener: &TcpListener, name: &str, state: &State) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let Some(head) = read_head(&mut stream) else { continue };
        let ready = state.inner.lock().unwrap().is_ready;
        let (status, body) = match head.split(' ').nth(1) {
            Some("/ready") if ready => ("200 OK", "{\"status\":200,\"readyConnections\":1}".to_owned()),
            Some("/ready") => ("503 Service Unavailable", "{\"status\":503,\"readyConnections\":0}".to_owned()),
            Some("/quicktunnel") => ("200 OK", format!("{{\"hostname\":\"{name}\"}}")),
            _ => ("404 Not Found", "404 page not found\n".to_owned()),
        };
        let _ = write!(stream, "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    }
}

/// What the edge does with requests.
struct Relay {
    origin: u16,
    is_quick: bool,
    mode: Mode,
    state: Arc<State>,
}

fn serve_edge(listener: &TcpListener, relay: Arc<Relay>) {
    let tls = variable("STAND_IN_CERTIFICATE").map(|path| tls(&path, &variable("STAND_IN_KEY").unwrap()));
    for stream in listener.incoming() {
        let (stream, relay, tls) = (stream.unwrap(), Arc::clone(&relay), tls.clone());
        stream.set_nodelay(true).unwrap();
        std::thread::spawn(move || {
            relay.state.update(|inner| inner.requests += 1);
            // A client that leaves is no failure.
            let _ = match tls {
                Some(config) => {
                    relay.pass_on(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), |stream| {
                        stream.conn.send_close_notify();
                    })
                }
                None => relay.pass_on(stream, |_| ()),
            };
            relay.state.update(|inner| inner.requests -= 1);
        });
    }
}

fn tls(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

impl Relay {
    /// Passes one request on, and its response back.
    fn pass_on<S: Read + Write>(&self, mut client: S, end: impl FnOnce(&mut S)) -> std::io::Result<()> {
        let Some(head) = read_head(&mut client) else { return Ok(()) };
        if head.starts_with("GET /die ") {
            eprintln!("panic: runtime error: invalid memory address or nil pointer dereference");
            exit(2);
        }
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        client.read_exact(&mut body)?;
        let Ok(mut origin) = TcpStream::connect(("127.0.0.1", self.origin)) else {
            say(
                "Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared",
            );
            let page = "error code: 502";
            write!(
                client,
                "HTTP/1.1 502 Bad Gateway\r\nServer: cloudflare\r\nCf-Ray: 8a-TST\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            )?;
            end(&mut client);
            return client.flush();
        };
        origin.set_nodelay(true)?;
        self.let_pass(Instant::now());
        origin.write_all(self.altered(&head).as_bytes())?;
        origin.write_all(&body)?;
        let Some(head_back) = read_head(&mut origin) else { return Ok(()) };
        self.let_pass(Instant::now());
        client.write_all(head_back.as_bytes())?;
        client.flush()?;
        if self.mode == Mode::Hold && head.starts_with("GET ") {
            let mut held = Vec::new();
            origin.read_to_end(&mut held)?;
            client.write_all(&held)?;
        } else {
            // What is on its way doesn't keep back what comes behind.
            let (sender, under_way) = channel();
            let mut reader = origin.try_clone()?;
            std::thread::spawn(move || {
                let mut bytes = [0; 16 * 1024];
                while let Ok(read @ 1..) = reader.read(&mut bytes) {
                    if sender.send((Instant::now(), bytes[..read].to_vec())).is_err() {
                        return;
                    }
                }
            });
            for (sent, bytes) in under_way {
                self.let_pass(sent);
                if let Err(error) = client.write_all(&bytes).and_then(|()| client.flush()) {
                    origin.shutdown(Shutdown::Both)?;
                    return Err(error);
                }
            }
        }
        end(&mut client);
        client.flush()?;
        origin.shutdown(Shutdown::Both)
    }

    /// Waits until what was sent then is there.
    fn let_pass(&self, sent: Instant) {
        let Mode::Far(ms) = self.mode else { return };
        let (_nobody, nothing) = channel::<()>();
        let left = (sent + Duration::from_millis(ms)).saturating_duration_since(Instant::now());
        assert!(nothing.recv_timeout(left).is_err());
    }

    /// The head that the origin gets: with what Cloudflare adds, and for one request alone.
    fn altered(&self, head: &str) -> String {
        let lines = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let worker = if self.is_quick { "Cf-Worker: trycloudflare.com\r\n" } else { "" };
        let lines: Vec<&str> = lines.collect();
        format!(
            "{}\r\nCdn-Loop: cloudflare; loops=1\r\nCf-Connecting-Ip: 203.0.113.9\r\nCf-Ipcountry: XX\r\nCf-Ray: 8a-TST\r\n\
             Cf-Visitor: {{\"scheme\":\"https\"}}\r\n{worker}Cf-Warp-Tag-Id: 0\r\nX-Forwarded-For: 203.0.113.9\r\n\
             X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
            lines.join("\r\n")
        )
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// Everything up to an empty line; none if the other end leaves before.
fn read_head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
