//! A real proxy as a child process.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::common::eventually;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Software {
    Nginx,
    Haproxy,
    Lighttpd,
    Apache,
}

impl Software {
    fn skeleton(self) -> &'static str {
        match self {
            Software::Nginx => include_str!("nginx.conf"),
            Software::Haproxy => include_str!("haproxy.cfg"),
            Software::Lighttpd => include_str!("lighttpd.conf"),
            Software::Apache => include_str!("apache.conf"),
        }
    }

    /// In the foreground. The configuration is added behind.
    fn command(self) -> Command {
        let (program, args) = match self {
            Software::Nginx => ("/usr/sbin/nginx", &["-e", "stderr", "-c"][..]),
            Software::Haproxy => ("/usr/sbin/haproxy", &["-db", "-f"][..]),
            Software::Lighttpd => ("/usr/sbin/lighttpd", &["-D", "-f"][..]),
            Software::Apache => ("/usr/sbin/apache2", &["-D", "FOREGROUND", "-f"][..]),
        };
        let mut command = Command::new(program);
        command.args(args);
        command
    }

    /// Its name and version, as it says them itself.
    pub(crate) fn version(self) -> String {
        let output = self.command_for_version().output().expect("run the proxy");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).replace(['/', '-'], " ");
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        format!("{} {}", format!("{self:?}").to_lowercase(), number.expect("a version"))
    }

    fn command_for_version(self) -> Command {
        let mut command = Command::new(self.command().get_program());
        command.arg("-v");
        command
    }
}

/// One of several proxies on a path: which, and what stands in its configuration.
pub(crate) type Hop = (Software, &'static str);

/// A proxy that runs, in a process group and a folder of its own. Killed when dropped.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    place: TempDir,
}

impl Proxy {
    /// Starts it in front of `origin`, and waits until it accepts.
    pub(crate) fn start(software: Software, config: &str, origin: SocketAddr) -> Proxy {
        let place = TempDir::new().unwrap();
        let address = free_address();
        let text = software.skeleton().replace("{CONFIG}", config);
        let text = [
            ("{LISTEN}", address.to_string()),
            ("{LISTEN_HOST}", address.ip().to_string()),
            ("{LISTEN_PORT}", address.port().to_string()),
            ("{ORIGIN}", origin.to_string()),
            ("{ORIGIN_HOST}", origin.ip().to_string()),
            ("{ORIGIN_PORT}", origin.port().to_string()),
            ("{TEMP}", place.path().display().to_string()),
        ]
        .into_iter()
        .fold(text, |text, (name, value)| text.replace(name, &value));
        let path = place.path().join("conf");
        fs::write(&path, text).unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let mut command = software.command();
        command.arg(&path).process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("start {software:?}: {error}"));
        let mut proxy = Proxy { child, address, place };
        eventually(|| {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{software:?} ended: {}", proxy.log());
            TcpStream::connect(address).ok()
        });
        proxy
    }

    /// Starts several, one behind the other, the one that the client sees first. The first of what is returned is that one.
    pub(crate) fn chain(hops: &[Hop], origin: SocketAddr) -> Vec<Proxy> {
        let mut started: Vec<Proxy> = Vec::new();
        for (software, config) in hops.iter().rev() {
            let next = started.first().map_or(origin, |proxy| proxy.address);
            started.insert(0, Proxy::start(*software, config, next));
        }
        started
    }

    /// Ends it at once, as a crash or a restart does.
    pub(crate) fn kill(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address of this process alone, so that nobody else takes the port before the proxy does: all of 127.0.0.0/8 is
/// loopback.
///
/// It is found without listening there. A child that is just being started has a copy of the socket until it executes its
/// program, and whoever looked for the proxy would find that.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = [127, high | 128, low, NEXT.fetch_add(1, Ordering::Relaxed)];
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((host, 0)).into()).unwrap();
    socket.local_addr().unwrap().as_socket().unwrap()
}
