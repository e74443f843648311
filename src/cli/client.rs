//! The options of every command that is a client, with curl's names and meanings.

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::request::Change;
use crate::client::{Client, Family, Request, Settings};
use crate::units::parse_duration;

/// Declares a command's options with those of a client behind its own, and a method `client` that takes the latter out.
/// argh has no way to embed one struct in another.
macro_rules! client_command {
    ($(#[$meta:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub(super) struct $name {
            $($own)*
            /// method (GET, or POST with -d)
            #[argh(option, short = 'X', arg_name = "method")]
            request: Option<String>,
            /// header field 'Name: value', instead of ours; 'Name:' leaves one out
            #[argh(option, short = 'H', arg_name = "field")]
            header: Vec<crate::client::request::Change>,
            /// body, sent by POST; @FILE reads it from a file, @- from stdin
            #[argh(option, short = 'd', arg_name = "data")]
            data: Vec<String>,
            /// accept any certificate
            #[argh(switch, short = 'k')]
            insecure: bool,
            /// trust the certificates in this PEM file, and no others
            #[argh(option, arg_name = "file")]
            cacert: Option<std::path::PathBuf>,
            /// address to use for a host and port: HOST:PORT:ADDR
            #[argh(option, from_str_fn(crate::cli::client::resolve), arg_name = "host:port:addr")]
            resolve: Vec<((String, u16), std::net::IpAddr)>,
            /// seconds until the connection must be there
            #[argh(option, from_str_fn(crate::cli::client::seconds), arg_name = "s")]
            connect_timeout: Option<Option<std::time::Duration>>,
            /// seconds after which to end
            #[argh(option, from_str_fn(crate::cli::client::seconds), arg_name = "s")]
            max_time: Option<Option<std::time::Duration>>,
            /// use IPv4 alone
            #[argh(switch, short = '4')]
            ipv4: bool,
            /// use IPv6 alone
            #[argh(switch, short = '6')]
            ipv6: bool,
            /// HTTP proxy to go through, such as http://127.0.0.1:3128
            #[argh(option, short = 'x', arg_name = "url")]
            proxy: Option<String>,
        }

        impl $name {
            /// Takes the client's options out.
            fn client(&mut self) -> crate::cli::client::ClientOptions {
                crate::cli::client::ClientOptions {
                    method: self.request.take(),
                    changes: std::mem::take(&mut self.header),
                    data: std::mem::take(&mut self.data),
                    insecure: self.insecure,
                    cacert: self.cacert.take(),
                    resolve: std::mem::take(&mut self.resolve),
                    connect_timeout: self.connect_timeout.flatten(),
                    max_time: self.max_time.flatten(),
                    ipv4: self.ipv4,
                    ipv6: self.ipv6,
                    proxy: self.proxy.take(),
                }
            }
        }
    };
}
pub(super) use client_command;

/// A client's options as typed.
#[derive(Debug)]
pub(super) struct ClientOptions {
    pub(super) method: Option<String>,
    pub(super) changes: Vec<Change>,
    pub(super) data: Vec<String>,
    pub(super) insecure: bool,
    pub(super) cacert: Option<PathBuf>,
    pub(super) resolve: Vec<((String, u16), IpAddr)>,
    pub(super) connect_timeout: Option<Duration>,
    /// The longest time that the command may take.
    pub(super) max_time: Option<Duration>,
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
    pub(super) proxy: Option<String>,
}

impl ClientOptions {
    /// The request for the event stream at `url`. Reads the files that the options name.
    ///
    /// # Errors
    /// A text for the user, for a file that can't be read.
    pub(super) fn request(&self, url: &str) -> Result<Request, String> {
        let body = body(&self.data)?;
        Ok(Request::event_stream(url, self.method.as_deref(), &self.changes, body))
    }

    /// The same, for a command that needs events `to` do something with them.
    ///
    /// # Errors
    /// Also for a method that asks for none.
    pub(super) fn request_for_events(&self, url: &str, to: &str) -> Result<Request, String> {
        let request = self.request(url)?;
        if request.method.eq_ignore_ascii_case("HEAD") {
            return Err(format!("-X HEAD asks for no events, and so there is nothing to {to}"));
        }
        Ok(request)
    }

    /// The client.
    ///
    /// # Errors
    /// A text for the user, for options that exclude each other, a file that can't be read, and a proxy that is none.
    pub(super) fn into_client(self) -> Result<Client, String> {
        Client::new(&self.into_settings()?).map_err(|error| error.to_string())
    }

    /// The client, and one for what is on this machine, where neither the proxy nor the choice of addresses counts.
    ///
    /// # Errors
    /// As those of the client.
    pub(super) fn into_clients(self) -> Result<(Client, Client), String> {
        let settings = self.into_settings()?;
        let client = Client::new(&settings).map_err(|error| error.to_string())?;
        let near = Settings { family: Family::Any, proxy: None, ..settings };
        Ok((client, Client::new(&near).map_err(|error| error.to_string())?))
    }

