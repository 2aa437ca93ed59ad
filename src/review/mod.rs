//! What reviewers do with a batch: verdicts, the revision that follows, what is remembered.
mod memory;
mod merge;
mod verdict;

pub use memory::{EvidenceMark, Rejection, hidden_by, identity};
pub use merge::{Conflict, merge};
pub use verdict::{BadVerdict, Ruling, Verdict, rule_on};
