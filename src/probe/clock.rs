//! The origin's clock, asked for all the while.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::epoch::Epoch;
use crate::client::origin::{Time, ask_again};
use crate::client::{Request, Session};
use crate::lock::lock;
use crate::shutdown::Stop;
use crate::stats::Exchange;

/// Exchanges in quick succession at the start: the quickest of several counts.
const QUICK: usize = 8;
const QUICK_PAUSE: Duration = Duration::from_millis(20);
/// Between two later ones, each on a connection of its own: a path that passes one or two at a time has none to spare.
const PAUSE: Duration = Duration::from_secs(1);
/// The newest that count: clocks drift.
const EXCHANGES_MAX: usize = 128;

/// The exchanges so far.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    newest: Mutex<VecDeque<Exchange>>,
}

impl Exchanges {
    pub(super) fn add(&self, time: &Time, epoch: Epoch) {
        let timing = &time.timing;
        let mut newest = lock(&self.newest);
        if newest.len() == EXCHANGES_MAX {
            newest.pop_front();
        }
        newest.push_back(Exchange {
            t0_us: epoch.us(timing.written),
            t1_us: time.now_us,
            t3_us: epoch.us(timing.answered),
        });
    }

    pub(super) fn all(&self) -> Vec<Exchange> {
        lock(&self.newest).iter().copied().collect()
    }

    /// Goes on asking until `stop` is triggered.
    pub(super) fn keep_asking(&self, session: &Session, request: &Request, epoch: Epoch, stop: &Stop) {
        let mut last = request.clone();
        last.headers.push(("Connection".to_owned(), "close".to_owned()));
        for asked in 1_usize.. {
            if let Some(time) = ask_again(session, if asked < QUICK { request } else { &last }) {
                self.add(&time, epoch);
            }
            let pause = if asked < QUICK { QUICK_PAUSE } else { PAUSE };
            if stop.wait(Some(pause)) {
                return;
            }
        }
    }
}