    /// The client's settings.
    ///
    /// # Errors
    /// A text for the user, for options that exclude each other, and a file that can't be read.
    pub(super) fn into_settings(self) -> Result<Settings, String> {
        let family = match (self.ipv4, self.ipv6) {
            (false, false) => Family::Any,
            (true, false) => Family::V4,
            (false, true) => Family::V6,
            (true, true) => return Err("-4 and -6 exclude each other".to_owned()),
        };
        Ok(Settings {
            insecure: self.insecure,
            ca_certificates: self.cacert.as_deref().map(read).transpose()?,
            resolve: self.resolve.into_iter().collect(),
            connect_timeout: self.connect_timeout,
            family,
            proxy: self.proxy,
            ..Settings::default()
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))
}

/// The body that several `-d` make together, none without any.
fn body(data: &[String]) -> Result<Option<Vec<u8>>, String> {
    let parts = data.iter().map(|text| body_part(text)).collect::<Result<Vec<_>, _>>()?;
    Ok((!parts.is_empty()).then(|| parts.join(&b'&')))
}

/// "If you start the data with the letter @, the rest should be a filename to read the data from, or - [...]. carriage
/// returns, newlines and null bytes are stripped out" (curl's manual).
fn body_part(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = match text.strip_prefix('@') {
        None => return Ok(text.as_bytes().to_vec()),
        Some("-") => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map_err(|error| format!("read standard input: {error}"))?;
            bytes
        }
        Some(path) => read(Path::new(path))?,
    };
    bytes.retain(|b| !matches!(b, b'\r' | b'\n' | b'\0'));
    Ok(bytes)
}

/// `HOST:PORT:ADDR`, an IPv6 address with or without brackets.
pub(super) fn resolve(text: &str) -> Result<((String, u16), IpAddr), String> {
    let parsed = || {
        let (host, rest) = text.split_once(':')?;
        let (port, address) = rest.split_once(':')?;
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let place = (host.to_ascii_lowercase(), port.parse().ok()?);
        Some((place, address.parse().ok()?)).filter(|_| !host.is_empty())
    };
    parsed().ok_or_else(|| "it is HOST:PORT:ADDR, such as example.com:443:127.0.0.1".to_owned())
}

/// Seconds, as curl has them, or a duration with its unit; none for 0, which is no limit.
pub(super) fn seconds(text: &str) -> Result<Option<Duration>, String> {
    let bare = text.ends_with(|c: char| c.is_ascii_digit());
    let duration = if bare { parse_duration(&format!("{text}s")) } else { parse_duration(text) };
    let duration =
        duration.map_err(|_| "it is a number of seconds, such as 2.5, or a duration such as 250ms".to_owned());
    Ok(Some(duration?).filter(|duration| !duration.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        let ms = |text| seconds(text).map(|time| time.map(|time| time.as_millis()));
        assert_eq!(ms("2"), Ok(Some(2000)));
        assert_eq!(ms("0.25"), Ok(Some(250)));
        assert_eq!(ms("250ms"), Ok(Some(250)));
        assert_eq!(ms("1m"), Ok(Some(60_000)));
        assert_eq!(ms("0"), Ok(None));
        assert!(seconds("-1").is_err() && seconds("soon").is_err() && seconds("").is_err());
    }

    #[test]
    fn addresses_for_hosts() {
        let of = |host: &str, port, address: &str| Ok(((host.to_owned(), port), address.parse().unwrap()));
        assert_eq!(resolve("A.example:443:127.0.0.1"), of("a.example", 443, "127.0.0.1"));
        assert_eq!(resolve("a:80:[::1]"), of("a", 80, "::1"));
        assert_eq!(resolve("a:80:::1"), of("a", 80, "::1"));
        for bad in ["", "a", "a:80", "a:b:127.0.0.1", "a:80:b", ":80:127.0.0.1", "a:65536:127.0.0.1"] {
            assert!(resolve(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bodies_are_typed_or_read_and_joined() {
        let body = |data: &[&str]| body(&data.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("body");
        fs::write(&path, "a\r\nb\0\n").unwrap();
        let from_file = format!("@{}", path.display());
        assert_eq!(body(&[]), Ok(None));
        assert_eq!(body(&[""]), Ok(Some(Vec::new())));
        assert_eq!(body(&["x=1\n", &from_file]), Ok(Some(b"x=1\n&ab".to_vec())));
        let missing = body(&["@/no/such/file"]).unwrap_err();
        assert_eq!(missing, "read /no/such/file: No such file or directory (os error 2)");
    }
}
