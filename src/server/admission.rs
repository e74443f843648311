//! How many connections there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::connection::Role;

/// Connections beyond the cap that get a 503 at the same time; further ones are closed without a word.
const TURNED_AWAY_MAX: usize = 16;
/// Connections to the admin address at the same time, beside the cap.
const ADMIN_MAX: usize = 8;

/// How a connection is received.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is served.
    Serve(Permit),
    /// It gets a 503.
    TurnAway(Permit),
    /// It is closed without a word.
    Close,
}

/// Counts connections, and admits new ones.
#[derive(Debug)]
pub(crate) struct Admissions {
    /// The cap on public connections.
    pub(crate) max: usize,
    public: Arc<AtomicUsize>,
    admin: Arc<AtomicUsize>,
    turned_away: Arc<AtomicUsize>,
    /// The cap was reached, and that was logged.
    full: AtomicBool,
}

impl Admissions {
    /// With a cap on public connections.
    pub(crate) fn new(max: usize) -> Admissions {
        let [public, admin, turned_away] = Default::default();
        Admissions { max, public, admin, turned_away, full: AtomicBool::new(false) }
    }

    /// Whether so many connections are open that idle ones should go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.public.load(Ordering::Relaxed).saturating_mul(4) > self.max.saturating_mul(3)
    }

    /// Admits a connection, or not. Only the acceptor's thread calls this.
    pub(crate) fn admit(&self, role: Role) -> Admission {
        if role == Role::Admin {
            return Permit::take(&self.admin, ADMIN_MAX).map_or(Admission::Close, Admission::Serve);
        }
        if let Some(permit) = Permit::take(&self.public, self.max) {
            if !self.is_crowded() {
                self.full.store(false, Ordering::Relaxed);
            }
            return Admission::Serve(permit);
        }
        if !self.full.swap(true, Ordering::Relaxed) {
            log::warn!("{} connections are open; further ones get 503", self.max);
        }
        Permit::take(&self.turned_away, TURNED_AWAY_MAX).map_or(Admission::Close, Admission::TurnAway)
    }
}

/// One of a limited number of connections, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Permit {
    fn take(count: &Arc<AtomicUsize>, max: usize) -> Option<Permit> {
        // The acceptor's thread is the only one that counts up, so that the check can't be overtaken.
        if count.load(Ordering::Relaxed) >= max {
            return None;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Some(Permit(Arc::clone(count)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
