//! How far denies reach: a role's hold wherever a command is run, those of other systems mostly not.
use super::ordered::Item;
use crate::policy::{Rule, RuleAction};

/// What is said of denies that were read: they hold for more here.
pub(super) fn further(rules: &[Rule]) -> Option<String> {
    let held = "denies hold further here: also of a program under another path, and behind `sudo`, `env` and \
                others that run one";
    rules.iter().any(|it| it.action == RuleAction::Deny).then(|| held.to_owned())
}

/// What is said of denies that are written for a system: how it looks at a command, and what of the
/// denies of `X` that passes there.
pub(super) fn nearer(items: &[Item], how: &str, passes: &str) -> Option<String> {
    let told = || {
        format!("denies as far as they reach here (MILDER): {how}, so {passes} pass a deny of `X`")
    };
    items.iter().any(|it| it.action == RuleAction::Deny).then(told)
}
