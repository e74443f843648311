//! A tunnel, with a stand-in for cloudflared and for Cloudflare itself: nothing here needs the internet.

mod command;
mod failures;
mod launcher;
mod lifecycle;
mod public;
mod stand_in;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;

use sse_argo_tester::client::{self, Client, Request};
use sse_argo_tester::shutdown::{Deadline, Stop};
use sse_argo_tester::tunnel::cloudflared::{Cloudflared, Ended, Event, PublicUrl, Settings, Tunnel, TunnelError};
use tempfile::TempDir;

use crate::common::PATIENCE;

/// The name that the stand-in's certificate is for.
const NAME: &str = "some-words.trycloudflare.com";
/// A token as Cloudflare makes them: `{"a":"0123456789","t":"abc","s":"YWJj"}`.
const TOKEN: &str = "eyJhIjoiMDEyMzQ1Njc4OSIsInQiOiJhYmMiLCJzIjoiWVdKaiJ9";

/// A stand-in for cloudflared, and the certificate of its edge.
struct Stage {
    folder: TempDir,
    settings: Settings,
    stop: Stop,
}

impl Stage {
    /// For a quick tunnel to an origin on `port`.
    fn quick(port: u16) -> Stage {
        Stage::new(Tunnel::Quick { origin: port })
    }

    /// For a named tunnel to an origin on `port`, whose edge listens on a port that was free a moment ago.
    fn named(port: u16) -> Stage {
        let edge = free_port();
        let stage = Stage::new(Tunnel::Named { hostname: format!("{NAME}:{edge}") });
        stage.with("STAND_IN_EDGE", &format!("127.0.0.1:{edge}")).with("STAND_IN_ORIGIN", &port.to_string())
    }

    fn new(tunnel: Tunnel) -> Stage {
        let folder = TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        fs::write(folder.path().join("certificate.pem"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let settings = Settings {
            program: stand_in::program(),
            launcher: env!("CARGO_BIN_EXE_sse-argo-tester").into(),
            ..Settings::new(tunnel)
        };
        let stage = Stage { folder, settings, stop: Stop::new().unwrap() };
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| stage.file(name));
        let program = std::env::current_exe().unwrap();
        stage
            .with("STAND_IN", program.to_str().unwrap())
            .with("STAND_IN_NAME", NAME)
            .with("STAND_IN_CERTIFICATE", certificate.to_str().unwrap())
            .with("STAND_IN_KEY", key.to_str().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With a variable in the stand-in's environment.
    fn with(mut self, name: &str, value: &str) -> Stage {
        self.settings.environment.push((name.into(), value.into()));
        self
    }

    fn mode(self, mode: &str) -> Stage {
        self.with("STAND_IN_MODE", mode)
    }

    fn start(&self) -> Cloudflared {
        Cloudflared::start(self.settings.clone(), &self.stop).unwrap()
    }

    /// Why there is no tunnel.
    fn fail(&self) -> TunnelError {
        self.start().wait_ready(PATIENCE, &mut |_| ()).unwrap_err()
    }

    /// A client that finds the edge under its public name, and trusts it.
    fn client(&self, url: &PublicUrl) -> Client {
        self.client_of(port_of(url))
    }

    fn client_of(&self, edge: u16) -> Client {
        let settings = client::Settings {
            ca_certificates: Some(fs::read(self.file("certificate.pem")).unwrap()),
            resolve: [((NAME.to_owned(), edge), Ipv4Addr::LOCALHOST.into())].into(),
            connect_timeout: Some(PATIENCE),
            ..client::Settings::default()
        };
        Client::new(&settings).unwrap()
    }

    /// Makes the stand-in die, and waits for that.
    fn kill(&self, cloudflared: &Cloudflared, url: &PublicUrl) -> Ended {
        let request = Request::event_stream(&format!("{url}/die"), None, &[], None);
        assert!(self.client(url).session().open(&request).is_err(), "it died, and does not answer");
        ended(cloudflared)
    }

    fn deadline(&self) -> Deadline {
        Deadline::new(&self.stop, Some(PATIENCE))
    }
}

/// The request for the events of a tunnel's origin.
fn events(url: &PublicUrl, query: &str) -> Request {
    Request::event_stream(&format!("{url}/events{query}"), None, &[], None)
}

fn port_of(url: &PublicUrl) -> u16 {
    url.as_str().rsplit_once(':').unwrap().1.parse().unwrap()
}

/// A port of 127.0.0.1 that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether nobody listens on a port of 127.0.0.1.
fn is_closed(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE).is_err()
}

/// Waits until it ended by itself.
fn ended(cloudflared: &Cloudflared) -> Ended {
    loop {
        if let Event::Ended(ended) = cloudflared.events().recv_timeout(PATIENCE).expect("it ends") {
            return *ended;
        }
    }
}

fn connected(cloudflared: &Cloudflared) -> PublicUrl {
    cloudflared.wait_ready(PATIENCE, &mut |_| ()).unwrap()
}
