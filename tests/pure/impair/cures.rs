//! Cures: comments between blocks, exact in bytes and time.

use std::time::{Duration, Instant};

use sse_argo_tester::impair::Piece;

use super::story::{STREAM, Story, bytes, cured, end, events, expect, ms};

/// How many bytes came at each time.
fn sizes(story: &Story) -> Vec<(u64, usize)> {
    let sized = |(at, piece): &(u64, Piece)| match piece {
        Piece::Bytes(bytes) => (*at, bytes.len()),
        Piece::End(_) => (*at, 0),
    };
    story.out.iter().map(sized).collect()
}

#[test]
fn heartbeats_come_when_idle_and_never_inside_an_event() {
    let mut story = Story::new(&cured("heartbeat=1s"));
    story.until(1500).at(1600, bytes("data: a\n\n")).at(2500, bytes("da")).until(9000).at(9100, bytes("ta: b\n"));
    story.until(19_000).at(20_000, bytes("\n")).until(21_500);
    let expected = [
        (1000, ": heartbeat\n\n"),
        (1600, "data: a\n\n"),
        (2500, "da"),
        (9100, "ta: b\n"),
        (20_000, "\n"),
        (21_000, ": heartbeat\n\n"),
    ];
    assert_eq!(story.told(), expect(&expected));
}

#[test]
fn what_was_due_several_times_is_sent_once() {
    let (start, mut out) = (Instant::now(), Vec::new());
    let mut chain = cured("heartbeat=1s,pad-every=1s:3").for_response("GET", false, STREAM).chain(start);
    chain.fire(start + Duration::from_secs(60), &mut out);
    assert_eq!(out, [bytes(":\n\n")]);
    assert_eq!(chain.due(), Some(start + Duration::from_secs(61)));
}

#[test]
fn padding_at_the_start_is_exact_and_at_once() {
    for size in [3, 4, 1023, 1024, 1025, 1026, 1027, 4096, 65_536, 1 << 20] {
        let mut story = Story::new(&cured(&format!("pad={size}")));
        story.until(0);
        assert_eq!(sizes(&story), [(0, size)]);
        assert!(story.bytes().starts_with(b":") && story.bytes().ends_with(b"\n\n"));
        story.at(5, bytes("data: a\n\n")).at(6, end());
        assert_eq!(sizes(&story), [(0, size), (5, 9), (6, 0)]);
        assert_eq!(events(&story.bytes()), events(b"data: a\n\n"));
    }
}

#[test]
fn padding_comes_first_even_if_the_body_was_read_before() {
    let start = Instant::now() + ms(1000);
    let mut chain = cured("pad=3,pad-to=12,heartbeat=1s").for_response("GET", false, STREAM).chain(start);
    let mut out = Vec::new();
    chain.take(bytes("data: a\n\nda"), start - ms(10), &mut out);
    assert_eq!(out, [bytes(":\n\ndata: a\n\n:\n\nda")]);
    assert_eq!(chain.due(), None);
}

#[test]
fn padding_every_so_often_waits_for_the_end_of_a_block() {
    let mut story = Story::new(&cured("pad-every=1s:5"));
    story.at(900, bytes("data: a\n")).until(3000).at(3100, bytes("\ndata: b\n\n")).until(4500);
    let out = story.told();
    assert_eq!(sizes(&story), [(900, 8), (3100, 1 + 5 + 9), (4100, 5)], "{out:?}");
    assert!(out[1].1.starts_with("\n:") && out[1].1.ends_with("\n\ndata: b\n\n"), "{out:?}");
}

#[test]
fn blocks_are_padded_to_a_size_exactly() {
    let pad_to = |size: usize, stream: &str| {
        let mut story = Story::new(&cured(&format!("pad-to={size}")));
        story.at(0, bytes(stream)).until(999);
        String::from_utf8(story.bytes()).unwrap()
    };
    assert_eq!(pad_to(9, "data: a\n\n"), "data: a\n\n");
    assert_eq!(pad_to(10, "data: a\n\n"), "data: a\n\n\n");
    assert_eq!(pad_to(11, "data: a\n\n"), "data: a\n\n:\n");
    assert_eq!(pad_to(12, "data: a\n\n"), "data: a\n\n:\n\n");
    assert_eq!(pad_to(12, "data: a\r\n\r\n\r\n"), "data: a\r\n\r\n\n\r\n", "blank lines are no blocks");
    assert_eq!(pad_to(7, ": a\n\n"), ": a\n\n:\n", "comments are");
    assert_eq!(pad_to(100, "data: a\n").len(), 8, "what is unfinished waits");
    assert_eq!(pad_to(4096, "data: a\n\ndata: bb\n\n").len(), 8192);
    assert_eq!(pad_to(4096, &format!("data: {}\n\ndata: b\n\n", "x".repeat(5000))).len(), 5008 + 4096);
}

#[test]
fn comments_wait_for_the_lf_of_a_cr_but_not_for_ever() {
    let mut story = Story::new(&cured("pad-to=14"));
    story.at(0, bytes("data: a\r\n\r")).at(5, bytes("\ndata: b\r\n\r\n"));
    assert_eq!(story.told(), expect(&[(0, "data: a\r\n\r"), (5, "\n:\n\ndata: b\r\n\r\n:\n\n")]));
    let mut story = Story::new(&cured("pad-to=12"));
    story.at(0, bytes("data: a\r\r")).until(100).at(200, bytes("data: b\r\r")).at(205, bytes("data: c\n\n"));
    let expected = [(0, "data: a\r\r"), (20, ":\n\n"), (200, "data: b\r\r"), (205, ":\n\ndata: c\n\n:\n\n")];
    assert_eq!(story.told(), expect(&expected));
    let mut story = Story::new(&cured("pad-to=12"));
    story.at(0, bytes("data: a\r\r")).at(1, end());
    assert_eq!(story.told(), expect(&[(0, "data: a\r\r"), (1, ":\n\n"), (1, "[clean]")]));
}

#[test]
fn a_byte_order_mark_behind_a_comment_has_to_go() {
    let stream = "\u{feff}data: a\n\n".as_bytes();
    for cut in 1..stream.len() {
        let mut story = Story::new(&cured("pad=3,heartbeat=100ms"));
        story.at(0, Piece::Bytes(stream[..cut].to_vec())).until(500);
        story.at(1000, Piece::Bytes(stream[cut..].to_vec()));
        assert_eq!(events(&story.bytes()), events(stream), "{cut}: {:?}", story.told());
    }
    let mut story = Story::new(&cured("pad-to=15"));
    story.at(0, Piece::Bytes(stream.to_vec()));
    assert_eq!(story.bytes(), "\u{feff}data: a\n\n:\n\n".as_bytes(), "it passes where nothing was sent before it");
    let mut story = Story::new(&cured("pad=3"));
    story.at(0, Piece::Bytes(stream[..2].to_vec())).at(1, end());
    assert_eq!(story.bytes(), b":\n\n\xef\xbb", "bytes that are no mark are kept");
}
