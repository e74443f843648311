//! How long a client may take.

use std::time::Duration;

/// How long a client may take, before it is given up.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From a request's first byte to the end of its head (408), and until a new connection's first byte.
    pub head: Duration,
    /// From the end of a request's head to the end of its body (408).
    pub body: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// For the client to make room for one event in the send buffer.
    pub write: Duration,
    /// Without an acknowledgement of what was sent, because the client is gone without a word (TCP_USER_TIMEOUT).
    pub unacknowledged: Duration,
    /// From the order to stop until connections that did not end by themselves are closed hard.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            // Longer than the 90 s for which cloudflared keeps idle connections to an origin, so that it is not us who
            // close one while a request is on its way.
            idle: Duration::from_secs(120),
            write: Duration::from_secs(10),
            unacknowledged: Duration::from_secs(20),
            stop: Duration::from_millis(1400),
        }
    }
}
