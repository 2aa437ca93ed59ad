//! policy.yaml: what it decides, and what of it a role does not say.
use policy_advisor::{
    formats::{
        Besides, Effect, equivalence,
        policy_yaml::{Known, Trigger, Verdict, evaluate, merge, read_file},
        restated,
    },
    policy::{RuleAction, proof::MAX_STATES},
};

use super::{action, call, fixture, format};

#[test]
fn a_policy_yaml_decides_as_its_page_says() {
    let read = (format("policy-yaml").read)(&fixture("support.policy.yaml")).unwrap();
    assert_eq!(read.losses, []);
    for (server, tool, want) in [
        ("browser", "navigate", RuleAction::Allow),
        ("filesystem", "read_file", RuleAction::Allow),
        ("filesystem", "delete_file", RuleAction::Deny),
        ("admin", "create_user", RuleAction::Deny),
        ("payment", "refund", RuleAction::RequireApproval),
        ("slack", "post_message", RuleAction::Allow),
        ("slack", "delete_message", RuleAction::Alert),
    ] {
        assert_eq!(call(&read.role, server, tool), want, "{server}/{tool}");
    }
    // Of commands it says nothing, so none passes.
    assert_eq!(action(&read.role, "git status"), RuleAction::Deny);
    for name in ["policy-yaml", "policy-json", "rego"] {
        let written = (format(name).write)(&read.role, &Besides::default());
        let found = equivalence(&read.role, format(name), &written.text, MAX_STATES).unwrap();
        assert!(written.losses.is_empty() && found.is_proved(), "{name} {written:?} {found:?}");
    }
}

/// A policy with these sections, which denies what nothing maps at once.
fn policy(sections: &str) -> String {
    format!(
        "meta: {{schema_version: \"1.0\", name: x, scope: agent}}\n{sections}\
         defaults: {{unmapped_tool_action: allow, unmapped_severity: low, fail_open: false}}\n"
    )
}

#[test]
fn a_role_and_the_policy_say_the_same_whatever_the_order_of_forbidden_rules() {
    let low = "  - {pattern: \"mcp__*\", reason: told, severity: low}\n";
    let critical = "  - {pattern: \"mcp__admin__*\", reason: never, severity: critical}\n";
    for (rules, want) in [
        (format!("{low}{critical}"), (Verdict::Warn, RuleAction::Alert, 1)),
        (format!("{critical}{low}"), (Verdict::Fail, RuleAction::Deny, 0)),
    ] {
        let text = policy(&format!("forbidden:\n{rules}"));
        let file = read_file(&text).unwrap();
        let verdict = evaluate(&file, "mcp__admin__x", &Known::default()).verdict;
        let role = (format("policy-yaml").read)(&text).unwrap().role;
        assert_eq!((verdict, call(&role, "admin", "x"), file.warnings().len()), want, "{text}");
    }
    // Merged, neither weakens the other.
    let of = |rules: &str| read_file(&policy(&format!("forbidden:\n{rules}"))).unwrap();
    let (org, agent) = (of(low), of(critical));
    for (merged, _) in [merge(&org, &agent), merge(&agent, &org)] {
        let verdict = evaluate(&merged, "mcp__admin__x", &Known::default()).verdict;
        assert_eq!((verdict, merged.forbidden.len()), (Verdict::Fail, 2));
        let role = (format("policy-yaml").read)(&merged.to_yaml()).unwrap().role;
        assert_eq!(call(&role, "admin", "x"), RuleAction::Deny);
        assert_eq!(call(&role, "fs", "x"), RuleAction::Alert);
    }
}

