//! The report for people.

use unicode_width::UnicodeWidthStr;

use crate::common::Origin;
use crate::common::program::Program;

#[test]
fn it_fits_one_screen_and_ends_with_a_line_for_grep() {
    let origin = Origin::start();
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "nginx-default"]);
    let url = format!("http://{}/events", proxy.address);
    let finished = Program::of("diagnose", &[&url]).finish();
    assert_eq!(finished.code, Some(1));
    let last = format!("VERDICT batched hold=bytes cause=buffer cure=accel-no url={url}");
    assert_eq!(finished.out.last(), Some(&last));
    assert!(finished.out.len() <= 40, "{} lines", finished.out.len());
    let lines = &finished.out[..finished.out.len() - 1];
    assert!(lines.iter().all(|line| line.width() <= 80 && !line.contains('\x1b')), "{lines:#?}");
    let text = lines.join("\n");
    for part in ["✗ plain", "✓ accel-no", "why ", "cure ", "proven", "X-Accel-Buffering: no", "proxy_buffering off;"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
