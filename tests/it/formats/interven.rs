//! Interven's rules as roles, and what is wrong with them.
use policy_advisor::{
    formats::{Besides, Effect, equivalence, interven::read_policy, restated},
    policy::{RuleAction, proof::MAX_STATES},
};

use super::{call, fixture, format, rules_of_calls};

#[test]
fn interven_rules_become_a_role_where_it_can_say_them() {
    let read = (format("interven").read)(&fixture("slack.interven.json")).unwrap();
    let lost: Vec<(&str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.effect)).collect();
    assert_eq!(
        lost,
        [
            ("rules[0].condition.body_contains_any", Effect::Milder),
            ("rules[1].sanitize_fields", Effect::Stricter),
            ("rules[1].condition.has_data_class", Effect::Milder)
        ]
    );
    assert_eq!(read.role.mcp_rules[0].action, RuleAction::Redact);
    assert_eq!(read.role.mcp_rules[0].when["data_class"], ["personal"]);
}

#[test]
fn what_interven_asks_for_is_held_or_lost_by_its_name() {
    let text = r##"{"name": "x", "rules": [
        {"rule_id": "w", "match": {"tool_name": "jira", "operations": ["category:issues", "get_me"], "verbs": ["WRITE", "DELETE"]}, "action": "REQUIRE_APPROVAL"},
        {"rule_id": "i", "match": {"tool_name": "fs"}, "condition": {"has_data_class": ["INTERNAL", "SECRETS"]}, "action": "DENY"},
        {"rule_id": "a", "match": {"tool_name": "aws", "verbs": ["ADMIN"]}, "action": "DENY"},
        {"rule_id": "o", "match": {"org_patterns": ["acme/*"], "repo_patterns": ["x/y"], "channel_patterns": ["#a*"], "operations": ["method:POST"]},
         "condition": {"is_external_principal": true, "new_resource": true, "volume_burst": true, "body_contains_all": ["a", "b"]}, "action": "DENY"}
    ]}"##;
    let read = (format("interven").read)(text).unwrap();
    let rules = rules_of_calls(&read.role);
    let written = r#"{"action_type":["write","send","delete"]}"#;
    assert_eq!(
        rules,
        [
            r#"deny fs/* {"data_class":["secret","workspace","system"]}"#.to_owned(),
            r#"deny fs/* {"risk_signal":["redacted"]}"#.to_owned(),
            r#"deny aws/* {"action_type":["execute"]}"#.to_owned(),
            format!("require_approval jira/*issue* {written}"),
            format!("require_approval jira/*Issue* {written}"),
            format!("require_approval jira/get_me {written}"),
            "allow */* {}".to_owned(),
        ]
    );
    let lost: Vec<(&str, &str)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.what.as_str())).collect();
    assert_eq!(
        lost,
        [
            ("rules[0].match.operations", "REQUIRE_APPROVAL w: category:issues"),
            ("rules[2].match.verbs", "DENY a: ADMIN"),
            ("rules[3].match.org_patterns", "DENY o: acme/*"),
            ("rules[3].match.repo_patterns", "DENY o: x/y"),
            ("rules[3].match.channel_patterns", "DENY o: #a*"),
            ("rules[3].condition.body_contains_all", "DENY o: a, b"),
            ("rules[3].match.operations", "DENY o: method:POST"),
            ("rules[3].condition.is_external_principal", "DENY o: true"),
            ("rules[3].condition.new_resource", "DENY o: true"),
            ("rules[3].condition.volume_burst", "DENY o: true"),
        ]
    );
    // And back: the same verbs and classes.
    let mut role = read.role;
    role.default_action = RuleAction::Allow;
    role.mcp_rules.retain(|it| !it.pattern.contains("issue") && !it.pattern.contains("Issue"));
    role.mcp_rules.retain(|it| !it.pattern.starts_with("aws"));
    let written = (format("interven").write)(&role, &Besides::default());
    assert_eq!(written.losses, []);
    assert!(
        written.text.contains("\"INTERNAL\"") && written.text.contains("\"WRITE\""),
        "{}",
        written.text
    );
    let found = equivalence(&role, format("interven"), &written.text, MAX_STATES).unwrap();
    assert!(found.is_proved(), "{found:?}");
}

