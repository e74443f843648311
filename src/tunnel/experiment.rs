//! The whole experiment: a way from the world to an origin on this machine is opened, diagnosed beside the direct one, and
//! kept open.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::select;

use super::cloudflared::{Cloudflared, Event, PublicUrl, Settings, Tunnel, TunnelError};
use super::public::{self, Pace, PublicError};
use crate::client::in_flight::InFlight;
use crate::client::origin::{self, Told};
use crate::client::{Client, Request};
use crate::diagnose::{self, Against, Depth};
use crate::http::Url;
use crate::nonce::nonce;
use crate::probe::{Notices, ProbeError};
use crate::report::tunnel::Run;
use crate::shutdown::{Deadline, Stop};
use crate::units::format_duration;

/// The longest time that a stream of one event may take, by which the origin is known again.
const EVENT_MAX: Duration = Duration::from_secs(5);

/// What leads from the world to the origin.
#[derive(Debug, Clone)]
pub enum Way {
    /// A cloudflared of our own.
    Cloudflared(Settings),
    /// Something that runs already; the request for a stream through it.
    Running(Request),
}

impl Way {
    /// Which protocol is asked of a cloudflared of our own.
    pub fn protocol(&self) -> Option<&'static str> {
        match self {
            Way::Cloudflared(settings) => Some(settings.protocol.as_str()),
            Way::Running(_) => None,
        }
    }
}

/// What opens a way, and looks through it.
pub struct Experiment<'a> {
    /// Asks through the way.
    pub client: Client,
    /// Asks the origin directly: through no proxy.
    pub direct: Client,
    /// The request for a stream, but for its URL.
    pub request: Request,
    /// Where the origin is, on this machine.
    pub origin: SocketAddr,
    /// How long it may take until the origin answers through the way.
    pub ready_timeout: Duration,
    /// Ends all waits.
    pub deadline: Deadline,
    /// Hears of what is waited for, and of what is in the way, in sentences fit for a terminal.
    pub tell: &'a dyn Fn(&str),
}

impl fmt::Debug for Experiment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Experiment")
            .field("request", &self.request)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Why a way leads nowhere.
#[derive(Debug)]
pub enum OpenError {
    /// There is no tunnel.
    Tunnel(TunnelError),
    /// There is one, and the origin does not answer through it.
    Public(PublicError),
    /// An origin of ours answers, but not the one on this machine.
    Elsewhere(String),
}

impl OpenError {
    /// What the user may try; it may be several lines, or empty.
    pub fn advice(&self) -> &'static str {
        match self {
            OpenError::Tunnel(error) => error.advice(),
            OpenError::Public(error) => error.advice(),
            OpenError::Elsewhere(_) => {
                "the service of the public hostname, in Cloudflare's dashboard, must be the origin on this machine, with the port of --listen; and no other machine may run the same tunnel meanwhile"
            }
        }
    }

    /// Whether it is the user's wish to end.
    pub fn is_stopped(&self) -> bool {
        matches!(self, OpenError::Tunnel(TunnelError::Stopped) | OpenError::Public(PublicError::Stopped))
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Tunnel(error) => error.fmt(f),
            OpenError::Public(error) => error.fmt(f),
            OpenError::Elsewhere(url) => {
                write!(f, "reach the origin through {url}: it leads to another origin than the one on this machine")
            }
        }
    }
}

impl std::error::Error for OpenError {}

impl From<TunnelError> for OpenError {
    fn from(error: TunnelError) -> OpenError {
        OpenError::Tunnel(error)
    }
}

/// A way through which the origin answered. Dropping it stops a cloudflared of our own.
#[derive(Debug)]
pub struct Opened {
    protocol: Option<&'static str>,
    /// The request for a stream.
    request: Request,
    child: Option<Child>,
}

#[derive(Debug)]
struct Child {
    cloudflared: Cloudflared,
    url: PublicUrl,
    /// How long before a new name is looked up.
    first: Duration,
}

impl Opened {
    /// The public URL.
    pub fn url(&self) -> &Url {
        &self.request.url
    }

    /// Stops a cloudflared of our own, at once when `hurry` is triggered. The origin's streams have to end before.
    pub fn stop(self, hurry: &Stop) {
        if let Some(child) = self.child {
            child.cloudflared.stop(hurry);
        }
    }
}

