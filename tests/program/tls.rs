//! The client over TLS, against servers of the test's own making: certificates that are right and wrong, and ends with
//! and without a word.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::{Client as Connection, PATIENCE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sse_argo_tester::client::request::Request;
use sse_argo_tester::client::{Arrival, Body, Client, ClientError, Ending, Settings};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const CLOSED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
const CHUNK: &str = "9\r\ndata: a\n\n\r\n";
const EVENT: &str = "data: a\n\n";
const NAME: &str = "sse.example";

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Somebody who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server needs that has a certificate for `name`, until `year`.
    fn server(&self, name: &str, year: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

/// How a server ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// With the alert that TLS has for it.
    Properly,
    /// Without.
    WithoutAWord,
}

/// A server of one connection that sends `response`, and leaves. It gives back what it was asked.
struct Server {
    port: u16,
    serving: JoinHandle<String>,
}

impl Server {
    fn start(config: Arc<ServerConfig>, response: String, leave: Leave) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let socket = listener.accept().unwrap().0;
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            serve(config, socket, &response, leave)
        });
        Server { port, serving }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/events", self.port)
    }

    /// The head of the request; empty if the client did not get that far.
    fn asked(self) -> String {
        self.serving.join().unwrap()
    }
}

/// Answers a request, and leaves; gives back its head.
fn serve(config: Arc<ServerConfig>, socket: TcpStream, response: &str, leave: Leave) -> String {
    let Some((mut stream, head)) = answered(config, socket, response) else { return String::new() };
    if leave == Leave::Properly {
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    }
    head
}

/// Answers a request; none if the client leaves before it has asked, as it does if it doesn't like the certificate.
fn answered(config: Arc<ServerConfig>, socket: TcpStream, response: &str) -> Option<(Stream, String)> {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    stream.write_all(response.as_bytes()).unwrap();
    stream.flush().unwrap();
    Some((stream, String::from_utf8(head).unwrap()))
}

fn client(settings: Settings) -> Client {
    Client::new(&Settings { connect_timeout: Some(PATIENCE), ..settings }).unwrap()
}

/// A client that trusts `authority`, and takes `NAME` for an address of this machine.
fn trusting(authority: &Authority, port: u16) -> Client {
    client(Settings {
        ca_certificates: Some(authority.pem().into_bytes()),
        resolve: [((NAME.to_owned(), port), [127, 0, 0, 1].into())].into(),
        ..Settings::default()
    })
}

fn get(url: &str) -> Request {
    Request::event_stream(url, None, &[], None)
}

/// The rest of a body, and how it ended.
fn drain(body: &mut Body) -> (String, Ending) {
    let mut bytes = Vec::new();
    loop {
        match body.read() {
            Arrival::Bytes(_, more) => bytes.extend(more),
            Arrival::End(_, ending) => return (String::from_utf8(bytes).unwrap(), ending),
        }
    }
}

#[test]
fn a_stream_from_a_trusted_name_and_when_tls_was_there() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server(NAME, 2100), format!("{CHUNKED}{CHUNK}0\r\n\r\n"), Leave::Properly);
    let session = trusting(&authority, server.port).session();
    let mut response = session.open(&get(&server.url(NAME))).unwrap();
    let timing = response.head.timing;
    let secured = timing.secured.expect("TLS has a time");
    assert!(timing.connected.unwrap() <= secured && secured <= timing.written && timing.written <= timing.head);
    assert_eq!(response.head.remote.unwrap().port(), server.port);
    assert_eq!(drain(&mut response.body), (EVENT.to_owned(), Ending::Clean));
    assert!(server.asked().contains(&format!("host: {NAME}:")), "the name is asked for, not its address");
}

#[test]
fn what_tls_sends_by_itself_is_no_answer() {
    let authority = Authority::new("own");
    let (config, listener) = (authority.server(NAME, 2100), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), listener.accept().unwrap().0);
        stream.read_exact(&mut [0]).unwrap();
        // Tickets for a later session: the connection's end that is near sends them before the origin knows of anything.
        stream.flush().unwrap();
        let (_origin, is_far) = channel::<()>();
        assert!(is_far.recv_timeout(Duration::from_millis(200)).is_err());
        let answering = std::time::Instant::now();
        stream.write_all((CHUNKED.to_owned() + CHUNK + "0\r\n\r\n").as_bytes()).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        answering
    });
    let url = format!("https://{NAME}:{port}/events");
    let response = trusting(&authority, port).session().open(&get(&url)).unwrap();
    let answering = serving.join().unwrap();
    let timing = response.head.timing;
    assert!(timing.answered >= answering, "{:?} too early", answering - timing.answered);
}

