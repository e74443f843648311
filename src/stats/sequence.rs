//! Which numbered events came, came again, came late, or not at all.

use std::collections::BTreeMap;

/// Ranges of numbers that were skipped and may still come; of more, the oldest are given up as missing.
const GAPS_MAX: usize = 4096;

/// How an event's number fits to those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is new.
    New,
    /// It is new, but a later one came before.
    Reordered,
    /// It came before.
    Repeated,
}

/// The numbers seen so far.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    /// The next number if nothing goes wrong; none before the first of a stream that may begin anywhere.
    next: Option<u64>,
    /// Ranges: the first number, and the one after the last.
    gaps: BTreeMap<u64, u64>,
    missing: u64,
}

impl Sequence {
    /// Numbers that begin at `first`, or with whatever comes first.
    pub(super) fn new(first: Option<u64>) -> Sequence {
        Sequence { next: first, gaps: BTreeMap::new(), missing: 0 }
    }

    /// Takes the next number.
    pub(super) fn see(&mut self, seq: u64) -> Fit {
        let next = self.next.unwrap_or(seq);
        if seq >= next {
            self.missing = self.missing.saturating_add(seq - next);
            if seq > next {
                self.gaps.insert(next, seq);
            }
            if self.gaps.len() > GAPS_MAX {
                self.gaps.pop_first();
            }
            self.next = Some(seq.saturating_add(1));
            return Fit::New;
        }
        if self.close(seq) { Fit::Reordered } else { Fit::Repeated }
    }

    /// Takes a number out of the gap that it is in, if there is one.
    fn close(&mut self, seq: u64) -> bool {
        let gap = self.gaps.range(..=seq).next_back().map(|(start, end)| (*start, *end));
        let Some((start, end)) = gap.filter(|(_, end)| seq < *end) else { return false };
        self.gaps.remove(&start);
        if start < seq {
            self.gaps.insert(start, seq);
        }
        if seq + 1 < end {
            self.gaps.insert(seq + 1, end);
        }
        self.missing -= 1;
        true
    }

    /// How many were skipped for good.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_close_when_the_late_one_comes() {
        let mut sequence = Sequence::new(Some(1));
        let fits: Vec<_> = [1, 2, 5, 3, 3, 6, 1].into_iter().map(|seq| sequence.see(seq)).collect();
        use Fit::{New, Reordered, Repeated};
        assert_eq!(fits, [New, New, New, Reordered, Repeated, New, Repeated]);
        assert_eq!(sequence.missing(), 1);
    }

    #[test]
    fn a_stream_may_begin_anywhere() {
        let mut sequence = Sequence::new(None);
        sequence.see(41);
        assert_eq!(sequence.missing(), 0);
    }

    #[test]
    fn absurd_numbers_cost_neither_memory_nor_time() {
        let mut sequence = Sequence::new(Some(1));
        sequence.see(u64::MAX);
        assert_eq!(sequence.missing(), u64::MAX - 1);
        assert_eq!(sequence.gaps.len(), 1);
        let mut sparse = Sequence::new(Some(1));
        for n in 1..20_000 {
            sparse.see(n * 3);
        }
        assert_eq!((sparse.gaps.len(), sparse.missing()), (GAPS_MAX, 19_999 * 2));
        assert_eq!([59_996, 59_996, 1].map(|seq| sparse.see(seq)), [Fit::Reordered, Fit::Repeated, Fit::Repeated]);
    }
}
