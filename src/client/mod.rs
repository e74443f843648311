//! An HTTP client for one thing: to know exactly when each byte of a response came, and how the response ended.
//!
//! It stands on ureq with rustls and the platform's trust store; the sockets at the bottom are our own.

mod body;
mod buffers;
pub mod content;
mod dial;
mod error;
pub mod event_reader;
mod head;
pub mod in_flight;
pub mod origin;
pub mod request;
pub mod retry;
mod session;
mod settings;
pub mod small_body;
mod tls_error;
pub mod wait;
mod wire;

pub use body::{Arrival, Body, Ending};
pub use error::ClientError;
pub use head::{Head, Timing};
pub use request::Request;
pub use session::{Client, Response, Session};
pub use settings::{Family, REDIRECTS_MAX, Redirects, Settings};
pub use tls_error::TlsError;

#[cfg(test)]
mod tests;