#[test]
fn certificates_that_are_not_right_are_refused_and_the_reason_told() {
    let authority = Authority::new("ours");
    let stranger = Authority::new("stranger");
    for (config, plain, advice) in [
        (stranger.server(NAME, 2100), "signed by nobody who is trusted here", "--cacert"),
        (Authority::new("ours").server(NAME, 2100), "not signed by whom it names", "--cacert"),
        (authority.server("other.example", 2100), "its certificate is for another name", "--resolve"),
        (authority.server(NAME, 2020), "its certificate has expired", "renewed"),
    ] {
        let server = Server::start(config, String::new(), Leave::Properly);
        let error = trusting(&authority, server.port).session().open(&get(&server.url(NAME))).unwrap_err();
        assert!(matches!(error, ClientError::Tls(..)), "{error:?}");
        let finding = error.finding();
        let text = finding.text();
        assert!(text.starts_with("set up TLS with 127.0.0.1:") && text.contains(plain), "{finding:?}");
        assert_eq!((finding.id.as_str(), finding.advice().contains(advice)), ("unreachable-tls", true), "{finding:?}");
        assert_eq!(server.asked(), "", "nothing is asked of whom we don't trust");
    }
}

#[test]
fn whoever_is_trusted_by_the_system_is_none_of_ours() {
    let server = Server::start(Authority::new("stranger").server("localhost", 2100), String::new(), Leave::Properly);
    let error = client(Settings::default()).session().open(&get(&server.url("localhost"))).unwrap_err();
    assert!(matches!(error, ClientError::Tls(..)), "{error:?}");
    assert_eq!(server.asked(), "");
}

#[test]
fn any_certificate_is_right_if_the_user_says_so() {
    let stranger = Authority::new("stranger");
    let config = stranger.server("other.example", 2020);
    let server = Server::start(config, format!("{CHUNKED}{CHUNK}0\r\n\r\n"), Leave::Properly);
    let session = client(Settings { insecure: true, ..Settings::default() }).session();
    let mut response = session.open(&get(&server.url("127.0.0.1"))).unwrap();
    assert!(response.head.timing.secured.is_some());
    assert_eq!(drain(&mut response.body), (EVENT.to_owned(), Ending::Clean));
}

#[test]
fn what_speaks_no_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let refusing =
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let error = client(Settings::default()).session().open(&get(&url)).unwrap_err();
    assert!(error.to_string().contains("what came is no TLS") && error.advice().contains("http://"), "{error}");
    refusing.join().unwrap().unwrap();
}

#[test]
fn ends_without_a_word_are_cuts() {
    let authority = Authority::new("ours");
    let whole = format!("{CHUNKED}{CHUNK}0\r\n\r\n");
    let chunks = format!("{CHUNKED}{CHUNK}");
    let part = format!("{CHUNKED}{CHUNK}9\r\ndat");
    let closed = format!("{CLOSED}{EVENT}");
    for (response, leave, ending) in [
        (&whole, Leave::Properly, Ending::Clean),
        // Its framing says that it is whole, whatever TLS says of it.
        (&whole, Leave::WithoutAWord, Ending::Clean),
        (&chunks, Leave::Properly, Ending::Truncated),
        (&chunks, Leave::WithoutAWord, Ending::Truncated),
        (&part, Leave::WithoutAWord, Ending::Truncated),
        (&closed, Leave::Properly, Ending::Clean),
        (&closed, Leave::WithoutAWord, Ending::Truncated),
    ] {
        let server = Server::start(authority.server(NAME, 2100), response.clone(), leave);
        let session = trusting(&authority, server.port).session();
        let mut response = session.open(&get(&server.url(NAME))).unwrap();
        let (text, ended) = drain(&mut response.body);
        assert_eq!((&ended, text.starts_with(EVENT)), (&ending, true), "{leave:?} {text:?}");
        server.asked();
    }
}

#[test]
fn a_reset_is_a_reset_over_tls_too() {
    let authority = Authority::new("ours");
    let config = authority.server(NAME, 2100);
    for head in [CLOSED, CHUNKED] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::clone(&config);
        let (go, wait) = channel();
        let serving = std::thread::spawn(move || {
            let response = format!("{head}{}", if head == CLOSED { EVENT } else { CHUNK });
            let (stream, _) = answered(config, listener.accept().unwrap().0, &response).unwrap();
            wait.recv().unwrap();
            socket2::SockRef::from(&stream.sock).set_linger(Some(Duration::ZERO)).unwrap();
        });
        let session = trusting(&authority, port).session();
        let mut response = session.open(&get(&format!("https://{NAME}:{port}/"))).unwrap();
        assert!(matches!(response.body.read(), Arrival::Bytes(..)));
        go.send(()).unwrap();
        assert_eq!(drain(&mut response.body).1, Ending::Reset);
        serving.join().unwrap();
    }
}

