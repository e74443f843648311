//! Holds and delays, to the byte and to the millisecond.

use std::io::Write;

use flate2::write::GzDecoder;
use sse_argo_tester::impair::{BodyEnd, HELD_MAX, Piece};

use super::story::{Story, bytes, end, expect, impaired};

#[test]
fn bytes_are_released_exactly_or_in_whole_reads() {
    let mut story = Story::new(&impaired("hold-bytes=4"));
    story.at(0, bytes("abc")).at(1, bytes("defghij")).at(2, end());
    assert_eq!(story.told(), expect(&[(1, "abcd"), (1, "efgh"), (2, "ij"), (2, "[clean]")]));
    let mut story = Story::new(&impaired("hold-bytes=4:whole"));
    story.at(0, bytes("abc")).at(1, bytes("defghij")).at(2, bytes("kl")).at(3, Piece::End(BodyEnd::Reset));
    assert_eq!(story.told(), expect(&[(1, "abcdefghij"), (3, "kl"), (3, "[reset]")]));
}

#[test]
fn time_releases_by_the_clock_of_the_response() {
    let mut story = Story::new(&impaired("hold-time=100ms"));
    story.at(10, bytes("a")).at(60, bytes("b")).at(350, bytes("c")).at(400, bytes("d")).at(450, end());
    assert_eq!(story.told(), expect(&[(100, "ab"), (400, "c"), (450, "d"), (450, "[clean]")]));
}

#[test]
fn a_tick_releases_once() {
    let mut story = Story::new(&impaired("hold-time=100ms"));
    story.at(50, bytes("a")).until(100);
    // Read before the tick, handled after it.
    story.at(99, bytes("b")).until(1000);
    assert_eq!(story.told(), expect(&[(100, "a"), (200, "b")]));
}

#[test]
fn a_cork_releases_after_the_first_held_byte() {
    let mut story = Story::new(&impaired("cork=205ms"));
    story.at(10, bytes("a")).at(110, bytes("b")).at(210, bytes("c")).at(310, bytes("d")).until(2000);
    assert_eq!(story.told(), expect(&[(215, "abc"), (515, "d")]));
}

#[test]
fn holds_at_the_start_end_for_good() {
    let mut story = Story::new(&impaired("hold-start-bytes=4"));
    story.at(0, bytes("abc")).at(1, bytes("def")).at(2, bytes("g")).at(3, end());
    assert_eq!(story.told(), expect(&[(1, "abcdef"), (2, "g"), (3, "[clean]")]));
    let mut story = Story::new(&impaired("hold-start-time=90s"));
    story.at(1000, bytes("a")).at(90_999, bytes("b")).until(91_000).at(91_001, bytes("c"));
    assert_eq!(story.told(), expect(&[(91_000, "ab"), (91_001, "c")]));
    let mut story = Story::new(&impaired("hold-start-time=90s"));
    story.at(1000, bytes("a")).at(2000, end());
    assert_eq!(story.told(), expect(&[(2000, "a"), (2000, "[clean]")]));
    assert_eq!(story.chain.due(), None, "behind the end there is nothing");
}

#[test]
fn until_close_is_until_close_or_until_memory_is_full() {
    let mut story = Story::new(&impaired("hold-until-close"));
    story.at(0, bytes("a")).at(100_000, bytes("b")).at(200_000, end());
    assert_eq!(story.told(), expect(&[(200_000, "ab"), (200_000, "[clean]")]));
    let mut story = Story::new(&impaired("hold-until-close"));
    let read = vec![0; HELD_MAX / 4];
    for at in 0..5 {
        story.at(at, Piece::Bytes(read.clone()));
    }
    story.at(9, end());
    let came: Vec<_> =
        story.out.iter().map(|(at, piece)| (*at, if let Piece::Bytes(b) = piece { b.len() } else { 0 })).collect();
    assert_eq!(came, [(3, HELD_MAX), (9, HELD_MAX / 4), (9, 0)]);
}

#[test]
fn a_cork_that_is_full_begins_anew() {
    let mut story = Story::new(&impaired("cork=100ms"));
    story.at(0, bytes("a")).at(50, Piece::Bytes(vec![0; HELD_MAX])).at(90, bytes("b")).until(500);
    let came: Vec<_> = story.out.iter().map(|(at, _)| *at).collect();
    assert_eq!(came, [50, 190]);
}

#[test]
fn lag_is_bounded_in_memory_too() {
    let mut story = Story::new(&impaired("lag=1h"));
    for at in 0..5 {
        story.at(at, Piece::Bytes(vec![0; HELD_MAX / 4]));
    }
    let early: Vec<_> = story.out.iter().map(|(at, _)| *at).collect();
    assert_eq!(early, [3, 4]);
}

