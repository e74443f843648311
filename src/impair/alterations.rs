//! What a path is to do to streams.

use std::fmt;

use super::cure::Cures;
use super::effect::Effect;
use super::impairment::Impairment;
use super::profile::Profile;
use super::spec::{self, SpecError};

/// The cures and impairments that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alterations {
    cures: Cures,
    impairments: Vec<Impairment>,
}

impl Alterations {
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
    /// [`SpecError`] for a profile that doesn't exist, or as [`Alterations::impair`] has it.
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
        *self == Alterations::default()
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
        let impairments = if self.applies_to(method) { self.impairments.as_slice() } else { &[] };
        Effect::of(&self.cures, impairments, method, accepts_gzip, headers)
    }
}

/// As specs: `heartbeat=15s,hold-bytes=4096`; `clear` if there is nothing.
impl fmt::Display for Alterations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let impairments = self.impairments.iter().map(Impairment::to_string);
        let all: Vec<String> = self.cures.specs().into_iter().chain(impairments).collect();
        f.write_str(if all.is_empty() { "clear" } else { "" })?;
        f.write_str(&all.join(","))
    }
}

/// Replaces the impairment of the same name, or adds one. Of some there may be several.
fn override_with(impairments: &mut Vec<Impairment>, new: Impairment) {
    let is_replaced = |old: &&mut Impairment| old.name() == new.name() && !new.is_repeatable();
    match impairments.iter_mut().find(is_replaced) {
        Some(old) => *old = new,
        None => impairments.push(new),
    }
}
