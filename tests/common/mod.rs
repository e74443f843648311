//! What the tests over raw TCP share: the real program as a child process, and a client that sees every byte.

// Each test program uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod browser;
pub mod gauge;
pub mod machine;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod relay;
pub mod witness;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// How long a test waits for something that should happen at once. Generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// The program, running as `serve` on a free port of 127.0.0.1, killed when dropped.
pub struct Origin {
    child: Child,
    pub address: SocketAddr,
    pub admin: Option<SocketAddr>,
    log: Log,
    /// Where the program puts its private folder, so that a killed one leaves nothing behind.
    place: TempDir,
}

impl Origin {
    pub fn start() -> Origin {
        Origin::with(&[])
    }

    /// With further arguments of `serve`.
    pub fn with(args: &[&str]) -> Origin {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        Origin::spawn(command)
    }

    /// `proxy` of a target instead, with further arguments.
    pub fn proxy(target: &str, args: &[&str]) -> Origin {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        command.args(["proxy", target, "--listen", "127.0.0.1:0"]).args(args);
        Origin::spawn(command)
    }

    /// From a command that runs the program in its own way.
    pub fn spawn(mut command: Command) -> Origin {
        let place = TempDir::new().unwrap();
        command.env("TMPDIR", place.path()).env_remove("RUNTIME_DIRECTORY").env_remove("XDG_RUNTIME_DIR");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the program");
        let log = Log::of(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = |prefix: &str| -> SocketAddr {
            let line = lines.next().unwrap_or_else(|| panic!("no line {prefix:?}; log: {:#?}", log.lines())).unwrap();
            let rest = line.strip_prefix(prefix).unwrap_or_else(|| panic!("{line:?} does not start with {prefix:?}"));
            rest.split('/').next().unwrap().parse().unwrap()
        };
        let address = next("listening on http://");
        let has_admin = command.get_args().any(|arg| arg == "--admin");
        let admin = has_admin.then(|| next("admin on http://"));
        Origin { child, address, admin, log, place }
    }

    /// The folder in which the program makes its private one.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// How the program ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the program to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.status() {
            return status;
        }
        let ended = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let most = Timespec::try_from(PATIENCE).unwrap();
        let has_ended = retry_on_intr(|| poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&most))).unwrap() > 0;
        assert!(has_ended, "the program does not end; log: {:#?}", self.log.lines());
        self.child.wait().unwrap()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends a GET request on a connection of its own.
    pub fn get(&self, target: &str) -> Client {
        let mut client = self.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        client
    }

    /// Sends a GET request on a connection of its own, and reads the complete response.
    pub fn fetch(&self, target: &str) -> (Head, String) {
        self.get(target).read_response()
    }

    /// Opens a stream, and reads its head.
    pub fn open(&self, target: &str) -> (Client, Head) {
        let mut client = self.get(target);
        let head = client.read_head();
        assert_eq!(head.status, 200, "{target}: {}", head.text);
        (client, head)
    }

    /// Waits until the stream with this id has ended, and fetches what `/streams/ID` tells of it.
    pub fn ended(&self, id: &str) -> serde_json::Value {
        self.wait_log(&["stream closed", id]);
        let (head, body) = self.fetch(&format!("/streams/{id}"));
        assert_eq!(head.status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits for a log line that contains all of `parts`.
    pub fn wait_log(&self, parts: &[&str]) -> String {
        self.log.wait(parts, PATIENCE)
    }

    /// The same for what takes longer.
    pub fn wait_log_for(&self, parts: &[&str], patience: Duration) -> String {
        self.log.wait(parts, patience)
    }

    pub fn log_lines(&self) -> Vec<String> {
        self.log.lines()
    }

    /// The log to its end, when the program has been told to end.
    pub fn whole_log(&mut self) -> Vec<String> {
        self.wait();
        // The thread that reads it ends with it.
        eventually(|| (Arc::strong_count(&self.log.0) == 1).then(|| self.log.lines()))
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a child's standard error, as they come.
#[derive(Clone)]
struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    fn of(stderr: impl Read + Send + 'static) -> Log {
        let log = Log(Arc::default());
        let filling = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                filling.0.0.lock().unwrap().push(line);
                filling.0.1.notify_all();
            }
        });
        log
    }

    fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    fn wait(&self, parts: &[&str], patience: Duration) -> String {
        let matches = |line: &&String| parts.iter().all(|part| line.contains(part));
        let lines = self.0.0.lock().unwrap();
        let waiting = |lines: &mut Vec<String>| !lines.iter().any(|line| matches(&line));
        let (lines, _) = self.0.1.wait_timeout_while(lines, patience, waiting).unwrap();
        lines.iter().find(matches).cloned().unwrap_or_else(|| panic!("no log line with {parts:?} in {lines:#?}"))
    }
}

/// The head of a response.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    /// The whole head, as it came.
    pub text: String,
}

impl Head {
    /// The values of all fields of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.text.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of a field that is there at most once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is there more than once: {}", self.text);
        all.first().copied()
    }
}

/// One chunk, or one event, with the time when the read that completed it returned.
#[derive(Debug)]
pub struct Arrived {
    pub bytes: Vec<u8>,
    pub at: Instant,
}

