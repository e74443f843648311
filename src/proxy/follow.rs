//! A client of a shared stream, on its own thread.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::lookout::Sight;
use super::outcome::{By, Outcome};
use super::relay::{Relay, Sent, without_length};
use super::request::values;
use super::resume::{is_plain_stream, last_event_id};
use super::share::{Answer, LOOK_AROUND, Next, Place, Reading, Shares, key};
use crate::server::registry::Connection;
use crate::server::service::Line;
use crate::server::wake::{PEER_FIN, PEER_GONE, STOP};

/// What became of following a stream.
enum Followed {
    /// It is over.
    Over(Outcome),
    /// There is none to follow: the client asks by itself.
    Alone,
    /// Whoever asked is gone: one of the others asks.
    Again,
}

impl Relay {
    /// Follows the stream that all clients of the same URL share, or starts it.
    pub(super) fn follow(&self, shares: &Arc<Shares>, line: Line<'_>, sent: &mut Sent) -> Outcome {
        let (watcher, connection) = (&line.shared.watcher, line.connection);
        connection.wake.take();
        if line.shared.stop.is_triggered() {
            connection.wake.set(STOP);
        }
        if let Err(error) = watcher.watch(&connection.stream, connection.id) {
            log::warn!("watch for a hang-up of {}: {error}; it will be noticed at a write", connection.peer);
        }
        let outcome = self.take_part(shares, line, sent);
        watcher.unwatch(&connection.stream);
        outcome
    }

    fn take_part(&self, shares: &Arc<Shares>, mut line: Line<'_>, sent: &mut Sent) -> Outcome {
        let (key, id) = (key(&self.url, &self.fields), last_event_id(&self.fields));
        loop {
            let mut place = match shares.join(&key, &id, line.connection) {
                Ok(place) => place,
                Err(error) => {
                    log::warn!("share the stream of {}: {error}; this client gets one of its own", self.target.shown);
                    return self.carry_out(line, sent);
                }
            };
            if !place.asks() {
                // What an earlier request has left is of no use here.
                *line.kept = None;
            } else {
                let (way, response) = match self.answer(&mut line) {
                    Ok(answer) => answer,
                    Err(outcome) => {
                        if outcome.by == By::Target {
                            place.give_up();
                        }
                        return outcome;
                    }
                };
                // A cookie is for one client alone.
                let is_private = values(&response.fields, "set-cookie").next().is_some();
                if is_private || !is_plain_stream(&response.head) {
                    place.give_up();
                    drop(place);
                    return self.finish(way, response, line, sent);
                }
                let source = self.source(&response.head, response.body, &way.lookout, "share");
                let mut fields = response.fields;
                without_length(&mut fields);
                let answer = Answer { head: response.head, fields };
                let reading =
                    Reading { target: Arc::clone(&self.target), id: self.id, fields: self.fields.clone(), way, source };
                if let Err(error) = place.open(answer, reading) {
                    place.give_up();
                    return Outcome::instead(503, format!("start a thread for {}: {error}", self.target.shown));
                }
            }
            match self.write_out(&mut place, &line, sent) {
                Followed::Over(outcome) => return outcome,
                Followed::Alone => {
                    drop(place);
                    return self.carry_out(line, sent);
                }
                Followed::Again => {}
            }
        }
    }

    /// Writes the stream to the client, from its head to its end.
    fn write_out(&self, place: &mut Place, line: &Line<'_>, sent: &mut Sent) -> Followed {
        let connection = &**line.connection;
        while place.answer().is_none() {
            match place.next() {
                Next::Alone => return Followed::Alone,
                Next::Again => return Followed::Again,
                _ => {}
            }
            if place.answer().is_some() {
                break;
            }
            if let Some(outcome) = heed(connection.wake.wait_until(Instant::now() + LOOK_AROUND), connection) {
                return Followed::Over(outcome);
            }
        }
        let Answer { head, fields } = place.answer().cloned().expect("it was there just now");
        let mut sink = self.sink(&head, fields, connection, sent);
        drop(head);
        let result = sink.flush().and_then(|()| {
            loop {
                let flags = match place.next() {
                    Next::Block(piece) => {
                        sink.send_piece(&piece)?;
                        connection.wake.take()
                    }
                    Next::Behind => {
                        let reason = "reads too slowly: fell behind the shared stream";
                        return Ok(Outcome::broken(By::Client, reason));
                    }
                    Next::Over(ending, failure) => {
                        return sink.end(ending).map(|outcome| outcome.because(failure));
                    }
                    Next::Nothing | Next::Alone | Next::Again => {
                        connection.wake.wait_until(Instant::now() + LOOK_AROUND)
                    }
                };
                if let Some(outcome) = heed(flags, connection) {
                    return io::Result::Ok(outcome);
                }
            }
        });
        Followed::Over(result.unwrap_or_else(|error| Outcome::lost(&error, line.shared.stop.is_triggered())))
    }
}

/// What was left for the thread to find, if that is an end.
fn heed(flags: u8, connection: &Connection) -> Option<Outcome> {
    let sight = match flags {
        _ if flags & STOP != 0 => Sight::Stopped,
        _ if flags & (PEER_GONE | PEER_FIN) != 0 => Sight::ClientGone,
        _ => return None,
    };
    Outcome::of(sight, connection)
}
