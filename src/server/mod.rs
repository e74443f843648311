//! An HTTP/1.1 server engine around a `Service`. It knows nothing of events.
//!
//! ```text
//!  client --TCP--> acceptor --> connection's thread --clean head--> tiny_http --Request--> router
//!     ^                              |      ^                                                |
//!     +--- head, body, end ----------+      +-------------- Action (crossbeam channel) ------+
//! ```
//!
//! The acceptor owns the public sockets. Each connection has one thread for its whole life. It reads and screens the
//! head of a request and sends the clean head, without body framing, through [tiny_http]; the service makes an
//! `Action` of it. The thread carries the action out on its own socket: a task reads the request's
//! body there, bounded by the limit of its route. A watcher notices hang-ups, and the connection table knows all
//! connections.
//!
//! | file | job |
//! |---|---|
//! | `http_server` | start and stop |
//! | `acceptor`, `admission` | accept connections, count them, turn away those beyond the cap |
//! | `handler`, `inbox`, `body` | a connection's life: read heads and bodies, route, carry out |
//! | `hop`, `tickets`, `inner_server`, `router` | the way through tiny_http, on a private socket |
//! | `threads` | threads of ended connections, kept for the next ones |
//! | `service` | the seam: what a service implements |
//! | `connection`, `wake`, `watcher` | who is connected, and how threads are woken |
//! | `listener`, `timeouts`, `descriptors`, `socket_io`, `counters` | sockets, bounds, counts |

mod acceptor;
mod admission;
mod descriptors;
mod handler;
mod hop;
mod inbox;
mod inner_server;
mod router;
mod threads;
mod tickets;

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod counters;
pub(crate) mod http_server;
pub(crate) mod service;
pub(crate) mod socket_io;
pub(crate) mod wake;
pub(crate) mod watcher;

pub mod listener;
pub mod timeouts;

pub use descriptors::grow_descriptor_table;
pub use http_server::{MAX_CONNECTIONS, StartError};
