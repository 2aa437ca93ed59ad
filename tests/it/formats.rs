//! Policy formats: what is written is read as the same role or the loss is listed, and the pages' own examples.
//!
//! `ADVISOR_TEST_ROLES` says how many roles are made up, and `ADVISOR_TEST_PEERS_DIR` names a directory for
//! documents and decisions that the engines of other systems are asked about (`tests/policy_peers.py`).
mod agents;
mod cedar;
mod interven;
mod policy_yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use policy_advisor::{
    commands::{Reading, canonical, split},
    formats::{Besides, Effect, Equivalence, FORMATS, Loss, PolicyFormat, equivalence},
    policy::{
        Access, ActionType, Approval, Circumstances, DataClass, Engine, Evaluation, Facts, Inputs,
        Matching, ResourceType, RiskLevel, Role, Rule, RuleAction, Subject, When,
        proof::MAX_STATES,
    },
};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

pub(crate) const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies/");

fn n_roles() -> usize {
    std::env::var("ADVISOR_TEST_ROLES").map_or(300, |it| it.parse().unwrap())
}

pub(crate) fn format(name: &str) -> &'static PolicyFormat {
    PolicyFormat::parse(name).unwrap()
}

fn fixture(name: &str) -> String {
    fs::read_to_string(format!("{POLICIES}{name}")).unwrap()
}

/// The rules of calls of a role with their conditions, a line each.
fn rules_of_calls(role: &Role) -> Vec<String> {
    let rules = role.mcp_rules.iter();
    rules
        .map(|it| {
            format!("{} {} {}", it.action, it.pattern, serde_json::to_string(&it.when).unwrap())
        })
        .collect()
}

fn commands() -> impl Strategy<Value = String> {
    let word = prop::sample::select(
        &[
            "git",
            "git push",
            "git push -u",
            "git status",
            "rm",
            "rm -rf",
            "npm run",
            "*",
            "echo 'a b'",
            "cat \\*",
            "x\\\\y",
            "é",
            "a\"b",
            "(x)",
            "git *push",
            "make {{env}}",
            "sudo",
            "cd",
            "env x",
        ][..],
    );
    let tail = prop::sample::select(
        &["", " *", " *", "*", " --force*", " * main", " **", ":*", " * -- *"][..],
    );
    (word, tail).prop_map(|(word, tail)| format!("{word}{tail}"))
}

fn calls() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "fs/*",
            "fs/read_file",
            "fs/read*",
            "fs/write*",
            "github/get_issue",
            "github/*",
            "*/*",
            "*",
            "*/list*",
            "f*/x",
            "a__b/c",
            "fs_/x",
            "fs/_x",
            "fs/*_all",
            "slack/post_message",
            "slack/*",
        ][..],
    )
    .prop_map(str::to_owned)
}

fn roles() -> impl Strategy<Value = Role> {
    let action = prop::sample::select(RuleAction::ALL);
    // Roles that a format can say are common, too: mostly allow and deny.
    let mostly = prop_oneof![
        3 => prop::sample::select(&[RuleAction::Allow, RuleAction::Deny, RuleAction::RequireApproval][..]),
        1 => action.clone(),
    ];
    let when = prop::option::weighted(0.15, whens()).boxed();
    let rule = |pattern: BoxedStrategy<String>,
                mostly: BoxedStrategy<RuleAction>,
                when: BoxedStrategy<Option<When>>| {
        let risk = prop::option::weighted(0.1, prop::sample::select(RiskLevel::ALL));
        (pattern, mostly, when, risk).prop_map(|(pattern, action, when, risk)| {
            let when = when.unwrap_or_default();
            Rule { when, risk, ..Rule::new(&pattern, action) }
        })
    };
    let rules =
        prop::collection::vec(rule(commands().boxed(), mostly.clone().boxed(), when.clone()), 0..7);
    let mcp_rules =
        prop::collection::vec(rule(calls().boxed(), mostly.clone().boxed(), when), 0..6);
    let threshold = prop::option::weighted(0.3, 0_u8..=100);
    (rules, mcp_rules, mostly, any::<bool>(), threshold).prop_map(
        |(rules, mcp_rules, default_action, strictest, threshold)| {
            let mut role = Role::new("made-up");
            role.rules = rules;
            role.mcp_rules = mcp_rules;
            role.default_action = default_action;
            role.evaluation =
                if strictest { Evaluation::DenyOverrides } else { Evaluation::FirstMatch };
            role.risk_policy.trust_threshold = threshold;
            role
        },
    )
}

