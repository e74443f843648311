//! Who is connected.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::counters::Counters;
use super::wake::{STOP, Wake};
use crate::lock::lock;

/// A connection's number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Which listener a connection was accepted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What everybody may use.
    Public,
    /// What only administrators should reach.
    Admin,
}

/// A connection, owned by its thread and known to those who may have to wake it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) role: Role,
    pub(crate) peer: SocketAddr,
    pub(crate) stream: TcpStream,
    pub(crate) wake: Wake,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, stream: TcpStream, peer: SocketAddr, role: Role) -> Connection {
        Connection { id, role, peer, stream, wake: Wake::default() }
    }
}

/// All connections that are open.
#[derive(Debug, Default)]
pub(crate) struct ConnectionTable {
    connections: Mutex<HashMap<ConnectionId, Arc<Connection>>>,
    empty: Condvar,
    counters: Arc<Counters>,
}

impl ConnectionTable {
    pub(crate) fn new(counters: Arc<Counters>) -> ConnectionTable {
        ConnectionTable { counters, ..ConnectionTable::default() }
    }

    /// Adds a connection, which stays until it is removed.
    pub(crate) fn insert(&self, stream: TcpStream, peer: SocketAddr, role: Role) -> Arc<Connection> {
        let id = ConnectionId(self.counters.accepted.increment());
        self.counters.open.increment();
        let connection = Arc::new(Connection::new(id, stream, peer, role));
        lock(&self.connections).insert(id, Arc::clone(&connection));
        connection
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        let mut connections = lock(&self.connections);
        if connections.remove(&id).is_some() {
            self.counters.open.decrement();
        }
        if connections.is_empty() {
            self.empty.notify_all();
        }
    }

    /// Connections that are open now.
    pub(crate) fn len(&self) -> usize {
        lock(&self.connections).len()
    }

    /// Wakes connections, those that are still open, with what happened to each.
    pub(crate) fn wake(&self, happened: impl Iterator<Item = (ConnectionId, u8)>) {
        let find = |(id, flags)| Some((Arc::clone(lock(&self.connections).get(&id)?), flags));
        // Woken outside the lock, which a thread takes first when its connection ends.
        for (connection, flags) in happened.filter_map(find) {
            connection.wake.set(flags);
        }
    }

    /// Tells all connections to end: streams wake up, and a thread that waits for a request reads an end.
    pub(crate) fn stop_all(&self) {
        for connection in lock(&self.connections).values() {
            connection.wake.set(STOP);
            let _ = connection.stream.shutdown(Shutdown::Read);
        }
    }

    /// Closes all connections hard: a thread that is stuck in a write gets an error.
    pub(crate) fn close_all(&self) {
        for connection in lock(&self.connections).values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until no connection is left, at most `timeout`; returns how many are.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) -> usize {
        let connections = lock(&self.connections);
        let waited = self.empty.wait_timeout_while(connections, timeout, |connections| !connections.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.len()
    }
}
