//! Cedar: conditions of policies as conditions of rules.
use super::{format, rules_of_calls};

#[test]
fn conditions_of_cedar_are_conditions_of_rules() {
    let text = r#"
        forbid (principal, action == Action::"call_tool", resource)
        when { context.line like "slack/*" && context has data_class && context.data_class.containsAny(["secret"]) };
        permit (principal, action == Action::"call_tool", resource)
        when { context.line == "slack/post" || context.line like "slack/get*" }
        when { context has host_env && context.host_env == "dev" }
        when { !(context has agent) || (context.agent like "Claude*") };
        permit (principal, action == Action::"call_tool", resource)
        when { context has acts && context.acts.containsAny(["read:file", "read:secret"]) }
        unless { context.line like "github/*" && (context has risk_level && ["high"].contains(context.risk_level)) };
    "#;
    let read = (format("cedar").read)(text).unwrap();
    assert_eq!(read.losses, []);
    let when = rules_of_calls(&read.role);
    assert_eq!(
        when,
        [
            r#"deny slack/* {"data_class":["secret"]}"#,
            r#"allow slack/post {"agent":["Claude*","none"],"env":["dev"]}"#,
            r#"allow slack/get* {"agent":["Claude*","none"],"env":["dev"]}"#,
            r#"deny github/* {"risk_level":["high"]}"#,
            r#"allow * {"action_type":["read"],"resource_type":["file","secret"]}"#,
        ]
    );
    let deep = "!(".repeat(50);
    for (condition, complaint) in [
        ("[\"x\"].contains(context.environment)", "without `context has environment`"),
        ("context has agent", "only whether there is"),
        ("context has nobody && context.nobody == \"x\"", "as no condition of a rule does"),
        (
            "context has acts && context.acts.containsAny([\"read:file\", \"write:secret\"])",
            "as no condition",
        ),
        ("context has trust_score && context.trust_score < 10 && context.line like \"x\"", "alone"),
        (deep.as_str(), "nested too deeply"),
    ] {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let problem = &(format("cedar").read)(&text).unwrap_err()[0];
        assert!(problem.message.contains(complaint), "{condition}: {problem:?}");
    }
}

#[test]
fn what_no_role_says_of_principals_is_told_with_its_place() {
    for (scope, what) in [
        ("principal == User::\"a\", action, resource", "principal"),
        ("principal in Group::\"a\", action, resource", "principal"),
        ("principal, action in [Action::\"execute\"], resource", "action"),
        ("principal, action, resource is File", "resource"),
    ] {
        let text = format!("\n\nforbid ({scope});");
        let problem = &(format("cedar").read)(&text).unwrap_err()[0];
        assert_eq!(problem.line, 3, "{problem:?}");
        assert!(problem.message.starts_with(&format!("narrows the {what}")), "{problem:?}");
    }
}
