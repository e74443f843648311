//! The load client: any number of connections on one thread, through epoll.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::stream::Reader;

/// Opens an endless stream of one event a second.
const STREAM_REQUEST: &[u8] = b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
/// Asks for a response that ends after its first event.
const SHORT_REQUEST: &[u8] =
    b"GET /events?count=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n";
/// Streams opened in one second: below what either server takes on two cores, so that the time to the first event is
/// the server's and not a queue's.
const RAMP_PER_SECOND: usize = 5000;
/// Connections without a first event yet; far below the listeners' backlog of 4096.
const MAX_OUTSTANDING: usize = 512;
/// The longest that a ramp or a step of short requests may take beyond its own length.
const PATIENCE: Duration = Duration::from_secs(30);
/// Far more than one event, so that one read takes all there is.
const READ_BUFFER: usize = 64 * 1024;
/// Ready connections taken from the kernel in one call.
const READY_BATCH: usize = 1024;

/// Unix time in microseconds, the clock of the servers' `sent_us`.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    u64::try_from(since.as_micros()).expect("microseconds since 1970 fit for 500 000 years")
}

/// One connection with its request and what came back.
pub(crate) struct Connection {
    socket: TcpStream,
    request: &'static [u8],
    request_sent: bool,
    began: Instant,
    first_event: Option<Duration>,
    reader: Reader,
    ended: bool,
}

impl Connection {
    /// From just before `connect` to the read that brought the first event.
    pub(crate) fn first_event(&self) -> Option<Duration> {
        self.first_event
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the server ended it.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn local_port(&self) -> Result<u16, String> {
        let address = self.socket.local_addr();
        Ok(address.map_err(|error| format!("ask for a socket's address: {error}"))?.port())
    }

    /// Reads what is there, then closes, and returns when. Unread bytes would turn the close into a reset, which a
    /// server notices on another way than the usual FIN.
    fn hang_up(mut self, buffer: &mut [u8]) -> Instant {
        while matches!(self.socket.read(buffer), Ok(1..)) {}
        let closed_at = Instant::now();
        drop(self.socket);
        closed_at
    }

    fn send_request(&mut self) -> Result<(), String> {
        if let Some(error) = self.socket.take_error().map_err(|error| error.to_string())? {
            return Err(format!("connect: {error}"));
        }
        self.socket.write_all(self.request).map_err(|error| format!("send the request: {error}"))?;
        self.request_sent = true;
        Ok(())
    }

    /// One read; the time is taken as soon as it returns.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        let received = self.socket.read(buffer);
        let arrived_us = now_us();
        match received {
            Ok(0) => self.ended = true,
            Ok(length) => self.reader.feed(&buffer[..length], arrived_us)?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.ended = true,
            Err(error) => return Err(format!("read: {error}")),
        }
        Ok(())
    }
}

