//! The bottom of ureq's connector chain: sockets that stamp what happens on them.
//!
//! ureq hands buffered bytes out later than they came, and takes a reset of a close-delimited body for its end. So the
//! time of every read, and every error, is noted here, before ureq sees them.

use crate::lock::lock;
use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::time::TimeSpec;
use rustix::net::SendFlags;
use socket2::SockRef;
use ureq::Error;
use ureq::unversioned::transport::time::Duration as Limit;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, Transport};

use super::buffers::Pair;
use super::wait::{Need, Waited, Waiter};

/// Bytes that a session with a limited buffer has room for at first, enough for the events of most streams. One that
/// measures has all its room at once, so that what came together is read together.
pub(super) const FIRST: usize = 4 * 1024;

/// What happened on a request's connection, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    pub(super) resolved: Option<Instant>,
    pub(super) connected: Option<Instant>,
    pub(super) secured: Option<Instant>,
    pub(super) written: Option<Instant>,
    /// The first read behind the newest write, of what is no matter of TLS itself: a new connection's session tickets come
    /// from whoever is near, long before the answer of an origin that is far behind.
    pub(super) answered: Option<Instant>,
    pub(super) last_read: Option<Instant>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) broken: Option<(ErrorKind, String)>,
    /// The waiter has left the newest wait.
    pub(super) left: bool,
}

/// The events of one request, shared between its chain and its caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Events>>);

impl Trace {
    pub(super) fn events(&self) -> MutexGuard<'_, Events> {
        lock(&self.0)
    }
}

/// The time that a step may take; none without a limit.
pub(super) fn time_left(timeout: NextTimeout) -> Result<Option<Duration>, Error> {
    match timeout.after {
        Limit::NotHappening => Ok(None),
        Limit::Exact(left) if left.is_zero() => Err(Error::Timeout(timeout.reason)),
        Limit::Exact(left) => Ok(Some(left)),
    }
}

/// TLS on what is below, with a configuration that is made once for all requests.
#[derive(Debug)]
pub(super) struct Secure {
    pub(super) trace: Trace,
    pub(super) tls: Arc<RustlsConnector>,
}

impl<In: Transport> Connector<In> for Secure {
    type Out = TlsEnd<<RustlsConnector as Connector<In>>::Out>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let transport = Connector::<In>::connect(&*self.tls, details, chained)?;
        if transport.as_ref().is_some_and(Transport::is_tls) {
            self.trace.events().secured = Some(Instant::now());
        }
        Ok(transport.map(|inner| TlsEnd { inner, trace: self.trace.clone() }))
    }
}

/// A transport whose end is noted if it is not the end that TLS announces: "this alert notifies the recipient that the
/// sender will not send any more messages on this connection [...] without this, an attacker could truncate" (RFC 8446,
/// section 6.1). ureq takes it for the end of a close-delimited body.
#[derive(Debug)]
pub(super) struct TlsEnd<T> {
    inner: T,
    trace: Trace,
}

impl<T: Transport> Transport for TlsEnd<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let result = self.inner.await_input(timeout);
        if let Ok(true) = result {
            let mut events = self.trace.events();
            events.answered = events.answered.or(events.last_read);
        }
        if let Err(Error::Io(error)) = &result
            && error.kind() == ErrorKind::UnexpectedEof
        {
            self.trace.events().broken.get_or_insert_with(|| (error.kind(), error.to_string()));
        }
        result
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Whether connections that are ended here are reset.
#[derive(Debug, Clone, Default)]
pub(super) struct Resets(Arc<AtomicBool>);

