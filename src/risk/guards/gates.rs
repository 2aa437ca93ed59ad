//! Rules of the built-in role that look at more than the line: production, what is edited, MCP calls.
use crate::policy::{Role, Rule, RuleAction, When};

/// One rule over everything, where its conditions hold.
struct Gate {
    id: &'static str,
    title: &'static str,
    action: RuleAction,
    when: &'static [(&'static str, &'static [&'static str])],
}

const CHANGE: (&str, &[&str]) = ("action_type", &["write", "delete"]);

/// Names that people give to production.
const PRODUCTION: (&str, &[&str]) = (
    "resource_path",
    &[
        "prod",
        "production",
        "prod-*",
        "*-prod",
        "production-*",
        "*-production",
        "*/prod/*",
        "*/production/*",
    ],
);

/// Tried before all guards.
const FIRST: &[Gate] = &[
    Gate {
        id: "production.environment",
        title: "change infrastructure or data from a host of production",
        action: RuleAction::Deny,
        when: &[
            ("environment", &["production", "prod"]),
            CHANGE,
            ("resource_type", &["infrastructure", "database"]),
        ],
    },
    Gate {
        id: "production.named",
        title: "change infrastructure or data that is named production",
        action: RuleAction::Deny,
        when: &[PRODUCTION, CHANGE, ("resource_type", &["infrastructure", "database"])],
    },
];

/// Tried after all guards: edits that a person wants to see.
const EDITS: &[(&str, &str, &[&str])] = &[
    (
        "edit.auth",
        "edit what decides who may do what",
        &[
            "*/auth/*",
            "*/authentication/*",
            "*/authorization/*",
            "*/oauth/*",
            "*/rbac/*",
            "*/iam/*",
        ],
    ),
    (
        "edit.payment",
        "edit what moves money",
        &["*/payment/*", "*/payments/*", "*/billing/*", "*/payouts/*", "*/stripe/*"],
    ),
    (
        "edit.infra",
        "edit infrastructure as code",
        &[
            "*.tf",
            "*.tfvars",
            "*/terraform/*",
            "*/k8s/*",
            "*/kubernetes/*",
            "*/helm/*",
            "*/infra/*",
        ],
    ),
    (
        "edit.ci",
        "edit what builds and releases",
        &[
            "*.github/workflows/*",
            "*.gitlab-ci.yml",
            "*.circleci/*",
            "*Jenkinsfile",
            "*.buildkite/*",
            "*azure-pipelines.yml",
            "*bitbucket-pipelines.yml",
        ],
    ),
    (
        "edit.migrations",
        "edit migrations of a database",
        &["*/migrations/*.sql", "*/migrations/*.py", "*/migrate/*.rb", "*/alembic/versions/*"],
    ),
];

/// MCP calls by what they do, whichever server they go to; the first that holds decides.
const CALLS: &[Gate] = &[
    Gate {
        id: "mcp.secrets",
        title: "read secrets",
        action: RuleAction::Deny,
        when: &[("resource_type", &["secret"])],
    },
    Gate {
        id: "mcp.secret-files",
        title: "touch files that hold secrets",
        action: RuleAction::Deny,
        when: &[("data_class", &["secret"])],
    },
    Gate {
        id: "mcp.production",
        title: "change infrastructure or data from a host of production",
        action: RuleAction::Deny,
        when: &[
            ("environment", &["production", "prod"]),
            CHANGE,
            ("resource_type", &["infrastructure", "database"]),
        ],
    },
    Gate {
        id: "mcp.destroy",
        title: "delete infrastructure, data or history",
        action: RuleAction::Deny,
        when: &[
            ("action_type", &["delete"]),
            ("resource_type", &["infrastructure", "database", "repository"]),
        ],
    },
    Gate {
        id: "mcp.persistence",
        title: "arrange for code to run later",
        action: RuleAction::Deny,
        when: &[("risk_signal", &["persistence"])],
    },
    Gate {
        id: "mcp.change",
        title: "change infrastructure, data or accounts",
        action: RuleAction::RequireApproval,
        when: &[
            ("action_type", &["write"]),
            ("resource_type", &["infrastructure", "database", "account"]),
        ],
    },
    Gate {
        id: "mcp.code",
        title: "run code that came with the call",
        action: RuleAction::RequireApproval,
        when: &[("risk_signal", &["code.inline"])],
    },
    Gate {
        id: "mcp.publish",
        title: "publish",
        action: RuleAction::RequireApproval,
        when: &[("risk_signal", &["vcs.publish"])],
    },
    Gate {
        id: "mcp.upload",
        title: "send files away",
        action: RuleAction::Alert,
        when: &[("risk_signal", &["network.upload"])],
    },
    Gate {
        id: "mcp.send",
        title: "send something to others",
        action: RuleAction::Alert,
        when: &[("action_type", &["send"])],
    },
];

