//! Properties over random streams, cuts and times.

use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sse_argo_tester::impair::{Alterations, Piece};

use super::story::{Story, cured, effect, end, events, impaired, ms};

/// A stream, well-formed or not, in pieces, each so many milliseconds behind the one before.
fn pieces() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let words = select(vec![
        &b"data"[..],
        b"data: x\n\n",
        b"id: 7\r\ndata: y\r\n\r\n",
        b"data: z\r\r",
        b"id",
        b"event",
        b"retry: 1\n",
        b": ",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"1",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\n\n",
    ]);
    let gap = prop_oneof![Just(0_u64), 1..30_u64, 30..400_u64];
    (vec(words, 0..40), vec((1..9_usize, gap), 1..40)).prop_map(|(words, cuts)| {
        let stream = words.concat();
        let (mut rest, mut pieces) = (stream.as_slice(), Vec::new());
        for (size, gap) in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            pieces.push((*gap, piece.to_vec()));
            rest = behind;
            if rest.is_empty() {
                return pieces;
            }
        }
        pieces
    })
}

fn whole(pieces: &[(u64, Vec<u8>)]) -> Vec<u8> {
    pieces.iter().flat_map(|(_, piece)| piece.clone()).collect()
}

/// The pieces pass, and the end behind them.
fn pass(story: &mut Story, pieces: &[(u64, Vec<u8>)]) {
    let mut at = 0;
    for (gap, piece) in pieces {
        at += gap;
        story.at(at, Piece::Bytes(piece.clone()));
    }
    story.at(at + 1000, end()).until(1_000_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// With cures a client gets the events that it gets without.
    #[test]
    fn cures_change_no_event(
        pieces in pieces(),
        cures in subsequence(vec!["heartbeat=100ms", "pad=5", "pad-every=130ms:7", "pad-to=16", "pad-to=3"], 0..=5),
    ) {
        let stream = whole(&pieces);
        let mut alterations = Alterations::default();
        cures.iter().for_each(|cure| alterations.cure(cure).unwrap());
        let mut story = Story::new(&alterations);
        pass(&mut story, &pieces);
        prop_assert_eq!(events(&story.bytes()), events(&stream), "{:?}", story.told());
        let cured = story.bytes();
        let mut rest = cured.iter();
        let origin = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&stream);
        prop_assert!(origin.iter().all(|byte| rest.any(|other| other == byte)), "every byte in its place");
        prop_assert_eq!(&story.out.last().unwrap().1, &end());
    }

    /// Holds and delays in any order pass every byte, once, in its place.
    #[test]
    fn holds_lose_nothing(
        pieces in pieces(),
        holds in subsequence(vec![
            "hold-bytes=7", "lag=70ms", "hold-bytes=5:whole", "one-event", "hold-time=90ms", "cork=50ms",
            "hold-start-bytes=20", "hold-start-time=80ms", "hold-until-close",
        ], 1..=9).prop_shuffle(),
    ) {
        let mut story = Story::new(&impaired(&holds.join(",")));
        pass(&mut story, &pieces);
        prop_assert_eq!(story.bytes(), whole(&pieces));
        prop_assert_eq!(&story.out.last().unwrap().1, &end());
        prop_assert!(story.out.is_sorted_by_key(|(at, _)| *at));
        prop_assert_eq!(story.chain.due(), None);
    }

    /// Exact holds cut at multiples, whole ones only between reads.
    #[test]
    fn bytes_are_released_by_rule(pieces in pieces(), size in 1..50_usize) {
        let lens = |story: &Story| -> Vec<usize> {
            let lens = story.out.iter().filter_map(|(_, piece)| match piece {
                Piece::Bytes(bytes) => Some(bytes.len()),
                Piece::End(_) => None,
            });
            lens.collect()
        };
        let mut story = Story::new(&impaired(&format!("hold-bytes={size}")));
        pass(&mut story, &pieces);
        let exact = lens(&story);
        prop_assert!(exact.iter().rev().skip(1).all(|len| *len == size) && exact.iter().all(|len| *len <= size));
        let mut story = Story::new(&impaired(&format!("hold-bytes={size}:whole")));
        pass(&mut story, &pieces);
        let mut expected = vec![0];
        for (_, piece) in &pieces {
            *expected.last_mut().unwrap() += piece.len();
            if *expected.last().unwrap() >= size {
                expected.push(0);
            }
        }
        expected.retain(|len| *len > 0);
        prop_assert_eq!(lens(&story), expected);
    }

    /// Lag adds its time to each piece, and nothing else.
    #[test]
    fn lag_is_exact(pieces in pieces(), by in 1..500_u64) {
        let mut clear = Story::new(&impaired("only=GET"));
        pass(&mut clear, &pieces);
        let mut late = Story::new(&impaired(&format!("lag={by}ms")));
        pass(&mut late, &pieces);
        let expected: Vec<_> = clear.out.into_iter().map(|(at, piece)| (at + by, piece)).collect();
        prop_assert_eq!(late.out, expected);
    }

    /// What deals with events does the same however they are cut.
    #[test]
    fn cuts_change_no_edit(pieces in pieces(), edit in select(vec!["drop=2", "duplicate=2", "reorder=2", "corrupt=2"])) {
        let mut cut = Story::new(&impaired(edit));
        pass(&mut cut, &pieces);
        let mut uncut = Story::new(&impaired(edit));
        pass(&mut uncut, &[(0, whole(&pieces))]);
        prop_assert_eq!(events(&cut.bytes()), events(&uncut.bytes()));
    }

    /// Whatever times are told, in whatever order, what is due gets done and nothing is due in vain.
    #[test]
    fn nothing_is_due_for_ever(
        pieces in pieces(),
        times in vec(0..1000_u64, 1..20),
        specs in subsequence(vec![
            "hold-bytes=7", "lag=70ms", "one-event", "hold-time=90ms", "cork=50ms", "hold-start-time=80ms", "gzip-noflush",
            "drop=2", "reorder=2", "idle-cut=300ms", "cut-after=700ms", "hang=800ms",
        ], 0..=12).prop_shuffle(),
        cures in select(vec!["heartbeat=100ms", "pad=5,pad-every=130ms:7", "pad-to=16,heartbeat=150ms"]),
    ) {
        let mut alterations = cured(cures);
        if !specs.is_empty() {
            alterations.impair(&specs.join(",")).unwrap();
        }
        let start = Instant::now() + ms(1000);
        let mut chain = effect(&alterations).chain(start);
        let mut out = Vec::new();
        for ((_, piece), time) in pieces.iter().zip(times.iter().cycle()) {
            let now = start + ms(*time) - ms(300);
            chain.take(Piece::Bytes(piece.clone()), now, &mut out);
            prop_assert!(chain.due().is_none_or(|due| due > now));
            chain.fire(now + ms(50), &mut out);
            prop_assert!(chain.due().is_none_or(|due| due > now + ms(50)));
        }
        chain.take(end(), start + ms(2000), &mut out);
        let ends = out.iter().filter(|piece| matches!(piece, Piece::End(_))).count();
        prop_assert!(ends <= 1 && (ends == 0 || matches!(out.last(), Some(Piece::End(_)))));
    }
}
