//! Names, and the way to the sockets.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, NextTimeout, Transport};

use super::wait::{Need, Waited, Waiter};
use super::wire::{Resets, Resettable, Socket, Trace, time_left};

/// The shortest time that is given to one of several addresses.
const ADDRESS_TIMEOUT_MIN: Duration = Duration::from_millis(250);

/// Resolves names, or takes the addresses that the user gave for them.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) trace: Trace,
    pub(super) given: Arc<HashMap<(String, u16), IpAddr>>,
    pub(super) system: DefaultResolver,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let addresses = match self.given.get(&(host, port)) {
            Some(ip) => {
                let mut addresses = self.empty();
                addresses.push(SocketAddr::new(*ip, port));
                addresses
            }
            None => self.system.resolve(uri, config, timeout)?,
        };
        self.trace.events().resolved = Some(Instant::now());
        Ok(addresses)
    }
}

/// Opens sockets.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) trace: Trace,
    /// Who waits.
    pub(super) waiter: Arc<dyn Waiter>,
    /// Whether connections that are ended here are reset.
    pub(super) resets: Resets,
    /// How long a connection may be silent before its other end is asked whether it is still there.
    pub(super) keepalive: Option<Duration>,
    /// Bytes in the buffer for what comes, at first.
    pub(super) first: usize,
}

impl<In: Transport> Connector<In> for Dial {
    type Out = Either<In, Socket>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let stream = self.connect_any(&details.addrs, details.timeout)?;
        stream.set_nodelay(true)?;
        if let Some(time) = self.keepalive {
            SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(time).with_interval(time))?;
        }
        // Without stamps, reads have the time when they returned.
        let _ = setsockopt(&stream, ReceiveTimestampns, &true);
        let mut events = self.trace.events();
        events.connected = Some(Instant::now());
        events.remote = stream.peer_addr().ok();
        drop(events);
        let sizes = (self.first, details.config.input_buffer_size(), details.config.output_buffer_size());
        let stream = Resettable { socket: stream, resets: self.resets.clone() };
        let socket = Socket::new(stream, sizes, self.trace.clone(), Arc::clone(&self.waiter));
        Ok(Some(Either::B(socket)))
    }
}

impl Dial {
    /// Tries the addresses in turn, each with a part of the time that is left.
    fn connect_any(&self, addresses: &[SocketAddr], timeout: NextTimeout) -> Result<TcpStream, Error> {
        let deadline = time_left(timeout)?.map(|left| Instant::now() + left);
        let mut failure = Error::HostNotFound;
        for (index, address) in addresses.iter().enumerate() {
            let remaining = (addresses.len() - index) as u32;
            let part = deadline.map(|deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                (left / remaining).max(ADDRESS_TIMEOUT_MIN)
            });
            let result = self.connect_to(*address, part);
            match result {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == ErrorKind::TimedOut => failure = Error::Timeout(timeout.reason),
                Err(error) => failure = Error::Io(error),
            }
            if self.trace.events().left {
                break;
            }
        }
        Err(failure)
    }

    /// Connects while the waiter waits.
    fn connect_to(&self, address: SocketAddr, within: Option<Duration>) -> io::Result<TcpStream> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            result => result?,
        }
        let deadline = within.map(|within| Instant::now() + within);
        match self.waiter.wait(socket.as_fd(), Need::Room, deadline) {
            Waited::Ready => {}
            Waited::Late => return Err(ErrorKind::TimedOut.into()),
            Waited::Left => {
                self.trace.events().left = true;
                return Err(ErrorKind::TimedOut.into());
            }
        }
        socket.take_error()?.map_or(Ok(()), Err)?;
        socket.set_nonblocking(false)?;
        Ok(socket.into())
    }
}
