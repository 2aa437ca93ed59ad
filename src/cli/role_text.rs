//! A role as a page for people.
use super::{Rows, printer::table};
use crate::{
    events::visible,
    policy::{Role, Rule, When},
};

/// Name, properties and rules, in order.
pub(super) fn page(role: &Role) -> String {
    let mut lines = vec![format!("{}, revision {}", visible(&role.name), role.revision)];
    if !role.description.is_empty() {
        lines.push(visible(&role.description).into_owned());
    }
    let trust = role.risk_policy.trust_threshold;
    let trust = trust.map_or_else(|| "none".to_owned(), |it| it.to_string());
    lines.push(format!(
        "mode {}, default {}, evaluation {}, matching {}, trust threshold {trust}",
        role.mode, role.default_action, role.evaluation, role.matching
    ));
    for (title, rules) in [("command rules", &role.rules), ("MCP rules", &role.mcp_rules)] {
        lines.push(String::new());
        if rules.is_empty() {
            lines.push(format!("no {title}"));
        } else {
            lines.push(format!("{title}, {}", rules.len()));
            lines.push(table(&rows(rules)).trim_end().to_owned());
        }
    }
    lines.join("\n")
}

/// `51,234`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut res = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            res.push(',');
        }
        res.push(digit);
    }
    res
}

/// The rules as a table; what they declare has a column where one does.
fn rows(rules: &[Rule]) -> Rows {
    let declares = rules.iter().any(|it| it.risk.is_some());
    let cells = (1..).zip(rules).map(|(position, rule): (u64, &Rule)| {
        let mut cells = vec![
            position.to_string(),
            rule.rule_id.clone(),
            rule.action.to_string(),
            rule.pattern.clone(),
            when_text(&rule.when),
        ];
        cells.extend(declares.then(|| rule.risk.map_or_else(String::new, |it| it.to_string())));
        cells
    });
    let cells = cells.collect();
    let mut columns = vec!["position", "rule_id", "action", "pattern", "when"];
    columns.extend(declares.then_some("risk"));
    Rows { columns, cells }
}

/// `env is dev or staging`; empty where a rule applies everywhere.
pub(super) fn when_text(when: &When) -> String {
    let clauses = when.iter().map(|(name, values)| format!("{name} is {}", values.join(" or ")));
    clauses.collect::<Vec<String>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