#[test]
fn what_is_written_is_read_as_the_same_role_or_the_loss_is_listed() {
    let mut runner = TestRunner::deterministic();
    let mut peers = Peers::open();
    let mut proved: BTreeMap<&str, usize> = BTreeMap::new();
    let strategy = roles();
    // Few of those made up are what Codex says: one that is.
    let prefixes = Role {
        default_action: RuleAction::RequireApproval,
        rules: vec![Rule::new("git push *", RuleAction::Deny)],
        ..Role::new("prefixes")
    };
    let generated = (0..n_roles()).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    for role in std::iter::once(prefixes).chain(generated) {
        for format in FORMATS {
            let written = (format.write)(&role, &Besides::default());
            let shown =
                || format!("{}\n{role:#?}\n{}\n{:#?}", format.name, written.text, written.losses);
            let read =
                (format.read)(&written.text).unwrap_or_else(|err| panic!("{err:?} {}", shown()));
            let found = equivalence(&role, format, &written.text, MAX_STATES).unwrap();
            if written.losses.iter().all(|it| it.effect == Effect::Same) {
                assert!(is_alike(&role, &found), "{} {found:#?}", shown());
                *proved.entry(format.name).or_default() += usize::from(found.is_proved());
            }
            if written.losses.is_empty() {
                let mut missing = declared_but_for(&role, &read.role, &written.notes);
                // A default that denies is of high severity there, declared or not.
                missing.retain(|it| *it != RiskLevel::High || !format.name.starts_with("policy-"));
                assert!(missing.is_empty(), "{missing:?} {}", shown());
            }
            let is_milder =
                found.changes.iter().any(|it| it.change.new.action < it.change.old.action);
            let may_be_milder = written.losses.iter().any(|it| it.effect == Effect::Milder);
            assert!(!is_milder || may_be_milder, "{} {:#?}", shown(), found.changes);
            // What was read is said in full but for the cards that capabilities ask, and read again it is
            // the same.
            let is_card = |it: &Loss| it.field.ends_with(".card_actions");
            let lost: Vec<&Loss> = read.losses.iter().filter(|it| !is_card(it)).collect();
            assert!(lost.is_empty(), "{lost:?} {}", shown());
            let again = (format.write)(&read.role, &Besides::default());
            assert_eq!(again.losses, [], "{}", shown());
            let found = equivalence(&read.role, format, &again.text, MAX_STATES).unwrap();
            assert!(is_alike(&read.role, &found), "{} {found:#?}", shown());
            peers.note(format.name, &written.text, &read.role);
        }
    }
    peers.close();
    // Every format holds some roles without loss, or the laws say little.
    for format in FORMATS {
        let n = proved.get(format.name).copied().unwrap_or(0);
        eprintln!(
            "{}: {n} of {} roles whose decisions lose nothing, all of them proved equal",
            format.name,
            n_roles() + 1
        );
        assert!(n > 0, "{}", format.name);
    }
}

/// Whether nothing is decided otherwise. Where conditions are on three keys and more, there may be more
/// circumstances than are tried.
fn is_alike(role: &Role, found: &Equivalence) -> bool {
    let rules = role.rules.iter().chain(&role.mcp_rules);
    let keys: BTreeSet<&String> = rules.flat_map(|it| it.when.keys()).collect();
    found.is_proved() || found.changes.is_empty() && keys.len() >= 3
}

