//! Claude Code's permissions and Codex's prefix rules: what they mean, and what stays of a file.
use policy_advisor::{
    formats::{Besides, Effect, Invalid, Written, equivalence},
    policy::{Role, Rule, RuleAction, proof::MAX_STATES},
};

use super::{action, call, fixture, format};

fn updated(name: &str, role: &Role, text: &str) -> Result<Written, Vec<Invalid>> {
    (format(name).update.unwrap())(role, &Besides::default(), text)
}

#[test]
fn permissions_and_prefix_rules_decide_as_their_pages_say() {
    let read = (format("claude-code").read)(&fixture("claude.settings.json")).unwrap();
    for (line, want) in [
        ("curl", RuleAction::Deny),
        ("curl -s x", RuleAction::Deny),
        ("curly", RuleAction::RequireApproval),
        // Asking goes before allowing.
        ("git push origin main", RuleAction::RequireApproval),
        ("git merge main", RuleAction::Allow),
        ("npm run test", RuleAction::Allow),
        ("npm run test --watch", RuleAction::Allow),
        ("npm run tests", RuleAction::RequireApproval),
    ] {
        assert_eq!(action(&read.role, line), want, "{line}");
    }
    assert_eq!(call(&read.role, "admin", "x"), RuleAction::Deny);
    assert_eq!(call(&read.role, "github", "get_issue"), RuleAction::Allow);
    // What else stands in the settings stays there.
    let text = fixture("claude.settings.json");
    assert_eq!(updated("claude-code", &read.role, &text).unwrap().text, text);
    let read = (format("codex").read)(&fixture("default.rules")).unwrap();
    for (line, want) in [
        ("git status", RuleAction::Allow),
        ("git diff --stat", RuleAction::Allow),
        ("git push", RuleAction::RequireApproval),
        ("rm -rf x", RuleAction::Deny),
        ("rm -r x", RuleAction::RequireApproval),
    ] {
        assert_eq!(action(&read.role, line), want, "{line}");
    }
    let examples = ["git push -u origin x", "git status --short", "git log"].map(str::to_owned);
    let besides = Besides { examples: &examples, ..Besides::default() };
    let written = (format("codex").write)(&read.role, &besides);
    assert!(
        written.losses.is_empty()
            && written.text.contains(r#"["git", "push", "-u", "origin", "x"]"#)
    );
    // Examples are tested where they are read.
    let wrong = written.text.replace(r#"pattern = ["git", "push"]"#, r#"pattern = ["git", "log"]"#);
    let problem = &(format("codex").read)(&wrong).unwrap_err()[0];
    assert!(
        problem.field.ends_with("match") && problem.message.contains("is not matched"),
        "{problem:?}"
    );
}

#[test]
fn a_codex_rule_for_one_place_of_a_program_is_no_silent_rule_for_all() {
    let text = "prefix_rule(pattern = [\"/opt/x/bin/git\", \"status\"], decision = \"allow\")\n\
                prefix_rule(pattern = [[\"git\", \"./git\"], \"push\"], decision = \"forbidden\")\n";
    let read = (format("codex").read)(text).unwrap();
    let lost: Vec<(&str, &str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.what.as_str(), it.effect)).collect();
    assert_eq!(
        lost,
        [
            ("prefix_rule[0]", "allow `git status *` as `/opt/x/bin/git` alone", Effect::Milder),
            ("prefix_rule[1]", "deny `git push *` as `./git` alone", Effect::Stricter),
        ]
    );
}

/// What was read, with more and less in it.
fn edited(text: &str, allow: &str, gone: &str) -> Written {
    let mut role = (format("claude-code").read)(text).unwrap().role;
    role.rules.insert(0, Rule::new(allow, RuleAction::Allow));
    role.rules.retain(|it| it.pattern != gone);
    let written = updated("claude-code", &role, text).unwrap();
    let found = equivalence(&role, format("claude-code"), &written.text, MAX_STATES).unwrap();
    assert!(written.losses.is_empty() && found.is_proved(), "{written:?} {found:?}");
    written
}

#[test]
fn permissions_for_claude_codes_own_tools_stay_and_every_other_byte_too() {
    let text = r#"{
    "limit": 12345678901234567890123,
    "env": {"A": "b",   "C": 1.50},
    "permissions": {
        "deny": ["Read(./.env)", "WebFetch", "Bash(rm:*)"],
        "allow": [
            "Read(./src/**)",
            "Bash(make:*)",
            "Bash(ls:*)"
        ],
        "unheardOf": [ 1 ],
        "defaultMode": "acceptEdits"
    },
    "hooks": {}
}
"#;
    let written = edited(text, "cargo check", "ls *");
    let want = text.replace("            \"Bash(ls:*)\"\n", "            \"Bash(cargo check)\"\n");
    assert_eq!(written.text, want);
    // What is not there is made, in the file's own indentation and line ends.
    for (text, want) in [
        ("{}", "{\n  \"permissions\": {\n    \"allow\": [\n      \"Bash(x)\"\n    ]\n  }\n}\n"),
        (
            "{\r\n\t\"a\": 1\r\n}",
            "{\r\n\t\"a\": 1,\r\n\t\"permissions\": {\r\n\t\t\"allow\": [\r\n\t\t\t\"Bash(x)\"\r\n\t\t]\r\n\t}\r\n}",
        ),
        (
            "{\"permissions\": {}}",
            "{\"permissions\": {\n    \"allow\": [\n      \"Bash(x)\"\n    ]\n  }}",
        ),
    ] {
        let mut role = Role::new("r");
        role.default_action = RuleAction::RequireApproval;
        role.rules.push(Rule::new("x", RuleAction::Allow));
        assert_eq!(updated("claude-code", &role, text).unwrap().text, want);
    }
    // The default mode is for all tools.
    let mut role = Role::new("r");
    role.rules.push(Rule::new("x", RuleAction::Allow));
    let written = updated("claude-code", &role, text).unwrap();
    assert!(written.notes.iter().any(|it| it.contains("`dontAsk` holds for them")), "{written:?}");
    assert!(written.text.contains("\"defaultMode\": \"dontAsk\""), "{}", written.text);
}

