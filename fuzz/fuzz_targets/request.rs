//! A request head is found where it ends however it comes in, and what is let pass is forwarded without surprises.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::http::request::{Target, fields, forwardable, screen};
use sse_argo_tester::http::scan::HeadScanner;

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let whole = HeadScanner::default().scan(bytes);
    assert_eq!(scanned(bytes, 1), whole);
    assert_eq!(scanned(bytes, usize::from(size).max(1)), whole);
    let head = match whole {
        Ok(Some(len)) => &bytes[..len],
        // What can't be a head must do no harm either.
        Ok(None) | Err(_) => bytes,
    };
    let Ok(screened) = screen(head) else { return };
    for (name, value) in fields(head) {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'), "{name:?}");
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
    }
    let Target::Path(target) = &screened.target else { return };
    assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?}");
    let forwarded = forwardable(head, target);
    assert_eq!(HeadScanner::default().scan(&forwarded), Ok(Some(forwarded.len())), "one head, and nothing behind it");
    let names: Vec<String> = fields(&forwarded).into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert!(!names.iter().any(|name| name == "transfer-encoding" || name == "content-length"), "{names:?}");
});

/// What is found in the bytes as they come in, so many at a time.
fn scanned(bytes: &[u8], size: usize) -> Result<Option<usize>, sse_argo_tester::http::Refusal> {
    let mut scanner = HeadScanner::default();
    let ends = (1..=bytes.len().div_ceil(size)).map(|piece| bytes.len().min(piece * size));
    for end in ends {
        match scanner.scan(&bytes[..end]) {
            Ok(None) => {}
            found => return found,
        }
    }
    Ok(None)
}
