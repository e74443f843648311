//! A relay between a client and the origin that impairs event streams as the paths of the world do.
//!
//! It serves one request a connection. Other responses than event streams pass untouched and at once. A client that
//! closes its side for writing counts as gone.

mod body;
mod http;

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use body::{Chain, Piece};
use http::{Body, Request, Response, chunk};

/// What the relay does to event streams. Times are from the response's head on, bytes are those of the body without
/// chunk framing. Whatever is held comes out when the origin ends the response.
#[derive(Debug, Clone)]
pub enum Impairment {
    /// Passes everything on.
    Clean,
    /// Releases every n bytes exactly.
    HoldBytes(usize),
    /// Waits for n bytes or more, and releases all of them.
    HoldBytesWhole(usize),
    /// Releases what came, at every multiple of this time.
    HoldTime(Duration),
    /// Holds the first n bytes or more.
    HoldStartBytes(usize),
    /// Holds what comes within this time of the first byte.
    HoldStartTime(Duration),
    /// Releases nothing before the origin ends the response.
    HoldUntilClose,
    /// Sends the head with the first byte of the body only.
    LateHead,
    /// Every read is late by this time, the end of the response as well.
    Lag(Duration),
    /// Releases each event when the next one is complete.
    OneEvent,
    /// Ends the response.
    CutAfter(Duration, Ending),
    /// Ends the response when nothing came for this time.
    IdleCut(Duration, Ending),
    /// Compresses the body, if the client accepts that, without ever flushing.
    GzipNoFlush,
    /// Loses every n-th numbered event.
    Drop(u64),
    /// Repeats every n-th numbered event.
    Duplicate(u64),
    /// Sends every n-th numbered event behind the one that follows it.
    Reorder(u64),
    /// Changes a byte of every n-th numbered event: of its checksum, which events of every size have.
    Corrupt(u64),
    /// Passes the head, and nothing else; the connection stays open.
    Silent,
    /// Passes nothing from this time on, not even the end; the connection stays open.
    Hang(Duration),
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
    /// Leaves the query out of what it asks the origin for.
    NoQuery,
}

