//! The units of tallies, by number.
#![expect(
    clippy::disallowed_types,
    reason = "millions of keys are looked up; what leaves this file is sorted"
)]
use std::collections::HashMap;

use rayon::slice::ParallelSliceMut as _;

use crate::events::{Tally, Unit};

/// A tally, and the number of its unit.
pub(super) type Numbered<'a> = (&'a Tally, u32);

/// The distinct units, sorted, and the number of each tally's unit among them.
pub(super) fn units<'a>(tallies: &[&'a Tally]) -> (Vec<Unit>, Vec<Numbered<'a>>) {
    let mut seen: HashMap<&Unit, u32> = HashMap::new();
    let number = |tally: &&'a Tally| {
        let next = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        (*tally, *seen.entry(&tally.unit).or_insert(next))
    };
    let mut numbered: Vec<Numbered<'a>> = tallies.iter().map(number).collect();
    let mut sorted: Vec<(&Unit, u32)> = seen.into_iter().collect();
    sorted.par_sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0..).zip(&sorted) {
        if let Some(slot) = ranks.get_mut(*number as usize) {
            *slot = rank;
        }
    }
    for (_, number) in &mut numbered {
        *number = ranks.get(*number as usize).copied().unwrap_or_default();
    }
    (sorted.into_iter().map(|(unit, _)| unit.clone()).collect(), numbered)
}
