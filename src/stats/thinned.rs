//! A bounded sample of an endless series.

/// Most values that are kept.
pub(super) const KEPT_MAX: usize = 8192;

/// Every value of a series; of a long one every 2nd, 4th, 8th …, so that shares and quantiles stay right.
#[derive(Debug, Clone)]
pub(super) struct Thinned<T> {
    kept: Vec<T>,
    /// One of so many is kept.
    stride: u64,
    seen: u64,
}

impl<T> Default for Thinned<T> {
    fn default() -> Thinned<T> {
        Thinned { kept: Vec::new(), stride: 1, seen: 0 }
    }
}

impl<T> Thinned<T> {
    pub(super) fn push(&mut self, value: T) {
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(value);
        }
        self.seen += 1;
        if self.kept.len() == KEPT_MAX {
            let mut odd = true;
            self.kept.retain(|_| {
                odd = !odd;
                !odd
            });
            self.stride *= 2;
        }
    }

    pub(super) fn kept(&self) -> &[T] {
        &self.kept
    }
}

/// The value below which `share` of the sorted `values` lie (nearest rank); none of no values.
pub(super) fn quantile(sorted: &[i64], share: f64) -> Option<i64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_series_are_kept_whole_and_long_ones_evenly() {
        let mut thinned = Thinned::default();
        (0..100).for_each(|n| thinned.push(n));
        assert_eq!(thinned.kept().len(), 100);
        (100..1_000_000_i64).for_each(|n| thinned.push(n));
        assert!(thinned.kept().len() < KEPT_MAX);
        let strides: Vec<_> = thinned.kept().windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(strides.iter().all(|stride| *stride == strides[0]));
        assert!((490_000..510_000).contains(&quantile(thinned.kept(), 0.5).unwrap()));
    }

    #[test]
    fn quantiles_are_values_of_the_series() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.99), Some(7));
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!([0.0, 0.5, 0.9, 0.99, 1.0].map(|share| quantile(&hundred, share).unwrap()), [1, 50, 90, 99, 100]);
    }
}