impl Experiment<'_> {
    /// Opens a way, and waits until the origin answers through it.
    ///
    /// # Errors
    /// An [`OpenError`]; nothing runs any more then.
    pub fn open(&self, way: &Way) -> Result<Opened, OpenError> {
        match way {
            Way::Running(request) => {
                self.wait_public(request, Duration::ZERO, self.ready_timeout, &|| true).map_err(OpenError::Public)?;
                self.find_origin(request)?;
                Ok(Opened { protocol: way.protocol(), request: request.clone(), child: None })
            }
            Way::Cloudflared(settings) => {
                let cloudflared = Cloudflared::start(settings.clone(), self.deadline.stop())?;
                let is_quick = matches!(settings.tunnel, Tunnel::Quick { .. });
                // The name of a named tunnel has been there for long.
                let first = if is_quick { Pace::default().first } else { Duration::ZERO };
                let url = self.wait_tunnel(&cloudflared, first)?;
                let request = Request { url: Url::of(url.as_str()), ..self.request.clone() };
                if !is_quick {
                    self.find_origin(&request)?;
                }
                let child = Some(Child { cloudflared, url, first });
                Ok(Opened { protocol: way.protocol(), request, child })
            }
        }
    }

    /// Waits until the tunnel is connected and leads to the origin, and begins anew if it is gone in between.
    fn wait_tunnel(&self, cloudflared: &Cloudflared, first: Duration) -> Result<PublicUrl, OpenError> {
        let begun = Instant::now();
        let left = || whole_seconds(self.ready_timeout.saturating_sub(begun.elapsed()));
        loop {
            (self.tell)("waiting for cloudflared to connect to Cloudflare");
            let url = cloudflared.wait_ready(left(), &mut |text| (self.tell)(text))?;
            let request = Request { url: Url::of(url.as_str()), ..self.request.clone() };
            match self.wait_public(&request, first, left(), &|| cloudflared.serves(&url)) {
                Ok(()) => return Ok(url),
                Err(PublicError::Outdated(_)) if !left().is_zero() => {}
                Err(error) => return Err(OpenError::Public(error)),
            }
        }
    }

    fn wait_public(
        &self,
        request: &Request,
        first: Duration,
        within: Duration,
        is_current: &dyn Fn() -> bool,
    ) -> Result<(), PublicError> {
        (self.tell)(&format!("waiting for the origin to answer through {}", request.url));
        let pace = Pace { first, within, ..Pace::default() };
        public::wait(&self.client, request, pace, &self.deadline, is_current, &mut |text| (self.tell)(text))
    }

    /// Finds out whether the origin that answers is the one on this machine: it knows of a stream that was asked for
    /// through the way. Where that can't be told, the diagnosis will have more to say.
    fn find_origin(&self, request: &Request) -> Result<(), OpenError> {
        let Ok(id) = nonce() else { return Ok(()) };
        let url = if request.url.is_root() { request.url.beside("events") } else { request.url.clone() };
        let one_event = Request { url: url.with_query(&format!("id={id}&count=1&interval=1ms")), ..request.clone() };
        let is_elsewhere = self.is_streamed(one_event)
            && origin::stream(&self.direct, &self.direct_request(), &id, &self.deadline) == Some(Told::NoSuchStream);
        if is_elsewhere { Err(OpenError::Elsewhere(request.url.to_string())) } else { Ok(()) }
    }

    /// Whether there is an answer, with the head of a stream.
    fn is_streamed(&self, request: Request) -> bool {
        let Ok(in_flight) = InFlight::start(&self.client, request) else { return false };
        let head = in_flight.head(&self.deadline.at_most(EVENT_MAX));
        head.is_ok_and(|head| head.reply("").is_event_stream())
    }

    /// The request for a stream of the origin, directly.
    fn direct_request(&self) -> Request {
        Request { url: Url::of(&format!("http://{}/events", self.origin)), ..self.request.clone() }
    }

    /// Diagnoses the way, beside the direct one, until `deadline` ends it.
    ///
    /// # Errors
    /// A [`ProbeError`].
    pub fn diagnose(
        &self,
        opened: &Opened,
        within: Duration,
        depth: Depth,
        deadline: &Deadline,
        notices: Notices,
    ) -> Result<Run, ProbeError> {
        (self.tell)(&format!("diagnosing {}, and the origin directly", opened.url()));
        let config = diagnose::Config {
            client: self.client.clone(),
            request: opened.request.clone(),
            against: Some(Against::Direct(Box::new(self.direct.clone()), self.direct_request())),
            within,
            depth,
        };
        let diagnosed = diagnose::run(&config, deadline, notices)?;
        let events = opened.child.iter().flat_map(|child| child.cloudflared.events().try_iter());
        let incidents = events.map(|event| event.to_string()).collect();
        Ok(Run { protocol: opened.protocol, public_url: opened.url().to_string(), diagnosed, incidents })
    }

    /// Keeps the way open until the user wants to end. `on_open` hears of the URL that leads to the origin when there was
    /// none for a while.
    pub fn keep(&self, opened: &mut Opened, on_open: &mut dyn FnMut(&str)) {
        let stop = self.deadline.stop();
        let Some(child) = &mut opened.child else { return stop.wait_forever() };
        while !stop.is_triggered() {
            if !child.cloudflared.serves(&child.url) {
                match self.wait_tunnel(&child.cloudflared, child.first) {
                    Ok(url) => {
                        on_open(url.as_str());
                        opened.request.url = Url::of(url.as_str());
                        child.url = url;
                    }
                    Err(error) if error.is_stopped() => return,
                    Err(error) => {
                        log::warn!("{error}; it is tried again in {}", format_duration(public::PAUSE_MAX));
                        stop.wait(Some(public::PAUSE_MAX));
                    }
                }
                continue;
            }
            select! {
                recv(child.cloudflared.events()) -> event => match event {
                    Ok(Event::Ended(ended)) => log::warn!("{ended}"),
                    Ok(problem) => log::warn!("{problem}"),
                    // It is watched no more, which only a stop brings about.
                    Err(_) => return stop.wait_forever(),
                },
                recv(stop.channel()) -> _ => return,
            }
        }
    }
}

/// Rounded up, so that what is said of it is short.
fn whole_seconds(time: Duration) -> Duration {
    let seconds = time.as_millis().div_ceil(1000);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
}
