//! The real program over raw TCP. Most of these tests wait for what comes over a network, or doesn't: many run at a time.

#[path = "../common/mod.rs"]
mod common;

mod admin;
mod bounds;
mod cat;
mod cli;
mod deploy;
mod diagnose;
mod diagnose_limits;
mod endings;
mod events;
mod gzip;
mod healthcheck;
mod hello;
mod hostile;
mod judge;
mod lifecycle;
mod named;
mod ordinary;
mod parameters;
mod probe;
mod proxy;
mod relay;
mod resume;
mod streams;
mod tls;
mod tunnel;
