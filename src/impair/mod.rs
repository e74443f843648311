//! What a path may do to an event stream, on purpose: cures that get a stream through, and impairments that treat it as
//! the paths of the world do.
//!
//! Pure: pieces of a body go in with the time they came at, and come out when they may pass; nothing here waits or reads
//! a clock. [`Alterations`] are what was asked for, [`Effect`] is what applies to one response, [`Chain`] alters its body.
//!
//! Cures come first, as those of a relay beside the origin do, and impairments behind them in the order they were given,
//! each applied to what the one before it lets through. So a cure can be tried against an impairment in one relay.
//!
//! Nothing holds more than [`HELD_MAX`] bytes, or two blocks of [`BLOCK_MAX`]; what happens there stands beside them.

mod alterations;
mod chain;
mod comment_injector;
mod cure;
mod cut;
mod delay;
mod edit;
mod effect;
mod gzip;
mod hold;
mod impairment;
mod parse;
mod piece;
mod profile;
mod spec;
mod stage;

pub use alterations::Alterations;
pub use chain::Chain;
pub use cure::Cures;
pub use edit::BLOCK_MAX;
pub use effect::{Effect, accepts_gzip};
pub use hold::HELD_MAX;
pub use impairment::{Impairment, Only, Unless};
pub use piece::{BodyEnd, Piece};
pub use profile::Profile;
pub use spec::{SpecEntry, SpecError};

/// The profiles, for a help text or a table.
pub fn profiles() -> &'static [Profile] {
    &profile::PROFILES
}

/// The impairments with their limits, for a help text or a table.
pub fn impairments() -> &'static [SpecEntry] {
    &parse::ENTRIES
}

/// The cures with their limits, for a help text or a table.
pub fn cures() -> &'static [SpecEntry] {
    &cure::ENTRIES
}
