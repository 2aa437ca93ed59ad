//! What is due, one at a time: the work of `advisor run`, whoever calls it, however often.
mod due;
mod report;
mod run;

pub use due::{Due, due};
pub use report::{Ingested, RunReport};
pub use run::{Selection, run};
