use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LADDER: [u64; 7] = [5, 10, 20, 30, 60, 100, 130];

fn seconds(time: f64) -> Duration {
    Duration::from_secs_f64(time)
}

/// A path for the tests.
#[derive(Clone, Copy)]
struct World {
    /// Silence and age that are cut; seconds.
    idle: f64,
    age: f64,
    showed: Showed,
    /// Whether the origin is told of a cut.
    tells_origin: bool,
    /// Bytes of comments that count against silence: 0 for all, 1 for padded ones.
    comments_from: u8,
}

const CALM: World =
    World { idle: f64::MAX, age: f64::MAX, showed: Showed::Truncated, tells_origin: true, comments_from: 0 };

impl World {
    /// What is seen of a stream at `now`.
    fn observed(&self, kind: Kind, now: Duration) -> Observed {
        let counts = match kind {
            Kind::Comments => self.comments_from == 0,
            Kind::PaddedComments => self.comments_from < 2,
            Kind::Quiet(_) | Kind::Busy => true,
        };
        let sent: Vec<f64> = match kind {
            Kind::Quiet(time) => vec![0.0, time.as_secs_f64()],
            Kind::Busy => (0..500).map(f64::from).collect(),
            _ if counts => (0..250).map(|n| f64::from(n) * COMMENTS.as_secs_f64()).collect(),
            _ => vec![0.0, 1000.0],
        };
        let pairs = sent.windows(2).find(|pair| pair[1] - pair[0] > self.idle || pair[1] > self.age);
        let cut = pairs.map(|pair| (pair[0] + self.idle).min(self.age)).filter(|cut| seconds(*cut) <= now);
        let came = sent.iter().filter(|at| seconds(**at) <= now && cut.is_none_or(|cut| **at < cut));
        let came: Vec<f64> = came.copied().collect();
        let seen = cut.filter(|_| self.showed != Showed::Hang).map(|cut| (seconds(cut), self.showed));
        let numbered = !matches!(kind, Kind::Comments | Kind::PaddedComments);
        let mut observed = Observed {
            kind,
            begun: Duration::ZERO,
            head: Some((200, Duration::ZERO)),
            first_byte: came.first().copied().map(seconds),
            last_byte: came.last().copied().map(seconds),
            longest_gap: came.windows(2).map(|pair| seconds(pair[1] - pair[0])).max().unwrap_or_default(),
            events: if numbered { came.len() as u64 - 1 } else { 0 },
            end: seen,
            told: Told::NotAsked,
        };
        if observed.needs_word(now) || observed.has_stalled(now) {
            let known = cut.filter(|_| self.tells_origin);
            let sent = sent.iter().filter(|at| seconds(**at) <= now).count() as u64 - 1;
            observed.told = Told::This(Word::Stream(StreamState {
                opened_us: 7,
                ended_us: known.map(|cut| 7 + (cut * 1e6) as i64),
                ended_by: known.map(|_| "client".to_owned()),
                events: if numbered && known.is_none() { sent } else { observed.events },
            }));
        }
        observed
    }

    fn all(&self, now: Duration) -> Vec<Observed> {
        let quiet = LADDER.map(|time| Kind::Quiet(Duration::from_secs(time)));
        let kinds = [Kind::Busy, Kind::Comments, Kind::PaddedComments].into_iter().chain(quiet);
        kinds.map(|kind| self.observed(kind, now)).collect()
    }

    /// What is known when nothing more is to be waited for, and when that is.
    fn measured(&self) -> (Patience, Duration) {
        let settled = (1..).map(|n| SECOND / 4 * n).find(|now| is_settled(&self.all(*now), *now));
        let now = settled.unwrap();
        (decide(&self.all(now), now), now)
    }
}

/// What a cut is like, in short.
fn short(cut: Option<Cut>) -> String {
    cut.map_or("-".to_owned(), |Cut { after, survived, showed, proof }| {
        let (after, survived) = (after.as_secs_f64(), survived.as_secs_f64());
        format!("{after}>{survived} {} {proof:?}", showed.as_str())
    })
}

