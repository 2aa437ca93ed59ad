//! policy.yaml: what it decides, and what of it a role does not say.
use policy_advisor::{
    formats::{
        Besides, Effect, equivalence,
        policy_yaml::{
            Known, Severity, Trigger, Verdict, evaluate, is_of_its_system, merge, read_file,
        },
        restated,
    },
    policy::{RiskLevel, Role, Rule, RuleAction, proof::MAX_STATES},
};

use super::{action, call, fixture, format};

#[test]
fn a_policy_yaml_decides_as_its_page_says() {
    let read = (format("policy-yaml").read)(&fixture("support.policy.yaml")).unwrap();
    let lost: Vec<(&str, &str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.what.as_str(), it.effect)).collect();
    let cards = |name| format!("capability_mappings.{name}.card_actions");
    assert_eq!(
        lost,
        [
            (&*cards("web_browsing"), "web_fetch, web_search", Effect::Milder),
            (&*cards("file_operations"), "read, write", Effect::Milder),
            (&*cards("communication"), "send_response", Effect::Milder),
            ("defaults.fail_open", "true", Effect::Stricter),
        ]
    );
    // Severities are what rules declare.
    let declared: Vec<Option<RiskLevel>> = read.role.mcp_rules.iter().map(|it| it.risk).collect();
    assert_eq!(declared[..2], [Some(RiskLevel::Critical), Some(RiskLevel::High)]);
    assert!(declared[2..].iter().all(Option::is_none), "{declared:?}");
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
    // A role has none, which is lost where tools are denied for it.
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
    // Towards a role, what is not said is lost, and what decides nothing is told.
    let read = (yaml.read)(&text).unwrap();
    let lost: Vec<(&str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.effect)).skip(3).collect();
    assert_eq!(
        lost,
        [
            ("meta.scope", Effect::Same),
            ("defaults.enforcement_mode", Effect::Same),
            ("defaults.fail_open", Effect::Stricter),
        ]
    );
    assert!(read.losses.iter().all(is_of_its_system));
    let notes = read.notes.join("\n");
    assert!(notes.contains("commands: ") && notes.contains("capabilities"), "{notes}");
}

/// The rules of calls of a role with what they declare, a line each.
fn declared(role: &Role) -> Vec<String> {
    let risk = |it: &Rule| it.risk.map_or_else(|| "none".to_owned(), |it| it.to_string());
    let line = |it: &Rule| format!("{} {} {}", it.action, it.pattern, risk(it));
    role.mcp_rules.iter().map(line).collect()
}

#[test]
fn severities_are_what_rules_declare() {
    let text = policy(
        "forbidden:\n\
         \x20 - {pattern: \"mcp__a__*\", reason: r, severity: critical}\n\
         \x20 - {pattern: \"mcp__b__*\", reason: r, severity: high}\n\
         \x20 - {pattern: \"mcp__c__*\", reason: r, severity: low}\n",
    );
    let read = (format("policy-yaml").read)(&text).unwrap();
    assert_eq!(read.losses, []);
    let all = ["deny a/* critical", "deny b/* high", "alert c/* low", "allow */* none"];
    assert_eq!(declared(&read.role), all);
    // And back: what stops says its risk, what does not cannot.
    let written = (format("policy-yaml").write)(&read.role, &Besides::default());
    let lost: Vec<(&str, Effect)> =
        written.losses.iter().map(|it| (it.field.as_str(), it.effect)).collect();
    assert_eq!(lost, [("mcp_rules[2]", Effect::Same)]);
    let file = read_file(&written.text).unwrap();
    let severities: Vec<Severity> = file.forbidden.iter().map(|it| it.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::High]);
    // A file that is there keeps its severity where the role declares nothing, and takes the role's else.
    let of = |risk: Option<RiskLevel>| {
        let mut role = read.role.clone();
        role.mcp_rules[0].risk = risk;
        let update = format("policy-yaml").update.unwrap();
        let updated = update(&role, &Besides::default(), &text).unwrap();
        assert_eq!(updated.losses, []);
        let file = read_file(&updated.text).unwrap();
        file.forbidden.iter().find(|it| it.pattern == "mcp__a__*").unwrap().severity
    };
    assert_eq!((of(None), of(Some(RiskLevel::High))), (Severity::Critical, Severity::High));
    // The default has one, too.
    let deny = "deny, grace_period_hours: 0, unmapped_severity: critical";
    let text = policy("").replace("allow, unmapped_severity: low", deny);
    let read = (format("policy-yaml").read)(&text).unwrap();
    assert_eq!((declared(&read.role), read.losses), (vec!["deny */* critical".to_owned()], vec![]));
    let written = (format("policy-yaml").write)(&read.role, &Besides::default());
    let severity = read_file(&written.text).unwrap().defaults.unmapped_severity;
    assert_eq!((severity, written.losses), (Severity::Critical, vec![]));
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