#[test]
fn a_policy_without_a_grace_period_has_that_of_its_page() {
    let with = |hours: &str| {
        let text =
            policy("").replace("allow, unmapped_severity: low", "deny, unmapped_severity: high");
        read_file(&text.replace("false}", &format!("false{hours}}}"))).unwrap()
    };
    let verdict = |hours: &str, age: f64| {
        let known = Known { age_hours: Some(age), ..Known::default() };
        evaluate(&with(hours), "mcp__a__b", &known).verdict
    };
    assert_eq!((verdict("", 23.0), verdict("", 25.0)), (Verdict::Warn, Verdict::Fail));
    assert_eq!(verdict(", grace_period_hours: 0", 0.5), Verdict::Fail);
    let hours = |org: &str, agent: &str| {
        let (merged, held) = merge(&with(org), &with(agent));
        (merged.defaults.grace_period_hours, held.len())
    };
    assert_eq!(hours("", ", grace_period_hours: 240"), (Some(24.0), 1));
    assert_eq!(hours("", ", grace_period_hours: 12"), (Some(12.0), 0));
    assert_eq!(hours(", grace_period_hours: 48", ""), (Some(48.0), 0));
    assert_eq!(hours("", ""), (None, 0));
    // A role has none, which is told where tools are denied for it.
    let lost = |hours: &str| {
        let losses = (format("policy-yaml").read)(&with(hours).to_yaml()).unwrap().losses;
        losses.into_iter().map(|it| (it.field, it.effect)).collect::<Vec<_>>()
    };
    assert_eq!(lost(""), [("defaults.grace_period_hours".to_owned(), Effect::Stricter)]);
    assert_eq!(lost(", grace_period_hours: 0"), []);
}

#[test]
fn triggers_and_tools_that_no_role_says_are_lost_by_name() {
    let text = policy(
        "forbidden:\n  - {pattern: WebFetch, reason: no, severity: critical}\n\
         escalation_triggers:\n\
         \x20 - {condition: \"tool_matches('mcp__pay__*') and amount > 100\", action: deny, reason: x}\n\
         \x20 - {condition: \"tool_matches('a') or tool_matches('b')\", action: deny, reason: x}\n\
         \x20 - {condition: \"tool_matches(\\\"mcp__b__*\\\")\", action: deny, reason: x}\n",
    );
    let file = read_file(&text).unwrap();
    let globs: Vec<Option<&str>> = file.triggers.iter().map(Trigger::glob).collect();
    assert_eq!(globs, [None, None, Some("mcp__b__*")]);
    assert_eq!(file.warnings().len(), 2);
    let read = (format("policy-yaml").read)(&text).unwrap();
    let lost: Vec<(&str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.effect)).collect();
    assert_eq!(
        lost,
        [
            ("forbidden[0]", Effect::Milder),
            ("escalation_triggers[0].condition", Effect::Milder),
            ("escalation_triggers[1].condition", Effect::Milder),
        ]
    );
}

#[test]
fn a_document_stays_what_it_is_in_the_other_notation() {
    let text = fixture("support.policy.yaml")
        .replace("scope: agent", "scope: org")
        .replace("enforcement_mode: warn", "enforcement_mode: \"off\"");
    let (yaml, json) = (format("policy-yaml"), format("policy-json"));
    let there = restated(yaml, json, &text, None).unwrap().unwrap();
    assert_eq!(read_file(&there), read_file(&text));
    let back = restated(json, yaml, &there, Some("mine")).unwrap().unwrap();
    let (mut back, was) = (read_file(&back).unwrap(), read_file(&text).unwrap());
    assert_eq!(back.meta.name, "mine");
    back.meta.name.clone_from(&was.meta.name);
    assert_eq!(back, was);
    // Towards a role, what is not said is told.
    let notes = (yaml.read)(&text).unwrap().notes.join("\n");
    for told in
        ["commands: ", "card actions", "severities", "scope `org`", "mode `off`", "fail_open"]
    {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}

#[test]
fn problems_are_told_where_they_stand() {
    for (text, line, field) in [
        (
            "meta:\n  name: x\n  schema_version: \"9.9\"\n  scope: agent\ndefaults:\n",
            3,
            "meta.schema_version",
        ),
        (
            "meta: {schema_version: \"1.0\", name: x, scope: agent}\ndefaults:\n  unmapped_tool_action: warn\n  grace_period_hours: -1\n",
            4,
            "defaults.grace_period_hours",
        ),
    ] {
        let problems = read_file(text).unwrap_err();
        let found = problems.iter().any(|it| (it.line, it.field.as_str()) == (line, field));
        assert!(found, "{problems:?}");
    }
}
