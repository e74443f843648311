//! What to measure next.

use super::evidence::{Tried, find, is_idle_cut, working};
use super::variant::Variant;
use crate::verdict::CureId;

/// The pairs to try: those whose parts were tried, if no change alone makes the path stream, but all of them together do.
pub fn pairs(tried: &[Tried]) -> Vec<Variant> {
    let is_single = |tried: &&&Tried| tried.variant.changes().len() == 1;
    let works = working(tried);
    let streams = tried.first().is_none_or(Tried::streams);
    if streams || works.is_empty() || works.iter().any(|tried| is_single(&tried)) {
        return Vec::new();
    }
    let was_tried = |id: &CureId| find(tried, &Variant::of(&[*id])).is_some();
    let pairs = Variant::pairs().filter(|pair| pair.changes().iter().all(was_tried));
    // What streams with everything has a pair of its framing, if any.
    let closes = |variant: &Variant| variant.changes().contains(&CureId::CloseFraming);
    pairs.filter(|pair| works.iter().any(|all| closes(&all.variant) || !closes(pair))).collect()
}

/// The variants to be measured once more before they are called working, what costs least first.
pub fn to_confirm(tried: &[Tried]) -> Vec<Variant> {
    let is_held = tried.first().is_some_and(|plain| !plain.streams());
    let cures = working(tried).into_iter().filter(|_| is_held).map(|tried| tried.variant.clone());
    let idle = [Variant::heartbeat(), Variant::quiet()];
    let idle = idle.into_iter().filter(|_| is_idle_cut(tried));
    cures.chain(idle).collect()
}
