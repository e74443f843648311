//! Writing to a client, and what its errors mean.

use std::io::{self, Write};
use std::net::TcpStream;

/// Writes all of `bytes`, if the client makes room for them within the write timeout. The kernel takes a part of them
/// only when that is over.
pub(crate) fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        match stream.write(bytes) {
            Ok(written) if written == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What the kernel tells of a connection that broke; none if the client closed it.
pub(crate) fn pending_error(stream: &TcpStream) -> Option<io::Error> {
    match stream.take_error() {
        Ok(Some(error)) | Err(error) => Some(error),
        Ok(None) => None,
    }
}

pub(crate) const CLOSED: &str = "closed the connection";

/// What the client did, by the error of a write.
pub(crate) fn reason(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, WouldBlock};
    match error.kind() {
        BrokenPipe => CLOSED.to_owned(),
        ConnectionReset => "reset the connection".to_owned(),
        WouldBlock => "stopped reading, or reads too slowly: the write timeout is over".to_owned(),
        TimedOut => "vanished, or stopped reading: what was sent is not acknowledged".to_owned(),
        _ => error.to_string(),
    }
}
