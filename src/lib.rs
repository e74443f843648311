pub mod http;
pub mod schedule;
pub mod sse;
pub mod stamp;
pub mod timestamp;
pub mod units;
pub const SERVER_NAME: &str = concat!("sse-argo-tester/", env!("CARGO_PKG_VERSION"));
