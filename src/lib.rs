//! Find out whether Server-Sent Events arrive in real time through whatever lies between a client and an origin.
//!
//! The crate is a library with a thin binary. Its modules stand on floors, and imports point down only:
//!
//! | floor | modules | |
//! |---|---|---|
//! | 0 | [`units`], [`timestamp`], [`escape`], [`lock`], [`sse`], [`http`], [`stamp`] | pure: no socket, thread, clock or printing |
//! | 1 | [`stats`] | pure: timestamped bytes and events in, summaries out |
//! | 1 | [`impair`] | pure: what a path does to a stream on purpose: cures, impairments, profiles of real paths |
//! | 1 | [`schedule`] | pure: when is the next event, heartbeat, end; the plan of a stream |
//! | 2 | [`verdict`] | pure: summaries in; verdict, hold and findings out |
//! | 3 | [`report`] | pure: what was found, as text, JSON and JUnit's XML |
//! | 4 | [`shutdown`], [`nonce`], [`client`] | edge: signals to one stop token; random names; HTTP client that stamps every read |
//! | 4 | [`server`] | edge: an HTTP/1.1 engine around a service; it knows nothing of events |
//! | 4 | `broadcast` | edge: one log of events for many connections |
//! | 4 | `site` | edge: the page and documents that origin and relay serve alike |
//! | 5 | [`origin`] | edge: the instrumented origin: stamped streams and their page |
//! | 5 | [`probe`] | edge: one path measured with several streams at once |
//! | 5 | [`cat`] | edge: the events of a stream, printed as they arrive |
//! | 6 | [`diagnose`] | edge: many variants of one path side by side: the cause, and the smallest cure |
//! | 5 | [`proxy`] | edge: a relay for event streams |
//! | 7 | [`tunnel`] | edge: `cloudflared` as a child process, its public URL, and the experiment with both |
//! | 8 | [`cli`] | arguments to configurations, exit codes |

#[cfg(not(target_os = "linux"))]
compile_error!("sse-argo-tester runs on Linux: the origin waits with epoll and relies on Linux socket options");

mod broadcast;
pub mod cat;
pub mod cli;
pub mod client;
pub mod diagnose;
pub mod escape;
pub mod http;
pub mod impair;
pub mod judge;
pub mod lock;
pub mod nonce;
pub mod origin;
pub mod probe;
pub mod proxy;
pub mod report;
pub mod schedule;
pub mod server;
pub mod shutdown;
mod site;
pub mod sse;
pub mod stamp;
pub mod stats;
pub mod timestamp;
pub mod tunnel;
pub mod units;
pub mod verdict;

/// What the program calls itself in `Server` headers and in `/time`: `sse-argo-tester/VERSION`.
pub const SERVER_NAME: &str = concat!("sse-argo-tester/", env!("CARGO_PKG_VERSION"));
