//! How much reviewers of a role want to see before they allow something.
use std::collections::BTreeSet;

use statrs::distribution::{DiscreteCDF as _, Hypergeometric};

use crate::evidence::float;

/// Highest bar that is looked for, in units.
const MAX_UNITS: u64 = 64;

/// So unlikely the verdicts have to be if support made no difference.
///
/// # Source
/// Our choice: stricter than the usual 0.05, because the best of several bars is taken.
const SIGNIFICANCE: f64 = 0.01;

/// What is seen less often is taken less often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bar {
    /// Units up to which that holds.
    n_units: u64,
    /// By how much, in log odds: below 0.
    shift: f64,
}

impl Bar {
    /// The bar that verdicts on allows speak for most, each with the units that the allow stood on and
    /// whether it was taken; `None` where support makes no difference to these reviewers.
    ///
    /// # Source
    /// Fisher's exact test, one-sided, for each bar; rates with one success and one failure added (Laplace).
    pub(super) fn of(verdicts: &[(u64, bool)]) -> Option<Self> {
        let n = verdicts.len() as u64;
        let n_taken = verdicts.iter().filter(|it| it.1).count() as u64;
        let bars: BTreeSet<u64> =
            verdicts.iter().map(|it| it.0).filter(|it| *it <= MAX_UNITS).collect();
        let of_bar = |n_units: u64| {
            let below = verdicts.iter().filter(|it| it.0 <= n_units);
            let (n_below, taken_below) =
                below.fold((0, 0), |sum, it| (sum.0 + 1, sum.1 + u64::from(it.1)));
            let chance = Hypergeometric::new(n, n_taken, n_below).ok()?.cdf(taken_below);
            let rate = |taken: u64, n: u64| float(taken + 1) / float(n + 2);
            let (below, above) =
                (rate(taken_below, n_below), rate(n_taken - taken_below, n - n_below));
            let bar = Self { n_units, shift: (below / above).ln() };
            (n_below < n && chance < SIGNIFICANCE).then_some((chance, bar))
        };
        let found = bars.into_iter().filter_map(of_bar);
        found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|it| it.1)
    }

    /// What it adds to the log odds that an allow is wanted which stands on so many units.
    pub(super) fn log_odds(self, n_units: u64) -> f64 {
        if n_units <= self.n_units { self.shift } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_learned_where_support_makes_the_difference() {
        let verdicts = |refused: &[u64], taken: &[u64]| -> Vec<(u64, bool)> {
            let refused = refused.iter().map(|it| (*it, false));
            refused.chain(taken.iter().map(|it| (*it, true))).collect()
        };
        for (refused, taken, wanted) in [
            // Nothing below eight.
            (&[5, 6, 7, 5][..], &[8, 9, 12, 20, 40, 8, 9, 30][..], Some(7)),
            // Some of everything.
            (&[5, 9, 30, 12], &[5, 6, 8, 9, 20, 40, 12, 30], None),
            // What is seen often is not wanted.
            (&[20, 30, 40, 50], &[5, 6, 7, 8, 9, 5, 6, 7], None),
            // Too little to say.
            (&[5], &[8, 9, 12], None),
            (&[5, 6, 7], &[], None),
            (&[], &[5, 6, 7], None),
            (&[], &[], None),
        ] {
            let bar = Bar::of(&verdicts(refused, taken));
            assert_eq!(bar.map(|it| it.n_units), wanted, "{refused:?} {taken:?}");
            if let Some(bar) = bar {
                assert!(bar.log_odds(bar.n_units) < -1.0 && bar.log_odds(bar.n_units + 1) >= 0.0);
            }
        }
    }
}
