//! The page's decoder reads streams as the Rust one does, cut anywhere.

use std::cell::RefCell;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sse_argo_tester::sse::Decoder;
use sse_argo_tester::sse::decoder::{Decoded, Item};

use crate::common::browser::Browser;

const CASES: u32 = 400;

/// The module of the page that decodes.
const MODULE: &str = include_str!("../../../src/page/decoder.js");

/// An empty page with the decoder.
fn decoder() -> Browser {
    let mut browser = Browser::start();
    let url = format!("data:text/javascript;base64,{}", BASE64_STANDARD.encode(MODULE));
    browser.evaluate(&format!("import('{url}').then(({{Decoder}}) => {{ globalThis.Decoder = Decoder; }})"));
    browser
}

/// Feeds pieces of a stream to the page's decoder; what comes out of it.
const READ: &str = "(pieces, lastId) => { const found = []; \
    const on = {event: ({type, data, id, start, end}) => found.push(['event', type, data, id, start, end]), \
    comment: (end) => found.push(['comment', end]), retry: (ms) => found.push(['retry', ms])}; \
    const decoder = new Decoder(on, lastId); pieces.forEach(piece => decoder.feed(Uint8Array.from(piece))); \
    return found; }";

/// An item in the words of [`READ`].
fn told(Decoded { item, start, end }: Decoded) -> Value {
    match item {
        Item::Event(event) => json!(["event", event.event, event.data, event.last_event_id, start, end]),
        Item::Comment(_) => json!(["comment", end]),
        // A number in JavaScript is no longer exact then, which no wait is.
        Item::Retry(ms) => json!(["retry", ms.min(1 << 53)]),
    }
}

/// How the page differs from Rust in what it reads.
fn differs(browser: &mut Browser, pieces: &[&[u8]], last_id: &str) -> Option<String> {
    let mut decoder = Decoder::resuming(last_id);
    let mut rust = Vec::new();
    for piece in pieces {
        rust.extend(decoder.feed(piece).map(|item| told(item.unwrap())));
    }
    let page = browser.evaluate(&format!("({READ})({}, {})", json!(pieces), json!(last_id)));
    (page != json!(rust)).then(|| format!("{pieces:?} after {last_id:?}: the page has {page}, Rust {}", json!(rust)))
}

#[test]
#[ignore = "needs chromium"]
fn streams_are_read_alike_however_they_are_cut() {
    let words: Vec<&[u8]> = vec![
        b"data",
        b"data: ",
        b"id",
        b"event",
        b"retry",
        b"retry: 15",
        b": ",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"1",
        b"x",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xf0\x9f\x98\x80",
        b"\xe2\x82",
        b"\xff",
        b"\n\n",
        b"\r\r",
    ];
    let stream = prop::collection::vec(prop::sample::select(words), 0..60);
    let sizes = prop::collection::vec(1_usize..9, 1..40);
    let browser = RefCell::new(decoder());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(stream, sizes, "[0-9é]{0,2}"), |(stream, sizes, last_id)| {
        let stream = stream.concat();
        let mut rest = stream.as_slice();
        let pieces = sizes.iter().cycle().map_while(|size| {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(differs(&mut browser.borrow_mut(), &pieces.collect::<Vec<_>>(), &last_id), None);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
#[ignore = "needs chromium"]
fn what_is_too_long_is_no_stream() {
    let mut browser = decoder();
    let fed = browser.evaluate(
        "(() => { const on = {event() {}, comment() {}, retry() {}}; const piece = new Uint8Array(1 << 20).fill(120); \
         const lines = new TextEncoder().encode(`data:${'x'.repeat((1 << 20) - 6)}\\n`); \
         return [piece, lines].map((piece) => { const decoder = new Decoder(on); let fed = 0; \
         while (fed < 20 && decoder.feed(piece)) fed++; return fed; }); })()",
    );
    assert_eq!(fed, json!([16, 16]));
}
