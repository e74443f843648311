//! A client of a shared stream, on its own thread.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::outcome::{EndedBy, RelayOutcome};
use super::poller::WakeReason;
use super::relay::{RelayTask, Sent, without_length};
use super::request::values;
use super::response_writer::ResponseWriter;
use super::resume::{is_plain_stream, last_event_id};
use super::share::{Answer, LOOK_AROUND, Over, Reading, ShareSubscription, Shares, key};
use super::upstream_conn::UpstreamConn;
use crate::broadcast::Next;
use crate::client;
use crate::server::connection::Connection;
use crate::server::service::TaskContext;
use crate::server::wake::{PEER_FIN, PEER_GONE, STOP};

/// What became of following a stream.
enum Followed {
    /// It is over.
    Over(RelayOutcome),
    /// There is none to follow: the client asks by itself.
    Alone,
    /// Whoever asked is gone: one of the others asks.
    Again,
}

/// What became of asking the target.
enum Opened {
    /// All follow its stream.
    Shared,
    /// Its answer is for the one who asked.
    Own(Box<(UpstreamConn, client::Response)>),
    /// There is no answer.
    Not(RelayOutcome),
}

impl RelayTask {
    /// Follows the stream that all clients of the same URL share, or starts it.
    pub(super) fn follow(&self, shares: &Arc<Shares>, task: TaskContext<'_>, sent: &mut Sent) -> RelayOutcome {
        let TaskContext { watcher, connection, stop, .. } = task;
        watcher.begin(connection, stop);
        let outcome = self.take_part(shares, task, sent);
        watcher.end(&connection.stream);
        outcome
    }

    fn take_part(&self, shares: &Arc<Shares>, mut task: TaskContext<'_>, sent: &mut Sent) -> RelayOutcome {
        let (key, id) = (key(&self.url, &self.fields), last_event_id(&self.fields));
        loop {
            let mut subscription = match shares.join(&key, &id, task.connection) {
                Ok(subscription) => subscription,
                Err(error) => {
                    log::warn!("share the stream of {}: {error}; this client gets one of its own", self.target.shown);
                    return self.carry_out(task, sent);
                }
            };
            let opened =
                if subscription.asks() { self.open(&mut subscription, &mut task, sent) } else { Opened::Shared };
            let followed = match opened {
                Opened::Shared => {
                    // What an earlier request has left is of no use here.
                    *task.kept = None;
                    self.write_out(&mut subscription, &task, sent)
                }
                Opened::Own(answer) => {
                    drop(subscription);
                    let (upstream, response) = *answer;
                    return self.finish(upstream, response, task, sent);
                }
                Opened::Not(outcome) => Followed::Over(outcome),
            };
            drop(subscription);
            match followed {
                Followed::Over(outcome) => return outcome,
                Followed::Alone => return self.carry_out(task, sent),
                Followed::Again => {}
            }
        }
    }

    /// Asks the target, for all who follow.
    fn open(&self, subscription: &mut ShareSubscription, task: &mut TaskContext<'_>, sent: &mut Sent) -> Opened {
        let (mut upstream, response) = match self.answer(task, sent) {
            Ok(answer) => answer,
            Err(outcome) => {
                // A client that left has found out nothing about the target.
                if outcome.by == EndedBy::Target {
                    subscription.give_up();
                }
                return Opened::Not(outcome);
            }
        };
        // A cookie is for one client alone.
        let is_private = values(&response.fields, "set-cookie").next().is_some();
        if is_private || !is_plain_stream(&response.head) {
            subscription.give_up();
            return Opened::Own(Box::new((upstream, response)));
        }
        let client::Response { head, mut fields, body } = response;
        let feed = self.feed(&head, body, &mut upstream, "share");
        without_length(&mut fields);
        let (fields_sent, stop) = (self.fields.clone(), task.stop.clone());
        let reading =
            Reading { target: Arc::clone(&self.target), id: self.id, fields: fields_sent, upstream, feed, stop };
        match subscription.open(Answer { head, fields }, reading) {
            Ok(()) => Opened::Shared,
            Err(error) => {
                subscription.give_up();
                let reason = format!("start a thread for {}: {error}", self.target.shown);
                Opened::Not(RelayOutcome::instead(503, reason))
            }
        }
    }

    /// Writes the stream to the client, from its head to its end.
    fn write_out(&self, subscription: &mut ShareSubscription, task: &TaskContext<'_>, sent: &mut Sent) -> Followed {
        let connection = task.connection;
        let Answer { head, fields } = loop {
            if let Some(answer) = subscription.answer() {
                break answer.clone();
            }
            match subscription.next() {
                Next::Ended(Over::Alone) => return Followed::Alone,
                Next::Ended(Over::Again) => return Followed::Again,
                _ => {}
            }
            if let Some(outcome) = end_of(connection.wake.wait_until(Instant::now() + LOOK_AROUND), connection) {
                return Followed::Over(outcome);
            }
        };
        let mut sink = self.sink(&head, fields, connection, sent);
        drop(head);
        let written = sink.flush().and_then(|()| write_on(subscription, &mut sink));
        Followed::Over(written.unwrap_or_else(|error| RelayOutcome::lost(&error, task.stop.is_triggered())))
    }
}

/// Writes what comes, to the end.
fn write_on(subscription: &mut ShareSubscription, sink: &mut ResponseWriter<'_>) -> io::Result<RelayOutcome> {
    let wake = &sink.connection.wake;
    loop {
        let flags = match subscription.next() {
            Next::Entries(pieces) => {
                sink.send_pieces(&pieces)?;
                wake.take()
            }
            Next::Behind => {
                return Ok(RelayOutcome::broken(EndedBy::Client, "reads too slowly: fell behind the shared stream"));
            }
            Next::Ended(Over::Ended(ending, failure)) => {
                return sink.end(ending).map(|outcome| outcome.because(failure));
            }
            Next::Nothing | Next::Ended(Over::Alone | Over::Again) => wake.wait_until(Instant::now() + LOOK_AROUND),
        };
        if let Some(outcome) = end_of(flags, sink.connection) {
            return Ok(outcome);
        }
    }
}

/// How the relay ends because of these wake flags, if it does.
fn end_of(flags: u8, connection: &Connection) -> Option<RelayOutcome> {
    let reason = match flags {
        _ if flags & STOP != 0 => WakeReason::Stopped,
        _ if flags & (PEER_GONE | PEER_FIN) != 0 => WakeReason::ClientGone,
        _ => return None,
    };
    reason.outcome(connection)
}
