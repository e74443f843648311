//! The program as a proxy, between a server and clients that do what a test says.

use super::raw::{CHUNKED, Raw};
use super::{Client, Head, Origin};

/// The program as `proxy` of `target`, on a free port.
pub fn proxy(target: &str) -> Origin {
    proxy_with(target, &[])
}

/// The same with further arguments.
pub fn proxy_with(target: &str, args: &[&str]) -> Origin {
    Origin::proxy(target, args)
}

/// A target that does what a test says, the proxy in front of it, and a client whose request went all the way.
pub struct Scene {
    pub target: Raw,
    pub proxy: Origin,
}

impl Scene {
    pub fn new() -> Scene {
        Scene::with(&[])
    }

    pub fn with(args: &[&str]) -> Scene {
        let target = Raw::new();
        let proxy = proxy_with(&target.url(), args);
        Scene { target, proxy }
    }

    /// Sends a request for the stream, which the target answers with `response`. Returns the client with the head that
    /// it got, and the target's end of the other connection.
    pub fn answered(&self, response: impl AsRef<[u8]>) -> (Client, Head, Client) {
        let mut client = self.proxy.get("/events");
        let (mut target, _) = self.target.request();
        target.send(response);
        let head = client.read_head();
        (client, head, target)
    }

    /// The same with a chunked event stream.
    pub fn streaming(&self) -> (Client, Client) {
        let (client, head, target) = self.answered(CHUNKED);
        assert_eq!((head.status, head.get("Transfer-Encoding")), (200, Some("chunked")));
        (client, target)
    }

    /// What the target gets of a request.
    pub fn relayed(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut client = self.proxy.connect();
        client.send(request);
        let mut target = self.target.accept();
        let mut head = target.read_until(b"\r\n\r\n").bytes;
        let text = String::from_utf8_lossy(&head).into_owned();
        let length =
            text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        head.extend(target.read_exact(length.unwrap_or(0)));
        head
    }
}

/// A client that joins a stream that is there.
pub fn join(proxy: &Origin, fields: &str) -> Client {
    let mut client = proxy.connect();
    client.send(format!("GET /events HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    let head = client.read_head();
    assert_eq!(head.status, 200, "{}", head.text);
    client
}

pub fn text(client: &mut Client) -> String {
    client.read_chunk().expect("the stream goes on").text().to_owned()
}

pub fn assert_next(clients: &mut [Client], expected: &str) {
    for client in clients {
        assert_eq!(text(client), expected);
    }
}
