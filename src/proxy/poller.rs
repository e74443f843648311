//! How a relay's one thread waits: for the target, for its client's end, for the order to stop and for its next
//! deadline at the same time.

use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::early_response::EarlyResponse;
use super::outcome::{EndedBy, RelayOutcome, disconnect_reason};
use crate::client::wait::{Need, Waited, Waiter};
use crate::lock::lock;
use crate::server::connection::Connection;
use crate::shutdown::Stop;

/// poll rounds a timeout up by about a thousandth. Of a longer one than this, it gets all but the last two thousandths
/// first.
const ROUNDED: Duration = Duration::from_millis(10);

/// What ended a wait that was not for the target's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WakeReason {
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

impl WakeReason {
    /// How the relay ends because of this, if it does.
    pub(super) fn outcome(self, connection: &Connection) -> Option<RelayOutcome> {
        match self {
            // What has ended early has its own outcome.
            WakeReason::Due | WakeReason::Ended => None,
            WakeReason::Stopped => Some(RelayOutcome::broken(EndedBy::Shutdown, "the proxy stops")),
            WakeReason::ClientGone => Some(RelayOutcome::broken(EndedBy::Client, disconnect_reason(connection))),
        }
    }
}

/// What is to be done about a target whose client has gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum OnClientGone {
    /// Waits end, so that its connection can be closed.
    #[default]
    Disconnect,
    /// Waits go on.
    KeepUpstream,
}

#[derive(Debug, Default)]
struct PollState {
    deadline: Option<Instant>,
    wake_reason: Option<WakeReason>,
    on_client_gone: OnClientGone,
    /// How the client has left, while its target does not know.
    gone: Option<String>,
    /// What is sent while the target is waited for.
    early: Option<EarlyResponse>,
}

/// What is watched beside the target.
#[derive(Debug, Clone)]
struct Watched {
    connection: Option<Arc<Connection>>,
    stop: Stop,
}

/// Keeps watch for one client's connection, or for many that share a stream.
#[derive(Debug)]
pub(super) struct RelayPoller {
    watched: Mutex<Watched>,
    state: Mutex<PollState>,
}

impl RelayPoller {
    pub(super) fn new(connection: &Arc<Connection>, stop: &Stop) -> RelayPoller {
        let watched = Watched { connection: Some(Arc::clone(connection)), stop: stop.clone() };
        RelayPoller { watched: Mutex::new(watched), state: Mutex::default() }
    }

    /// From now on, watches for nothing but `stop`: the target's stream is no longer one client's.
    pub(super) fn detach_client(&self, stop: &Stop) {
        *lock(&self.watched) = Watched { connection: None, stop: stop.clone() };
    }

    /// When the next wait ends, whatever comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        lock(&self.state).deadline
    }

    /// Sets when the next wait ends, whatever comes.
    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        let mut state = lock(&self.state);
        (state.deadline, state.wake_reason) = (deadline, None);
    }

    /// Begins with another request.
    pub(super) fn begin(&self, on_client_gone: OnClientGone, early: Option<EarlyResponse>) {
        *lock(&self.state) = PollState { on_client_gone, early, ..PollState::default() };
    }

    /// From now on, sends what is due of a response while it waits for the target.
    pub(super) fn set_early(&self, response: EarlyResponse) {
        lock(&self.state).early = Some(response);
    }

    /// What has been sent without the target, or was to be. Nothing of it is sent from now on.
    pub(super) fn take_early(&self) -> Option<EarlyResponse> {
        lock(&self.state).early.take()
    }

    pub(super) fn on_client_gone(&self) -> OnClientGone {
        lock(&self.state).on_client_gone
    }

    /// How the client has left, while its target does not know.
    pub(super) fn gone(&self) -> Option<String> {
        lock(&self.state).gone.clone()
    }

    /// Looks after the target alone from now on, because of what the client did, which is looked up without a
    /// reason. The client's side of the connection is closed.
    pub(super) fn abandon_client(&self, reason: Option<String>) {
        let Some(connection) = lock(&self.watched).connection.clone() else { return };
        let reason = reason.unwrap_or_else(|| disconnect_reason(&connection));
        let _ = connection.stream.shutdown(Shutdown::Both);
        log::info!("the client {} is gone: {reason}; the target is not told", connection.peer);
        lock(&self.state).gone = Some(reason);
    }

    /// What ended the newest wait, if it was not the target.
    pub(super) fn wake_reason(&self) -> Option<WakeReason> {
        lock(&self.state).wake_reason
    }

    fn leave(&self, reason: WakeReason) -> Waited {
        lock(&self.state).wake_reason = Some(reason);
        Waited::Left
    }
}

