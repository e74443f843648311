//! The acceptor owns the public listeners: it accepts, turns away what is too much, and gives each connection one
//! thread for its whole life.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use super::admission::{Admission, Permit};
use super::connection::{Connection, ConnectionTable, Role};
use super::handler::Handler;
use super::listener::Listener;
use super::threads::Threads;
use crate::shutdown::wait_readable;

/// Connections accepted at one listener before the others have their turn.
const TURN_MAX: usize = 256;
/// The pause after accept failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections.
pub(crate) struct Acceptor {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) handler: Arc<Handler>,
    pub(crate) connections: Arc<ConnectionTable>,
    pub(crate) threads: Arc<Threads>,
    /// No thread was to be had for the newest connection, and that was logged.
    pub(crate) threadless: bool,
}

impl Acceptor {
    /// Accepts on all listeners until the server stops.
    pub(crate) fn run(mut self) {
        let stop = self.handler.stop.clone();
        let mut failing = false;
        while !stop.is_triggered() {
            let mut watched = vec![stop.as_fd()];
            watched.extend(self.listeners.iter().map(|listener| listener.socket.as_fd()));
            wait_readable(&watched, None);
            let result = (0..self.listeners.len()).try_for_each(|at| self.accept_all(at));
            match &result {
                Ok(()) if failing => log::info!("accepting connections again"),
                Ok(()) => {}
                Err(error) => {
                    if !failing {
                        log::error!("accept a connection: {error}; trying again until it works");
                    }
                    stop.wait(Some(PAUSE));
                }
            }
            failing = result.is_err();
        }
    }

    /// Accepts what waits at a listener.
    fn accept_all(&mut self, at: usize) -> io::Result<()> {
        for _ in 0..TURN_MAX {
            if self.handler.stop.is_triggered() {
                break;
            }
            let Listener { socket, role } = &self.listeners[at];
            match socket.accept() {
                Ok((stream, peer)) => {
                    let role = *role;
                    // An IPv4 client of a listener for both families is one of IPv4.
                    self.receive(stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()), role);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives a connection its thread, or closes it.
    fn receive(&mut self, stream: TcpStream, peer: SocketAddr, role: Role) {
        let (permit, serve): (Permit, fn(&Handler, &Arc<Connection>)) = match self.handler.admissions.admit(role) {
            Admission::Serve(permit) => (permit, Handler::serve),
            Admission::TurnAway(permit) => (permit, Handler::turn_away),
            Admission::Close => {
                log::debug!("connection of {peer} closed: too many are being turned away");
                return;
            }
        };
        let connection = self.connections.insert(stream, peer, role);
        let (handler, connections, id) = (Arc::clone(&self.handler), Arc::clone(&self.connections), connection.id);
        let started = self.threads.run(move || {
            let _permit = permit;
            let _removal = Removal { connections: &connections, connection: &connection };
            serve(&handler, &connection);
        });
        let Err(error) = started else {
            self.threadless = false;
            return;
        };
        if !std::mem::replace(&mut self.threadless, true) {
            log::error!("start a thread for {peer}: {error}; connections are closed until there are threads again");
        }
        self.connections.remove(id);
    }
}

/// Errors of the one connection that was to be accepted, not of the listener (accept(2): "treat them like EAGAIN").
fn is_passing(error: &io::Error) -> bool {
    const PASSING: [Errno; 11] = [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::NETDOWN,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::PERM,
    ];
    PASSING.iter().any(|passing| error.raw_os_error() == Some(passing.raw_os_error()))
}

/// Removes a connection from the table when its thread ends, also by a panic.
struct Removal<'a> {
    connections: &'a ConnectionTable,
    connection: &'a Connection,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.connections.remove(self.connection.id);
    }
}
