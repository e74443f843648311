//! Notices at once when the client of a stream hangs up, while the stream's own thread sleeps until its next tick.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::connection::{Connection, ConnectionId, ConnectionTable};
use super::wake::{PEER_FIN, PEER_GONE, STOP};
use crate::shutdown::Stop;

/// Events taken from the kernel at once.
const BATCH: usize = 256;
/// The token of the stop descriptor; connections count up from 1.
const STOP_TOKEN: u64 = 0;

/// An epoll set of all streams' sockets.
///
/// Each is watched edge-triggered for the client's FIN and for errors only: after a half-close the FIN stays visible,
/// and a level-triggered watch would spin; and what a client sends behind its request is left in the kernel's buffer.
#[derive(Debug)]
pub(crate) struct Watcher {
    epoll: OwnedFd,
}

impl Watcher {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Watcher> {
        Ok(Watcher { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Watches the stream of connection `id`. What has already happened to it is reported, too.
    fn watch(&self, stream: &TcpStream, id: ConnectionId) -> io::Result<()> {
        let flags = EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, stream, EventData::new_u64(id.0), flags)?)
    }

    /// Watches the stream of a connection whose own thread begins to wait for events. Where that fails, a hang-up is
    /// noticed at a write.
    pub(crate) fn begin(&self, connection: &Connection, stop: &Stop) {
        connection.wake.take();
        if stop.is_triggered() {
            connection.wake.set(STOP);
        }
        if let Err(error) = self.watch(&connection.stream, connection.id) {
            log::warn!("watch for a hang-up of {}: {error}; it will be noticed at a write", connection.peer);
        }
    }

    /// Stops watching, when the connection goes on behind the stream.
    pub(crate) fn end(&self, stream: &TcpStream) {
        // It fails only if the stream is not watched, which is what is wanted.
        let _ = epoll::delete(&self.epoll, stream);
    }

    /// Wakes the threads of connections to which something happens, until `stop`.
    pub(crate) fn run(&self, connections: &ConnectionTable, stop: &Stop) {
        if let Err(error) = epoll::add(&self.epoll, stop, EventData::new_u64(STOP_TOKEN), EventFlags::IN) {
            log::error!("watch for the order to stop: {error}");
        }
        let mut events = Vec::with_capacity(BATCH);
        while !stop.is_triggered() {
            events.clear();
            if let Err(error) = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None)
                && error != rustix::io::Errno::INTR
            {
                log::error!("wait for hang-ups: {error}; from now on each is noticed at the next write");
                return;
            }
            connections.wake(events.iter().map(|event| (ConnectionId(event.data.u64()), happened(event.flags))));
        }
    }
}

fn happened(flags: EventFlags) -> u8 {
    if flags.intersects(EventFlags::ERR | EventFlags::HUP) { PEER_GONE } else { PEER_FIN }
}
