//! As much of HTTP/1.1 as the relay needs.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;

use super::body::Piece;
use super::{Ending, Scope};

/// A head: its first line, and its fields as they came.
struct Head {
    first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Head> {
        let mut lines = std::iter::from_fn(|| match line(reader) {
            Ok(line) if line.is_empty() => None,
            line => Some(line),
        });
        let first = lines.next().ok_or(io::ErrorKind::InvalidData)??;
        let mut fields = Vec::new();
        for line in lines {
            let line = line?;
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Head { first, fields })
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn length(&self) -> Option<u64> {
        self.get("Content-Length")?.parse().ok()
    }

    /// The head without some fields, and with others.
    fn with(&self, without: &[&str], with: &str) -> String {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.fields {
            if !without.iter().any(|field| field.eq_ignore_ascii_case(name)) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text + with + "\r\n"
    }
}

/// A line without its line break; an error at the end of the stream.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(line.trim_end_matches('\r').to_owned())
}

pub(super) struct Request {
    head: Head,
    body: Vec<u8>,
}

impl Request {
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Request> {
        let head = Head::read(reader)?;
        let mut body = Vec::new();
        reader.take(head.length().unwrap_or(0)).read_to_end(&mut body)?;
        Ok(Request { head, body })
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        let target = self.head.first.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    pub(super) fn is_in(&self, scope: Scope) -> bool {
        scope == Scope::Everything || self.path().ends_with("/events")
    }

    pub(super) fn is_head(&self) -> bool {
        self.head.first.starts_with("HEAD ")
    }

    pub(super) fn accepts_gzip(&self) -> bool {
        self.head.get("Accept-Encoding").is_some_and(|codings| {
            codings.split(',').map(str::trim).any(|coding| coding.starts_with("gzip") && !coding.ends_with("q=0"))
        })
    }

    pub(super) fn forwarded(&self, keeps_query: bool) -> Vec<u8> {
        let head = self.head.with(&["Connection"], "Connection: close\r\n");
        let query = self.head.first.split_once('?').and_then(|(_, rest)| rest.split(' ').next());
        let query = query.filter(|_| !keeps_query).map_or(String::new(), |query| format!("?{query}"));
        [head.replacen(&query, "", 1).as_bytes(), &self.body].concat()
    }
}

pub(super) struct Response(Head);

impl Response {
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Response> {
        Head::read(reader).map(Response)
    }

    pub(super) fn is_event_stream(&self) -> bool {
        self.0.get("Content-Type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    pub(super) fn is_encoded(&self) -> bool {
        self.0.get("Content-Encoding").is_some_and(|coding| coding != "identity")
    }

    /// The head as it came.
    pub(super) fn text(&self) -> String {
        self.0.with(&[], "")
    }

    /// The head for a body that the relay cuts into chunks of its own.
    pub(super) fn rechunked(&self, compressed: bool) -> String {
        let added = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
        let framing = ["Transfer-Encoding", "Content-Length", "Connection"];
        if compressed {
            let without = [&framing[..], &["Content-Encoding"]].concat();
            return self.0.with(&without, &format!("Content-Encoding: gzip\r\n{added}"));
        }
        self.0.with(&framing, added)
    }
}

/// A chunk; the last one if there are no bytes.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A response's body, without its framing.
pub(super) struct Body<'a> {
    reader: BufReader<&'a TcpStream>,
    framing: Framing,
}

enum Framing {
    /// Bytes left of the chunk; none before the first one.
    Chunked(Option<u64>),
    /// Bytes left.
    Length(u64),
    Close,
}

impl<'a> Body<'a> {
    pub(super) fn new(reader: BufReader<&'a TcpStream>, response: &Response) -> Body<'a> {
        let framing = match response.0.length() {
            _ if response.0.get("Transfer-Encoding").is_some() => Framing::Chunked(None),
            Some(length) => Framing::Length(length),
            None => Framing::Close,
        };
        Body { reader, framing }
    }

    /// What can be read at once of a chunk, or how the body ended.
    pub(super) fn next(&mut self) -> Piece {
        match self.read() {
            Ok(Some(bytes)) => Piece::Bytes(bytes),
            Ok(None) => Piece::End(Ending::Clean),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Piece::End(Ending::Reset),
            Err(_) => Piece::End(Ending::Truncated),
        }
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Framing::Chunked(left @ (None | Some(0))) = &mut self.framing {
            if left.is_some() {
                line(&mut self.reader)?;
            }
            let size = u64::from_str_radix(&line(&mut self.reader)?, 16);
            *left = Some(size.map_err(|_| io::ErrorKind::InvalidData)?);
            if *left == Some(0) {
                // The end of a trailer section without fields.
                return line(&mut self.reader).map(|_| None);
            }
        }
        let left = match &mut self.framing {
            Framing::Length(0) => return Ok(None),
            Framing::Chunked(left) => left.as_mut(),
            Framing::Length(left) => Some(left),
            Framing::Close => None,
        };
        let available = self.reader.fill_buf()?;
        let most = left.as_ref().map_or(u64::MAX, |left| **left);
        let bytes = available[..available.len().min(usize::try_from(most).unwrap_or(usize::MAX))].to_vec();
        self.reader.consume(bytes.len());
        match left {
            Some(_) if bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            None if bytes.is_empty() => Ok(None),
            Some(left) => {
                *left -= bytes.len() as u64;
                Ok(Some(bytes))
            }
            None => Ok(Some(bytes)),
        }
    }
}