impl RelayPoller {
    /// Waits for everything but a target, until the deadline or an end.
    pub(super) fn pause(&self) {
        self.watch(None, None);
    }

    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.watched).stop.is_triggered()
    }

    fn watch(&self, target: Option<(BorrowedFd<'_>, PollFlags)>, deadline: Option<Instant>) -> Waited {
        let Watched { connection, stop } = lock(&self.watched).clone();
        // Without a target, the client's socket is watched twice; without a client, the order to stop is, which never
        // hangs up.
        let client = connection.as_ref().map_or(stop.as_fd(), |connection| connection.stream.as_fd());
        let (socket, wanted) = target.unwrap_or((client, PollFlags::RDHUP));
        loop {
            let (own, early, is_gone) = {
                let state = lock(&self.state);
                let is_gone = state.gone.is_some();
                (state.deadline, state.early.as_ref().and_then(EarlyResponse::due).filter(|_| !is_gone), is_gone)
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
            let count = if is_gone { 2 } else { 3 };
            if poll(&mut polled[..count], timeout.as_ref()).is_err() {
                // Interrupted by a signal.
                continue;
            }
            let [stopped, ready, left] = polled.map(|polled| !polled.revents().is_empty());
            if stopped {
                return self.leave(WakeReason::Stopped);
            }
            if left && target.is_some() && self.on_client_gone() == OnClientGone::KeepUpstream {
                self.abandon_client(None);
                continue;
            }
            if left {
                return self.leave(WakeReason::ClientGone);
            }
            let now = Instant::now();
            if early.is_some_and(|early| now >= early) {
                match self.send_early(now) {
                    Some(reason) => return self.leave(reason),
                    None => continue,
                }
            }
            if ready {
                return Waited::Ready;
            }
            if own.is_some_and(|own| now >= own) {
                return self.leave(WakeReason::Due);
            }
            if until.is_some_and(|until| now >= until) {
                return Waited::Late;
            }
        }
    }
}

impl RelayPoller {
    /// Sends what is due without the target; what has ended with it.
    fn send_early(&self, now: Instant) -> Option<WakeReason> {
        let sent = lock(&self.state).early.as_mut()?.act(now);
        match sent {
            Ok(true) => None,
            Ok(false) => Some(WakeReason::Ended),
            Err(error) if self.on_client_gone() == OnClientGone::KeepUpstream && !self.is_stopping() => {
                self.abandon_client(Some(RelayOutcome::lost(&error, false).reason));
                None
            }
            Err(error) => {
                let stopping = self.is_stopping();
                lock(&self.state).early.as_mut()?.lose(&error, stopping);
                Some(WakeReason::Ended)
            }
        }
    }
}

impl Waiter for RelayPoller {
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited {
        self.watch(Some((socket, need.poll_flags())), deadline)
    }
}

/// A timeout for poll behind which there is not yet anything due, or a short one.
fn unrounded(left: Duration) -> Duration {
    if left > ROUNDED { left - left / 500 } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::connection::{Connection, ConnectionId, Role};
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    /// Both ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    struct Fixture {
        poller: RelayPoller,
        stop: Stop,
        client: TcpStream,
        /// The target's end of its connection, and ours.
        target: (TcpStream, TcpStream),
    }

    fn scene() -> Fixture {
        let ((client, accepted), stop) = (pair(), Stop::new().unwrap());
        let peer = client.local_addr().unwrap();
        let connection = Arc::new(Connection::new(ConnectionId(1), accepted, peer, Role::Public));
        Fixture { poller: RelayPoller::new(&connection, &stop), stop, client, target: pair() }
    }

    impl Fixture {
        fn wait(&self, deadline: Option<Instant>) -> (Waited, Option<WakeReason>) {
            (self.poller.wait(self.target.1.as_fd(), Need::Input, deadline), self.poller.wake_reason())
        }
    }

    #[test]
    fn the_target_is_waited_for_and_room_is_there() {
        let mut scene = scene();
        scene.target.0.write_all(b"x").unwrap();
        scene.client.write_all(b"the next request").unwrap();
        assert_eq!(scene.wait(None), (Waited::Ready, None));
        assert_eq!(scene.poller.wait(scene.target.1.as_fd(), Need::Room, None), Waited::Ready);
    }

    #[test]
    fn deadlines_are_not_missed_and_told_apart() {
        let scene = scene();
        let soon = || Instant::now() + Duration::from_millis(20);
        let at = soon();
        assert_eq!(scene.wait(Some(at)), (Waited::Late, None));
        assert!(Instant::now() >= at);
        let at = soon();
        scene.poller.set_deadline(Some(at));
        assert_eq!(scene.wait(None), (Waited::Left, Some(WakeReason::Due)));
        assert!(Instant::now() >= at);
        scene.poller.set_deadline(Some(soon()));
        scene.poller.pause();
        assert_eq!(scene.poller.wake_reason(), Some(WakeReason::Due));
        assert_eq!((unrounded(ROUNDED), unrounded(ROUNDED * 100)), (ROUNDED, ROUNDED * 100 - ROUNDED / 5));
    }

    #[test]
    fn a_client_that_is_gone_ends_every_wait() {
        let mut scene = scene();
        scene.target.0.write_all(b"x").unwrap();
        scene.client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(scene.wait(None), (Waited::Left, Some(WakeReason::ClientGone)));
        scene.poller.set_deadline(None);
        scene.poller.pause();
        assert_eq!(scene.poller.wake_reason(), Some(WakeReason::ClientGone));
    }

    #[test]
    fn a_stream_that_is_handed_over_outlives_its_client() {
        let scene = scene();
        let stop = Stop::new().unwrap();
        scene.poller.detach_client(&stop);
        drop(scene.client.shutdown(std::net::Shutdown::Both));
        scene.stop.trigger();
        let wait = |at| (scene.poller.wait(scene.target.1.as_fd(), Need::Input, at), scene.poller.wake_reason());
        assert_eq!(wait(Some(Instant::now() + Duration::from_millis(20))), (Waited::Late, None));
        stop.trigger();
        assert_eq!(wait(None), (Waited::Left, Some(WakeReason::Stopped)));
        scene.poller.pause();
        assert!(scene.poller.is_stopping());
    }

    #[test]
    fn the_order_to_stop_ends_every_wait() {
        let scene = scene();
        scene.stop.trigger();
        assert_eq!(scene.wait(None), (Waited::Left, Some(WakeReason::Stopped)));
    }
}