#[test]
fn each_path_has_its_limits() {
    use Showed::{Clean, Hang, Reset, Truncated};
    let idle = |idle, showed| World { idle, showed, ..CALM };
    let age = |age, showed| World { age, showed, ..CALM };
    let secret = |world: World| World { tells_origin: false, ..world };
    let deaf = |comments_from, world: World| World { comments_from, ..world };
    let yes = Some(true);
    let no = Some(false);
    let table = [
        // Path; idle cut; lifetime cut; the two cures; seconds that it takes at most.
        (CALM, "-", "-", None, None, 130.5),
        (idle(60.0, Truncated), "60>60 truncated Seen", "-", yes, yes, 95.5),
        (idle(60.0, Clean), "60>60 clean Seen", "-", yes, yes, 95.5),
        (idle(100.5, Reset), "100.5>100 reset Seen", "-", yes, yes, 156.5),
        (idle(3.0, Truncated), "3>0 truncated Seen", "-", yes, yes, 10.0),
        (deaf(1, idle(20.5, Truncated)), "20.5>20 truncated Seen", "-", no, yes, 36.5),
        (deaf(2, idle(20.5, Truncated)), "20.5>20 truncated Seen", "-", no, no, 36.5),
        (idle(20.5, Hang), "20.5>20 hang OriginSaw", "-", yes, yes, 64.0),
        (secret(idle(20.5, Hang)), "30>20 hang NeverCame", "-", yes, yes, 64.0),
        (secret(deaf(2, idle(20.5, Hang))), "30>20 hang NeverCame", "-", None, None, 64.0),
        (age(15.5, Truncated), "-", "15.5>15.5 truncated Seen", None, None, 16.0),
        (age(15.0, Clean), "-", "15>15 clean Seen", None, None, 16.0),
        (age(15.5, Hang), "-", "15.5>15.5 hang OriginSaw", None, None, 40.0),
        (secret(age(15.5, Hang)), "-", "16>15 hang NeverCame", None, None, 51.0),
        // Both.
        (World { age: 30.5, ..idle(20.5, Reset) }, "20.5>20 reset Seen", "30.5>30.5 reset Seen", yes, yes, 31.0),
        (World { age: 18.5, ..deaf(2, idle(10.5, Clean)) }, "10.5>10 clean Seen", "18.5>18.5 clean Seen", no, no, 26.0),
    ];
    for (world, idle, age, comments, padded, at_most) in table {
        let (patience, took) = world.measured();
        let cuts = (short(patience.idle_cut), short(patience.lifetime_cut), patience.either);
        assert_eq!(cuts, (idle.to_owned(), age.to_owned(), None), "after {took:?}");
        assert_eq!((patience.comments_cure, patience.padded_comments_cure), (comments, padded), "{idle} {age}");
        assert!(took <= seconds(at_most), "{idle} {age}: {took:?}");
    }
}

#[test]
fn a_silence_shorter_than_the_busy_stream_has_may_be_an_age() {
    let patience = World { idle: 0.7, ..CALM }.measured().0;
    assert_eq!((patience.idle_cut, patience.lifetime_cut), (None, None));
    assert_eq!(short(patience.either), "0.7>0 truncated Seen");
}

/// What is known when some of the streams are changed.
fn changed(world: World, change: impl Fn(&mut Observed)) -> Patience {
    let (_, now) = world.measured();
    let mut observed = world.all(now);
    observed.iter_mut().for_each(change);
    decide(&observed, now)
}

const IDLE: World = World { idle: 20.5, ..CALM };

#[test]
fn streams_that_were_refused_tell_nothing() {
    let refused = changed(IDLE, |stream| stream.head = Some((503, SECOND)));
    assert_eq!(refused, Patience::default());
    let refused = changed(IDLE, |stream| {
        if !matches!(stream.kind, Kind::Quiet(_)) {
            stream.head = None;
            stream.end = Some((SECOND, Showed::Reset));
        }
    });
    assert_eq!((refused.idle_cut, refused.lived, refused.comments_cure), (None, None, None));
    assert_eq!(short(refused.either), "20.5>20 truncated Seen");
}

#[test]
fn what_the_origin_ends_is_not_the_paths_doing() {
    let ended = changed(IDLE, |stream| {
        if let Told::This(Word::Stream(state)) = &mut stream.told {
            state.ended_by = Some("duration".to_owned());
        }
    });
    assert_eq!((ended.idle_cut, ended.either, ended.silence_survived), (None, None, Some(20 * SECOND)));
}

#[test]
fn one_stream_that_was_cut_where_longer_silences_passed_is_no_limit() {
    let stray = changed(CALM, |stream| {
        if matches!(stream.kind, Kind::Quiet(time) if time == 60 * SECOND) {
            (stream.events, stream.end) = (0, Some((seconds(3.0), Showed::Reset)));
            stream.last_byte = Some(Duration::ZERO);
        }
    });
    assert_eq!((stray.idle_cut, stray.either, stray.silence_survived), (None, None, Some(130 * SECOND)));
    let cut_busy = changed(CALM, |stream| {
        if stream.kind == Kind::Busy {
            (stream.last_byte, stream.end) = (Some(3 * SECOND), Some((seconds(3.2), Showed::Reset)));
        }
    });
    assert_eq!((cut_busy.lifetime_cut, cut_busy.lived), (None, Some(3 * SECOND)));
}

#[test]
fn nothing_is_missed_before_it_is_due() {
    let idle = |idle, showed| World { idle, showed, ..CALM };
    let worlds = [
        CALM,
        idle(20.5, Showed::Truncated),
        idle(20.5, Showed::Hang),
        World { comments_from: 2, ..idle(20.5, Showed::Clean) },
        World { age: 50.0, ..CALM },
        World { tells_origin: false, ..idle(60.0, Showed::Hang) },
    ];
    let mut waits = 0;
    for world in worlds {
        for at in (0..140).map(|n| SECOND * n) {
            let mut observed = world.all(at);
            // One stream has no head for a while.
            observed[1].head = observed[1].head.filter(|_| at > SECOND * 5);
            let due = next_due(&observed, at).unwrap_or(at + SECOND * 100);
            let state = |now| (is_settled(&observed, now), observed.iter().filter(|one| one.needs_word(now)).count());
            let steps = (1..).map(|n| at + SECOND / 2 * n).take_while(|now| *now < due);
            steps.for_each(|now| assert_eq!(state(now), state(at), "{at:?}, {now:?}, due {due:?}"));
            waits += usize::from(state(due) != state(at));
        }
    }
    assert!(waits > 100, "{waits}");
}
