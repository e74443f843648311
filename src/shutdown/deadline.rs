//! What ends every wait of a client.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, at, never, select};

use super::stop::Stop;

/// What ends every wait: the order to stop, or a time.
#[derive(Debug, Clone)]
pub struct Deadline {
    stop: Stop,
    at: Option<Instant>,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitEnd {
    /// The order to stop came.
    Stopped,
    /// The time is up.
    TimeUp,
}

impl Deadline {
    /// Waits end when `stop` is triggered, and `within` from now if there is such a limit.
    pub fn new(stop: &Stop, within: Option<Duration>) -> Deadline {
        Deadline { stop: stop.clone(), at: within.and_then(|within| Instant::now().checked_add(within)) }
    }

    /// The same, for at most `time` from now.
    #[must_use]
    pub fn at_most(&self, time: Duration) -> Deadline {
        let at = Instant::now().checked_add(time).into_iter().chain(self.at).min();
        Deadline { stop: self.stop.clone(), at }
    }

    /// The token that ends waits before their time.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The time at which waits end, if there is one.
    pub fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Waits for the next message. None if there will be no more.
    ///
    /// # Errors
    /// A [`WaitEnd`] if that comes first.
    pub fn recv<T>(&self, messages: &Receiver<T>) -> Result<Option<T>, WaitEnd> {
        let time_up = self.at.map_or_else(never, at);
        select! {
            recv(messages) -> message => Ok(message.ok()),
            recv(self.stop.channel()) -> _ => Err(WaitEnd::Stopped),
            recv(time_up) -> _ => Err(WaitEnd::TimeUp),
        }
    }

    /// Waits until one of `channels` has a message or is disconnected, or until `due`. False if this deadline ended the
    /// wait.
    pub fn wait_for_any<'a, T: 'a>(
        &self,
        channels: impl IntoIterator<Item = &'a Receiver<T>>,
        due: Option<Instant>,
    ) -> bool {
        let mut select = Select::new();
        select.recv(self.stop.channel());
        for channel in channels {
            select.recv(channel);
        }
        match due.into_iter().chain(self.at).min() {
            Some(end) => drop(select.ready_deadline(end)),
            None => drop(select.ready()),
        }
        !self.is_over()
    }

    /// Lets some time pass.
    ///
    /// # Errors
    /// A [`WaitEnd`] if that comes first.
    pub fn sleep(&self, time: Duration) -> Result<(), WaitEnd> {
        match self.at_most(time).recv::<()>(&never()) {
            Err(WaitEnd::TimeUp) if !self.is_time_up() => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// Whether there is no time left.
    pub fn is_over(&self) -> bool {
        self.is_time_up() || self.stop.is_triggered()
    }

    /// How much time is left.
    pub fn left(&self) -> Duration {
        let left = self.at.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        if self.is_over() { Duration::ZERO } else { left }
    }

    fn is_time_up(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn waits_end_by_a_message_a_time_or_the_order_to_stop() {
        let stop = Stop::new().unwrap();
        let deadline = Deadline::new(&stop, None);
        assert_eq!(deadline.sleep(Duration::ZERO), Ok(()));
        assert_eq!(deadline.at_most(Duration::ZERO).sleep(Duration::MAX), Err(WaitEnd::TimeUp));
        let (sender, messages) = bounded(1);
        sender.send(7).unwrap();
        drop(sender);
        assert_eq!((deadline.recv(&messages), deadline.recv(&messages)), (Ok(Some(7)), Ok(None)));
        assert!(!deadline.is_over() && deadline.at_most(Duration::ZERO).is_over());
        let second = deadline.at_most(Duration::from_secs(1));
        assert!(
            deadline.left() == Duration::MAX && second.left() <= Duration::from_secs(1) && !second.left().is_zero()
        );
        let soon = Instant::now() + Duration::from_millis(1);
        assert!(deadline.wait_for_any(&[never::<()>()], Some(soon)) && Instant::now() >= soon);
        assert!(!deadline.at_most(Duration::ZERO).wait_for_any(&[never::<()>()], None));
        let (sender, data) = bounded(1);
        sender.send(()).unwrap();
        assert!(deadline.wait_for_any([&never(), &data], None));
        stop.trigger();
        assert!(!deadline.wait_for_any(&[never::<()>()], None));
        assert!(deadline.is_over() && second.is_over());
        assert_eq!(deadline.sleep(Duration::MAX), Err(WaitEnd::Stopped));
    }
}
