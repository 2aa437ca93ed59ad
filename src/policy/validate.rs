//! Whether a role can mean what it says: problems with their field, for people.
use super::{Role, when};

/// Most rules of a role, command and MCP rules each.
const MAX_RULES: usize = 10_000;

/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4_096;

/// What is wrong with a role, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Such as `rules[3].pattern`.
    pub field: String,
    /// What is wrong, lower case.
    pub message: String,
}

/// Every problem of a role, in the order of its fields; empty where it is valid.
pub fn validate(role: &Role) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |field: String, message: &str| {
        problems.push(Problem { field, message: message.to_owned() });
    };
    if let Some(message) = name_problem(&role.name) {
        problem("name".to_owned(), message);
    }
    if role.risk_policy.trust_threshold.is_some_and(|it| it > 100) {
        problem("risk_policy.trust_threshold".to_owned(), "is over 100, the range is 0 to 100");
    }
    for (list, rules) in [("rules", &role.rules), ("mcp_rules", &role.mcp_rules)] {
        if rules.len() > MAX_RULES {
            problem(list.to_owned(), "holds more than 10,000 rules");
        }
        let mut ids = std::collections::BTreeSet::new();
        for (idx, rule) in rules.iter().enumerate() {
            let field = format!("{list}[{idx}]");
            if rule.pattern.trim().is_empty() {
                problem(format!("{field}.pattern"), "is empty; `*` matches everything");
            } else if rule.pattern.len() > MAX_PATTERN_BYTES {
                problem(format!("{field}.pattern"), "is longer than 4,096 bytes");
            } else if list == "mcp_rules" && !rule.pattern.contains(['/', '*']) {
                problem(
                    format!("{field}.pattern"),
                    "matches no call, MCP patterns are `server/tool`",
                );
            }
            for (key, message) in when::problems(rule) {
                problem(format!("{field}.when.{key}"), &message);
            }
            if !rule.rule_id.is_empty() && !ids.insert(rule.rule_id.as_str()) {
                problem(format!("{field}.rule_id"), "is used by an earlier rule, too");
            }
        }
    }
    problems
}

/// What is wrong with a role's name.
fn name_problem(name: &str) -> Option<&'static str> {
    let plain = |ch: char| ch.is_alphanumeric() || "-_.:@ ".contains(ch);
    if name.trim().is_empty() {
        Some("is empty")
    } else if name.len() > 128 {
        Some("is longer than 128 bytes")
    } else if name.trim() != name || !name.chars().all(plain) {
        Some("may hold letters, digits, blanks inside, and any of - _ . : @")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_their_field() {
        let mut role: Role = serde_json::from_str(
            r#"{"name":"a/b","rules":[{"pattern":" ","action":"allow"}],"mcp_rules":[{"pattern":"x","action":"deny"}]}"#,
        )
        .unwrap();
        let fields: Vec<String> = validate(&role).into_iter().map(|it| it.field).collect();
        assert_eq!(fields, ["name", "rules[0].pattern", "mcp_rules[0].pattern"]);
        role = Role::new("platform");
        assert_eq!(validate(&role), []);
    }
}
