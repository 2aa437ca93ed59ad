//! The readiness forecast as a paragraph.
use super::batch_text::folded_at;
use crate::{evidence::Readiness, policy::Mode};

/// How much of tomorrow is new, where that is going, and what to do.
pub(super) fn paragraph(readiness: &Readiness) -> String {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let before = readiness.unseen_before.map_or_else(
        || "the trend is not known yet".to_owned(),
        |before| {
            let trend = readiness.trend;
            format!("{trend}, from {} seven days with activity ago", percent(before))
        },
    );
    let mode = match readiness.recommended_mode {
        Mode::Enforce => "enforce, once the rules are as proposed",
        Mode::Monitor => "stay in monitor mode",
    };
    let text = format!(
        "Readiness: {} of tomorrow's acts are likely to be of a kind not seen yet ({:.0}% of days: {} \
         to {}); {before}. Recommended: {mode}: {}. It stands on {} acts of {} kinds on {} days.",
        percent(readiness.unseen),
        readiness.level * 100.0,
        percent(readiness.unseen_low),
        percent(readiness.unseen_high),
        readiness.reason,
        readiness.acts,
        readiness.kinds,
        readiness.days,
    );
    folded_at(&text, 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        events::Day,
        evidence::{DEFAULT_TOLERANCE, Days, forecast},
    };

    /// Sessions of ten acts; `n_new` of each are of kinds that only it has.
    fn days(n_days: i32, n_new: u32) -> Days {
        let unit = |day: u32, at: u32| -> Vec<u32> {
            let new = (0..n_new).map(|it| 1_000 + (day * 15 + at) * 10 + it);
            (0..10 - n_new).chain(new).collect()
        };
        let day = |day: u32| (0..15).map(|at| unit(day, at)).collect();
        let numbered = (0..n_days).map(|it| (Day(20_000 + it), day(it.unsigned_abs())));
        numbered.collect::<BTreeMap<_, _>>()
    }

    #[test]
    fn a_ready_role_and_one_that_is_not_read_well() {
        let ready = forecast(&days(10, 0), DEFAULT_TOLERANCE).unwrap();
        insta::assert_snapshot!(paragraph(&ready), @r"
Readiness: 0.0% of tomorrow's acts are likely to be of a kind not seen yet (90% of days:
0.0% to 0.0%); falling, from 0.1% seven days with activity ago. Recommended: enforce, once
the rules are as proposed: about 0.0% of what comes will be of a kind not seen yet, and it
is 95% sure to stay within the 2.0% that are tolerated. It stands on 1500 acts of 10 kinds
on 10 days.
");
        let new = forecast(&days(3, 1), DEFAULT_TOLERANCE).unwrap();
        insta::assert_snapshot!(paragraph(&new), @r"
Readiness: 9.9% of tomorrow's acts are likely to be of a kind not seen yet (90% of days:
2.6% to 18.4%); the trend is not known yet. Recommended: stay in monitor mode: about 9.9% of
what comes will be of a kind not seen yet; at this pace that is not surely within the
tolerated 2.0% within a year. It stands on 450 acts of 54 kinds on 3 days.
");
    }
}
