//! Whatever is sent to be judged is refused, or judged and written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::judge::{check, judge};
use sse_argo_tester::report::{Style, junit, text};

fuzz_target!(|input: &[u8]| {
    let Ok(recording) = check::recording(input) else { return };
    let Ok(report) = judge(&recording) else { return };
    let style = Style { colours: false, columns: 80 };
    assert!(!text(&report, style).is_empty() && !junit(&report).is_empty());
});
