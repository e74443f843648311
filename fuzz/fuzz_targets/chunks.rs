//! A chunked body is the same however it comes in, no larger than its limit, and what is encoded is decoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::http::chunk::{ChunkError, Decoder, LAST_CHUNK, Piece};

fuzz_target!(|input: &[u8]| {
    let Some((&[size, limit], bytes)) = input.split_first_chunk::<2>() else { return };
    let (size, limit) = (usize::from(size).max(1), usize::from(limit));
    let whole = decoded(bytes, 1, limit);
    assert_eq!(decoded(bytes, size, limit), whole);
    let (body, result) = whole;
    assert!(body.len() <= limit);
    assert!(result.is_err() || result.is_ok_and(|len| len.is_none_or(|len| len <= bytes.len())));

    let pieces = bytes.chunks(size).map(|part| Piece::of(|out| out.extend_from_slice(part)));
    let mut encoded: Vec<u8> = pieces.flat_map(|piece| piece.chunk().to_vec()).collect();
    encoded.extend(LAST_CHUNK);
    let len = encoded.len();
    encoded.extend(b"GET");
    assert_eq!(decoded(&encoded, size, bytes.len()), (bytes.to_vec(), Ok(Some(len))));
});

/// The payload, and how much of the input it took or why it can't be read; the input comes so many bytes at a time.
fn decoded(input: &[u8], size: usize, limit: usize) -> (Vec<u8>, Result<Option<usize>, ChunkError>) {
    let mut decoder = Decoder::default();
    let mut result = Ok(None);
    for piece in 1..=input.len().div_ceil(size) {
        result = decoder.decode(&input[..input.len().min(piece * size)], limit);
        if result != Ok(None) {
            break;
        }
    }
    (decoder.body, result)
}
