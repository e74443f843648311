//! The dedicated thread of a stream: one framed event per tick, written and flushed on absolute deadlines, and an end
//! at once when the client hangs up.
//!
//! What runs here on every tick is kept shallow: each page of stack that it touches costs every stream 4 KiB.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use socket2::SockRef;

use super::guard::StreamGuard;
use super::named::Subscription;
use super::stream_registry::{EndedBy, OpenStream, StreamEnd};
use crate::broadcast::Next;
use crate::http::chunk::{LAST_CHUNK, Piece};
use crate::schedule::plan::{End, Framing, Plan};
use crate::schedule::{Due, Ending, Schedule, Terms};
use crate::server::connection::Connection;
use crate::server::service::{ConnectionState, Task, TaskContext};
use crate::server::socket_io;
use crate::server::wake::{PEER_FIN, PEER_GONE, STOP};
use crate::shutdown::Stop;
use crate::site::time::unix_us;
use crate::stamp::{Shape, Stamped, padding_piece, push_padding};

/// The comment of a heartbeat.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";
/// The comment that makes a client that is gone answer with a reset.
const HALF_CLOSE_PROBE: &[u8] = b":\n\n";
/// Padding is written in pieces of this size.
const PAD_PIECE: usize = 16 * 1024;

/// Why a stream ends.
#[derive(Debug)]
enum Finish {
    Due(Ending),
    Stopped,
    Gone(String),
}

/// A stream that is admitted, with all that its thread needs to send it.
#[derive(Debug)]
pub(crate) struct StreamTask {
    pub(super) head: Vec<u8>,
    /// There until it is sent.
    pub(super) hello: Option<Stamped>,
    /// Made by the router, on whose stack there is room for it while it is made.
    pub(super) encoder: Option<GzEncoder<Vec<u8>>>,
    pub(super) plan: Plan,
    pub(super) terms: Terms,
    pub(super) guard: StreamGuard,
}

impl Task for StreamTask {
    /// Sends the stream from its head to its end.
    fn run(mut self: Box<StreamTask>, context: TaskContext<'_>) -> ConnectionState {
        let TaskContext { connection, watcher, stop, .. } = context;
        watcher.begin(connection, stop);
        let mut sender = Sender {
            connection,
            stop,
            stream: Arc::clone(&self.guard.stream),
            framing: self.plan.framing,
            heartbeat_pad: self.plan.heartbeat_pad,
            encoder: self.encoder.take(),
            begun: false,
            broken: false,
            half_closed: false,
        };
        let Err(finish) = sender.play(&mut self);
        let (end, terminator) = sender.conclude(finish, self.plan.end);
        // A client that has seen the end finds the stream ended, and its place free.
        self.guard.finish(end);
        match terminator {
            Some(bytes) if sender.write(&bytes).is_ok() => match sender.framing {
                Framing::Close => ConnectionState::Last,
                Framing::Chunked | Framing::Length => {
                    // Otherwise its close ends the watch.
                    watcher.end(&connection.stream);
                    ConnectionState::Complete
                }
            },
            _ => ConnectionState::Broken,
        }
    }
}

/// Writes a stream's pieces to its socket.
struct Sender<'a> {
    connection: &'a Connection,
    stop: &'a Stop,
    /// Where it counts what it has sent.
    stream: Arc<OpenStream>,
    framing: Framing,
    /// Bytes of padding in each heartbeat.
    heartbeat_pad: usize,
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// The head is out.
    begun: bool,
    /// A write failed, perhaps in the middle: nothing more can be said.
    broken: bool,
    /// The client sent FIN, and may yet read.
    half_closed: bool,
}