/// The risks that rules of a role declare and those of another one do not, but for rules that never fire.
fn declared_but_for(role: &Role, other: &Role, notes: &[String]) -> Vec<RiskLevel> {
    let list = |name: &str, rules: &[Rule]| -> Vec<(String, Option<RiskLevel>)> {
        rules.iter().enumerate().map(|(idx, it)| (format!("{name}[{idx}] "), it.risk)).collect()
    };
    let all = |it: &Role| [list("rules", &it.rules), list("mcp_rules", &it.mcp_rules)].concat();
    let mut theirs: Vec<RiskLevel> = all(other).into_iter().filter_map(|(_, risk)| risk).collect();
    let fires = |field: &String| !notes.iter().any(|it| it.starts_with(field.as_str()));
    let ours = all(role).into_iter().filter(|(field, _)| fires(field));
    let mut missing: Vec<RiskLevel> = ours.filter_map(|(_, risk)| risk).collect();
    missing.retain(|risk| match theirs.iter().position(|it| it == risk) {
        Some(at) => {
            theirs.remove(at);
            false
        }
        None => true,
    });
    missing
}

/// Documents, lines and decisions for the engines of other systems.
struct Peers(Option<(PathBuf, String)>);

impl Peers {
    fn open() -> Self {
        let dir = std::env::var_os("ADVISOR_TEST_PEERS_DIR").map(PathBuf::from);
        Self(dir.map(|dir| (dir, String::new())))
    }

    fn close(self) {
        if let Some((dir, text)) = self.0 {
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("documents.ndjson"), text).unwrap();
        }
    }

    fn note(&mut self, format: &str, text: &str, role: &Role) {
        let Some((_, lines)) = self.0.as_mut().filter(|_| ["cedar", "rego"].contains(&format))
        else {
            return;
        };
        // Lines as they stand: what a shell makes of them is no business of these engines.
        let role = Role { matching: Matching::Literal, ..role.clone() };
        let mut asked = Vec::new();
        for (n, situation) in situations().into_iter().enumerate() {
            // All lines where nothing is known, and a third of them under each of the others.
            let is_asked = |idx: usize| n == 0 || idx % 3 == n;
            let Situation { variables, inputs, facts, given } = &situation;
            let engine = Engine::new(&role, variables);
            let known = Circumstances { inputs, commands: &[], whole: facts };
            for (_, line) in LINES.iter().enumerate().filter(|(idx, _)| is_asked(*idx)) {
                let argv = split(line).filter(|it| canonical(it) == *line);
                let action = match argv {
                    Some(argv) => {
                        engine.decide_command(&argv, &Reading::default(), &known).decision
                    }
                    None if given.is_empty() => engine.decide_line(line).0,
                    None => continue,
                };
                asked.push(serde_json::json!({"kind": "command", "line": line, "given": given, "decision": action}));
            }
            for (server, tool) in CALLS {
                let scores = [None, Some(30), Some(90)];
                for trust_score in scores.into_iter().take(if n == 0 { 3 } else { 1 }) {
                    let said = engine.decide_call(server, tool, trust_score, &known);
                    asked.push(serde_json::json!({"kind": "call", "line": format!("{server}/{tool}"), "given": given, "trust_score": trust_score, "decision": said.decision}));
                }
            }
        }
        let it = serde_json::json!({"format": format, "text": text, "asked": asked});
        writeln!(lines, "{it}").unwrap();
    }
}

const LINES: &[&str] = &[
    "git",
    "git status",
    "git push",
    "git push -u x",
    "git push --force",
    "git a push b",
    "rm -rf /",
    "rm",
    "npm run x main",
    "cat '*'",
    "x",
    "é y",
    "git x -- y",
    "a\"b",
    "(x) y",
    "x\ny",
];

const CALLS: &[(&str, &str)] = &[
    ("fs", "read_file"),
    ("fs", "x_all"),
    ("github", "get_issue"),
    ("z", "list_x"),
    ("slack", "post_message"),
];

/// What is known besides the line, and the same as other engines are told it.
struct Situation {
    variables: BTreeMap<String, String>,
    inputs: Inputs,
    facts: Facts,
    given: BTreeMap<&'static str, Vec<&'static str>>,
}

