//! Choose, order and call: what the program does, stage by stage.
pub mod analyze;
pub mod audit;
pub mod backtest;
pub mod backup;
pub mod causes;
pub mod doctor;
pub mod dry_run;
pub mod evaluate;
pub mod findings;
pub mod fixtures;
pub mod ingest;
pub mod outlook;
pub mod signals;
pub mod simulate;
pub mod suggest;
pub mod upkeep;
pub mod watch;
