//! The gate owns the public listeners: it accepts, counts, turns away what is too much, and gives each connection one
//! thread for its whole life.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::connection;
use super::registry::{Connection, Role};
use super::ring::Shared;
use crate::shutdown::wait_readable;

/// Connections beyond the cap that are told so at the same time; further ones are closed without a word.
const TURNED_AWAY_MAX: usize = 16;
/// Connections to the admin address at the same time, beside the cap.
const ADMIN_MAX: usize = 8;
/// Connections accepted at one door before the others have their turn.
const TURN_MAX: usize = 256;
/// The pause after accept failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket and what it is for.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) role: Role,
}

/// What the gate counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    public: AtomicUsize,
    admin: AtomicUsize,
    turned_away: AtomicUsize,
    /// The cap was reached, and that was logged.
    full: AtomicBool,
    /// No thread was to be had for the newest connection, and that was logged.
    threadless: AtomicBool,
}

impl Counts {
    /// Public connections that are open now.
    pub(crate) fn public(&self) -> usize {
        self.public.load(Ordering::Relaxed)
    }
}

/// How a connection is received.
#[derive(Debug, Clone, Copy)]
enum Reception {
    Serve,
    TurnAway,
}

/// Accepts on all doors until the server stops.
pub(crate) fn run(shared: &Arc<Shared>, doors: &[Door]) {
    let mut failing = false;
    while !shared.stop.is_triggered() {
        let mut watched = vec![shared.stop.as_fd()];
        watched.extend(doors.iter().map(|door| door.listener.as_fd()));
        wait_readable(&watched, None);
        let result = doors.iter().try_for_each(|door| accept_all(shared, door));
        match &result {
            Ok(()) if failing => log::info!("accepting connections again"),
            Ok(()) => {}
            Err(error) => {
                if !failing {
                    log::error!("accept a connection: {error}; trying again until it works");
                }
                shared.stop.wait(Some(PAUSE));
            }
        }
        failing = result.is_err();
    }
}

/// Accepts what waits at a door.
fn accept_all(shared: &Arc<Shared>, door: &Door) -> io::Result<()> {
    for _ in 0..TURN_MAX {
        if shared.stop.is_triggered() {
            break;
        }
        match door.listener.accept() {
            Ok((stream, peer)) => {
                // An IPv4 client of a listener for both families is one of IPv4.
                receive(shared, stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()), door.role);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

/// Gives a connection its thread, or closes it.
fn receive(shared: &Arc<Shared>, stream: TcpStream, peer: SocketAddr, role: Role) {
    let Some((seat, reception)) = admit(shared, role) else {
        log::debug!("connection of {peer} closed: too many are being turned away");
        return;
    };
    let connection = shared.registry.insert(stream, peer, role);
    let (id, shared_too) = (connection.id, Arc::clone(shared));
    let thread = thread::Builder::new().stack_size(shared.service.stack()).spawn(move || {
        let _seat = seat;
        let _entry = Entry { shared: &shared_too, connection: &connection };
        match reception {
            Reception::Serve => connection::serve(&shared_too, &connection),
            Reception::TurnAway => connection::turn_away(&shared_too, &connection),
        }
    });
    let Err(error) = thread else {
        shared.counts.threadless.store(false, Ordering::Relaxed);
        return;
    };
    if !shared.counts.threadless.swap(true, Ordering::Relaxed) {
        log::error!("start a thread for {peer}: {error}; connections are closed until there are threads again");
    }
    shared.registry.remove(id);
}

fn admit(shared: &Arc<Shared>, role: Role) -> Option<(Seat, Reception)> {
    let counts = &shared.counts;
    let seat = |count: fn(&Counts) -> &AtomicUsize, max| Seat::take(shared, count, max);
    match role {
        Role::Admin => seat(|counts| &counts.admin, ADMIN_MAX).map(|seat| (seat, Reception::Serve)),
        Role::Public => match seat(|counts| &counts.public, shared.max_connections) {
            Some(seat) => {
                if !shared.is_crowded() {
                    counts.full.store(false, Ordering::Relaxed);
                }
                Some((seat, Reception::Serve))
            }
            None => {
                if !counts.full.swap(true, Ordering::Relaxed) {
                    log::warn!("{} connections are open; further ones get 503", shared.max_connections);
                }
                seat(|counts| &counts.turned_away, TURNED_AWAY_MAX).map(|seat| (seat, Reception::TurnAway))
            }
        },
    }
}

/// One of a limited number of places, given up when dropped.
struct Seat {
    shared: Arc<Shared>,
    count: fn(&Counts) -> &AtomicUsize,
}

impl Seat {
    fn take(shared: &Arc<Shared>, count: fn(&Counts) -> &AtomicUsize, max: usize) -> Option<Seat> {
        // The gate's thread is the only one that counts up, so the check can't be overtaken.
        let counter = count(&shared.counts);
        if counter.load(Ordering::Relaxed) >= max {
            return None;
        }
        counter.fetch_add(1, Ordering::Relaxed);
        Some(Seat { shared: Arc::clone(shared), count })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        (self.count)(&self.shared.counts).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's place in the registry, given up when its thread ends, also by a panic.
struct Entry<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.shared.registry.remove(self.connection.id);
    }
}
