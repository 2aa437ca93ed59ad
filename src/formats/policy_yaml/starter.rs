//! The policy.yaml to begin with, each section with a word on what it is for.

/// An annotated policy under a name, which must be plain text.
pub fn starter(name: &str) -> String {
    let name = serde_json::to_string(name).unwrap_or_default();
    STARTER.replace("{name}", &name)
}

const STARTER: &str = r#"# Which tools an agent may use, and which never. `advisor policy validate policy.yaml` checks it,
# `advisor policy test --policy policy.yaml` tries it on what agents did.
meta:
  schema_version: "1.0"
  name: {name}
  description: "What this agent works on"
  # org: the floor under every agent's policy; agent: on top of that floor
  scope: agent

# Which tools stand behind an action of the agent's card. Globs: * is anything, ? one character.
capability_mappings:
  reading_files:
    description: "Looks at files, changes none"
    tools:
      - "mcp__filesystem__read*"
      - "mcp__filesystem__list*"
    card_actions:
      - read

# Never, whoever maps it. critical and high fail, medium and low warn.
forbidden:
  - pattern: "mcp__*__delete*"
    reason: "Nothing this agent does needs to delete"
    severity: critical

# Wait for a person (escalate), be told (warn), or refuse (deny).
escalation_triggers:
  - condition: "tool_matches('mcp__payment__*')"
    action: escalate
    reason: "Money is moved by people"

defaults:
  # For tools that no mapping names: allow, warn or deny
  unmapped_tool_action: warn
  unmapped_severity: medium
  # Whether tools pass where the policy cannot be asked
  fail_open: true
  # off, warn or enforce: begin with warn, enforce once tests show nothing unexpected
  enforcement_mode: warn
  # For so long a tool that was never seen before only warns
  grace_period_hours: 24
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_valid() {
        let file = super::super::read_file(&starter("a \"b\"")).unwrap();
        assert_eq!(file.meta.name, "a \"b\"");
        assert_eq!((file.mappings.len(), file.forbidden.len(), file.triggers.len()), (1, 1, 1));
    }
}