/// Puts the rules around those of the guards.
pub(super) fn add(role: &mut Role) {
    let guards = std::mem::take(&mut role.rules);
    role.rules.extend(FIRST.iter().map(|gate| gate.rule("*")));
    role.rules.extend(guards);
    for (id, title, paths) in EDITS {
        let when = &[("resource_path", *paths), CHANGE, ("resource_type", &["file"])];
        role.rules.push(rule(id, title, RuleAction::RequireApproval, "*", when));
    }
    role.mcp_rules.extend(CALLS.iter().map(|gate| gate.rule("*/*")));
}

impl Gate {
    fn rule(&self, pattern: &str) -> Rule {
        rule(self.id, self.title, self.action, pattern, self.when)
    }
}

fn rule(
    id: &str,
    title: &str,
    action: RuleAction,
    pattern: &str,
    when: &[(&'static str, &'static [&'static str])],
) -> Rule {
    let texts = |values: &[&str]| values.iter().map(|it| (*it).to_owned()).collect();
    let when: When = when.iter().map(|(key, values)| ((*key).to_owned(), texts(values))).collect();
    Rule {
        rule_id: format!("{id}.rule-1"),
        pattern: pattern.to_owned(),
        action,
        when,
        risk: None,
        rationale: Some(title.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        commands::{read, split},
        policy::{Circumstances, Engine, Inputs},
        risk::{builtin_role, call_facts, reading_facts},
    };

    fn decide(line: &str, environment: Option<&str>) -> (RuleAction, Vec<String>) {
        let role = builtin_role();
        let engine = Engine::new(&role, &BTreeMap::new());
        let argv = split(line).unwrap();
        let reading = read(&argv);
        let (commands, whole, _) = reading_facts(&reading, Some("/srv/app"));
        let environment = environment.map(str::to_owned);
        let inputs = Inputs { environment, ..Inputs::default() };
        let known = Circumstances { inputs: &inputs, commands: &commands, whole: &whole };
        let decision = engine.decide_command(&argv, &reading, &known);
        (decision.decision, decision.rule_ids)
    }

    #[test]
    fn production_is_not_changed() {
        use RuleAction::{Allow, Deny, RequireApproval};
        for (line, environment, want) in [
            ("kubectl apply -f x.yaml", Some("production"), Deny),
            ("kubectl apply -f x.yaml", Some("dev"), RequireApproval),
            ("kubectl apply -n production -f x.yaml", None, Deny),
            ("kubectl get pods -n production", Some("production"), Allow),
            ("helm upgrade api charts/api --namespace=prod", None, Deny),
            ("git status", Some("production"), Allow),
        ] {
            let (decision, ids) = decide(line, environment);
            assert_eq!(decision, want, "{line} in {environment:?}: {ids:?}");
        }
    }

    #[test]
    fn edits_that_a_person_wants_to_see_are_asked_for() {
        for (line, id) in [
            ("tee src/auth/login.rs", Some("edit.auth")),
            ("bash -c 'echo x > .buildkite/pipeline.yml'", Some("edit.ci")),
            ("cp x services/billing/charge.ts", Some("edit.payment")),
            ("rm deploy/main.tf", Some("edit.infra")),
            ("tee db/migrations/0007_users.sql", Some("edit.migrations")),
            ("cat src/auth/login.rs", None),
            ("tee src/author/x.rs", None),
            ("git add src/auth/login.rs", None),
            ("ls db/migrations", None),
        ] {
            let (decision, ids) = decide(line, None);
            let want = id.map(|it| vec![format!("{it}.rule-1")]).unwrap_or_default();
            assert_eq!(ids, want, "{line}: {decision}");
        }
    }

    #[test]
    fn calls_are_decided_by_what_they_do() {
        use RuleAction::{Alert, Allow, Deny, RequireApproval};
        let role = builtin_role();
        let engine = Engine::new(&role, &BTreeMap::new());
        for (server, tool, arguments, want) in [
            ("vault", "get_secret", "{}", Deny),
            ("filesystem", "read_file", r#"{"path": "/srv/app/.env"}"#, Deny),
            ("filesystem", "read_file", r#"{"path": "/srv/app/main.rs"}"#, Allow),
            ("db", "drop_table", "{}", Deny),
            ("kubernetes", "deletePod", r#"{"name": "x"}"#, Deny),
            ("kubernetes", "scaleDeployment", r#"{"name": "x"}"#, RequireApproval),
            ("supabase", "execute_sql", r#"{"query": "update t set a = 1"}"#, RequireApproval),
            ("supabase", "execute_sql", r#"{"query": "select 1"}"#, Allow),
            ("x", "run_command", r#"{"command": "ls"}"#, RequireApproval),
            ("github", "merge_pull_request", "{}", RequireApproval),
            ("github", "create_issue", "{}", Alert),
            ("slack", "send_message", r#"{"channel": "x"}"#, Alert),
            ("github", "list_issues", "{}", Allow),
            ("postgres", "query", r#"{"sql": "select 1"}"#, Allow),
        ] {
            let (whole, _) = call_facts(server, tool, arguments);
            let inputs = Inputs::default();
            let known = Circumstances { inputs: &inputs, commands: &[], whole: &whole };
            let decision = engine.decide_call(server, tool, None, &known);
            assert_eq!(decision.decision, want, "{server}/{tool}: {:?}", decision.rule_ids);
        }
    }
}
