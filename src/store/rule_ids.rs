//! Ids for rules: a rule that stays keeps its id, and no id ever means another rule.
use std::collections::BTreeSet;

use super::StoreError;
use crate::policy::{Role, Rule};

/// Gives an id to every rule without one: that of the same rule in `previous`, else the next free
/// `r1`, `r2`, ... after `given`. Returns how many have been given then.
///
/// `used` holds every id that any revision of the role has had.
///
/// # Errors
/// Where two rules of the role share an id.
pub(super) fn give(
    role: &mut Role,
    previous: Option<&Role>,
    used: &BTreeSet<String>,
    given: u64,
) -> Result<u64, StoreError> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for rule in role.rules.iter().chain(&role.mcp_rules).filter(|rule| !rule.rule_id.is_empty()) {
        if !taken.insert(rule.rule_id.clone()) {
            return Err(StoreError::Refused(format!(
                "role `{}` has two rules with the id `{}`\nhint: leave `rule_id` out, new rules get one",
                role.name, rule.rule_id
            )));
        }
    }
    let mut next = given;
    let none: &[Rule] = &[];
    let lists = [
        (&mut role.rules, previous.map_or(none, |it| it.rules.as_slice())),
        (&mut role.mcp_rules, previous.map_or(none, |it| it.mcp_rules.as_slice())),
    ];
    for (rules, previous) in lists {
        for rule in rules.iter_mut().filter(|rule| rule.rule_id.is_empty()) {
            let same =
                previous.iter().find(|it| same_rule(it, rule) && !taken.contains(&it.rule_id));
            rule.rule_id = match same {
                Some(same) => same.rule_id.clone(),
                None => loop {
                    next += 1;
                    let id = format!("r{next}");
                    if !taken.contains(&id) && !used.contains(&id) {
                        break id;
                    }
                },
            };
            taken.insert(rule.rule_id.clone());
        }
    }
    Ok(next)
}

fn same_rule(a: &Rule, b: &Rule) -> bool {
    a.pattern == b.pattern && a.action == b.action && a.when == b.when
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RuleAction;

    fn role(rules: &[(&str, &str)]) -> Role {
        let mut role = Role::new("r");
        role.rules = rules
            .iter()
            .map(|(id, pattern)| Rule {
                rule_id: (*id).to_owned(),
                pattern: (*pattern).to_owned(),
                action: RuleAction::Allow,
                when: std::collections::BTreeMap::new(),
                risk: None,
                rationale: None,
            })
            .collect();
        role
    }

    fn ids(role: &Role) -> Vec<&str> {
        role.rules.iter().map(|rule| rule.rule_id.as_str()).collect()
    }

    #[test]
    fn new_rules_get_free_ids_and_old_ones_keep_theirs() {
        let mut first = role(&[("", "git *"), ("r2", "ls"), ("", "cat *")]);
        assert_eq!(give(&mut first, None, &BTreeSet::new(), 0).unwrap(), 3);
        assert_eq!(ids(&first), ["r1", "r2", "r3"]);

        // Reordered, one gone, the same twice, one new; `r4` was used in a revision since forgotten.
        let mut second = role(&[("", "cat *"), ("", "git *"), ("", "git *"), ("", "pwd")]);
        let used = ["r1", "r2", "r3", "r4"].map(str::to_owned).into();
        assert_eq!(give(&mut second, Some(&first), &used, 3).unwrap(), 6);
        assert_eq!(ids(&second), ["r3", "r1", "r5", "r6"]);
    }

    #[test]
    fn an_id_is_for_one_rule() {
        let err =
            give(&mut role(&[("a", "x"), ("a", "y")]), None, &BTreeSet::new(), 0).unwrap_err();
        assert!(err.to_string().contains("`a`"));
    }
}
