//! Policy Advisor: from the audit events of AI agents to reviewed allow and deny rules.
//!
//! This file is the map. A module may use only the modules declared above it;
//! `tests/it/tidy.rs` holds us to that.

// Core: values in, values out. No file, clock, environment, network, SQL or async.
pub mod events; // what happened
pub mod commands; // reading a command as a shell does
pub mod policy; // what is allowed: the rule language
pub mod risk; // what a command can do, and what it must never be let do
pub mod shapes; // command -> shape
pub mod clusters; // shapes that belong together
pub mod evidence; // what speaks for a cluster, in bounded units
pub mod feedback; // what reviewers made of earlier changes
pub mod synthesis; // evidence -> candidate rules
pub mod changes; // candidates x current role -> changes
pub mod batch; // changes -> suggestion batch
pub mod review; // batch x verdicts -> role revision, feedback
pub mod alerts; // what a person should look at
pub mod settings; // keys, defaults and ranges

// Edges: each owns one thing of the outside world.
pub mod objects; // buckets that speak S3
pub mod inputs; // bytes -> events and rejects
pub mod formats; // role <-> policy files
pub mod lake; // events in Parquet
pub mod store; // roles, batches, runs in SQL

// Shell: choose, order and call.
pub mod config; // flags over environment over file over defaults
pub mod clock; // the only reader of the time
pub mod telemetry; // logs, metrics
pub mod pipeline; // ingest, suggest, keep house
pub mod schedule; // what is due
pub mod cli; // subcommands and exit codes
