//! A relay between a client and the origin that does what paths of the world do and the program's own proxy does not: it
//! deals with requests rather than with streams.
//!
//! It serves one request a connection. What it passes on is untouched. A client that closes its side for writing counts
//! as gone.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// What the relay does.
#[derive(Debug, Clone)]
pub enum Impairment {
    /// Takes requests and never answers.
    NoHead(Scope),
    /// Answers by itself.
    Answer(Scope, Answer),
    /// Stores the first finished stream of each path, and gives it to later clients whatever their query.
    Replay,
    /// Passes so many connections on at a time; others wait.
    Abreast(usize),
    /// Passes nothing on for so long after the first request, as a service that was asleep.
    ColdStart(Duration),
    /// Learns that a client has gone when it can't send it something, and not before.
    Deaf,
    /// Leaves the query out of what it asks the origin for.
    NoQuery,
}

/// The requests that an impairment without the origin applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// Those whose path ends in `/events`.
    Streams,
}

/// A response of the relay's own.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    fn encode(&self) -> String {
        let mut text = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text + &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

/// A running relay. Dropping it ends all its connections and threads.
pub struct Relay {
    pub address: SocketAddr,
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the connections of a relay share.
struct Shared {
    origin: SocketAddr,
    impairment: Impairment,
    /// All sockets; none once the relay is dropped.
    sockets: Mutex<Option<Vec<Weak<TcpStream>>>>,
    /// When the first request came.
    first: OnceLock<Instant>,
    /// Connections that are passed on; nobody waits once the relay is dropped.
    passing: (Mutex<usize>, Condvar),
    /// Finished streams by path, as [`Impairment::Replay`] gives them to later clients.
    stored: Mutex<HashMap<String, Vec<u8>>>,
}

impl Relay {
    pub fn start(origin: SocketAddr, impairment: Impairment) -> Relay {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            origin,
            impairment,
            sockets: Mutex::new(Some(Vec::new())),
            first: OnceLock::new(),
            passing: Default::default(),
            stored: Mutex::default(),
        });
        let acceptor = thread::spawn({
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
            move || accept(&listener, &shared)
        });
        Relay { address, listener, shared, acceptor: Some(acceptor) }
    }

    /// The URL of a path and query that begin with a slash.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let sockets = self.shared.sockets.lock().unwrap().take().unwrap_or_default();
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        *self.shared.passing.0.lock().unwrap() = 0;
        self.shared.passing.1.notify_all();
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        let ended = self.acceptor.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking(), "the relay itself has failed");
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    // The listener fails when the relay is dropped.
    while let Ok((client, _)) = listener.accept() {
        let shared = Arc::clone(shared);
        // A connection that fails is the business of its two ends, which see it end.
        connections.push(thread::spawn(move || drop(shared.serve(client))));
    }
    connections.into_iter().for_each(|connection| connection.join().unwrap());
}

impl Shared {
    /// Takes a socket into the care of the relay.
    fn adopt(&self, socket: TcpStream) -> io::Result<Arc<TcpStream>> {
        socket.set_nodelay(true)?;
        let socket = Arc::new(socket);
        let mut sockets = self.sockets.lock().unwrap();
        let sockets = sockets.as_mut().ok_or(io::ErrorKind::ConnectionAborted)?;
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    /// Waits until a connection may be passed on.
    fn turn(&self) -> Option<Turn<'_>> {
        let Impairment::Abreast(most) = self.impairment else { return None };
        let (passing, freed) = &self.passing;
        let mut passing = freed.wait_while(passing.lock().unwrap(), |passing| *passing >= most).unwrap();
        *passing += 1;
        Some(Turn(self))
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        let client = self.adopt(client)?;
        let request = Request::read(&mut BufReader::new(&*client))?;
        match &self.impairment {
            Impairment::NoHead(scope) if request.is_in(*scope) => return until_closed(&client),
            Impairment::Answer(scope, answer) if request.is_in(*scope) => {
                return (&*client).write_all(answer.encode().as_bytes());
            }
            Impairment::ColdStart(time) => {
                let left = (*self.first.get_or_init(Instant::now) + *time).saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    client.set_read_timeout(Some(left))?;
                    let gone = until_closed(&client);
                    client.set_read_timeout(None)?;
                    if gone.is_ok() {
                        return Ok(());
                    }
                }
            }
            Impairment::Replay => {
                let stored = self.stored.lock().unwrap().get(request.path()).cloned();
                if let Some(stored) = stored {
                    return (&*client).write_all(&stored);
                }
            }
            _ => {}
        }
        let _turn = self.turn();
        let origin = self.adopt(TcpStream::connect(self.origin)?)?;
        if matches!(self.impairment, Impairment::Deaf) {
            return self.exchange(&request, &client, &origin);
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = until_closed(&client);
                let _ = origin.shutdown(Shutdown::Both);
            });
            let exchanged = self.exchange(&request, &client, &origin);
            // It wakes the thread that reads, and nothing of it is seen by the client.
            let _ = client.shutdown(Shutdown::Read);
            exchanged
        })
    }

    /// Passes the request on, and the response back.
    fn exchange(&self, request: &Request, client: &TcpStream, mut origin: &TcpStream) -> io::Result<()> {
        origin.write_all(&request.forwarded(!matches!(self.impairment, Impairment::NoQuery)))?;
        let mut tee = Tee { client, stored: Vec::new() };
        io::copy(&mut origin, &mut tee)?;
        if tee.stored.ends_with(b"\r\n0\r\n\r\n") {
            self.stored.lock().unwrap().entry(request.path().to_owned()).or_insert(tee.stored);
        }
        Ok(())
    }
}

/// One of the connections that may be passed on at a time.
struct Turn<'a>(&'a Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (passing, freed) = &self.0.passing;
        let mut passing = passing.lock().unwrap();
        *passing = passing.saturating_sub(1);
        freed.notify_one();
    }
}

/// Reads until there is nothing more to come.
fn until_closed(mut stream: &TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// Where a response goes to, and what went there.
struct Tee<'a> {
    client: &'a TcpStream,
    stored: Vec<u8>,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.client.write(bytes)?;
        self.stored.extend_from_slice(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request, its lines without their line breaks.
struct Request {
    lines: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> io::Result<Request> {
        let lines: Vec<String> = reader
            .by_ref()
            .lines()
            .take_while(|line| !line.as_ref().is_ok_and(String::is_empty))
            .collect::<Result<_, _>>()?;
        let length = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            value.trim().parse().ok().filter(|_| name.eq_ignore_ascii_case("Content-Length"))
        });
        let mut body = Vec::new();
        reader.take(length.unwrap_or(0)).read_to_end(&mut body)?;
        if lines.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Request { lines, body }) }
    }

    fn target(&self) -> &str {
        self.lines[0].split(' ').nth(1).unwrap_or_default()
    }

    /// The path without the query.
    fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    fn is_in(&self, scope: Scope) -> bool {
        scope == Scope::Everything || self.path().ends_with("/events")
    }

    fn forwarded(&self, keeps_query: bool) -> Vec<u8> {
        let target = if keeps_query { self.target() } else { self.path() };
        let first = self.lines[0].replacen(self.target(), target, 1);
        let is_kept = |line: &&String| !line.to_ascii_lowercase().starts_with("connection:");
        let fields = self.lines[1..].iter().filter(is_kept).map(|line| format!("{line}\r\n")).collect::<String>();
        [format!("{first}\r\n{fields}Connection: close\r\n\r\n").as_bytes(), &self.body].concat()
    }
}
