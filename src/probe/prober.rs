//! What measures paths.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::{Sender, bounded};

use super::epoch::Epoch;
use super::notice::Notices;
use super::stalls;
use crate::client::Client;
use crate::stats::Stall;

/// Measures paths, one after the other or side by side, all on one clock, and watches what this machine itself delays.
pub struct Prober<'a> {
    pub(super) client: &'a Client,
    pub(super) notices: Notices,
    pub(super) epoch: Epoch,
    pub(super) stalls: Arc<Mutex<Vec<Stall>>>,
    /// The thread that watches ends with the last of these.
    _done: Sender<()>,
}

impl fmt::Debug for Prober<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").field("client", self.client).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl<'a> Prober<'a> {
    /// Starts the clock. `notices` get every event.
    ///
    /// # Errors
    /// When no thread is left.
    pub fn start(client: &'a Client, notices: Notices) -> io::Result<Prober<'a>> {
        let epoch = Epoch::now();
        let stalls = Arc::new(Mutex::new(Vec::new()));
        let (done, is_done) = bounded::<()>(0);
        let noted = Arc::clone(&stalls);
        thread::Builder::new().name("own timer".to_owned()).spawn(move || stalls::watch(epoch, &noted, &is_done))?;
        Ok(Prober { client, notices, epoch, stalls, _done: done })
    }

    /// The same, with another client.
    #[must_use]
    pub fn with_client(&self, client: &'a Client) -> Prober<'a> {
        let (notices, stalls) = (self.notices.clone(), Arc::clone(&self.stalls));
        Prober { client, notices, epoch: self.epoch, stalls, _done: self._done.clone() }
    }
}
