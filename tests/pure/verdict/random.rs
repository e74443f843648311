//! Properties over random paths.

use proptest::prelude::*;
use sse_argo_tester::verdict::{HoldKind, Judgement};

use super::matrix::judged;
use super::model::{Hold, MS, Path, four, run};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Jitter below half the tolerance is never anything but real time.
    #[test]
    fn jitter_is_no_hold(latency in 100..80_000_i64, jitter in 0..50_000_i64, asymmetry in 0..5_000_i64,
                         coalesce in 0..15_000_i64, seed: u64) {
        let path = Path { latency, jitter, asymmetry, coalesce, seed, ..Path::default() };
        let verdict = judged(&run(&four(), &path));
        prop_assert_eq!(verdict.verdict, Judgement::RealTime, "{:?}", verdict);
    }

    /// Any threshold is found, within a quarter.
    #[test]
    fn thresholds_are_found(n in 512..262_144_u64, exactly: bool, start: bool, jitter in 0..40 * MS, seed: u64) {
        let n = if start { n.max(1000) } else { n };
        let hold = if start { Hold::StartBytes { n } } else { Hold::Bytes { n, exactly } };
        let verdict = judged(&run(&four(), &Path { hold, jitter, seed, ..Path::default() }));
        let kind = if start { HoldKind::StartBytes } else { HoldKind::Bytes };
        prop_assert_eq!(verdict.hold.kind, kind, "{:?}", verdict);
        let off = verdict.hold.bytes.unwrap().abs_diff(n);
        prop_assert!(off * 4 <= n, "{:?}", verdict);
    }

    /// Any time is found.
    #[test]
    fn times_are_found(t in 300..3000_i64, phase in 0..3000_i64, way in 0..3, jitter in 0..40 * MS, seed: u64) {
        let t = t * MS;
        let hold = match way {
            0 => Hold::Timer { t },
            1 => Hold::Ticks { t, phase: phase * MS % t },
            _ => Hold::StartTime { t },
        };
        let verdict = judged(&run(&four(), &Path { hold, jitter, seed, ..Path::default() }));
        let kind = if way == 2 { HoldKind::StartTime } else { HoldKind::Time };
        prop_assert_eq!(verdict.hold.kind, kind, "{:?}", verdict);
        let off = verdict.hold.ms.unwrap().abs_diff((t / MS) as u64);
        prop_assert!(off <= 45 + (t / MS / 10) as u64, "{:?}", verdict);
    }
}
