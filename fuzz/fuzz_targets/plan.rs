//! Any query is a plan within its limits, or is refused in one line that a terminal shows as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::schedule::plan::{
    COUNT_MAX, DELAY_MAX, DURATION_MAX, HEARTBEAT_PAD_MAX, INTERVAL_MAX, INTERVAL_MIN, PAD_MAX, Plan, SIZE_MAX,
};

fuzz_target!(|input: &[u8]| {
    match Plan::parse(&String::from_utf8_lossy(input)) {
        Ok(plan) => {
            assert!(plan.interval.is_none_or(|interval| (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval)), "{plan:?}");
            assert!(plan.count.is_none_or(|count| count <= COUNT_MAX), "{plan:?}");
            assert!(plan.duration.is_none_or(|duration| duration <= DURATION_MAX), "{plan:?}");
            assert!(plan.size.is_none_or(|size| size as u64 <= SIZE_MAX), "{plan:?}");
            assert!(plan.pad as u64 <= PAD_MAX && plan.heartbeat_pad as u64 <= HEARTBEAT_PAD_MAX, "{plan:?}");
            assert!(plan.delay <= DELAY_MAX && plan.head_delay <= DELAY_MAX, "{plan:?}");
        }
        Err(error) => {
            let line = error.to_string();
            assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && line.len() < 500, "{line:?}");
        }
    }
});
