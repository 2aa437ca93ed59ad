//! Choose, order and call: what the program does, stage by stage.
pub mod analyze;
pub mod backtest;
pub mod dry_run;
pub mod evaluate;
pub mod fixtures;
pub mod ingest;
pub mod simulate;
pub mod suggest;