impl Arrived {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The value of the first line that starts with `field: `.
    pub fn field(&self, field: &str) -> Option<&str> {
        self.text().lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
    }

    /// The event's data as JSON.
    pub fn json(&self) -> serde_json::Value {
        let data = self.field("data").unwrap_or_else(|| panic!("no data in {:?}", self.text()));
        serde_json::from_str(data).unwrap()
    }
}

/// A connection that sees every byte. All reads fail the test after [`PATIENCE`].
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    /// When the newest read returned.
    read_at: Instant,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).unwrap())
    }

    /// With so small a receive buffer that a sender soon notices when nothing is read.
    pub fn lazy(address: SocketAddr) -> Client {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Client::over(socket.into())
    }

    /// On a connection that was made in a special way.
    pub fn over(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, buffer: Vec::new(), read_at: Instant::now() }
    }

    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a GET request, without waiting for the response.
    pub fn ask(&mut self, target: &str) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads once; false at the end of the stream.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 65536];
        let read = loop {
            match self.stream.read(&mut bytes) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break 0,
                // The end of a child may interrupt a read that has a timeout.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}, after {:?}", String::from_utf8_lossy(&self.buffer)),
            }
        };
        self.read_at = Instant::now();
        self.buffer.extend_from_slice(&bytes[..read]);
        read > 0
    }

    /// Everything up to and including `end`.
    pub fn read_until(&mut self, end: &[u8]) -> Arrived {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let rest = self.buffer.split_off(at + end.len());
                return Arrived { bytes: std::mem::replace(&mut self.buffer, rest), at: self.read_at };
            }
            assert!(self.fill(), "the connection ended in {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    pub fn read_exact(&mut self, len: usize) -> Vec<u8> {
        while self.buffer.len() < len {
            assert!(self.fill(), "the connection ended in {:?}", String::from_utf8_lossy(&self.buffer));
        }
        let rest = self.buffer.split_off(len);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// What was read and not yet used, at most `len` bytes of it.
    pub fn take_buffered(&mut self, len: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(len.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Everything to the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Everything up to a reset of the connection, which must come before a regular end.
    pub fn read_to_reset(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.buffer);
        let ended = self.stream.read_to_end(&mut bytes);
        assert_eq!(ended.expect_err("the connection ended regularly").kind(), ErrorKind::ConnectionReset);
        bytes
    }

    /// Whether the connection ends without another byte.
    pub fn is_at_end(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }

    pub fn read_head(&mut self) -> Head {
        let text = String::from_utf8(self.read_until(b"\r\n\r\n").bytes).unwrap();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Head { status: status.unwrap_or_else(|| panic!("no status in {text:?}")), text }
    }

    /// A response with Content-Length.
    pub fn read_response(&mut self) -> (Head, String) {
        let head = self.read_head();
        let len = head.get("Content-Length").map_or(0, |len| len.parse().unwrap());
        let body = self.read_exact(len);
        (head, String::from_utf8(body).unwrap())
    }

    /// One chunk's payload; none for the last chunk, whose framing must be exactly `0 CRLF CRLF`.
    pub fn read_chunk(&mut self) -> Option<Arrived> {
        let line = self.read_until(b"\r\n");
        let size = line.text().trim_end();
        let len = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("chunk size {size:?}"));
        assert_eq!(size, format!("{len:x}"), "chunk sizes have no leading zeros");
        let bytes = self.read_exact(len);
        assert_eq!(self.read_exact(2), b"\r\n", "CRLF behind a chunk");
        (len > 0).then_some(Arrived { bytes, at: self.read_at })
    }

    /// All chunks to the last one.
    pub fn read_chunks(&mut self) -> Vec<Arrived> {
        std::iter::from_fn(|| self.read_chunk()).collect()
    }

    /// The next chunk that is an event, passing over comments.
    pub fn read_event(&mut self) -> Arrived {
        loop {
            let chunk = self.read_chunk().expect("the stream ended before the event");
            if !chunk.bytes.starts_with(b":") {
                return chunk;
            }
        }
    }
}

/// How long to wait until what nothing announces is looked at again.
const LOOK: Duration = Duration::from_millis(2);

/// Asks again and again, until there is an answer. For what nothing announces.
pub fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it does not come about");
        std::thread::sleep(LOOK);
    }
}

/// Checks that lateness in microseconds, event by event, does not add up: a twentieth of a millisecond that each event
/// adds to the next is much in the end. A busy machine may make all of the last events late, but not in each of
/// several runs.
pub fn assert_no_drift(mut run: impl FnMut() -> Vec<i64>) {
    const ALLOWED_US: i64 = 10_000;
    let least = |late: Vec<i64>| late[late.len() * 3 / 4..].iter().copied().min().unwrap();
    let mut tails = Vec::new();
    while tails.last().is_none_or(|least| *least >= ALLOWED_US) {
        assert!(tails.len() < 5, "at the end each event was late by so many microseconds or more: {tails:?}");
        tails.push(least(run()));
    }
}

/// Checks all cases, so many at a time. What is wrong with them.
pub fn wrong_of<T: Send>(cases: Vec<T>, abreast: usize, check: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let cases = std::sync::Mutex::new(cases.into_iter());
    let next = || cases.lock().unwrap().next();
    let work = || std::iter::from_fn(next).filter_map(|case| check(&case)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..abreast).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}
