//! A tunnel from Cloudflare's network to an origin on this machine: `cloudflared` as a child process, watched from its
//! start to its end, and its public URL, waited for until it works.
//!
//! What is waited for, in this order: that `cloudflared` is connected (`GET /ready` of its metrics server, on loopback);
//! that the origin answers through the public URL. The name of a quick tunnel appears in the DNS 10 to 24 s after it is
//! known, and a look before that may be remembered as a failure for half an hour: so nobody looks before it is connected.

mod child;
pub mod cloudflared;
pub mod experiment;
pub mod launch;
mod line;
mod metrics;
pub mod problem;
pub mod public;
