//! Gzip data, whole or damaged, give the same however they are cut; what is flushed comes out at once.

#![no_main]

use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use sse_argo_tester::client::content::{Content, ContentError};
use sse_argo_tester::client::{Head, Timing};

fuzz_target!(|input: &[u8]| {
    let Some((&[mode, size, at, change], rest)) = input.split_first_chunk::<4>() else { return };
    let size = usize::from(size).max(1);
    let mut stream = if mode & 1 == 0 { rest.to_vec() } else { compressed(rest, size, mode & 2 > 0) };
    let is_sound = mode & 1 > 0 && change == 0;
    if mode & 1 > 0 && !stream.is_empty() {
        let at = usize::from(at) * 3 % stream.len();
        stream[at] ^= change;
    }
    let whole = decode([stream.as_slice()]);
    if is_sound {
        assert_eq!(whole, (rest.to_vec(), Ok(())));
    }
    assert_eq!(decode(stream.chunks(size)), whole);
    assert_eq!(decode(stream.chunks(1)), whole);
});

/// What is decoded, and how it ends.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), ContentError>) {
    let mut content = Content::of(&head()).expect("gzip is known");
    let mut decoded = Vec::new();
    for piece in pieces {
        let (bytes, fed) = content.decode(piece.to_vec());
        decoded.extend(bytes);
        if fed.is_err() {
            return (decoded, fed);
        }
    }
    (decoded, content.finish())
}

/// One member, or one for each part, flushed behind each part. Checks that what is flushed can be decoded at once.
fn compressed(plain: &[u8], size: usize, members: bool) -> Vec<u8> {
    let new = || GzEncoder::new(Vec::new(), Compression::fast());
    let (mut stream, mut encoder) = (Vec::new(), new());
    let mut content = Content::of(&head()).expect("gzip is known");
    for part in plain.chunks(size) {
        encoder.write_all(part).expect("a vector takes everything");
        encoder.flush().expect("a vector takes everything");
        let flushed = std::mem::take(encoder.get_mut());
        assert_eq!(content.decode(flushed.clone()), (part.to_vec(), Ok(())));
        stream.extend(flushed);
        if members {
            let end = std::mem::replace(&mut encoder, new()).finish().expect("a vector takes everything");
            assert_eq!(content.decode(end.clone()), (Vec::new(), Ok(())));
            stream.extend(end);
        }
    }
    stream.extend(encoder.finish().expect("a vector takes everything"));
    stream
}

/// The head of a compressed response.
fn head() -> Head {
    let now = Instant::now();
    let (none, written) = (None, now);
    let timing =
        Timing { begun: now, resolved: none, connected: none, secured: none, written, answered: now, head: now };
    Head {
        status: 200,
        version: "1.1".to_owned(),
        headers: vec![("Content-Encoding".to_owned(), "gzip".to_owned())],
        redirects: Vec::new(),
        url: "http://localhost/".to_owned(),
        timing,
        remote: None,
    }
}
