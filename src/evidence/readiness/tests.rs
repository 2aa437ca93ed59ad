//! The forecast against what came, over generated activity.
use proptest::prelude::*;

use super::*;

/// A small generator: the tests need the same numbers everywhere.
struct Dice(u64);

impl Dice {
    /// # Source
    /// `SplitMix64`, Steele, Lea and Flood (2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u32) -> u32 {
        u32::try_from(self.next() % u64::from(n)).unwrap()
    }

    fn share(&mut self) -> f64 {
        f64::from(self.below(1 << 30)) / f64::from(1 << 30)
    }
}

/// Days of a team whose kinds follow a power law; some teams begin something new in clumps.
fn activity(seed: u64, n_days: i32) -> Days {
    let mut dice = Dice(seed);
    let n_kinds = [30, 100, 400, 2_000][dice.below(4) as usize];
    let exponent = 0.7 + dice.share();
    let weights: Vec<f64> = (1..=n_kinds).map(|it| f64::from(it).powf(-exponent)).collect();
    let total: f64 = weights.iter().sum();
    let max_units = [2, 5, 12][dice.below(3) as usize];
    let max_acts = [5, 15, 40][dice.below(3) as usize];
    let is_clumpy = dice.below(3) == 0;
    let mut fresh = n_kinds;
    let day = |dice: &mut Dice, fresh: &mut u32| -> Vec<Vec<u32>> {
        (0..=dice.below(max_units))
            .map(|_| {
                let mut kinds: BTreeSet<u32> = (0..=dice.below(max_acts))
                    .map(|_| {
                        let mut left = dice.share() * total;
                        let found = weights.iter().position(|it| {
                            left -= it;
                            left <= 0.0
                        });
                        u32::try_from(found.unwrap_or(0)).unwrap()
                    })
                    .collect();
                if is_clumpy && dice.below(16) == 0 {
                    for _ in 0..=dice.below(5) {
                        *fresh += 1;
                        kinds.insert(*fresh);
                    }
                }
                kinds.into_iter().collect()
            })
            .collect()
    };
    (0..n_days).map(|it| (Day(20_000 + it), day(&mut dice, &mut fresh))).collect()
}

#[test]
fn the_interval_holds_the_next_day_in_nine_splits_of_ten() {
    let (mut n_splits, mut n_held, mut width) = (0_u32, 0_u32, 0.0);
    for seed in 0..240 {
        let n_days = 4 + i32::try_from(seed % 25).unwrap();
        let mut days = activity(seed, n_days + 1);
        let (_, tomorrow) = days.pop_last().unwrap();
        let readiness = forecast(&days, DEFAULT_TOLERANCE).unwrap();
        let came = unseen_on(&days, &tomorrow);
        n_splits += 1;
        let is_held = readiness.unseen_low - 1e-4 <= came && came <= readiness.unseen_high + 1e-4;
        n_held += u32::from(is_held);
        width += readiness.unseen_high - readiness.unseen_low;
    }
    assert!(n_splits >= 200 && n_held * 10 >= n_splits * 9, "{n_held} of {n_splits}");
    // An interval over everything would hold everything.
    assert!(width / f64::from(n_splits) < 0.5, "{width}");
}

#[test]
fn where_enforcing_is_called_safe_it_is() {
    let (mut n_safe, mut unseen) = (0_u32, 0.0);
    for seed in 0..400 {
        let mut days = activity(seed, 30);
        let (_, tomorrow) = days.pop_last().unwrap();
        let readiness = forecast(&days, DEFAULT_TOLERANCE).unwrap();
        if readiness.recommended_mode == Mode::Enforce {
            n_safe += 1;
            unseen += unseen_on(&days, &tomorrow);
        }
    }
    assert!(n_safe > 10, "{n_safe}");
    assert!(unseen / f64::from(n_safe) <= DEFAULT_TOLERANCE, "{unseen} over {n_safe}");
}

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
fn days_until_safe_count_down_and_the_trend_shows() {
    let days = activity(3, 40);
    let at = |n_days: usize| {
        let first: Days =
            days.iter().take(n_days).map(|(day, units)| (*day, units.clone())).collect();
        forecast(&first, 0.05).unwrap()
    };
    assert_eq!(at(5).trend, Trend::Unknown);
    assert!(at(40).unseen < at(5).unseen);
    assert!(at(40).unseen_before.is_some());
}

#[test]
fn a_beta_binomial_sums_to_one_and_has_its_mean() {
    for (size, mean, clumping) in [(1, 0.3, 0.1), (20, 0.05, 0.02), (300, 0.01, 0.3)] {
        let all: Vec<f64> = (0..=size).map(|it| beta_binomial(it, size, mean, clumping)).collect();
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