impl Sender<'_> {
    fn play(&mut self, task: &mut StreamTask) -> Result<Infallible, Finish> {
        let head = std::mem::take(&mut task.head);
        let start = self.open(head, task.hello.take(), &task.plan)?;
        match &task.guard.subscription {
            Some(subscription) => {
                // Delays may have passed since; but a length was promised for the events of then.
                if self.framing != Framing::Length {
                    subscription.begin(&mut task.terms, task.plan.count);
                }
                self.follow(Schedule::new(task.terms, start), subscription)
            }
            None => self.tick(Schedule::new(task.terms, start), &task.terms, &task.plan.shape()),
        }
    }

    /// Sends head, padding and hello, in one write where nothing is asked for in between. Returns when hello was sent.
    fn open(&mut self, head: Vec<u8>, hello: Option<Stamped>, plan: &Plan) -> Result<Instant, Finish> {
        self.pause(plan.head_delay)?;
        let mut pending = head;
        if !plan.delay.is_zero() {
            self.write(&std::mem::take(&mut pending))?;
            self.begun = true;
            self.pause(plan.delay)?;
        }
        let mut filler = fastrand::Rng::new();
        let mut left = plan.pad;
        while left > 0 {
            let len = padding_piece(left, PAD_PIECE);
            let piece = Piece::of(|out| push_padding(out, len, &mut filler));
            self.send(&mut pending, &piece)?;
            left -= len;
        }
        let mut start = Instant::now();
        if let Some(mut hello) = hello {
            hello.stamp(unix_us());
            start = Instant::now();
            self.send(&mut pending, hello.piece())?;
        }
        Ok(start)
    }

    /// Waits before the body has begun. Nothing may be written meanwhile to see whether a client that sent FIN still
    /// reads, so that it counts as gone.
    fn pause(&mut self, time: Duration) -> Result<(), Finish> {
        let until = Instant::now() + time;
        while !time.is_zero() {
            match self.connection.wake.wait_until(until) {
                0 => return Ok(()),
                flags if flags & STOP != 0 => return Err(Finish::Stopped),
                flags if flags & (PEER_GONE | PEER_FIN) != 0 => return Err(self.gone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends events by the stream's own clock. Each is prepared before the wait, so that it is only stamped at its tick.
    fn tick(&mut self, mut schedule: Schedule, terms: &Terms, shape: &Shape) -> Result<Infallible, Finish> {
        let mut filler = fastrand::Rng::new();
        let mut event = Stamped::numbered(terms.base + 1, shape, &mut filler);
        loop {
            let (at, due) = schedule.next();
            let flags = self.connection.wake.wait_until(at);
            if flags != 0 {
                self.handle_wake(flags, &mut schedule)?;
                continue;
            }
            let Due::Event(seq) = due else {
                self.other(due, &mut schedule)?;
                continue;
            };
            event.stamp(unix_us());
            self.send(&mut Vec::new(), event.piece())?;
            self.stream.count(1, 0);
            schedule.sent(seq, Instant::now());
            event.renumber(seq + 1, shape, &mut filler);
        }
    }

    /// Sends the events of a named stream as they come.
    fn follow(&mut self, mut schedule: Schedule, subscription: &Subscription) -> Result<Infallible, Finish> {
        loop {
            let (at, due) = schedule.next();
            if schedule.wants_events() {
                let id = schedule.newest() + 1;
                match subscription.event(id) {
                    Next::Entries(events) => {
                        for event in &events {
                            self.send(&mut Vec::new(), event)?;
                        }
                        self.stream.count(1, 0);
                        schedule.sent(id, Instant::now());
                        let flags = self.connection.wake.take();
                        self.handle_wake(flags, &mut schedule)?;
                        continue;
                    }
                    Next::Behind => {
                        return Err(Finish::Gone("reads too slowly: fell behind its named stream".to_owned()));
                    }
                    Next::Nothing => {}
                    Next::Ended(never) => match never {},
                }
            }
            match self.connection.wake.wait_until(at) {
                0 => self.other(due, &mut schedule)?,
                flags => self.handle_wake(flags, &mut schedule)?,
            }
        }
    }

    /// Does what is due when it is no event.
    fn other(&mut self, due: Due, schedule: &mut Schedule) -> Result<(), Finish> {
        match due {
            Due::End(ending) => return Err(Finish::Due(ending)),
            Due::Heartbeat => self.heartbeat()?,
            Due::Event(_) => {}
        }
        schedule.wrote(Instant::now());
        Ok(())
    }

    fn handle_wake(&mut self, flags: u8, schedule: &mut Schedule) -> Result<(), Finish> {
        if flags & STOP != 0 {
            return Err(Finish::Stopped);
        }
        if flags & PEER_GONE != 0 {
            return Err(self.gone());
        }
        if flags & PEER_FIN != 0 && !self.half_closed {
            self.half_closed = true;
            self.probe_half_close()?;
            schedule.wrote(Instant::now());
        }
        Ok(())
    }

    /// FIN may mean a legal half-close, or that the client is gone. In the latter case it answers what is written with a
    /// reset, within a round trip. In a body of fixed length there is no room for that, so that it counts as gone.
    fn probe_half_close(&mut self) -> Result<(), Finish> {
        if self.framing == Framing::Length {
            return Err(self.gone());
        }
        log::debug!("{} sent FIN; writing a comment to see whether it still reads", self.connection.peer);
        self.comment(HALF_CLOSE_PROBE)
    }

    fn heartbeat(&mut self) -> Result<(), Finish> {
        if self.heartbeat_pad == 0 {
            return self.comment(HEARTBEAT);
        }
        let piece = Piece::of(|out| {
            push_padding(out, self.heartbeat_pad, &mut fastrand::Rng::new());
            out.extend_from_slice(HEARTBEAT);
        });
        self.send(&mut Vec::new(), &piece)
    }

    fn comment(&mut self, text: &[u8]) -> Result<(), Finish> {
        let piece = Piece::of(|out| out.extend_from_slice(text));
        self.send(&mut Vec::new(), &piece)
    }

    /// Writes what is pending and a piece of the body, and counts the latter.
    fn send(&mut self, pending: &mut Vec<u8>, piece: &Piece) -> Result<(), Finish> {
        let compressed = match &mut self.encoder {
            Some(encoder) => Some(compress(encoder, piece.payload()).map_err(|error| Finish::Gone(error.to_string()))?),
            None => None,
        };
        let piece = compressed.as_ref().unwrap_or(piece);
        let bytes = if self.framing == Framing::Chunked { piece.chunk() } else { piece.payload() };
        if pending.is_empty() {
            self.write(bytes)?;
        } else {
            pending.extend_from_slice(bytes);
            self.write(&std::mem::take(pending))?;
        }
        self.begun = true;
        self.stream.count(0, piece.payload().len() as u64);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Finish> {
        socket_io::write(&self.connection.stream, bytes).map_err(|error| self.failed(&error))
    }

    /// The connection broke, by what the kernel tells of it.
    fn gone(&mut self) -> Finish {
        match socket_io::pending_error(&self.connection.stream) {
            Some(error) => self.failed(&error),
            None => Finish::Gone(socket_io::CLOSED.to_owned()),
        }
    }

    fn failed(&mut self, error: &io::Error) -> Finish {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, WouldBlock};
        self.broken = true;
        match error.kind() {
            // A write that would not end by itself was ended by the stop.
            BrokenPipe | WouldBlock if self.stop.is_triggered() => Finish::Stopped,
            ConnectionReset if self.half_closed => Finish::Gone(socket_io::CLOSED.to_owned()),
            _ => Finish::Gone(socket_io::reason(error)),
        }
    }

    /// How the stream ended, and what is still to be written of it; nothing if it ends without a terminator.
    fn conclude(&mut self, finish: Finish, end: End) -> (StreamEnd, Option<Vec<u8>>) {
        let (by, reason) = match finish {
            Finish::Gone(reason) => return (StreamEnd { by: EndedBy::Client, reason }, None),
            Finish::Due(_) if end == End::Abort => return (self.abort(), None),
            Finish::Due(Ending::Count) => (EndedBy::Count, "all events that were asked for are sent"),
            Finish::Due(Ending::Duration) => (EndedBy::Duration, "its time is over"),
            Finish::Stopped => (EndedBy::Shutdown, "the server stops"),
        };
        // A length that was promised is there only when all events are.
        let cut_short = self.broken || !self.begun || (self.framing == Framing::Length && by != EndedBy::Count);
        (StreamEnd { by, reason: reason.to_owned() }, (!cut_short).then(|| self.terminator()))
    }

    /// Makes the close of the connection a reset, which discards what was not yet sent.
    fn abort(&self) -> StreamEnd {
        match SockRef::from(&self.connection.stream).set_linger(Some(Duration::ZERO)) {
            Ok(()) => StreamEnd { by: EndedBy::Abort, reason: "reset as asked for".to_owned() },
            Err(error) => StreamEnd { by: EndedBy::Error, reason: format!("can't reset the connection: {error}") },
        }
    }

    /// What ends a complete body: the trailer of gzip, and the last chunk.
    fn terminator(&mut self) -> Vec<u8> {
        let trailer = self.encoder.take().map(|encoder| encoder.finish().unwrap_or_default()).unwrap_or_default();
        self.stream.count(0, trailer.len() as u64);
        let piece = Piece::of(|out| out.extend_from_slice(&trailer));
        match self.framing {
            Framing::Chunked => [piece.chunk(), LAST_CHUNK].concat(),
            Framing::Close | Framing::Length => trailer,
        }
    }
}

/// The compressed form of `payload`, complete: whoever has received it can decompress all that came so far.
fn compress(encoder: &mut GzEncoder<Vec<u8>>, payload: &[u8]) -> io::Result<Piece> {
    encoder.write_all(payload)?;
    encoder.flush()?;
    let compressed = std::mem::take(encoder.get_mut());
    Ok(Piece::of(|out| out.extend_from_slice(&compressed)))
}
