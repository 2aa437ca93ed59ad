//! Forecasts against what came, over generated activity.
use policy_advisor::{
    evidence::{DEFAULT_TOLERANCE, Days, Trend, forecast, unseen_on},
    policy::Mode,
};

use crate::days::{Held, activity, generated};

#[test]
fn the_interval_holds_the_next_day_in_nine_splits_of_ten() {
    let mut held = Held::default();
    for days in generated() {
        held.add(days, None);
    }
    assert!(held.n >= 200 && held.within * 10 >= held.n * 9, "{held:?}");
    assert!(held.width / f64::from(held.n) < 0.5, "{held:?}");
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
