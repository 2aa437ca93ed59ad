//! What a forecast says of regular and of new activity, and its distribution.
use proptest::prelude::*;

use super::*;

/// Fifteen sessions a day that all do the same ten things.
fn regular(n_days: i32) -> Days {
    (0..n_days).map(|it| (Day(20_000 + it), vec![(0..10).collect(); 15])).collect()
}

#[test]
fn a_regular_role_is_ready_within_two_days_and_a_new_one_is_not() {
    let ready = forecast(&regular(2), DEFAULT_TOLERANCE).unwrap();
    assert_eq!((ready.recommended_mode, ready.days_until_safe), (Mode::Enforce, Some(0)));
    // The same amount of activity that never repeats.
    let mut next = 0..;
    let mut unit = || -> Vec<u32> { next.by_ref().take(10).collect() };
    let new: Days =
        (0..2).map(|it| (Day(20_000 + it), (0..15).map(|_| unit()).collect())).collect();
    let new = forecast(&new, DEFAULT_TOLERANCE).unwrap();
    assert_eq!(new.recommended_mode, Mode::Monitor);
    assert!(new.unseen > 0.8 && new.days_until_safe.is_none(), "{new:?}");
    assert!(forecast(&Days::new(), DEFAULT_TOLERANCE).is_none());
}

#[test]
fn a_beta_binomial_sums_to_one_and_has_its_mean() {
    for (size, mean, clumping) in [(1, 0.3, 0.1), (20, 0.05, 0.02), (300, 0.01, 0.3)] {
        let all: Vec<f64> = BetaBinomial::new(mean, clumping, size + 7).of_day(size).collect();
        assert_eq!(all.len() as u64, size + 1);
        assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let found: f64 = (0_u64..).zip(&all).map(|(new, p)| float(new) * p).sum();
        assert!((found - mean * float(size)).abs() < 1e-7, "{found}");
    }
}

proptest! {
    /// Shares are shares, ends are in order, and the order of units within a day says nothing.
    #[test]
    fn a_forecast_is_consistent(
        days in prop::collection::vec(prop::collection::vec(prop::collection::vec(0_u32..40, 1..12), 1..6), 1..20),
        tolerance in 0.001_f64..0.5,
    ) {
        let dedup = |unit: &Vec<u32>| unit.iter().copied().collect::<BTreeSet<u32>>().into_iter().collect();
        let make = |is_reversed: bool| -> Days {
            let day = |units: &Vec<Vec<u32>>| {
                let mut units: Vec<Vec<u32>> = units.iter().map(dedup).collect();
                if is_reversed {
                    units.reverse();
                }
                units
            };
            (0..).zip(&days).map(|(at, units)| (Day(at), day(units))).collect()
        };
        let readiness = forecast(&make(false), tolerance).unwrap();
        prop_assert!((0.0..=1.0).contains(&readiness.unseen));
        prop_assert!(0.0 <= readiness.unseen_low && readiness.unseen_low <= readiness.unseen_high);
        prop_assert!(readiness.unseen_high <= 1.0);
        prop_assert_eq!(readiness.days_until_safe == Some(0), readiness.recommended_mode == Mode::Enforce);
        prop_assert_eq!(forecast(&make(true), tolerance).unwrap(), readiness);
    }
}