#[test]
fn lag_is_the_same_for_each_the_end_included() {
    let mut story = Story::new(&impaired("lag=200ms"));
    story.at(0, bytes("a")).at(10, bytes("b")).at(20, end()).until(1000);
    assert_eq!(story.told(), expect(&[(200, "a"), (210, "b"), (220, "[clean]")]));
}

#[test]
fn each_event_waits_for_the_next() {
    let mut story = Story::new(&impaired("one-event"));
    story.at(0, bytes("data: 1\r\n\r")).at(1, bytes("\n")).at(2, bytes("data: 2\n\n\nda")).at(3, bytes("ta: 3\r\r"));
    story.at(4, bytes("data: 4")).at(5, end());
    let expected = [(2, "data: 1\r\n\r"), (3, "\ndata: 2\n\n\n"), (5, "data: 3\r\r"), (5, "data: 4"), (5, "[clean]")];
    assert_eq!(story.told(), expect(&expected));
}

#[test]
fn a_block_without_end_is_not_kept() {
    let mut story = Story::new(&impaired("one-event"));
    story.at(0, bytes("data: 1\n\n"));
    for at in 1..=18 {
        story.at(at, Piece::Bytes(vec![b'x'; 1 << 20]));
    }
    story.at(19, bytes("\n\ndata: 2\n\n"));
    let came: Vec<_> = story.out.iter().map(|(at, _)| *at).collect();
    assert_eq!(came, [17, 17, 18, 19], "the event before it, what came of it, the rest as it comes");
    story.at(20, end());
    assert!(story.bytes().ends_with(b"x\n\ndata: 2\n\n"));
}

#[test]
fn a_compressor_keeps_everything_it_can() {
    let mut story = Story::new(&impaired("gzip-noflush"));
    let text = "data: hello\n\n".repeat(500);
    for at in 0..10 {
        story.at(at, bytes(&text));
    }
    assert_eq!(story.out, [], "not even a header");
    story.at(10, end());
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(&story.bytes()).unwrap();
    assert_eq!(decoder.finish().unwrap(), text.repeat(10).as_bytes());
    let mut rng = fastrand::Rng::with_seed(1);
    let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(30_000).collect();
    let mut story = Story::new(&impaired("gzip-noflush"));
    story.at(0, Piece::Bytes(noise.clone())).at(1, end());
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(&story.bytes()).unwrap();
    assert!(decoder.finish().unwrap() == noise);
    let mut story = Story::new(&impaired("gzip-noflush"));
    story.at(0, bytes(&text)).at(1, Piece::End(BodyEnd::Truncated));
    assert_eq!(story.told(), expect(&[(1, "[truncated]")]));
}

#[test]
fn events_are_lost_repeated_swapped_or_changed() {
    let stream = (1..=7).map(|id| format!("id: {id}\r\ndata: {id}\r\n\r\n: c\n\n")).collect::<String>();
    let came = |spec: &str, cut: usize| {
        let mut story = Story::new(&impaired(spec));
        for (at, piece) in stream.as_bytes().chunks(cut).enumerate() {
            story.at(at as u64, Piece::Bytes(piece.to_vec()));
        }
        story.at(9999, end());
        let text = String::from_utf8(story.bytes()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<String>()
    };
    for cut in [1, 2, 3, 5, 1000] {
        assert_eq!(came("drop=3", cut), "12457", "{cut}");
        assert_eq!(came("duplicate=3", cut), "123345667", "{cut}");
        assert_eq!(came("reorder=3", cut), "1243576", "{cut}");
        assert_eq!(came("corrupt=3", cut), "1224577", "{cut}");
        assert_eq!(came("reorder=1", cut), "2143657", "{cut}");
    }
}

#[test]
fn impairments_follow_one_another() {
    let mut story = Story::new(&impaired("lag=50ms,hold-bytes=3,cut-after=100ms:clean"));
    story.at(0, bytes("ab")).at(40, bytes("cd")).at(60, bytes("ef")).until(1000);
    assert_eq!(story.told(), expect(&[(90, "abc"), (100, "[clean]")]));
    let mut story = Story::new(&impaired("gzip-noflush,drop=1,gzip-noflush"));
    story.at(0, bytes("id: 1\ndata: 1\n\ndata: 2\n\n")).at(1, end());
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(&story.bytes()).unwrap();
    assert_eq!(decoder.finish().unwrap(), b"data: 2\n\n", "what reads events comes before the one compressor");
}
