//! `tunnel`: the real program with the stand-in, the whole experiment.

mod endings;
mod reports;
mod starts;

use std::fs;
use std::process::Command;

use sse_argo_tester::client::{Client, Request};
use sse_argo_tester::tunnel::cloudflared::PublicUrl;

use super::{NAME, Stage, TOKEN, connected, free_port, is_closed, stand_in};
use crate::common::program::{Finished, Program};

/// The program, the stand-in, and where its edge and the origin are.
struct Set {
    stage: Stage,
    edge: u16,
    origin: u16,
    variables: Vec<(String, String)>,
}

impl Set {
    fn new() -> Set {
        let (edge, origin) = (free_port(), free_port());
        let set = Set { stage: Stage::quick(0), edge, origin, variables: Vec::new() };
        let [edge, origin] = [format!("127.0.0.1:{edge}"), origin.to_string()];
        set.with("STAND_IN_EDGE", &edge).with("STAND_IN_ORIGIN", &origin)
    }

    fn with(mut self, name: &str, value: &str) -> Set {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn mode(self, mode: &str) -> Set {
        self.with("STAND_IN_MODE", mode)
    }

    /// The public name, with the edge's port.
    fn host(&self) -> String {
        format!("{NAME}:{}", self.edge)
    }

    fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    /// `tunnel` with these arguments, and with what leads its client to the stand-in's edge. What comes first on the
    /// command line gives way to what comes later.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        let [resolve, listen] = [format!("{}:127.0.0.1", self.host()), format!("127.0.0.1:{}", self.origin)];
        // What is late on a busy machine by less than this is no tunnel's doing.
        command.args(["tunnel", "--within", "1s", "--listen", &listen, "--resolve", &resolve, "--cacert"]);
        command.arg(self.stage.file("certificate.pem")).args(args);
        command.envs(self.stage.settings.environment.iter().map(|(name, value)| (name, value)));
        command.env_remove("TUNNEL_TOKEN").env_remove("TUNNEL_TOKEN_FILE");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("TMPDIR", self.stage.folder.path()).env_remove("RUNTIME_DIRECTORY").env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// With the stand-in.
    fn start(&self, args: &[&str]) -> Program {
        let program = stand_in::program();
        Program::by(self.command(&[&["--cloudflared", program.to_str().unwrap()], args].concat()))
    }

    /// To its end, after which nothing may be left.
    fn run(&self, args: &[&str]) -> Finished {
        self.finish(self.start(args))
    }

    fn finish(&self, program: Program) -> Finished {
        let finished = program.finish();
        assert_eq!(self.processes(), [] as [String; 0], "{}", finished.said());
        assert!(is_closed(self.edge) && is_closed(self.origin));
        finished
    }

    /// The processes that belong to it, but for those of the test: nobody else knows of this edge.
    fn processes(&self) -> Vec<String> {
        let mark = format!("STAND_IN_EDGE=127.0.0.1:{}\0", self.edge);
        let is_marked = |pid: &String| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        };
        pids().filter(is_marked).collect()
    }

    /// A client that finds the edge.
    fn client(&self) -> Client {
        self.stage.client_of(self.edge)
    }

    fn request(&self, path: &str) -> Request {
        Request::event_stream(&(self.url() + path), None, &[], None)
    }
}

/// All processes.
fn pids() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    entries.filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
}

/// A tunnel to what a [`Set`] serves, which was started before.
fn sidecar(origin: u16) -> (Stage, super::Cloudflared, PublicUrl) {
    let stage = Stage::named(origin).with("TUNNEL_TOKEN", TOKEN);
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    (stage, cloudflared, url)
}
