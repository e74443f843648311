//! Who is connected.

use crate::lock::lock;
use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::wake::{STOP, Wake};

/// A connection's number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Which listener a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whatever the service has for everybody.
    Public,
    /// Lists of all streams and metrics.
    Admin,
}

/// A connection, owned by its thread and known to whoever has to wake it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) role: Role,
    pub(crate) peer: SocketAddr,
    pub(crate) stream: TcpStream,
    pub(crate) wake: Wake,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<HashMap<ConnectionId, Arc<Connection>>>,
    none_left: Condvar,
    accepted: AtomicU64,
}

impl Registry {
    /// Takes a connection in. It is in until it is removed.
    pub(crate) fn insert(&self, stream: TcpStream, peer: SocketAddr, role: Role) -> Arc<Connection> {
        let id = ConnectionId(self.accepted.fetch_add(1, Ordering::Relaxed) + 1);
        let connection = Arc::new(Connection { id, role, peer, stream, wake: Wake::default() });
        lock(&self.connections).insert(id, Arc::clone(&connection));
        connection
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        let mut connections = lock(&self.connections);
        connections.remove(&id);
        if connections.is_empty() {
            self.none_left.notify_all();
        }
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.connections).len()
    }

    /// Connections that were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Wakes connections, those that are still there, with what happened to each.
    pub(crate) fn wake(&self, happened: impl Iterator<Item = (ConnectionId, u8)>) {
        let find = |(id, flags)| Some((Arc::clone(lock(&self.connections).get(&id)?), flags));
        // Woken outside the lock, which is the first thing that a thread at its end takes.
        for (connection, flags) in happened.filter_map(find) {
            connection.wake.set(flags);
        }
    }

    /// Tells all connections to end: streams wake up, and whoever waits for a request reads its end.
    pub(crate) fn stop_all(&self) {
        for connection in lock(&self.connections).values() {
            connection.wake.set(STOP);
            let _ = connection.stream.shutdown(Shutdown::Read);
        }
    }

    /// Closes all connections hard: whoever is stuck in a write gets an error.
    pub(crate) fn close_all(&self) {
        for connection in lock(&self.connections).values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until no connection is left, at most `timeout`; returns how many are.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) -> usize {
        let connections = lock(&self.connections);
        let waited = self.none_left.wait_timeout_while(connections, timeout, |connections| !connections.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.len()
    }
}

/// Microseconds since 1970-01-01T00:00:00Z by the system's clock; 0 before.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
