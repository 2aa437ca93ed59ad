//! The small fleet that is built into the program, for `advisor demo`; see `fixtures/demo`.

/// The events of three roles, six hosts and seven days: NDJSON of the signal schema, in zstd.
pub const DEMO_EVENTS: &[u8] = include_bytes!("../../fixtures/demo/events.ndjson.zst");

/// The roles that the demo begins with, each as `roles import` reads it.
pub const DEMO_ROLES: &[&str] = &[
    include_str!("../../fixtures/demo/roles/backend.json"),
    include_str!("../../fixtures/demo/roles/platform.json"),
    include_str!("../../fixtures/demo/roles/web.json"),
];