/// All connections to one server.
pub(crate) struct Client {
    server: SocketAddr,
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    /// Connections that got their first event.
    started: usize,
    /// Indices of connections whose response is complete or cut, until taken.
    finished: Vec<usize>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Result<Self, String> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| format!("create an epoll: {error}"))?;
        Ok(Self {
            server,
            epoll,
            connections: Vec::new(),
            started: 0,
            finished: Vec::new(),
            ready: Vec::with_capacity(READY_BATCH),
            buffer: vec![0; READ_BUFFER],
        })
    }

    /// Opens `count` streams, evenly spread over whole seconds so that their ticks are, and waits for the first event
    /// of each.
    pub(crate) fn open_streams(&mut self, count: usize) -> Result<(), String> {
        self.open_streams_of(STREAM_REQUEST, count)
    }

    /// The same with another request.
    pub(crate) fn open_streams_of(&mut self, request: &'static [u8], count: usize) -> Result<(), String> {
        let ramp = Duration::from_secs(count.div_ceil(RAMP_PER_SECOND) as u64);
        let began = Instant::now();
        while self.started < count {
            let due = |index: usize| began + ramp.mul_f64(index as f64 / count as f64);
            while self.connections.len() < count
                && self.connections.len() - self.started < MAX_OUTSTANDING
                && due(self.connections.len()) <= Instant::now()
            {
                self.open(request)?;
            }
            if !self.finished.is_empty() {
                return Err("the server ended a stream at its start".to_owned());
            }
            if began.elapsed() > ramp + PATIENCE {
                return Err(format!("only {} of {count} streams started in {:?}", self.started, ramp + PATIENCE));
            }
            self.pump(Duration::from_millis(1))?;
        }
        Ok(())
    }

    /// Reads all streams until `end`.
    pub(crate) fn read_until(&mut self, end: Instant) -> Result<(), String> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.pump(left)?;
        }
    }

    /// Makes `total` short requests, `at_once` at a time, and returns how long they took.
    pub(crate) fn short_requests(server: SocketAddr, total: usize, at_once: usize) -> Result<Duration, String> {
        let mut client = Self::new(server)?;
        let began = Instant::now();
        for _ in 0..at_once.min(total) {
            client.open(SHORT_REQUEST)?;
        }
        let mut done = 0;
        while done < total {
            if began.elapsed() > PATIENCE {
                return Err(format!("only {done} of {total} short requests were answered in {PATIENCE:?}"));
            }
            client.pump(Duration::from_millis(100))?;
            for index in std::mem::take(&mut client.finished) {
                let closed = client.take(index);
                if !closed.is_some_and(|connection| connection.reader.is_complete()) {
                    return Err("a short response was cut before its last chunk".to_owned());
                }
                done += 1;
                if client.connections.len() < total {
                    client.open(SHORT_REQUEST)?;
                }
            }
        }
        Ok(began.elapsed())
    }

    /// The connections that are still held.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().flatten()
    }

    /// Takes one connection out, to be closed.
    pub(crate) fn take(&mut self, index: usize) -> Option<Connection> {
        self.connections.get_mut(index)?.take()
    }

    /// Closes one connection that was taken, and returns when.
    pub(crate) fn hang_up(&mut self, connection: Connection) -> Instant {
        connection.hang_up(&mut self.buffer)
    }

    /// Closes all connections as fast as it goes.
    pub(crate) fn hang_up_all(&mut self) {
        for connection in self.connections.drain(..).flatten() {
            connection.hang_up(&mut self.buffer);
        }
    }

    fn open(&mut self, request: &'static [u8]) -> Result<(), String> {
        let failed = |error| format!("connect to {}: {error}", self.server);
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(self.server), kind, None).map_err(failed)?;
        let began = Instant::now();
        match socket.connect(&self.server.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => return Err(failed(error)),
            _ => {}
        }
        let token = epoll::EventData::new_u64(self.connections.len() as u64);
        epoll::add(&self.epoll, &socket, token, epoll::EventFlags::OUT).map_err(|error| failed(error.into()))?;
        self.connections.push(Some(Connection {
            socket: socket.into(),
            request,
            request_sent: false,
            began,
            first_event: None,
            reader: Reader::default(),
            ended: false,
        }));
        Ok(())
    }

    /// Waits for ready connections, `timeout` at most, and serves each once.
    fn pump(&mut self, timeout: Duration) -> Result<(), String> {
        let timeout = Timespec::try_from(timeout).map_err(|_| "a timeout is too long".to_owned())?;
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("wait for sockets: {error}")),
        }
        for event in ready.drain(..) {
            let index = usize::try_from(event.data.u64()).expect("tokens are indices");
            self.serve(index)?;
        }
        self.ready = ready;
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Result<(), String> {
        let Some(connection) = &mut self.connections[index] else { return Ok(()) };
        if !connection.request_sent {
            connection.send_request()?;
            let token = epoll::EventData::new_u64(index as u64);
            return epoll::modify(&self.epoll, &connection.socket, token, epoll::EventFlags::IN)
                .map_err(|error| format!("watch a socket: {error}"));
        }
        connection.receive(&mut self.buffer)?;
        if connection.first_event.is_none() && connection.reader.saw_event() {
            connection.first_event = Some(connection.began.elapsed());
            self.started += 1;
        }
        if connection.ended || connection.reader.is_complete() {
            connection.ended = true;
            epoll::delete(&self.epoll, &connection.socket).map_err(|error| format!("unwatch a socket: {error}"))?;
            self.finished.push(index);
        }
        Ok(())
    }
}