impl Resets {
    /// From now on, they are.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A socket that is closed (FIN) or reset (RST) when it is dropped.
#[derive(Debug)]
pub(super) struct Resettable {
    pub(super) socket: TcpStream,
    pub(super) resets: Resets,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        // All of this fails only if the connection is gone already.
        if self.resets.0.load(Ordering::SeqCst) {
            let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        } else {
            // Without it, bytes that were not read would make the close a reset.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// The transport on a socket.
pub(super) struct Socket {
    stream: Resettable,
    buffers: Pair,
    trace: Trace,
    waiter: Arc<dyn Waiter>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream.socket).finish_non_exhaustive()
    }
}

impl Socket {
    /// A transport with buffers of these sizes: for input at first and at most, and for output.
    pub(super) fn new(
        stream: Resettable,
        (first, input, output): (usize, usize, usize),
        trace: Trace,
        waiter: Arc<dyn Waiter>,
    ) -> Socket {
        Socket { stream, buffers: Pair::new(first.min(input), input, output), trace, waiter }
    }

    fn failed(&self, error: io::Error, timeout: NextTimeout) -> Error {
        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            return Error::Timeout(timeout.reason);
        }
        let mut events = self.trace.events();
        events.broken = Some((error.kind(), error.to_string()));
        // An end that is a failure came now, not with the last bytes.
        events.last_read = Some(Instant::now());
        drop(events);
        Error::Io(error)
    }

    fn wait(&self, need: Need, timeout: NextTimeout) -> Result<(), Error> {
        let deadline = time_left(timeout)?.and_then(|left| Instant::now().checked_add(left));
        match self.waiter.wait(self.stream.socket.as_fd(), need, deadline) {
            Waited::Ready => Ok(()),
            Waited::Late => Err(Error::Timeout(timeout.reason)),
            Waited::Left => {
                // To ureq it looks like a timeout, after which it can go on.
                self.trace.events().left = true;
                Err(Error::Timeout(timeout.reason))
            }
        }
    }

    fn write(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut written = 0;
        while written < amount {
            let rest = &self.buffers.output()[written..amount];
            match rustix::net::send(&self.stream.socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => written += sent,
                Err(rustix::io::Errno::AGAIN) => self.wait(Need::Room, timeout)?,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(self.failed(error.into(), timeout)),
            }
        }
        Ok(())
    }

    fn read(&mut self, timeout: NextTimeout) -> Result<(usize, Instant), Error> {
        loop {
            self.wait(Need::Input, timeout)?;
            match receive(&self.stream.socket, self.buffers.input_append_buf()) {
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                result => return result.map_err(|error| self.failed(error, timeout)),
            }
        }
    }
}

/// Reads what is there, with the time when the last of the bytes came: by the kernel's stamp, so that it does not matter how late this
/// thread is to fetch them.
fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Instant)> {
    // On 32-bit machines, musl adds the stamp once more, with 64-bit times, and without room for it marks the message as
    // truncated.
    let mut control = nix::cmsg_space!(TimeSpec, [i64; 2]);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let (now, unix) = (Instant::now(), SystemTime::now());
    let stamp = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(UNIX_EPOCH + Duration::from(stamp)),
        _ => None,
    });
    let age = stamp.and_then(|stamp| unix.duration_since(stamp).ok()).unwrap_or_default();
    Ok((message.bytes, now.checked_sub(age).unwrap_or(now)))
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        // Before the write: behind it, this thread may not run for a while, with the answer on its way.
        let writing = Instant::now();
        let result = self.write(amount, timeout);
        self.buffers.release_output();
        let mut events = self.trace.events();
        events.written = Some(writing);
        events.answered = None;
        result
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let (read, at) = self.read(timeout)?;
        let mut events = self.trace.events();
        // The system's clock, by which the kernel stamps, may have been set meanwhile.
        let at = events.last_read.map_or(at, |last| at.max(last));
        events.last_read = Some(at);
        drop(events);
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // Whoever asks has finished a response: bytes that wait, an end or an error all mean that it can't be used.
        let mut byte = [0];
        let waiting = self.stream.socket.set_nonblocking(true).and_then(|()| self.stream.socket.peek(&mut byte));
        let restored = self.stream.socket.set_nonblocking(false);
        restored.is_ok() && waiting.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}
