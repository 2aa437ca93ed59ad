//! Whether a role lets some MCP call of many through.
use super::{Evaluation, Pattern, Role, Rule, RuleAction, includes, overlaps};

/// Whether a role lets some call that a pattern matches through, asked or unasked.
///
/// A call may pass where no rule before the allows denies them all, whatever is known of the call.
pub fn lets_through(role: &Role, calls: &Pattern) -> bool {
    let denies_all = |it: &Rule| {
        it.action.is_stop() && it.when.is_empty() && includes(&Pattern::new(&it.pattern), calls)
    };
    let at = role.mcp_rules.iter().position(denies_all);
    let before = match (at, role.evaluation) {
        (Some(_), Evaluation::DenyOverrides) => 0,
        (Some(at), Evaluation::FirstMatch) => at,
        (None, _) => role.mcp_rules.len(),
    };
    let may_pass = |action: RuleAction| !action.is_stop();
    let mut rules = role.mcp_rules.iter().take(before);
    rules.any(|it| may_pass(it.action) && overlaps(&Pattern::of_any(&it.pattern), calls))
        || at.is_none() && may_pass(role.default_action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_lets_a_server_through_where_no_deny_of_all_its_calls_stands_first() {
        use RuleAction::{Allow, Deny, RequireApproval};
        for (rules, default, want) in [
            (&[][..], Allow, true),
            (&[], RequireApproval, true),
            (&[], Deny, false),
            (&[("evil/*", Deny)], Allow, false),
            (&[("*", Deny)], Allow, false),
            (&[("evil/read", Deny)], Allow, true),
            (&[("*/read", Allow), ("evil/*", Deny)], Allow, true),
            (&[("wiki/*", Allow), ("evil/*", Deny)], Allow, false),
            (&[("evil/read", Allow)], Deny, true),
            (&[("e{{x}}/read", Allow)], Deny, true),
        ] {
            let mut role = Role::new("r");
            role.default_action = default;
            role.mcp_rules = rules.iter().map(|(it, action)| Rule::new(it, *action)).collect();
            assert_eq!(lets_through(&role, &Pattern::new("evil/*")), want, "{rules:?}");
        }
    }
}
