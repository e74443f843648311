use std::thread;
use std::time::{Duration, Instant};

use sse_argo_tester::diagnose::limits::{Cut, Patience, Proof, Showed, measure};

use super::{Asking, events, proxy};
use crate::common::Origin;

const SECOND: Duration = Duration::from_secs(1);
/// The longest silence that is tried.
const IDLE_MAX: Duration = Duration::from_secs(8);
/// How late a busy machine may be to notice something.
const LATE: Duration = Duration::from_millis(900);

fn patience_of(url: &str) -> Patience {
    let Asking { client, request, limits } = Asking::of(url);
    measure(&client, &request, IDLE_MAX, &limits).unwrap()
}

fn assert_cut(cut: Option<Cut>, after: u32, showed: Showed, proof: Proof) {
    let Some(cut) = cut else { panic!("no cut after {after} s") };
    assert_eq!((cut.showed, cut.proof), (showed, proof), "{cut:?}");
    // The path's time runs from when it got the last byte, which is not known to the client.
    let least = SECOND * after - SECOND / 20;
    assert!(cut.after >= least && cut.after <= SECOND * after + LATE, "{cut:?}");
    assert!(cut.survived <= cut.after);
}

/// What is known of a path that does this.
fn impaired(impairments: &str) -> Patience {
    let origin = Origin::start();
    patience_of(&events(&proxy(&origin, impairments)))
}

fn idle(impairments: &str, showed: Showed) {
    let patience = impaired(impairments);
    assert_cut(patience.idle_cut, 3, showed, Proof::Seen);
    assert_eq!((patience.lifetime_cut, patience.either), (None, None), "{impairments}");
    assert_eq!((patience.comments_cure, patience.padded_comments_cure), (Some(true), Some(true)), "{impairments}");
    assert!(patience.lived.unwrap() > SECOND * 8, "{patience:?}");
}

fn nothing_is_cut(patience: Patience) {
    assert_eq!((patience.idle_cut, patience.lifetime_cut, patience.either), (None, None, None));
    assert_eq!((patience.comments_cure, patience.padded_comments_cure), (None, None));
}

fn age(impairments: &str, after: u32, showed: Showed, proof: Proof) {
    let patience = impaired(impairments);
    assert_cut(patience.lifetime_cut, after, showed, proof);
    assert_eq!((patience.idle_cut, patience.either), (None, None), "{impairments}: {patience:?}");
    assert_eq!((patience.comments_cure, patience.padded_comments_cure), (None, None), "{impairments}");
}

#[test]
fn limits_on_silence_and_on_age_are_told() {
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            let patience = impaired("");
            nothing_is_cut(patience);
            assert_eq!(patience.silence_survived, Some(IDLE_MAX));
            assert!(patience.lived.unwrap() > SECOND * 6, "{patience:?}");
        });
        scope.spawn(|| idle("idle-cut=3s", Showed::Truncated));
        scope.spawn(|| idle("idle-cut=3s:clean", Showed::Clean));
        scope.spawn(|| idle("idle-cut=3s:reset,keep-origin-open", Showed::Reset));
        scope.spawn(|| age("cut-after=4s", 4, Showed::Truncated, Proof::Seen));
        scope.spawn(|| age("hang=3500ms", 4, Showed::Hang, Proof::NeverCame));
        scope.spawn(|| {
            // Behind what holds small comments back, padded ones cure.
            let origin = Origin::start();
            let holding = proxy(&origin, "hold-bytes=4k");
            let patience = patience_of(&events(&proxy(&holding, "idle-cut=3s")));
            assert_cut(patience.idle_cut, 3, Showed::Truncated, Proof::Seen);
            assert_eq!((patience.comments_cure, patience.padded_comments_cure), (Some(false), Some(true)));
        });
        scope.spawn(|| {
            let origin = Origin::with(&["--max-duration", "4s"]);
            nothing_is_cut(patience_of(&events(&proxy(&origin, ""))));
        });
    });
    assert!(begun.elapsed() < SECOND * 25, "it ends when all is known");
}