#[test]
fn credentials_in_a_url_are_sent_and_survive_a_redirect_to_the_same_host() {
    let authority = Authority::new("ours");
    let config = authority.server(NAME, 2100);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let moved = "HTTP/1.1 307 Moved\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        [moved.to_owned(), format!("{CLOSED}{EVENT}")].map(|response| {
            let socket = listener.accept().unwrap().0;
            serve(Arc::clone(&config), socket, &response, Leave::Properly)
        })
    });
    let session = trusting(&authority, port).session();
    let response = session.open(&get(&format!("https://us%40er:secret@{NAME}:{port}/here"))).unwrap();
    assert_eq!(response.head.url, format!("https://{NAME}:{port}/there"));
    assert_eq!(response.head.redirects, [format!("https://{NAME}:{port}/here")]);
    for (asked, path) in serving.join().unwrap().iter().zip(["/here", "/there"]) {
        assert!(asked.starts_with(&format!("GET {path} ")), "{asked}");
        assert!(asked.contains("authorization: Basic dXNAZXI6c2VjcmV0\r\n") && !asked.contains("secret"), "{asked}");
    }
}

/// Runs `cat --once` to its end.
fn cat(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(["cat", "--once", "--connect-timeout", "20"]).args(args).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_program_prints_a_stream_over_tls_and_tells_why_not() {
    let authority = Authority::new("ours");
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    fs::write(&path, authority.pem()).unwrap();
    let trusted = ["--cacert", path.to_str().unwrap()];

    let server = Server::start(authority.server("localhost", 2100), format!("{CLOSED}{EVENT}"), Leave::Properly);
    let (code, out, err) = cat(&[&trusted[..], &["-4", &server.url("localhost")]].concat());
    assert!(code == Some(0) && out.contains("event=message\n  a\n") && out.contains("end=clean"), "{out}{err}");

    let server = Server::start(authority.server("localhost", 2100), format!("{CLOSED}{EVENT}"), Leave::WithoutAWord);
    let (code, out, err) = cat(&[&trusted[..], &["-4", &server.url("localhost")]].concat());
    assert!(code == Some(5) && out.contains("end=truncated") && err.contains("the stream was cut"), "{out}{err}");

    let server = Server::start(Authority::new("stranger").server("localhost", 2100), String::new(), Leave::Properly);
    let (code, out, err) = cat(&[&trusted[..], &["-4", &server.url("us:secret@localhost")]].concat());
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert_eq!(err.lines().count(), 2, "what is wrong and what to try: {err}");
    assert!(err.contains("signed by nobody who is trusted here") && err.contains("--cacert FILE"), "{err}");
    assert!(!err.contains("secret"), "{err}");
}

#[test]
fn the_platforms_verifier_says_nothing_by_itself() {
    let server = Server::start(Authority::new("stranger").server("localhost", 2100), String::new(), Leave::Properly);
    let (code, _, err) = cat(&["-4", &server.url("localhost")]);
    assert_eq!((code, err.lines().count()), (Some(3), 2), "{err}");
    assert!(err.starts_with("sse-argo-tester: set up TLS with 127.0.0.1:"), "{err}");
}

#[test]
fn passwords_stay_out_of_every_message() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [
        format!("http://us:secret@{free}/stream"),
        "http://us:secret@nowhere.invalid/stream".to_owned(),
        "http://us:secret@host with spaces/".to_owned(),
        "http://us:secret@[::/".to_owned(),
        "us:secret@nowhere.invalid/stream".to_owned(),
        "http://us:secret@h:port/".to_owned(),
    ] {
        let (code, _, err) = cat(&[&url, "--log-level", "trace"]);
        assert!(code != Some(0) && !err.is_empty() && !err.contains("secret"), "{url} {code:?} {err}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://us:secret@{}/stream", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let mut client = Connection::over(listener.accept().unwrap().0);
        let head = client.read_until(b"\r\n\r\n").text().to_owned();
        client.send(format!("{CLOSED}{EVENT}"));
        head
    });
    let (code, _, err) = cat(&[&url, "--log-level", "trace"]);
    assert!(code == Some(0) && err.contains("[TRACE]"), "{code:?} {err}");
    // Neither as text nor as a dump of the bytes that were sent, in which there are ends of lines.
    assert!(!err.contains("secret") && !err.contains("Basic") && !err.contains("0d0a"), "{err}");
    assert!(serving.join().unwrap().contains("authorization: Basic"));
    let (code, _, err) = cat(&[&format!("http://{free}/"), "-x", "nonsense://us:secret@proxy"]);
    assert!(code == Some(2) && !err.contains("secret"), "{code:?} {err}");
}
