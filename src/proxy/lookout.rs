//! How a relay's one thread waits: for the target, for its client's end, for the order to stop and for its next
//! deadline at the same time.

use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::early::Early;
use super::outcome::{Outcome, leaving};
use crate::client::wait::{Need, Waited, Waiter};
use crate::lock::lock;
use crate::server::registry::Connection;
use crate::shutdown::Stop;

/// poll rounds a timeout up by about a thousandth. Of a longer one than this, it gets all but the last two thousandths
/// first.
const ROUNDED: Duration = Duration::from_millis(10);

/// What ended a wait that was not for the target's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// The client is gone, or has ended its side: there is no way to find out which without changing the response, so
    /// that it counts as gone.
    ClientGone,
    /// The server stops.
    Stopped,
    /// The deadline is over.
    Due,
    /// The response has ended without the target's answer, or can't go on.
    Ended,
}

/// What is to be done about a target whose client has gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Waits end, so that its connection can be closed.
    #[default]
    Tell,
    /// Waits go on.
    Keep,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    seen: Option<Sight>,
    farewell: Farewell,
    /// How the client has left, while its target does not know.
    gone: Option<String>,
    /// What is sent while the target is waited for.
    early: Option<Early>,
}

/// What is watched beside the target.
#[derive(Debug, Clone)]
struct Posts {
    connection: Option<Arc<Connection>>,
    stop: Stop,
}

/// Keeps watch for one client's connection, or for many that share a stream.
#[derive(Debug)]
pub(super) struct Lookout {
    posts: Mutex<Posts>,
    state: Mutex<State>,
}

impl Lookout {
    pub(super) fn new(connection: &Arc<Connection>, stop: &Stop) -> Lookout {
        let posts = Posts { connection: Some(Arc::clone(connection)), stop: stop.clone() };
        Lookout { posts: Mutex::new(posts), state: Mutex::default() }
    }

    /// From now on, watches for nothing but `stop`: the target's stream is no longer one client's.
    pub(super) fn hand_over(&self, stop: &Stop) {
        *lock(&self.posts) = Posts { connection: None, stop: stop.clone() };
    }

    /// When the next wait ends, whatever comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        lock(&self.state).deadline
    }

    /// Sets when the next wait ends, whatever comes.
    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        let mut state = lock(&self.state);
        (state.deadline, state.seen) = (deadline, None);
    }

    /// Begins with another request.
    pub(super) fn begin(&self, farewell: Farewell, early: Option<Early>) {
        *lock(&self.state) = State { farewell, early, ..State::default() };
    }

    /// From now on, sends what is due of a response while it waits for the target.
    pub(super) fn entrust(&self, response: Early) {
        lock(&self.state).early = Some(response);
    }

    /// What has been sent without the target, or was to be. Nothing of it is sent from now on.
    pub(super) fn take_early(&self) -> Option<Early> {
        lock(&self.state).early.take()
    }

    pub(super) fn farewell(&self) -> Farewell {
        lock(&self.state).farewell
    }

    /// How the client has left, while its target does not know.
    pub(super) fn gone(&self) -> Option<String> {
        lock(&self.state).gone.clone()
    }

    /// Looks after the target alone from now on, because of what the client did, which is looked up without a
    /// reason. The client's side of the connection is closed.
    pub(super) fn see_off(&self, reason: Option<String>) {
        let Some(connection) = lock(&self.posts).connection.clone() else { return };
        let reason = reason.unwrap_or_else(|| leaving(&connection));
        let _ = connection.stream.shutdown(Shutdown::Both);
        log::info!("the client {} is gone: {reason}; the target is not told", connection.peer);
        lock(&self.state).gone = Some(reason);
    }

    /// What ended the newest wait, if it was not the target.
    pub(super) fn seen(&self) -> Option<Sight> {
        lock(&self.state).seen
    }

    fn leave(&self, sight: Sight) -> Waited {
        lock(&self.state).seen = Some(sight);
        Waited::Left
    }
}

impl Lookout {
    /// Waits for everything but a target, until the deadline or an end.
    pub(super) fn pause(&self) {
        self.watch(None, None);
    }

    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.posts).stop.is_triggered()
    }

    fn watch(&self, target: Option<(BorrowedFd<'_>, PollFlags)>, deadline: Option<Instant>) -> Waited {
        let Posts { connection, stop } = lock(&self.posts).clone();
        // Without a target, the client's socket is watched twice; without a client, the order to stop is, which never
        // hangs up.
        let client = connection.as_ref().map_or(stop.as_fd(), |connection| connection.stream.as_fd());
        let (socket, wanted) = target.unwrap_or((client, PollFlags::RDHUP));
        loop {
            let (own, early, is_gone) = {
                let state = lock(&self.state);
                let is_gone = state.gone.is_some();
                (state.deadline, state.early.as_ref().and_then(Early::due).filter(|_| !is_gone), is_gone)
            };
            let until = own.into_iter().chain(deadline).chain(early).min();
            let timeout = until.map(|until| unrounded(until.saturating_duration_since(Instant::now())));
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            let mut polled = [
                PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(socket, wanted),
                PollFd::from_borrowed_fd(client, PollFlags::RDHUP),
            ];
            // One that is gone would end every wait.
            let watched = if is_gone { 2 } else { 3 };
            if poll(&mut polled[..watched], timeout.as_ref()).is_err() {
                // Interrupted by a signal.
                continue;
            }
            let [stopped, ready, left] = polled.map(|polled| !polled.revents().is_empty());
            if stopped {
                return self.leave(Sight::Stopped);
            }
            if left && target.is_some() && self.farewell() == Farewell::Keep {
                self.see_off(None);
                continue;
            }
            if left {
                return self.leave(Sight::ClientGone);
            }
            let now = Instant::now();
            if early.is_some_and(|early| now >= early) {
                match self.send_early(now) {
                    Some(sight) => return self.leave(sight),
                    None => continue,
                }
            }
            if ready {
                return Waited::Ready;
            }
            if own.is_some_and(|own| now >= own) {
                return self.leave(Sight::Due);
            }
            if until.is_some_and(|until| now >= until) {
                return Waited::Late;
            }
        }
    }
}

