//! `serve`: options to configuration, and how the origin runs until it is stopped.

use std::io::Write;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::exit::{Exit, Failure};
use super::output::{show, show_addresses};
use super::values::{at_least_one, base_path, interval, max_duration, rate};
use crate::origin::Origin;
use crate::origin::config::{self, Config};
use crate::server::MAX_CONNECTIONS;
use crate::server::listener::ListenAddr;
use crate::shutdown::Interrupts;

/// The port of the origin, unless another is asked for.
pub(super) const PORT: u16 = 3000;

/// Serve the instrumented SSE origin and its page.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "serve", help_triggers("-h", "--help"))]
pub(super) struct Serve {
    /// where to serve: ADDR:PORT, or :PORT for every address (default localhost:3000)
    #[argh(option, default = "ListenAddr::localhost(PORT)", arg_name = "addr:port")]
    listen: ListenAddr,
    /// where to serve lists of all streams and metrics (off)
    #[argh(option, arg_name = "addr:port")]
    admin: Option<ListenAddr>,
    /// time between two events, 1ms to 1h (default 1s)
    #[argh(option, default = "config::INTERVAL", from_str_fn(interval), arg_name = "duration")]
    interval: Duration,
    /// path to mount everything under, such as /sse
    #[argh(option, default = "String::new()", from_str_fn(base_path), arg_name = "path")]
    base_path: String,
    /// most connections at a time (default 4096)
    #[argh(option, default = "MAX_CONNECTIONS", from_str_fn(at_least_one), arg_name = "n")]
    max_connections: usize,
    /// most streams at a time (default 2048)
    #[argh(option, default = "config::MAX_STREAMS", from_str_fn(at_least_one), arg_name = "n")]
    max_streams: usize,
    /// most bytes a second for all streams together (default 32m)
    #[argh(option, default = "config::MAX_RATE", from_str_fn(rate), arg_name = "size")]
    max_rate: u64,
    /// longest life of a stream, 1ms to 24h (default 24h)
    #[argh(option, default = "config::MAX_DURATION", from_str_fn(max_duration), arg_name = "duration")]
    max_duration: Duration,
}

impl Serve {
    pub(super) fn into_config(self) -> Config {
        Config {
            admin: self.admin,
            interval: self.interval,
            base_path: self.base_path,
            max_connections: self.max_connections,
            max_streams: self.max_streams,
            max_rate: self.max_rate,
            max_duration: self.max_duration,
            ..Config::new(self.listen)
        }
    }
}

/// Runs the command.
pub(super) fn run(config: Config, out: &mut dyn Write) -> Result<Exit, Failure> {
    let base = config.base_path.clone();
    let server = Origin::start(config).map_err(|error| Failure::unreachable(error.to_string()))?;
    let interrupts = Interrupts::install();
    let interrupts = interrupts.map_err(|error| Failure::unreachable(format!("handle signals: {error}")))?;
    show_addresses(out, server.addresses(), &base);
    for address in server.admin_addresses() {
        show(out, &format!("admin on http://{address}/"));
    }
    interrupts.stop.wait_forever();
    server.stop(&interrupts.hurry);
    Ok(if interrupts.hurry.is_triggered() { Exit::Interrupted } else { Exit::Ok })
}