fn situations() -> Vec<Situation> {
    let text = |it: &str| Some(it.to_owned());
    vec![
        Situation {
            variables: BTreeMap::new(),
            inputs: Inputs::default(),
            facts: Facts::default(),
            given: BTreeMap::new(),
        },
        Situation {
            variables: BTreeMap::from([("env".to_owned(), "dev".to_owned())]),
            inputs: Inputs {
                agent: text("Claude Code"),
                environment: text("production"),
                team: text("payments"),
                approval: Approval::Granted,
                ..Inputs::default()
            },
            facts: Facts {
                acts: [
                    (ActionType::Read, ResourceType::Secret),
                    (ActionType::Write, ResourceType::File),
                ]
                .into(),
                paths: ["/srv/.env".to_owned(), "x".to_owned()].into(),
                data_classes: [DataClass::Secret].into(),
                risk_signals: ["redacted"].into(),
                risk_level: Some(RiskLevel::High),
                access: None,
            },
            given: BTreeMap::from([
                ("host.env", vec!["dev"]),
                ("agent", vec!["Claude Code"]),
                ("environment", vec!["production"]),
                ("team", vec!["payments"]),
                ("approval", vec!["granted"]),
                ("acts", vec!["read:secret", "write:file"]),
                ("resource_path", vec!["/srv/.env", "x"]),
                ("data_class", vec!["secret"]),
                ("risk_signal", vec!["redacted"]),
                ("risk_level", vec!["high"]),
            ]),
        },
        Situation {
            variables: BTreeMap::from([("env".to_owned(), "production".to_owned())]),
            inputs: Inputs {
                agent: text("Codex"),
                approval: Approval::Denied,
                ..Inputs::default()
            },
            facts: Facts {
                acts: [
                    (ActionType::Read, ResourceType::File),
                    (ActionType::Send, ResourceType::Network),
                ]
                .into(),
                data_classes: [DataClass::Personal, DataClass::Workspace].into(),
                risk_level: Some(RiskLevel::Low),
                access: Some(Access::Read),
                ..Facts::default()
            },
            // The environment falls back on the variable.
            given: BTreeMap::from([
                ("host.env", vec!["production"]),
                ("environment", vec!["production"]),
                ("agent", vec!["Codex"]),
                ("approval", vec!["denied"]),
                ("acts", vec!["read:file", "send:network"]),
                ("data_class", vec!["personal", "workspace"]),
                ("risk_level", vec!["low"]),
                ("access", vec!["read"]),
            ]),
        },
    ]
}

/// Conditions of all kinds.
fn whens() -> impl Strategy<Value = When> {
    prop::sample::select(
        &[
            r#"{"env": ["production"]}"#,
            r#"{"env": ["dev", "none"]}"#,
            r#"{"environment": ["production"]}"#,
            r#"{"environment": ["none", "staging"]}"#,
            r#"{"agent": ["Claude*"]}"#,
            r#"{"agent": ["Claude Code", "Codex *"]}"#,
            r#"{"team": ["pay*", "none"]}"#,
            r#"{"action_type": ["read"]}"#,
            r#"{"action_type": ["write", "send"]}"#,
            r#"{"action_type": ["read", "none"], "resource_type": ["file", "secret", "none"]}"#,
            r#"{"resource_type": ["network"]}"#,
            r#"{"data_class": ["secret"]}"#,
            r#"{"data_class": ["personal", "secret"]}"#,
            r#"{"data_class": ["workspace", "system"]}"#,
            r#"{"risk_level": ["high", "critical"]}"#,
            r#"{"risk_signal": ["redacted", "none"]}"#,
            r#"{"access": ["read"]}"#,
            r#"{"approval": ["granted"]}"#,
            r#"{"approval": ["none", "pending"]}"#,
            r#"{"resource_path": ["*/.env"]}"#,
            r#"{"agent": ["Claude*"], "data_class": ["secret"], "env": ["dev"]}"#,
        ][..],
    )
    .prop_map(|it| serde_json::from_str(it).unwrap())
}

fn action(role: &Role, line: &str) -> RuleAction {
    Engine::new(role, &BTreeMap::new()).decide_line(line).0
}

fn call(role: &Role, server: &str, tool: &str) -> RuleAction {
    let subject = Subject::McpCall { server, tool, trust_score: None };
    Engine::new(role, &BTreeMap::new()).decide(&subject).decision
}

