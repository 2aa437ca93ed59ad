//! How wide a rule is: the narrowest readable pattern that covers what was seen under a stem.
use crate::{clusters::{Stem, Use}, evidence::Evidence, policy::literal};

/// Units in which a bare command was only ever bare before its rule is exact.
const MIN_BARE_UNITS: u64 = 10;

/// The pattern for uses under one stem.
///
/// Exact where the same line is all that many units ever ran, or where the stem is open (then every
/// wider pattern lets any code through); else the stem and whatever follows it.
pub(super) fn pattern(stem: &Stem, uses: &[&Use], evidence: &Evidence) -> String {
    if let [only] = uses
        && (evidence.n_units >= MIN_BARE_UNITS && only.line == stem.pattern)
    {
        return literal(&only.line);
    }
    format!("{} *", stem.pattern)
}
