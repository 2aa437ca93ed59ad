//! The small fleet that is built into the program, for `advisor demo`; see `fixtures/demo`.

/// The events of three roles, six hosts and seven days: NDJSON of the signal schema, in zstd.
pub const DEMO_EVENTS: &[u8] = include_bytes!("../../fixtures/demo/events.ndjson.zst");

/// The roles that the demo begins with, each as `roles import` reads it.
pub const DEMO_ROLES: &[&str] = &[
    include_str!("../../fixtures/demo/roles/backend.json"),
    include_str!("../../fixtures/demo/roles/platform.json"),
    include_str!("../../fixtures/demo/roles/web.json"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        events::Day,
        pipeline::simulate::{Fleet, Plan, Truth},
        policy::Role,
    };

    const PLAN: Plan = Plan { seed: 42, n_events: 3000, n_hosts: 6, n_days: 7, start: Day(20_514) };

    #[test]
    fn the_fixture_is_what_simulate_makes() {
        let fleet = Fleet::new(PLAN);
        let mut truth = Truth::default();
        let events = fleet.all_events(&mut truth);
        let lines: Vec<String> =
            events.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
        let kept = zstd::decode_all(DEMO_EVENTS).unwrap();
        assert!(String::from_utf8(kept).unwrap().lines().eq(lines.iter()), "make it again");
        let text = serde_json::to_string_pretty(&truth).unwrap();
        assert_eq!(include_str!("../../fixtures/demo/truth.json").trim_end(), text);
    }

    #[test]
    fn the_roles_of_the_demo_are_those_of_its_events() {
        let roles: Vec<Role> =
            DEMO_ROLES.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        let names: BTreeSet<String> = roles.into_iter().map(|it| it.name).collect();
        let units = Fleet::new(PLAN).units();
        assert_eq!(names, units.iter().map(|it| it.role.to_owned()).collect());
    }
}
