//! A server that does exactly what a test says.

use std::net::TcpListener;

use rustix::event::{PollFd, PollFlags, poll};

use super::{Client, PATIENCE};

/// The head of a chunked event stream.
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The head of an event stream that lasts as long as its connection.
pub(crate) const CLOSED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

pub(crate) struct Raw(TcpListener);

impl Raw {
    pub(crate) fn new() -> Raw {
        Raw(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Another one on the port of one that is gone.
    pub(crate) fn again(port: u16) -> Raw {
        Raw(TcpListener::bind(("127.0.0.1", port)).unwrap())
    }

    /// Whether nobody has connected since the last one was accepted.
    pub(crate) fn is_idle(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut polled, Some(&std::time::Duration::ZERO.try_into().unwrap())).unwrap() == 0
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The URL of a resource that is no folder, so that there is one request alone.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/stream", self.port())
    }

    /// The next connection.
    pub(crate) fn accept(&self) -> Client {
        let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
        let ready = poll(&mut polled, Some(&PATIENCE.try_into().unwrap())).unwrap();
        assert_eq!(ready, 1, "nobody connects");
        Client::over(self.0.accept().unwrap().0)
    }

    /// The next connection and the head of its request.
    pub(crate) fn request(&self) -> (Client, String) {
        let mut client = self.accept();
        let head = client.read_until(b"\r\n\r\n");
        (client, String::from_utf8(head.bytes).unwrap())
    }

    /// Answers the next request, and closes.
    pub(crate) fn answer(&self, response: impl AsRef<[u8]>) -> String {
        let (mut client, head) = self.request();
        client.send(response);
        head
    }

    /// Answers the next request with the head of a stream that stays open.
    pub(crate) fn stream(&self) -> Client {
        let (mut client, _) = self.request();
        client.send(CHUNKED);
        client
    }
}

/// The value of a field in a request's head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let value = found.next();
    assert_eq!(found.next(), None, "{name} is there twice: {head}");
    value
}

/// A chunk.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The last chunk.
pub(crate) const LAST: &str = "0\r\n\r\n";

/// A response with a length.
pub(crate) fn response(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
