//! Requests on threads of their own: whoever waits for one waits for its user's wish and for a deadline, too.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, at, bounded, never, select};

use super::content::Content;
use super::{Arrival, Client, ClientError, Ending, Head, Request, Stopper};

/// Reads that may wait for whoever should take them. Behind them the stream waits in the kernel, as it should.
const NEWS_MAX: usize = 32;

/// The longest time to wait for the start of an answer that is no event stream.
const TIME_TO_EXPLAIN: Duration = Duration::from_secs(2);

/// How much of such an answer is read.
const EXCERPT_MAX: usize = 8 * 1024;

/// What comes of a request, in order.
#[derive(Debug)]
pub enum News {
    /// The head of its response.
    Head(Box<Head>),
    /// There is no response. Nothing follows.
    Failed(ClientError),
    /// Bytes of the body, with the time when they came.
    Bytes(Instant, Vec<u8>),
    /// The body's end, with the time when it was noticed. Nothing follows.
    End(Instant, Ending),
}

/// What a wait brought.
#[derive(Debug)]
pub enum Next {
    /// Something came.
    News(News),
    /// The user wants the program to end.
    Stopped,
    /// The time is up.
    TimeUp,
}

/// What ends every wait.
#[derive(Debug, Clone)]
pub struct Limits {
    stopped: Receiver<()>,
    deadline: Option<Instant>,
}

impl Limits {
    /// Waits end when `stopped` has something to say or is disconnected, and `within` from now.
    pub fn new(stopped: Receiver<()>, within: Option<Duration>) -> Limits {
        Limits { stopped, deadline: within.and_then(|within| Instant::now().checked_add(within)) }
    }

    /// The same, for at most `time` from now.
    #[must_use]
    pub fn at_most(&self, time: Duration) -> Limits {
        let deadline = Instant::now().checked_add(time).into_iter().chain(self.deadline).min();
        Limits { stopped: self.stopped.clone(), deadline }
    }

    /// Waits for something to come of `news`. A sender that is gone without a last word was lost with its thread.
    pub fn next(&self, news: &Receiver<News>) -> Next {
        let time_up = self.deadline.map_or_else(never, at);
        select! {
            recv(news) -> news => Next::News(news.unwrap_or_else(|_| lost())),
            recv(self.stopped) -> _ => Next::Stopped,
            recv(time_up) -> _ => Next::TimeUp,
        }
    }

    /// Waits until one of `channels` has something to say or is disconnected, or until `due`. False when these limits have
    /// ended the wait.
    pub fn wait_for_any<'a, T: 'a>(
        &self,
        channels: impl IntoIterator<Item = &'a Receiver<T>>,
        due: Option<Instant>,
    ) -> bool {
        let mut select = Select::new();
        select.recv(&self.stopped);
        for channel in channels {
            select.recv(channel);
        }
        match due.into_iter().chain(self.deadline).min() {
            Some(end) => drop(select.ready_deadline(end)),
            None => drop(select.ready()),
        }
        !self.are_over()
    }

    /// Whether they have ended everything.
    pub fn are_over(&self) -> bool {
        let is_time_up = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        is_time_up || self.stopped.try_recv() != Err(TryRecvError::Empty)
    }

    /// How much time is left.
    pub fn left(&self) -> Duration {
        let left = self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        if self.are_over() { Duration::ZERO } else { left }
    }

    /// Lets some time pass. None when it has; otherwise what came before that, which is an end of these limits.
    pub fn pause(&self, time: Duration) -> Option<Next> {
        let next = self.at_most(time).next(&never());
        let is_up = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        Some(next).filter(|next| is_up || !matches!(next, Next::TimeUp))
    }
}

/// The start of the body behind `head`, as text, decoded: what there is of it when its first line is complete or, of a
/// page, when 8 KiB are; or after 2 s, or when `limits` say so.
pub fn excerpt(head: &Head, live: &Live, limits: &Limits) -> String {
    let Ok(mut content) = Content::of(head) else { return String::new() };
    let limits = limits.at_most(TIME_TO_EXPLAIN);
    let is_page = head.media_type().is_html();
    let mut body = Vec::new();
    while body.len() < EXCERPT_MAX && (is_page || !body.trim_ascii_start().contains(&b'\n')) {
        match limits.next(live.news()) {
            Next::News(News::Bytes(_, bytes)) => body.extend(content.decode(bytes).0),
            _ => break,
        }
    }
    body.truncate(EXCERPT_MAX);
    String::from_utf8_lossy(&body).into_owned()
}

fn lost() -> News {
    News::End(Instant::now(), Ending::Failed("the thread that reads was lost".to_owned()))
}

/// A request that goes on by itself, until it is dropped.
#[derive(Debug)]
pub struct Live {
    news: Receiver<News>,
    stopper: Stopper,
}

impl Live {
    /// Sends a request, on a connection of its own.
    ///
    /// # Errors
    /// When no thread is left.
    pub fn start(client: &Client, request: Request) -> std::io::Result<Live> {
        let session = client.session();
        let stopper = session.stopper();
        let (sender, news) = bounded(NEWS_MAX);
        let work = move || match session.open(&request) {
            Err(error) => drop(sender.send(News::Failed(error))),
            Ok(response) => {
                if sender.send(News::Head(Box::new(response.head))).is_ok() {
                    pass_on(response.body, &sender);
                }
            }
        };
        thread::Builder::new().name("request".to_owned()).spawn(work)?;
        Ok(Live { news, stopper })
    }

    /// What comes of it.
    pub fn news(&self) -> &Receiver<News> {
        &self.news
    }

    /// Ends it with a reset of its connection, where a drop closes that.
    pub fn reset(self) {
        self.stopper.reset();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

/// Passes a body on, until its end or until nobody wants it any more.
fn pass_on(mut body: super::Body, sender: &Sender<News>) {
    loop {
        let (news, last) = match body.read() {
            Arrival::Bytes(at, bytes) => (News::Bytes(at, bytes), false),
            Arrival::End(at, ending) => (News::End(at, ending), true),
        };
        if sender.send(news).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_by_a_deadline_and_by_the_users_wish() {
        let (stop, stopped) = bounded(0);
        let limits = Limits::new(stopped, None);
        assert!(limits.pause(Duration::ZERO).is_none());
        assert!(matches!(limits.at_most(Duration::ZERO).pause(Duration::MAX), Some(Next::TimeUp)));
        let (sender, news) = bounded(1);
        drop(sender);
        assert!(matches!(limits.next(&news), Next::News(News::End(_, Ending::Failed(_)))));
        assert!(!limits.are_over() && limits.at_most(Duration::ZERO).are_over());
        let second = limits.at_most(Duration::from_secs(1));
        assert!(limits.left() == Duration::MAX && second.left() <= Duration::from_secs(1) && !second.left().is_zero());
        let soon = Instant::now() + Duration::from_millis(1);
        assert!(limits.wait_for_any(&[never::<()>()], Some(soon)) && Instant::now() >= soon);
        assert!(!limits.at_most(Duration::ZERO).wait_for_any(&[never::<()>()], None));
        let (sender, data) = bounded(1);
        sender.send(()).unwrap();
        assert!(limits.wait_for_any([&never(), &data], None));
        drop(stop);
        assert!(!limits.wait_for_any(&[never::<()>()], None) && limits.are_over());
        assert!(matches!(limits.pause(Duration::MAX), Some(Next::Stopped)));
    }
}
