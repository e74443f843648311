//! Lines and blocks end in the same places however a stream is cut, and a comment where there is room for one changes no
//! event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::sse::decoder::{Decoder, Item};
use sse_argo_tester::sse::scanner::{BOM, BlockScanner, Boundary};

const COMMENT: &[u8] = b":x\n\n";

fuzz_target!(|input: &[u8]| {
    let Some((&[size, nth], stream)) = input.split_first_chunk::<2>() else { return };
    let whole = boundaries([stream]);
    assert_eq!(boundaries(stream.chunks(1)), whole);
    assert_eq!(boundaries(stream.chunks(usize::from(size).max(1))), whole);

    let (mut scanner, mut room) = (BlockScanner::default(), Vec::new());
    for (at, byte) in stream.iter().enumerate() {
        // A byte order mark must stay first.
        if scanner.is_between_blocks() && (at > 0 || !BOM.starts_with(&[*byte])) {
            room.push(at);
        }
        scanner.next_line(&[*byte]);
    }
    let Some(&at) = room.get(usize::from(nth) % room.len().max(1)) else { return };
    let with_comment = [&stream[..at], COMMENT, &stream[at..]].concat();
    assert_eq!(events(&with_comment), events(stream), "a comment at {at}");
});

/// Where lines and blocks end.
fn boundaries<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(usize, Boundary)> {
    let (mut scanner, mut at, mut found) = (BlockScanner::default(), 0, Vec::new());
    for mut piece in pieces {
        while !piece.is_empty() {
            let step = scanner.next_line(piece);
            piece = &piece[step.len..];
            at += step.len;
            if step.boundary != Boundary::None {
                found.push((at, step.boundary));
            }
        }
    }
    found
}

/// What an EventSource takes of a stream.
fn events(stream: &[u8]) -> Vec<Item> {
    let mut decoder = Decoder::new(usize::MAX);
    let items = decoder.feed(stream).map(|decoded| decoded.expect("there is no limit").item);
    items.filter(|item| !matches!(item, Item::Comment(_))).collect()
}
