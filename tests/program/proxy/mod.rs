//! `proxy` between raw servers and raw clients: what goes in comes out, in both directions, and ends as it ended.

mod bodies;
mod cookbook;
mod endings;
mod errors;
mod heads;
mod impairments;
mod leaving;
mod resume;
mod share;
mod tls;

use crate::common::proxy::{Scene, proxy, proxy_with};
