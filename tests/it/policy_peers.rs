//! Generated policy.yaml documents: what we say of tools, for the published engine to be asked the same.
//!
//! With `ADVISOR_TEST_PEERS_DIR`, `policies.ndjson` is written there for `tests/policy_engine.mjs`.
use std::{fmt::Write as _, fs, path::PathBuf};

use policy_advisor::{
    formats::{
        policy_yaml::{
            Card, Forbidden, Known, Mapping, PolicyFile, Severity, Trigger, TriggerAction,
            Unmapped, Verdict, coverage, evaluate, read_file,
        },
        tool_matches,
    },
    pipeline::tools::overall,
    policy::model,
};
use proptest::{prelude::*, sample::select, strategy::ValueTree as _, test_runner::TestRunner};

const ACTIONS: &[&str] = &["read", "write", "web_fetch", "send"];

fn globs() -> impl Strategy<Value = String> {
    // The engine knows no `?`, and takes stars across anything, as we do.
    prop_oneof![
        select(
            &[
                "*",
                "mcp__*",
                "mcp__a__*",
                "mcp__*__read*",
                "*delete*",
                "Bash",
                "mcp__a__b",
                "mcp__b__*_x"
            ][..]
        )
        .prop_map(str::to_owned),
        "[ab_*.]{1,6}",
    ]
}

fn policies() -> impl Strategy<Value = PolicyFile> {
    let severity = select(Severity::ALL);
    let actions = prop::collection::vec(select(ACTIONS).prop_map(str::to_owned), 1..3);
    let mapping = (prop::collection::vec(globs(), 1..3), actions);
    let mappings = prop::collection::vec(mapping, 0..4);
    let forbidden = prop::collection::vec((globs(), severity), 0..3);
    let triggers = prop::collection::vec((globs(), select(TriggerAction::ALL)), 0..3);
    (mappings, forbidden, triggers, select(Unmapped::ALL)).prop_map(
        |(mappings, forbidden, triggers, unmapped)| {
            let mut policy = PolicyFile::named("made-up");
            policy.mappings = (0..)
                .zip(mappings)
                .map(|(idx, (tools, card_actions))| Mapping {
                    name: format!("m{idx}"),
                    description: None,
                    tools,
                    card_actions,
                })
                .collect();
            policy.forbidden = forbidden
                .into_iter()
                .map(|(pattern, severity)| Forbidden { pattern, reason: "r".to_owned(), severity })
                .collect();
            policy.triggers = triggers
                .into_iter()
                .map(|(glob, action)| Trigger {
                    condition: format!("tool_matches('{glob}')"),
                    action,
                    reason: "r".to_owned(),
                })
                .collect();
            policy.defaults.unmapped_tool_action = unmapped;
            // The severity that the engine gives to the action.
            policy.defaults.unmapped_severity = match unmapped {
                Unmapped::Allow => Severity::Low,
                Unmapped::Warn => Severity::Medium,
                Unmapped::Deny => Severity::High,
            };
            policy
        },
    )
}

#[test]
fn generated_policies_are_written_read_and_judged() {
    let n_policies = std::env::var("ADVISOR_TEST_ROLES").map_or(500, |it| it.parse().unwrap());
    let dir = std::env::var_os("ADVISOR_TEST_PEERS_DIR").map(PathBuf::from);
    let mut lines = String::new();
    let names = "(mcp__[ab]__(read_x|b|delete_file|a_x))|Bash|[ab_.]{1,6}";
    let cards = prop::collection::vec(select(ACTIONS).prop_map(str::to_owned), 0..4);
    let strategy = (policies(), cards, prop::collection::vec(names, 1..4));
    let mut runner = TestRunner::deterministic();
    for _ in 0..n_policies {
        let (policy, bounded_actions, tools) = strategy.new_tree(&mut runner).unwrap().current();
        for text in [policy.to_yaml(), policy.to_json()] {
            assert_eq!(read_file(&text).as_ref(), Ok(&policy), "{text}");
        }
        let card = Card { bounded_actions };
        let known = Known { card: Some(&card), age_hours: None };
        let said: Vec<_> = tools.iter().map(|it| evaluate(&policy, it, &known)).collect();
        let verdict = overall(said.iter().map(|it| it.verdict));
        for (tool, said) in tools.iter().zip(&said) {
            // The slow model of patterns is one of globs, too, where no blank ends them.
            let forbids = |it: &&Forbidden| model::matches(&it.pattern, tool);
            let is_forbidden =
                policy.forbidden.iter().filter(forbids).any(|it| it.severity >= Severity::High);
            let first = policy.forbidden.iter().find(forbids);
            assert!(first.is_none_or(|it| tool_matches(&it.pattern, tool)));
            if first.is_some_and(|it| it.severity >= Severity::High) {
                assert!(is_forbidden && said.verdict == Verdict::Fail, "{tool} {policy:?}");
            }
        }
        let kinds: Vec<Vec<&str>> =
            said.iter().map(|it| it.findings.iter().map(|it| it.kind.as_str()).collect()).collect();
        if dir.is_some() {
            let capabilities: serde_json::Map<String, serde_json::Value> = policy
                .mappings
                .iter()
                .map(|it| {
                    (
                        it.name.clone(),
                        serde_json::json!({"tools": it.tools, "required_actions": it.card_actions}),
                    )
                })
                .collect();
            let forbidden: Vec<_> = policy
                .forbidden
                .iter()
                .map(|it| serde_json::json!({"pattern": it.pattern, "reason": it.reason, "severity": it.severity}))
                .collect();
            let triggers: Vec<_> = policy
                .triggers
                .iter()
                .map(|it| serde_json::json!({"condition": it.condition, "action": it.action, "reason": it.reason}))
                .collect();
            let line = serde_json::json!({
                "card": {
                    "card_id": "c", "capabilities": capabilities,
                    "enforcement": {"forbidden_tools": forbidden, "unmapped_tool_action": policy.defaults.unmapped_tool_action},
                    "autonomy": {"bounded_actions": card.bounded_actions, "escalation_triggers": triggers},
                },
                "tools": tools, "verdict": verdict, "findings": kinds,
                "coverage_pct": coverage(&policy, &card).coverage_pct,
            });
            writeln!(lines, "{line}").unwrap();
        }
    }
    if let Some(dir) = dir {
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("policies.ndjson"), lines).unwrap();
    }
}
