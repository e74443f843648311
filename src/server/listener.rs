//! Listening sockets: what an address means, and the options that every accepted connection inherits.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use rustix::net::sockopt::set_tcp_user_timeout;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::connection::Role;
use super::timeouts::Timeouts;

/// Connections that may wait to be accepted. The standard library's 128 overflow when hundreds come at once.
const BACKLOG: i32 = 4096;
/// Idle time before the first keepalive probe, and between probes: notices a dead client of a silent stream.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How often another port is tried when port 0 gave one that is taken on a further address of the same host.
const PORT_TRIES: usize = 16;

/// A listening socket and what it is for.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) role: Role,
}

/// `HOST:PORT` or `:PORT`, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddr {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// Every address of the machine.
    Any,
    /// `localhost`: both loopback addresses, without asking a resolver (RFC 6761, section 6.3).
    Localhost,
    Ip(IpAddr),
    Name(String),
}

impl ListenAddr {
    /// Both loopback addresses, one port.
    pub fn localhost(port: u16) -> ListenAddr {
        ListenAddr { host: Host::Localhost, port }
    }

    /// The host, if it is a name other than `localhost`.
    pub(crate) fn host_name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            _ => None,
        }
    }

    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let ips = match &self.host {
            Host::Any => vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
            Host::Localhost => vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => return Ok((name.as_str(), self.port).to_socket_addrs()?.collect()),
        };
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect())
    }

    /// Binds every address that the host has, all on one port. One that the machine does not have is left out, as long
    /// as another is left.
    ///
    /// # Errors
    /// When an address is taken or not allowed, or none is left.
    pub fn bind(&self, timeouts: &Timeouts) -> io::Result<Vec<TcpListener>> {
        let mut addresses = self.resolve()?;
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.dedup();
        let mut result = bind_all(&addresses, timeouts);
        for _ in 1..PORT_TRIES {
            match &result {
                Err(error) if self.port == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                    result = bind_all(&addresses, timeouts);
                }
                Err(error) if self.host == Host::Any && is_missing(error) => {
                    result = bind_all(&[SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), self.port)], timeouts);
                }
                _ => break,
            }
        }
        result
    }
}

impl From<SocketAddr> for ListenAddr {
    fn from(address: SocketAddr) -> ListenAddr {
        ListenAddr { host: Host::Ip(address.ip()), port: address.port() }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, ":{}", self.port),
            Host::Localhost => write!(f, "localhost:{}", self.port),
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<ListenAddr, String> {
        let malformed =
            || format!("\"{text}\" is not ADDR:PORT, such as localhost:3000, 127.0.0.1:0, [::1]:3000 or :3000");
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit())).ok_or_else(malformed)?;
        let port = port.parse().map_err(|_| malformed())?;
        let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        match host {
            "" => Ok(ListenAddr { host: Host::Any, port }),
            _ if host.eq_ignore_ascii_case("localhost") => Ok(ListenAddr::localhost(port)),
            _ if named => Ok(ListenAddr { host: Host::Name(host.to_owned()), port }),
            _ => Err(malformed()),
        }
    }
}

fn bind_all(addresses: &[SocketAddr], timeouts: &Timeouts) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        let mut address = *address;
        if let Some(first) = listeners.first() {
            address.set_port(first.local_addr()?.port());
        }
        match bind(address, timeouts) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_missing(&error) => missing = error,
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() { Err(missing) } else { Ok(listeners) }
}

/// Whether the machine does not have the address, or not its family.
fn is_missing(error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(unsupported)
}

fn bind(address: SocketAddr, timeouts: &Timeouts) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit what follows, which saves each of them six system calls. accept itself does not block.
    socket.set_read_timeout(Some(timeouts.head))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_write_timeout(Some(timeouts.write))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    let unacknowledged = u32::try_from(timeouts.unacknowledged.as_millis()).unwrap_or(u32::MAX);
    set_tcp_user_timeout(&socket, unacknowledged)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        for text in ["localhost:3000", "127.0.0.1:0", "[::1]:3000", ":8080", "0.0.0.0:80", "pi.local:3000"] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "3000",
            "localhost",
            "::1:3000x",
            "a b:1",
            "localhost:65536",
            "localhost:",
            "h:+1",
            "http://h:1",
            "::1",
        ] {
            assert!(bad.parse::<ListenAddr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn localhost_is_every_loopback_address_on_one_port() {
        let listeners = ListenAddr::localhost(0).bind(&Timeouts::default()).unwrap();
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
    }

    #[test]
    fn accepted_connections_inherit_the_timeouts() {
        let timeouts =
            Timeouts { write: Duration::from_secs(4), unacknowledged: Duration::from_secs(7), ..Timeouts::default() };
        let listener = "127.0.0.1:0".parse::<ListenAddr>().unwrap().bind(&timeouts).unwrap().remove(0);
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(accepted.read_timeout().unwrap(), Some(timeouts.head));
        assert_eq!(accepted.write_timeout().unwrap(), Some(timeouts.write));
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&accepted).unwrap(), 7000);
        assert!(accepted.nodelay().unwrap());
    }
}
