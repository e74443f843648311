//! What cloudflared's metrics server tells, on loopback. Asked over plain TCP: no proxy that the environment names may
//! come in between.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The longest time that each step may take. Nothing else has to be done meanwhile.
const STEP_MAX: Duration = Duration::from_millis(500);
/// The longest answer that is read.
const ANSWER_MAX: u64 = 16 * 1024;

/// Whether it is connected to Cloudflare.
pub(super) fn is_ready(server: SocketAddr) -> bool {
    get(server, "/ready").is_ok_and(|(status, _)| status == 200)
}

/// The name that a quick tunnel got; none if it does not tell one, as old versions don't.
///
/// # Errors
/// When it does not answer.
pub(super) fn quick_name(server: SocketAddr) -> io::Result<Option<String>> {
    let (status, body) = get(server, "/quicktunnel")?;
    Ok(serde_json::from_str(&body).ok().filter(|_| status == 200).and_then(|answer| name_in(&answer)))
}

fn name_in(answer: &Value) -> Option<String> {
    let name = answer["hostname"].as_str()?;
    let name = name.strip_prefix("https://").unwrap_or(name);
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b));
    (is_plain && !name.is_empty()).then(|| name.to_owned())
}

fn get(server: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, STEP_MAX)?;
    stream.set_read_timeout(Some(STEP_MAX))?;
    stream.set_write_timeout(Some(STEP_MAX))?;
    // HTTP/1.0: the answer ends with the connection, and is not chunked.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, body.to_owned()))
}
