//! Choose, order and call: what the program does, stage by stage.
pub mod fixtures;
pub mod ingest;
pub mod simulate;