#[test]
fn a_truvant_role_decides_as_its_page_says() {
    let read = (format("truvant-yaml").read)(&fixture("developer.truvant.yaml")).unwrap();
    assert_eq!(read.losses, []);
    let role = &read.role;
    assert_eq!((role.mode.as_str(), role.risk_policy.trust_threshold), ("enforce", Some(60)));
    assert_eq!(read.variables[0].patterns, ["^prod-.*"]);
    for (line, want) in [
        ("git push --force", RuleAction::Deny),
        ("git push --force-with-lease origin", RuleAction::Deny),
        ("git push origin", RuleAction::Allow),
        ("kubectl exec pod -- sh", RuleAction::Deny),
        ("ssh host", RuleAction::Deny),
        ("terraform plan", RuleAction::Deny),
        ("aws s3 ls", RuleAction::Allow),
    ] {
        assert_eq!(action(role, line), want, "{line}");
    }
    assert_eq!(call(role, "filesystem", "read_file"), RuleAction::Allow);
    assert_eq!(call(role, "filesystem", "write_file"), RuleAction::Deny);
    // Variables stay in patterns, and their values go along.
    let besides = Besides { variables: &read.variables, ..Besides::default() };
    let again = (format("truvant").write)(role, &besides);
    assert!(again.losses.is_empty() && again.text.contains("deploy --to {{env}} *"), "{again:?}");
    let back = (format("truvant").read)(&again.text).unwrap();
    assert_eq!((&back.role.rules, &back.variables), (&role.rules, &read.variables));
}

#[test]
fn every_format_tells_problems_with_line_and_field() {
    for (name, text, line, field) in [
        (
            "truvant",
            "{\"name\": \"x\",\n\"commands\": [{\"pattern\": \"a\",\n\"action\": \"maybe\"}]}",
            3,
            "commands[0].action",
        ),
        (
            "truvant-yaml",
            "name: x\ncommands:\n  - pattern: a\n    action: allow\n    wen: 1\n",
            5,
            "commands[0].wen",
        ),
        (
            "policy-yaml",
            "meta:\n  schema_version: \"1.0\"\n  name: x\n  scope: team\n",
            4,
            "meta.scope",
        ),
        ("policy-json", "{\"meta\": {}}", 1, "defaults"),
        (
            "interven",
            "{\"name\": \"x\", \"rules\": [\n{\"rule_id\": \"a\"}]}",
            2,
            "rules[0].action",
        ),
        ("claude-code", "{\"permissions\":\n{\"deny\": [\"Bash(\"]}}", 2, "permissions.deny[0]"),
        (
            "codex",
            "prefix_rule(pattern = [\"a\"],\n decision = \"maybe\")",
            2,
            "prefix_rule[0].decision",
        ),
        ("cedar", "permit (principal, action, resource)\nwhen { principal == x };", 2, ""),
        ("rego", "package advisor\n", 1, ""),
    ] {
        let problems = (format(name).read)(text).unwrap_err();
        let found = problems.iter().any(|it| (it.line, it.field.as_str()) == (line, field));
        assert!(found, "{name}: {problems:?}");
    }
}

/// A role with these MCP rules, that denies calls else.
fn with_calls(rules: &str) -> Role {
    let mut role = Role::new("r");
    role.mcp_rules = serde_json::from_str(rules).unwrap();
    role
}

#[test]
fn documents_that_differ_under_a_circumstance_are_told_with_it() {
    let role =
        with_calls(r#"[{"pattern": "fs/*", "action": "allow", "when": {"environment": ["dev"]}}]"#);
    for (name, from, to) in
        [("cedar", "[\"dev\"]", "[\"dev\", \"production\"]"), ("truvant", "\"never\"", "\"x\"")]
    {
        let written = (format(name).write)(&role, &Besides::default());
        let text = written.text.replace(from, to);
        let found = equivalence(&role, format(name), &text, MAX_STATES).unwrap();
        assert!(!found.is_proved(), "{name}");
        let first = &found.changes[0];
        let (given, change) = (&first.given["environment"], &first.change);
        assert!(change.witness.starts_with("fs/"), "{change:?}");
        let told = (change.old.action, change.new.action, given.as_str());
        // What has no conditions leaves the rule out, so calls are denied where they were allowed.
        let want = if name == "cedar" {
            (RuleAction::Deny, RuleAction::Allow, "production")
        } else {
            (RuleAction::Allow, RuleAction::Deny, "dev")
        };
        assert_eq!(told, want, "{name}");
    }
}