/// How a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the last chunk, as if the origin had ended it.
    Clean,
    /// The connection ends without the last chunk.
    Truncated,
    /// The connection is reset.
    Reset,
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
    impairments: Vec<Impairment>,
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
        Relay::chain(origin, [impairment])
    }

    /// With several impairments, each applied to what the one before it lets through.
    pub fn chain(origin: SocketAddr, impairments: impl Into<Vec<Impairment>>) -> Relay {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let sockets = Mutex::new(Some(Vec::new()));
        let shared = Shared {
            origin,
            impairments: impairments.into(),
            sockets,
            first: OnceLock::new(),
            passing: Default::default(),
            stored: Mutex::default(),
        };
        let shared = Arc::new(shared);
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
        let most = self.impairments.iter().find_map(|one| match one {
            Impairment::Abreast(most) => Some(*most),
            _ => None,
        })?;
        let (passing, freed) = &self.passing;
        let mut passing = freed.wait_while(passing.lock().unwrap(), |passing| *passing >= most).unwrap();
        *passing += 1;
        Some(Turn(self))
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        let client = self.adopt(client)?;
        let request = Request::read(&mut BufReader::new(&*client))?;
        for impairment in &self.impairments {
            match impairment {
                Impairment::NoHead(scope) if request.is_in(*scope) => return until_closed(&client),
                Impairment::Answer(scope, answer) if request.is_in(*scope) => {
                    return (&*client).write_all(answer.encode().as_bytes());
                }
                Impairment::ColdStart(time) => {
                    let left =
                        (*self.first.get_or_init(Instant::now) + *time).saturating_duration_since(Instant::now());
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
        }
        let _turn = self.turn();
        let origin = self.adopt(TcpStream::connect(self.origin)?)?;
        let (sender, messages) = sync_channel(QUEUE);
        let ending = thread::scope(|scope| {
            scope.spawn({
                let (client, origin, sender) = (&client, &origin, sender.clone());
                move || {
                    let _ = until_closed(client);
                    let _ = origin.shutdown(Shutdown::Both);
                    let _ = sender.send(Message::Gone);
                }
            });
            let ending = self.exchange(scope, &request, &client, &origin, (sender, messages));
            // Both wake the threads that read, and nothing of it is seen by the client.
            let _ = client.shutdown(Shutdown::Read);
            let _ = origin.shutdown(Shutdown::Both);
            ending
        })?;
        if ending == Some(Ending::Reset) {
            SockRef::from(&*client).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Passes the request on, and the response back; returns how to end a stream, if the client is still there.
    fn exchange<'scope>(
        &self,
        scope: &'scope thread::Scope<'scope, '_>,
        request: &Request,
        client: &TcpStream,
        origin: &'scope TcpStream,
        (sender, messages): (SyncSender<Message>, Receiver<Message>),
    ) -> io::Result<Option<Ending>> {
        let mut writer = origin;
        let keeps_query = !self.impairments.iter().any(|one| matches!(one, Impairment::NoQuery));
        writer.write_all(&request.forwarded(keeps_query))?;
        let mut reader = BufReader::with_capacity(65_536, origin);
        let response = Response::read(&mut reader)?;
        if !response.is_event_stream() || request.is_head() {
            (&*client).write_all(response.text().as_bytes())?;
            return io::copy(&mut reader, &mut &*client).map(|_| None);
        }
        let compress = request.accepts_gzip() && !response.is_encoded();
        let mut body = Body::new(reader, &response);
        scope.spawn(move || {
            loop {
                let piece = body.next();
                let is_end = matches!(piece, Piece::End(_));
                if sender.send(Message::Body(Instant::now(), piece)).is_err() || is_end {
                    return;
                }
            }
        });
        let mut chain = Chain::new(&self.impairments, compress, Instant::now());
        let compressed = compress && self.impairments.iter().any(|one| matches!(one, Impairment::GzipNoFlush));
        let head = response.rechunked(compressed).into_bytes();
        let mut writer = Writer { client, late: head.clone(), stored: head };
        if !self.impairments.iter().any(|one| matches!(one, Impairment::LateHead)) {
            writer.write(&[])?;
        }
        let ending = pump(&messages, &mut chain, &mut writer)?;
        if ending == Some(Ending::Clean) && self.impairments.iter().any(|one| matches!(one, Impairment::Replay)) {
            self.stored.lock().unwrap().entry(request.path().to_owned()).or_insert(writer.stored);
        }
        Ok(ending)
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

/// How many reads may wait to be passed on, before the relay stops reading.
const QUEUE: usize = 64;

/// What the threads that read tell the one that writes.
enum Message {
    /// Read from the origin at this time.
    Body(Instant, Piece),
    /// The client has closed the connection, or the relay is dropped.
    Gone,
}

/// Reads until there is nothing more to come.
fn until_closed(mut stream: &TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// Passes the body on; returns how to end it, if the client is still there.
fn pump(messages: &Receiver<Message>, chain: &mut Chain, writer: &mut Writer<'_>) -> io::Result<Option<Ending>> {
    loop {
        let message = match chain.due() {
            Some(due) => messages.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut pieces = chain.fire(Instant::now());
        match message {
            Ok(Message::Body(at, piece)) => pieces.extend(chain.take(piece, at)),
            Ok(Message::Gone) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => writer.write(&chunk(&bytes))?,
                Piece::End(ending) => {
                    if ending == Ending::Clean {
                        writer.write(&chunk(&[]))?;
                    }
                    return Ok(Some(ending));
                }
            }
        }
    }
}

/// Where a response goes to.
struct Writer<'a> {
    client: &'a TcpStream,
    /// The head, until it has been sent.
    late: Vec<u8>,
    /// The response so far.
    stored: Vec<u8>,
}

impl Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stored.extend_from_slice(bytes);
        let mut whole = std::mem::take(&mut self.late);
        whole.extend_from_slice(bytes);
        self.client.write_all(&whole)
    }
}
