//! What a path may do to an event stream, on purpose: cures that get a stream through, and impairments that treat it as
//! the paths of the world do.
//!
//! Pure: pieces of a body go in with the time they came at, and come out when they may pass; nothing here waits or reads
//! a clock. [`Weather`] is what was asked for, [`Effect`] what becomes of it for one response, [`Chain`] its body's way.
//!
//! Cures come first, as those of a relay beside the origin do, and impairments behind them in the order they were given,
//! each applied to what the one before it lets through. So a cure can be tried against an impairment in one relay.
//!
//! Nothing holds more than [`HELD_MAX`] bytes, or two blocks of [`BLOCK_MAX`]; what happens there stands beside them.

pub(crate) mod boundary;
mod chain;
mod cure;
mod edit;
mod effect;
mod gzip;
mod hold;
mod impairment;
mod lag;
mod parse;
mod profile;
mod spec;
mod stop;
mod tend;

use std::fmt;

pub use chain::Chain;
pub use cure::Cures;
pub use edit::BLOCK_MAX;
pub use effect::{Effect, accepts_gzip};
pub use hold::HELD_MAX;
pub use impairment::{Impairment, Only, Spares};
pub use profile::Profile;
pub use spec::{Entry, SpecError};

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As the framing says: complete.
    Clean,
    /// The connection ends before the body is complete.
    Truncated,
    /// The connection is reset.
    Reset,
}

impl Ending {
    /// The word of a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Clean => "clean",
            Ending::Truncated => "truncated",
            Ending::Reset => "reset",
        }
    }
}

/// Bytes of a body, framing removed, that came or go together; or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// The end.
    End(Ending),
}

/// The cures and impairments that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weather {
    cures: Cures,
    impairments: Vec<Impairment>,
}

impl Weather {
    /// Adds the cures of a list such as `heartbeat=15s,pad=4k`. One that was given before is replaced.
    ///
    /// # Errors
    /// [`SpecError`] for a cure that doesn't exist or has a bad value; it lists what is allowed.
    pub fn cure(&mut self, specs: &str) -> Result<(), SpecError> {
        let mut cures = self.cures.clone();
        spec::list(specs).try_for_each(|one| cures.set(one))?;
        self.cures = cures;
        Ok(())
    }

    /// Adds the impairments of a list such as `hold-bytes=4k,cut-after=30s`, behind those that are there.
    ///
    /// # Errors
    /// [`SpecError`] for an impairment that doesn't exist or has a bad value; it lists what is allowed.
    pub fn impair(&mut self, specs: &str) -> Result<(), SpecError> {
        let added: Vec<Impairment> = spec::list(specs).map(Impairment::parse).collect::<Result<_, _>>()?;
        self.impairments.extend(added);
        Ok(())
    }

    /// Adds the impairments of a profile, some of them replaced or others added: `envoy-15s,cut-after=3s`.
    ///
    /// # Errors
    /// [`SpecError`] for a profile that doesn't exist, or as [`Weather::impair`] has it.
    pub fn like(&mut self, specs: &str) -> Result<(), SpecError> {
        let mut list = spec::list(specs);
        let mut like = Profile::find(list.next().unwrap_or_default())?.impairments();
        for one in list {
            override_with(&mut like, Impairment::parse(one)?);
        }
        self.impairments.extend(like);
        Ok(())
    }

    /// The cures.
    pub fn cures(&self) -> &Cures {
        &self.cures
    }

    /// The impairments, in their order.
    pub fn impairments(&self) -> &[Impairment] {
        &self.impairments
    }

    /// Whether there is neither cure nor impairment.
    pub fn is_clear(&self) -> bool {
        *self == Weather::default()
    }

    /// Whether the impairments apply to requests of a method. The last `only` counts, for all of them; cures apply to
    /// every method.
    pub fn applies_to(&self, method: &str) -> bool {
        let only = self.impairments.iter().rev().find_map(|one| match one {
            Impairment::Only(only) => Some(only.as_str()),
            _ => None,
        });
        only.is_none_or(|only| only == method)
    }

    /// Whether the origin isn't told that the client of such a request has gone.
    pub fn keeps_origin_open(&self, method: &str) -> bool {
        self.applies_to(method) && self.impairments.contains(&Impairment::KeepOriginOpen)
    }

    /// Whether something reads or changes the events of a response to such a request: the relay must then ask the origin
    /// for a body without content coding, since events can't be seen in another.
    pub fn needs_identity(&self, method: &str) -> bool {
        let edits = self.applies_to(method) && self.impairments.iter().any(Impairment::reads_events);
        edits || !self.cures.is_empty()
    }

    /// What it does to the response to a request, whose fields come as the origin sent them, those of its framing
    /// included.
    ///
    /// Streams alone are treated: responses of type `text/event-stream`, and all others without a Content-Length. Others
    /// pass as they are, but for stripped headers. Cures and whatever reads events need a `text/event-stream` without
    /// content coding. `accepts_gzip` is the client's word, whatever the relay asks the origin for.
    pub fn for_response<'a>(
        &self,
        method: &str,
        accepts_gzip: bool,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Effect {
        Effect::of(self, method, accepts_gzip, headers)
    }
}

/// As specs: `heartbeat=15s,hold-bytes=4096`; `clear` if there is nothing.
impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let impairments = self.impairments.iter().map(Impairment::to_string);
        let all: Vec<String> = self.cures.specs().into_iter().chain(impairments).collect();
        f.write_str(if all.is_empty() { "clear" } else { "" })?;
        f.write_str(&all.join(","))
    }
}

/// Replaces the impairment of the same name, or adds one. Of some there may be several.
fn override_with(impairments: &mut Vec<Impairment>, new: Impairment) {
    let is_replaced = |old: &&mut Impairment| old.name() == new.name() && !new.adds_up();
    match impairments.iter_mut().find(is_replaced) {
        Some(old) => *old = new,
        None => impairments.push(new),
    }
}

/// The profiles, for a help text or a table.
pub fn profiles() -> &'static [Profile] {
    &profile::PROFILES
}

/// The impairments with their limits, for a help text or a table.
pub fn impairments() -> &'static [Entry] {
    &parse::ENTRIES
}

/// The cures with their limits, for a help text or a table.
pub fn cures() -> &'static [Entry] {
    &cure::ENTRIES
}