#[test]
fn problems_and_losses_are_named_by_line_and_place_in_the_file() {
    let text = r#"{"name": "x", "rules": [
        {"rule_id": "late", "priority": 90, "action": "DENY",
         "condition": {"body_contains_any": ["x"]}},
        {"rule_id": "early", "priority": 10, "match": {"tool_name": "fs"}, "action": "ALLOW"}]}"#;
    let read = (format("interven").read)(text).unwrap();
    assert_eq!(read.losses[0].field, "rules[0].condition.body_contains_any");
    assert!(read.notes[0].starts_with("commands: "), "{:?}", read.notes);
    for (rule, line, field) in [
        (
            r#""match": {"tool_name": "x",
          "verbs": ["READ",
                    "LOOK"]}"#,
            4,
            "rules[0].match.verbs[1]",
        ),
        (
            r#""condition": {
          "has_data_class": ["PIN"]}"#,
            3,
            "rules[0].condition.has_data_class[0]",
        ),
        (
            r#""match": {
          "operations": ["catgory:messages"]}"#,
            3,
            "rules[0].match.operations[0]",
        ),
        (r#""match": {"operations": ["method:"]}"#, 2, "rules[0].match.operations[0]"),
        (r#""match": {"operations": ["category:_"]}"#, 2, "rules[0].match.operations[0]"),
        (r#""match": {"tool_name": ""}"#, 2, "rules[0].match.tool_name"),
        (r#""condition": {"body_contains_any": []}"#, 2, "rules[0].condition.body_contains_any"),
        (r#""condition": {"body_contains_all": []}"#, 2, "rules[0].condition.body_contains_all"),
        (r#""condition": {"has_data_class": []}"#, 2, "rules[0].condition.has_data_class"),
        (r#""match": {"operations": "x"}"#, 2, "rules[0].match.operations"),
        (r#""priority": 99999999999999999999"#, 2, "rules[0].priority"),
    ] {
        let text = format!("{{\"name\": \"x\", \"rules\": [\n{{\"action\": \"DENY\", {rule}}}]}}");
        let problems = read_policy(&text).unwrap_err();
        let found: Vec<(usize, &str)> =
            problems.iter().map(|it| (it.line, it.field.as_str())).collect();
        assert_eq!(found, [(line, field)], "{text}: {problems:?}");
    }
}

#[test]
fn a_list_that_names_nothing_makes_a_rule_about_no_call() {
    for list in ["operations", "verbs", "org_patterns", "repo_patterns", "channel_patterns"] {
        let text = format!(
            r#"{{"name": "x", "rules": [
              {{"rule_id": "all", "priority": 1, "match": {{"{list}": []}}, "action": "ALLOW"}},
              {{"rule_id": "none", "priority": 2, "match": {{"tool_name": "fs", "{list}": []}}, "action": "DENY"}},
              {{"rule_id": "off", "match": {{"{list}": []}}, "action": "DENY", "enabled": false}}]}}"#
        );
        let policy = read_policy(&text).unwrap();
        let warnings = policy.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].contains(&format!("rules[1].match.{list} is empty")), "{warnings:?}");
        assert_eq!(read_policy(&policy.to_json()).unwrap(), policy);
        // Neither widens a role, and both are listed.
        let read = (format("interven").read)(&text).unwrap();
        assert_eq!(rules_of_calls(&read.role), ["allow */* {}"]);
        let lost: Vec<(&str, Effect)> =
            read.losses.iter().map(|it| (it.field.as_str(), it.effect)).collect();
        let field = |idx: usize| format!("rules[{idx}].match.{list}");
        assert_eq!(lost, [(&*field(0), Effect::Same), (&*field(1), Effect::Same)]);
    }
}

#[test]
fn categories_become_patterns_that_are_safe_for_their_action() {
    let of = |action: &str, category: &str| {
        let text = format!(
            r#"{{"name": "x", "rules": [{{"rule_id": "c", "match": {{"tool_name": "t",
              "operations": ["category:{category}"]}}, "action": "{action}"}}]}}"#
        );
        let read = (format("interven").read)(&text).unwrap();
        let (loss, rules) = (read.losses[0].effect, rules_of_calls(&read.role));
        (loss, rules, read.role)
    };
    // What stops holds for more than the category, what allows for nothing else.
    for (action, within, effect) in
        [("DENY", RuleAction::Deny, Effect::Milder), ("ALLOW", RuleAction::Allow, Effect::Stricter)]
    {
        let (found, _, mut role) = of(action, "issues");
        assert_eq!(found, effect);
        role.mcp_rules.pop();
        role.default_action = RuleAction::RequireApproval;
        for tool in ["issue", "issues", "get_issue", "issues_list", "get_issue_by_id"] {
            assert_eq!(call(&role, "t", tool), within, "{action} {tool}");
        }
        let other = if action == "DENY" { within } else { RuleAction::RequireApproval };
        for tool in ["get_tissues", "reissue"] {
            assert_eq!(call(&role, "t", tool), other, "{action} {tool}");
        }
    }
    let (_, rules, _) = of("DENY", "pull_requests");
    assert_eq!(rules[..2], ["deny t/*pull*request* {}", "deny t/*Pull*Request* {}"]);
    let (_, rules, _) = of("DENY", "repositories");
    assert_eq!(rules[0], "deny t/*repositor* {}");
    let (_, rules, _) = of("ALLOW", "repositories");
    assert_eq!(rules[4], "allow t/repositories {}");
}

#[test]
fn a_document_stays_what_it_is_within_its_system() {
    let text = fixture("slack.interven.json");
    let of = |name: Option<&str>| {
        restated(format("interven"), format("interven"), &text, name).unwrap().unwrap()
    };
    assert_eq!(of(None), text);
    let renamed = read_policy(&of(Some("other"))).unwrap();
    assert_eq!(
        (renamed.name.as_str(), &renamed.rules),
        ("other", &read_policy(&text).unwrap().rules)
    );
    // The command column, the mode as the page spells it, unused variables and rules that never fire.
    let text = "name: x\nmode: Enforcing\ncommands:\n  - {command: git, pattern: git *, action: allow}\n  - {pattern: git push, action: deny}\nvariables:\n  - {name: env, value: dev, patterns: [\"^d\"]}\n";
    let (yaml, json) = (format("truvant-yaml"), format("truvant"));
    let there = restated(yaml, json, text, None).unwrap().unwrap();
    assert!(there.contains("\"command\": \"git\"") && there.contains("\"env\""), "{there}");
    let back = restated(json, yaml, &there, None).unwrap().unwrap();
    let again = restated(yaml, json, &back, None).unwrap().unwrap();
    assert_eq!(again, there);
    assert_eq!((yaml.read)(&back).unwrap().role.mode.as_str(), "enforce");
    assert!(restated(yaml, format("cedar"), text, None).is_none());
    assert!(restated(yaml, json, "name: 5\n", None).unwrap().is_err());
}
