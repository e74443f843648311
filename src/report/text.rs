//! The report for people.

use std::fmt::Write;

use super::Report;

/// How the text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal, or what is assumed of a file.
    pub columns: usize,
    /// Whether it may be coloured.
    pub colours: bool,
}

/// The report as text; its last line is for grep.
pub fn text(report: &Report, _style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:?}", report.clock);
    let _ = writeln!(out, "{:?} {:?}\n{}", report.verdict.hold, report.timing, report.verdict.summary);
    for s in &report.streams {
        let _ = writeln!(
            out,
            "{} {:?} lag {:?} bursts {:?} end {:?} {:?} lumps {}",
            s.spec.name,
            s.counts,
            s.lag,
            s.bursts,
            s.end,
            s.end_us,
            s.lumps.len()
        );
    }
    for f in &report.verdict.findings {
        let _ = writeln!(out, "{} {}", f.id.as_str(), f.text);
    }
    let _ = writeln!(out, "VERDICT {}", report.verdict.verdict.as_str());
    out
}
