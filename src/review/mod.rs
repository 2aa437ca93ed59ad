//! What reviewers do with a batch: verdicts, the revision that follows, what is remembered.
mod lessons;
mod merge;
mod opened;
mod verdict;

pub use lessons::Said;
pub use merge::{Conflict, merge};
pub use opened::{Opened, opened};
pub use verdict::{BadVerdict, Ruling, Verdict, rule_on};
