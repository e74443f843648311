//! Cuts, silence, and ends.

use std::time::Instant;

use sse_argo_tester::impair::{BodyEnd, Piece};

use super::story::{Story, bytes, cured, effect, end, expect, impaired, ms};

#[test]
fn a_stream_is_cut_at_its_time_whatever_is_sent() {
    for (spec, word) in [("1s", "[truncated]"), ("1s:reset", "[reset]"), ("1s:clean", "[clean]")] {
        let mut story = Story::new(&impaired(&format!("cut-after={spec}")));
        story.at(0, bytes("a")).at(900, bytes("b")).at(1000, bytes("c")).at(1100, end()).until(9999);
        assert_eq!(story.told(), expect(&[(0, "a"), (900, "b"), (1000, word)]));
    }
    let mut story = Story::new(&impaired("cut-after=0"));
    story.at(0, bytes("a"));
    assert_eq!(story.told(), expect(&[(0, "[truncated]")]));
}

#[test]
fn silence_is_cut_and_heartbeats_prevent_that() {
    let mut story = Story::new(&impaired("idle-cut=1s"));
    story.at(500, bytes("a")).at(1400, bytes("b")).until(9999);
    assert_eq!(story.told(), expect(&[(500, "a"), (1400, "b"), (2400, "[truncated]")]));
    let mut alterations = impaired("idle-cut=1s");
    alterations.cure("heartbeat=900ms").unwrap();
    let mut story = Story::new(&alterations);
    story.at(500, bytes("data: a\n\n")).until(3000).at(3100, end());
    let beats = [(500, "data: a\n\n"), (1400, ": heartbeat\n\n"), (2300, ": heartbeat\n\n"), (3100, "[clean]")];
    assert_eq!(story.told(), expect(&beats));
}

#[test]
fn a_late_relay_cuts_at_the_right_place() {
    let mut story = Story::new(&impaired("lag=100ms,cut-after=1s"));
    story.at(850, bytes("a")).at(899, bytes("b")).at(901, bytes("c"));
    let mut out = Vec::new();
    story.chain.fire(Instant::now() + ms(60_000), &mut out);
    assert_eq!(out, [bytes("a"), bytes("b"), Piece::End(BodyEnd::Truncated)]);
}

#[test]
fn a_late_relay_changes_no_later_time() {
    let start = Instant::now();
    let mut chain = effect(&impaired("lag=100ms,cork=50ms,idle-cut=1s")).chain(start);
    let mut out = Vec::new();
    chain.take(bytes("a"), start, &mut out);
    chain.fire(start + ms(120), &mut out);
    assert_eq!((out.len(), chain.due()), (0, Some(start + ms(150))));
    chain.fire(start + ms(170), &mut out);
    assert_eq!((out.len(), chain.due()), (1, Some(start + ms(1150))));
    let mut chain = effect(&impaired("idle-cut=1s")).chain(start);
    chain.take(bytes("a"), start + ms(500), &mut out);
    chain.take(bytes("b"), start + ms(499), &mut out);
    assert_eq!(chain.due(), Some(start + ms(1500)), "nor does a piece that is told to have come before");
}

#[test]
fn silent_and_hanging_paths_never_end() {
    let mut story = Story::new(&impaired("silent"));
    story.at(0, bytes("a")).at(1000, end()).until(100_000);
    assert_eq!((story.told(), story.chain.due()), (vec![], None));
    let mut story = Story::new(&impaired("hang=1s"));
    story.at(999, bytes("a")).at(1000, bytes("b")).at(2000, end()).until(100_000);
    assert_eq!(story.told(), expect(&[(999, "a")]));
}

#[test]
fn behind_an_end_there_is_nothing() {
    let mut alterations = impaired("hold-time=1s,cut-after=10s");
    alterations.cure("heartbeat=100ms,pad-every=100ms").unwrap();
    let mut story = Story::new(&alterations);
    story
        .at(10, bytes("data: a\n\n"))
        .at(20, Piece::End(BodyEnd::Reset))
        .at(30, bytes("b"))
        .at(40, end())
        .until(99_999);
    assert_eq!(story.told(), expect(&[(20, "data: a\n\n"), (20, "[reset]")]));
    assert_eq!(story.chain.due(), None);
}

#[test]
fn without_impairments_it_passes_everything_at_once() {
    let mut story = Story::new(&impaired("only=GET"));
    story.at(1, bytes("a")).at(2, bytes("")).at(3, Piece::End(BodyEnd::Truncated));
    assert_eq!(story.told(), expect(&[(1, "a"), (3, "[truncated]")]));
    let mut story = Story::new(&cured("heartbeat=1h"));
    story.at(1, bytes("a"));
    assert_eq!(story.told(), expect(&[(1, "a")]));
}