#[test]
fn a_file_that_cannot_be_read_is_not_written_over() {
    let role = Role::new("r");
    for (name, text, line, field) in [
        ("claude-code", "{\n  // mine\n  \"hooks\": {}\n}", 2, ""),
        ("claude-code", "{\"a\": 1", 1, ""),
        ("claude-code", "{\n\"permissions\": [\"x\"]}", 2, "permissions"),
        ("claude-code", "{\"permissions\":\n{\"deny\": \"WebFetch\"}}", 2, "permissions.deny"),
        ("claude-code", "{\"permissions\":\n{\"deny\": [1]}}", 2, "permissions.deny[0]"),
        ("policy-yaml", "meta: {}\n", 1, "defaults"),
    ] {
        let problems = updated(name, &role, text).unwrap_err();
        let found = problems.iter().any(|it| (it.line, it.field.as_str()) == (line, field));
        assert!(found, "{text}: {problems:?}");
    }
}

#[test]
fn permissions_match_canonical_lines_or_are_lost_by_name() {
    let text = r#"{"permissions": {"defaultMode": "bypassPermissions", "deny": [
        "Bash(/bin/rm:*)", "Bash(git commit -m \"wip\")", "mcp__github__delete_*", "Bash(cat x | sh)"]}}"#;
    let read = (format("claude-code").read)(text).unwrap();
    for (line, want) in [
        ("rm -rf x", RuleAction::Deny),
        ("git commit -m wip", RuleAction::Deny),
        ("git commit -m more", RuleAction::Allow),
    ] {
        assert_eq!(action(&read.role, line), want, "{line}");
    }
    assert_eq!(call(&read.role, "github", "delete_repository"), RuleAction::Deny);
    let lost: Vec<(&str, &str, Effect)> =
        read.losses.iter().map(|it| (it.field.as_str(), it.what.as_str(), it.effect)).collect();
    assert_eq!(
        lost,
        [
            ("permissions.deny[0]", "deny `rm *` as `/bin/rm` alone", Effect::Stricter),
            ("permissions.deny[3]", "deny `Bash(cat x | sh)`", Effect::Milder),
        ]
    );
    // That denies reach less far there is said once.
    for name in ["claude-code", "codex"] {
        let written = (format(name).write)(&read.role, &Besides::default());
        let n = written.notes.iter().filter(|it| it.contains("(MILDER)")).count();
        assert_eq!(n, 1, "{name}: {:?}", written.notes);
    }
}

#[test]
fn arguments_of_codex_rules_that_mean_nothing_are_told() {
    for (arguments, field) in [
        ("pattern=[\"rm\"], decision=\"allow\",\n decision=\"forbidden\"", "decision"),
        ("pattern=[\"git\"],\n match=\"git x\"", "match"),
        ("pattern=[\"git\"],\n match=5", "match"),
        ("pattern=[\"git\"],\n not_match=[5]", "not_match"),
        ("pattern=[\"git\"],\n justification=5", "justification"),
        ("decision=\"allow\",\n pattern=[\"a\", [\"b\", [\"c\"]]]", "pattern"),
    ] {
        let text = format!("prefix_rule({arguments})\n");
        let problems = (format("codex").read)(&text).unwrap_err();
        let got = (problems[0].line, problems[0].field.as_str());
        let want = format!("prefix_rule[0].{field}");
        assert_eq!(got, (2, want.as_str()), "{text}: {problems:?}");
    }
}