impl Lookout {
    /// Sends what is due without the target; what has ended with it.
    fn send_early(&self, now: Instant) -> Option<Sight> {
        let sent = lock(&self.state).early.as_mut()?.act(now);
        match sent {
            Ok(true) => None,
            Ok(false) => Some(Sight::Ended),
            Err(error) if self.farewell() == Farewell::Keep && !self.is_stopping() => {
                self.see_off(Some(Outcome::lost(&error, false).reason));
                None
            }
            Err(error) => {
                let stopping = self.is_stopping();
                lock(&self.state).early.as_mut()?.lose(&error, stopping);
                Some(Sight::Ended)
            }
        }
    }
}

impl Waiter for Lookout {
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited {
        let wanted = match need {
            Need::Input => PollFlags::IN,
            Need::Room => PollFlags::OUT,
        };
        self.watch(Some((socket, wanted)), deadline)
    }
}

/// A timeout for poll behind which there is not yet anything due, or a short one.
fn unrounded(left: Duration) -> Duration {
    if left > ROUNDED { left - left / 500 } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::{Registry, Role};
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    /// Both ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    struct Scene {
        lookout: Lookout,
        stop: Stop,
        client: TcpStream,
        /// The target's end of its connection, and ours.
        target: (TcpStream, TcpStream),
    }

    fn scene() -> Scene {
        let ((client, accepted), stop) = (pair(), Stop::new().unwrap());
        let peer = client.local_addr().unwrap();
        let connection = Registry::default().insert(accepted, peer, Role::Public);
        Scene { lookout: Lookout::new(&connection, &stop), stop, client, target: pair() }
    }

    impl Scene {
        fn wait(&self, deadline: Option<Instant>) -> (Waited, Option<Sight>) {
            (self.lookout.wait(self.target.1.as_fd(), Need::Input, deadline), self.lookout.seen())
        }
    }

    #[test]
    fn the_target_is_waited_for_and_room_is_there() {
        let mut scene = scene();
        scene.target.0.write_all(b"x").unwrap();
        scene.client.write_all(b"the next request").unwrap();
        assert_eq!(scene.wait(None), (Waited::Ready, None));
        assert_eq!(scene.lookout.wait(scene.target.1.as_fd(), Need::Room, None), Waited::Ready);
    }

    #[test]
    fn deadlines_are_not_missed_and_told_apart() {
        let scene = scene();
        let soon = || Instant::now() + Duration::from_millis(20);
        let at = soon();
        assert_eq!(scene.wait(Some(at)), (Waited::Late, None));
        assert!(Instant::now() >= at);
        let at = soon();
        scene.lookout.set_deadline(Some(at));
        assert_eq!(scene.wait(None), (Waited::Left, Some(Sight::Due)));
        assert!(Instant::now() >= at);
        scene.lookout.set_deadline(Some(soon()));
        scene.lookout.pause();
        assert_eq!(scene.lookout.seen(), Some(Sight::Due));
        assert_eq!((unrounded(ROUNDED), unrounded(ROUNDED * 100)), (ROUNDED, ROUNDED * 100 - ROUNDED / 5));
    }

    #[test]
    fn a_client_that_is_gone_ends_every_wait() {
        let mut scene = scene();
        scene.target.0.write_all(b"x").unwrap();
        scene.client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(scene.wait(None), (Waited::Left, Some(Sight::ClientGone)));
        scene.lookout.set_deadline(None);
        scene.lookout.pause();
        assert_eq!(scene.lookout.seen(), Some(Sight::ClientGone));
    }

    #[test]
    fn a_stream_that_is_handed_over_outlives_its_client() {
        let scene = scene();
        let stop = Stop::new().unwrap();
        scene.lookout.hand_over(&stop);
        drop(scene.client.shutdown(std::net::Shutdown::Both));
        scene.stop.trigger();
        let wait = |at| (scene.lookout.wait(scene.target.1.as_fd(), Need::Input, at), scene.lookout.seen());
        assert_eq!(wait(Some(Instant::now() + Duration::from_millis(20))), (Waited::Late, None));
        stop.trigger();
        assert_eq!(wait(None), (Waited::Left, Some(Sight::Stopped)));
        scene.lookout.pause();
        assert!(scene.lookout.is_stopping());
    }

    #[test]
    fn the_order_to_stop_ends_every_wait() {
        let scene = scene();
        scene.stop.trigger();
        assert_eq!(scene.wait(None), (Waited::Left, Some(Sight::Stopped)));
    }
}
