//! The yardstick: the least server that a thread per connection allows, in std alone. It does no parsing, counting,
//! logging or shutting down, has no limits, and notices a hang-up when a write fails.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::client::now_us;
use crate::machine;
use crate::server::ANNOUNCEMENT;

/// std's own listeners have 128.
const BACKLOG: i32 = 4096;
const STACK: usize = 64 * 1024;
const INTERVAL: Duration = Duration::from_secs(1);
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store, no-transform\r\n\
                    X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n";
const HELLO: &str = "event: hello\ndata: {\"server\":\"bare\"}\n\n";

/// Serves until it is killed.
pub(crate) fn serve() -> Result<(), String> {
    machine::raise_descriptor_limit()?;
    let listener = listen().map_err(|error| format!("listen on a loopback port: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("{ANNOUNCEMENT}{address}/");
    loop {
        let (stream, _) = listener.accept().map_err(|error| format!("accept: {error}"))?;
        thread::Builder::new()
            .stack_size(STACK)
            // A failing write is how this server notices that a client is gone.
            .spawn(move || answer(stream))
            .map_err(|error| format!("start a thread: {error}"))?;
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.cloexec(), None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let only_hello = asks_for_no_events(&mut stream)?;
    if only_hello {
        return stream.write_all(format!("{HEAD}Connection: close\r\n\r\n{}0\r\n\r\n", chunk(HELLO)).as_bytes());
    }
    stream.write_all(format!("{HEAD}\r\n{}", chunk(HELLO)).as_bytes())?;
    let start = Instant::now();
    for seq in 1_u32.. {
        thread::sleep((start + INTERVAL * seq).saturating_duration_since(Instant::now()));
        stream.write_all(chunk(&event(seq, now_us())).as_bytes())?;
    }
    Ok(())
}

/// Reads the request head, and of it no more than whether its target has `count=0`.
fn asks_for_no_events(stream: &mut TcpStream) -> io::Result<bool> {
    let mut head = [0; 1024];
    let mut filled = 0;
    while !head[..filled].ends_with(b"\r\n\r\n") {
        match stream.read(&mut head[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => filled += length,
        }
    }
    Ok(head[..filled].starts_with(b"GET /events?count=0 "))
}

/// An event of the same length as the crate's own; its date is a constant, the rest is live.
fn event(seq: u32, sent_us: u64) -> String {
    let micros = sent_us % 1_000_000;
    format!(
        "id: {seq}\ndata: {{\"seq\":{seq},\"sent_us\":{sent_us},\"time\":\"2026-11-21T11:29:57.{micros:06}Z\",\
         \"crc32\":\"00000000\",\"fill\":\"\"}}\n\n"
    )
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}
