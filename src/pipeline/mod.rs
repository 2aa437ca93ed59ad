//! Choose, order and call: what the program does, stage by stage.
pub mod analyze;
pub mod evaluate;
pub mod ingest;
pub mod suggest;
