//! How the server begins and ends, how its clients end, and what it does when the system gives it too little.

mod addresses;
mod hangups;
mod limits;
mod shutdown;
mod vanished;

use std::net::TcpStream;

use crate::common::{Client, Origin};
use socket2::{Domain, Socket, Type};

/// An id for the query, long enough, that begins with `name`.
fn id(name: &str) -> String {
    format!("{name}-0123456789abcdef")
}

/// What follows `key=` in a log line, up to the next space.
fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let rest = line.split_once(&format!(" {key}=")).unwrap_or_else(|| panic!("no {key} in {line}")).1;
    rest.split(' ').next().unwrap()
}

/// A client with a small receive buffer, which asks for a stream and never reads it.
fn never_reading(origin: &Origin, id: &str, parameters: &str) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&origin.address.into()).unwrap();
    let mut client = Client::over(TcpStream::from(socket));
    client.ask(&format!("/events?id={id}&{parameters}"));
    client
}
