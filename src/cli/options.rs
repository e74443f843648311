//! All commands, with the options that come before them.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;

use super::cat::Cat;
use super::diagnose::Diagnose;
use super::healthcheck::Healthcheck;
use super::normalize::Spec;
use super::probe::Probe;
use super::proxy::Proxy;
use super::serve::Serve;
use super::tunnel::Tunnel;
use super::values::log_level;

/// Find out whether Server-Sent Events arrive in real time through a tunnel, proxy, CDN or platform.
///
/// Without a command it does what 'serve' does, and takes its options.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(help_triggers("-h", "--help"))]
pub(super) struct Args {
    /// off, error, warn, info (default), debug or trace
    #[argh(option, default = "LevelFilter::Info", from_str_fn(log_level), arg_name = "level")]
    pub(super) log_level: LevelFilter,
    /// also append the log to this file
    #[argh(option, arg_name = "file")]
    pub(super) log_file: Option<PathBuf>,
    /// print the version
    #[argh(switch)]
    pub(super) version: bool,
    #[argh(subcommand)]
    pub(super) command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
pub(super) enum Command {
    Serve(Serve),
    Probe(Probe),
    Diagnose(Diagnose),
    Cat(Cat),
    Tunnel(Tunnel),
    Proxy(Proxy),
    Healthcheck(Healthcheck),
}

/// Every option and command that there is, from what argh knows of them.
pub(super) fn spec() -> Spec {
    Spec::of(&Args::get_args_info(), "serve")
}
