//! Days of generated activity, as kinds of acts, and how often what came lay where a forecast said.
use std::collections::BTreeSet;

use policy_advisor::{
    events::Day,
    evidence::{DEFAULT_TOLERANCE, Days, forecast, unseen_on},
};

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
pub(crate) fn activity(seed: u64, n_days: i32) -> Days {
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

/// How often the share that came was within the interval for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) n: u32,
    pub(crate) within: u32,
    /// Sum of the widths of the intervals: one over everything would hold everything.
    pub(crate) width: f64,
}

impl Held {
    /// Forecasts the last day from those before it, or from so many before it.
    pub(crate) fn add(&mut self, mut days: Days, window: Option<i32>) {
        let (day, tomorrow) = days.pop_last().unwrap();
        let days = window.map_or(days.clone(), |it| days.split_off(&Day(day.0 - it)));
        let Some(readiness) = forecast(&days, DEFAULT_TOLERANCE) else { return };
        // Ends are rounded to four decimals.
        let ends = readiness.unseen_low - 1e-4..=readiness.unseen_high + 1e-4;
        self.n += 1;
        self.within += u32::from(ends.contains(&unseen_on(&days, &tomorrow)));
        self.width += readiness.unseen_high - readiness.unseen_low;
    }
}

/// The days of each seed, and one more: from five days to thirty.
pub(crate) fn generated() -> impl Iterator<Item = Days> {
    (0..240).map(|seed| activity(seed, 5 + i32::try_from(seed % 25).unwrap()))
}
