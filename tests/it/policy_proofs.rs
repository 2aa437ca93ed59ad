//! `advisor policy diff|verify|lint|closure`, as people see them, and on the roles that people write.

use std::process::Command;

use policy_advisor::{
    commands::split,
    policy::{
        Engine, Pattern, Role, RuleAction, Subject,
        proof::{self, Verifier},
    },
    risk::{
        acts::{Benign, Closed, acts, closure},
        lint::{Code, lint},
    },
};
use tempfile::TempDir;

use crate::laws::rule;

/// What a call printed on stdout, and its exit code.
fn run(dir: &TempDir, args: &[&str]) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .env("ADVISOR_DATA_DIR", dir.path())
        .arg("policy")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).unwrap().replace(&dir.path().display().to_string(), "DIR")
    };
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

fn write(dir: &TempDir, name: &str, role: &Role) -> String {
    let path = dir.path().join(name);
    let rules: Vec<serde_json::Value> = role
        .rules
        .iter()
        .map(|it| {
            serde_json::json!({
                "pattern": it.pattern, "action": it.action, "rationale": it.rationale,
            })
        })
        .collect();
    let document = serde_json::json!({
        "name": role.name, "default_action": role.default_action, "rules": rules,
    });
    std::fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

/// A role as a person writes one: broad first, then what must not be.
fn developer() -> Role {
    use RuleAction::{Allow, Deny};
    let mut role = Role::new("developer");
    role.rules = [
        ("git *", Allow, "General git operations are expected."),
        ("git push --force*", Deny, "Force pushes destroy history."),
        ("kubectl exec *", Deny, "No way around access controls."),
        ("ssh *", Deny, "No sessions on other machines."),
        ("terraform apply*", Deny, "May plan but not apply."),
        ("aws *", Allow, "Read-only AWS CLI calls."),
    ]
    .into_iter()
    .map(|(pattern, action, rationale)| {
        let mut rule = rule(pattern, action);
        rule.rationale = Some(rationale.to_owned());
        rule
    })
    .collect();
    role
}

/// The same with the deny where it counts.
fn reordered() -> Role {
    let mut role = developer();
    role.rules.swap(0, 1);
    role
}

fn force_push() -> &'static policy_advisor::risk::acts::Act {
    acts().iter().find(|act| act.id == "git.force-push").unwrap()
}

fn decide(role: &Role, line: &str) -> RuleAction {
    let argv = split(line).unwrap();
    let engine = Engine::new(role, &std::collections::BTreeMap::new());
    engine.decide(&Subject::Command(&argv)).decision
}

#[test]
fn a_deny_behind_a_broad_allow_is_said_never_to_fire() {
    let found = lint(&developer(), None, proof::MAX_STATES);
    let silent: Vec<_> = found.iter().filter(|it| it.code == Code::NeverFires).collect();
    assert_eq!(silent.len(), 1);
    assert_eq!((silent[0].position, silent[0].others.as_slice()), (2, &[1][..]));
    assert_eq!(silent[0].message, "can never fire: `git *` (rule 1) takes all of it");
    let claims: Vec<_> = found.iter().filter(|it| it.code == Code::NotReadOnly).collect();
    assert_eq!(claims.iter().map(|it| it.position).collect::<Vec<_>>(), [6]);
}

#[test]
fn verify_shows_the_force_pushes_that_order_and_patterns_let_through() {
    let shortest = |role: &Role| {
        let verifier = Verifier::new(role, &std::collections::BTreeMap::new(), proof::MAX_STATES);
        let found = verifier.openings(force_push().plain());
        assert_eq!(found.undecided, []);
        found.open[0].witness.clone()
    };
    // Behind `git *` not even the force push that the author named is stopped.
    let mut role = developer();
    assert_eq!(decide(&role, "git push --force"), RuleAction::Allow);
    assert_eq!(decide(&role, &shortest(&role)), RuleAction::Allow);
    // In front of it the named one is, and others are not.
    role = reordered();
    assert_eq!(decide(&role, "git push --force"), RuleAction::Deny);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let line = shortest(&role);
        assert!(force_push().language().contains(&line) && decide(&role, &line).passes(), "{line}");
        role.rules.insert(0, rule(&policy_advisor::policy::literal(&line), RuleAction::Deny));
        seen.push(line);
    }
    assert_eq!(seen, ["git push +", "git push -f", "git push +a"]);
}

/// A rule for a runner of a project is a rule for whatever it runs.
#[test]
fn verify_sees_through_runners() {
    let act = force_push();
    for (pattern, shortest) in [
        ("uv run *", Some("uv run git push +")),
        ("npx *", Some("npx git push +")),
        ("docker compose run *", Some("docker compose run a git push +")),
        ("uv run pytest *", None),
        ("uv run git status *", None),
        ("uv sync *", None),
    ] {
        let role = Role { rules: vec![rule(pattern, RuleAction::Allow)], ..Role::new("runner") };
        let verifier = Verifier::new(&role, &std::collections::BTreeMap::new(), proof::MAX_STATES);
        let found = verifier.openings(act.lines(role.matching));
        assert_eq!(found.undecided, []);
        let witness = found.open.first().map(|it| it.witness.as_str());
        assert_eq!(witness, shortest, "{pattern}");
    }
}

#[test]
fn closure_stops_every_force_push_and_no_other_work() {
    let work = [
        "git push",
        "git push -u origin feature",
        "git push origin main",
        "git status -f",
        "git stash push -m fix",
        "git push --follow-tags",
        "git push -v origin some-fix",
        "git commit -m 'push it -f'",
        "git push --force-with-lease origin x",
    ];
    let benign = Benign::new(work.iter().map(|&line| line.to_owned()));
    let found = closure(force_push(), &[], &benign, proof::MAX_STATES);
    assert_eq!(found.closed, Closed::Proved);
    let mut role = developer();
    for pattern in found.patterns.iter().rev() {
        role.rules.insert(0, rule(pattern, RuleAction::Deny));
    }
    let verifier = Verifier::new(&role, &std::collections::BTreeMap::new(), proof::MAX_STATES);
    assert_eq!(verifier.openings(force_push().language()), proof::Openings::default());
    for line in work {
        assert_eq!(decide(&role, line), RuleAction::Allow, "{line}: {:?}", found.patterns);
    }
    for line in force_push().hits {
        assert_eq!(decide(&role, line), RuleAction::Deny, "{line}");
    }
    assert!(
        found.patterns.len() < 40
            && found.patterns.iter().all(|it| { Pattern::new(it).first_word() == Some("git") }),
        "{:?}",
        found.patterns
    );
}

#[test]
fn a_difference_is_a_table_of_rules_and_shortest_commands() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (write(&dir, "old.json", &developer()), write(&dir, "new.json", &reordered()));
    let (code, out, err) = run(&dir, &["diff", &old, &new]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(out, @r#"
    CHANGE         SHORTEST          OLD RULE  NEW RULE              LINES
    allow -> deny  git push --force  1: git *  1: git push --force*  command
    "#);
    let (code, out, err) = run(&dir, &["diff", &old, &old]);
    assert_eq!(
        (code, err.as_str()),
        (0, "no command is decided differently: proved for all of them\n")
    );
    insta::assert_snapshot!(out, @r#"
     CHANGE  SHORTEST  OLD RULE  NEW RULE  LINES
    "#);
    let (_, out, _) = run(&dir, &["diff", &old, &new, "--output", "json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let decider = |position: u64, pattern: &str, action: &str| serde_json::json!({"position": position, "pattern": pattern, "action": action});
    let want = serde_json::json!([{
        "kind": "command",
        "old": decider(1, "git *", "allow"),
        "new": decider(1, "git push --force*", "deny"),
        "witness": "git push --force",
        "stands_alone": true,
    }]);
    assert_eq!(found, want);
}

#[test]
fn verify_prints_what_passes_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "role.json", &reordered());
    let (code, out, err) =
        run(&dir, &["verify", "--policy", &file, "--act", "git", "--act", "system.stop"]);
    assert_eq!(code, 1, "{err}");
    insta::assert_snapshot!(format!("{out}{err}"), @r#"
     ACT                RESULT  PASSES               BY RULE
     git.force-push     open    git push +           2: git *
     git.delete-remote  open    git push :           2: git *
     git.rewrite        open    git filter-repo      2: git *
     git.discard        open    git clean -f         2: git *
     git.delete-branch  open    git branch -D        2: git *
     git.code-config    open    git config alias. a  2: git *
     system.stop        proved
    1 of 7 acts proved stopped, 6 open, 0 not decided
    "#);
    let (code, _, err) = run(&dir, &["verify", "--policy", &file, "--act", "nope"]);
    assert_eq!(code, 1);
    assert!(
        err.starts_with("error: there is no act `nope`\nhint: there are git.force-push, "),
        "{err}"
    );
}

#[test]
fn lint_prints_findings_and_fails_where_warnings_are_denied() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "role.json", &developer());
    let (code, out, err) = run(&dir, &["lint", "--policy", &file]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(format!("{out}{err}"), @r#"
     CODE   RULE                  FINDING
     PL003  1: git *              lets `git push +` through (force push, and 5 more acts)
     PL001  2: git push --force*  can never fire: `git *` (rule 1) takes all of it
     PL002  3: kubectl exec *     decides as the default (deny) would without it
     PL002  4: ssh *              decides as the default (deny) would without it
     PL002  5: terraform apply*   decides as the default (deny) would without it
     PL003  6: aws *              lets `aws ssm get-parameter` through (ask a tool for its secrets, and one more act)
     PL005  6: aws *              is said to only read, but lets `aws ec2 run-instances` through
    7 findings
    "#);
    let (code, out, _) =
        run(&dir, &["lint", "--policy", &file, "--deny-warnings", "--output", "json"]);
    assert_eq!(code, 1);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    insta::assert_json_snapshot!(found[1], @r#"
    {
      "code": "PL001",
      "list": "rules",
      "message": "can never fire: `git *` (rule 1) takes all of it",
      "others": [
        1
      ],
      "pattern": "git push --force*",
      "position": 2,
      "witness": null
    }
    "#);
}

#[test]
fn closure_prints_rules_for_an_act_or_for_what_a_pattern_means() {
    let dir = tempfile::tempdir().unwrap();
    let events = dir.path().join("events.ndjson");
    std::fs::write(&events, concat!(
        r#"{"schema_version":"1.0","event_id":"1","timestamp":"2026-03-02T09:14:07Z","hostname":"h","event_type":"command_execution","binary":"bash","argv":["bash","-lc","cd x && shutdown-helper -f && git push -u origin fix"],"decision":"allowed"}"#,
        "\n"
    )).unwrap();
    let events = events.display().to_string();
    let (code, out, err) = run(&dir, &["closure", "system.stop", "--input", &events]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(format!("{out}{err}"), @r#"
     ACTION  PATTERN                ACT
     deny    shutdown *             system.stop
     deny    reboot*                system.stop
     deny    halt*                  system.stop
     deny    poweroff*              system.stop
     deny    systemctl *poweroff*   system.stop
     deny    systemctl *reboot*     system.stop
     deny    systemctl *halt*       system.stop
     deny    systemctl *kexec*      system.stop
     deny    systemctl *suspend*    system.stop
     deny    systemctl *hibernate*  system.stop
     deny    systemctl *isolate*    system.stop
     deny    init* 0 *              system.stop
     deny    init* 6 *              system.stop
     deny    telinit* 0 *           system.stop
     deny    telinit* 6 *           system.stop
     deny    kill* -1* -9 *         system.stop
     deny    kill* -9* -1 *         system.stop
     deny    kill* -1* -15 *        system.stop
     deny    kill* -15* -1 *        system.stop
     deny    kill* -1* -KILL *      system.stop
     deny    kill* -1* -TERM *      system.stop
     deny    kill* -KILL* -1 *      system.stop
     deny    kill* -TERM* -1 *      system.stop
     deny    kill* -1* -SIGKILL *   system.stop
     deny    kill* -SIGKILL* -1 *   system.stop
    system.stop: 25 patterns stop every spelling, proved; 0 lines of the activity do it
    "#);
    let (code, out, err) = run(&dir, &["closure", "npm publish *", "--output", "json"]);
    assert_eq!(code, 0, "{err}");
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found[0]["closed"]["is"], "proved");
    let patterns: Vec<&str> =
        found[0]["patterns"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    for line in ["npm publish", "npm publish x", "npm --silent publish", "npm --prefix=d publish x"]
    {
        let stops = |it: &&str| Pattern::new(it).matches(line);
        assert!(patterns.iter().any(stops), "{line}: {patterns:?}");
    }
    let (code, _, err) = run(&dir, &["closure", "* publish *"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "error: `* publish *` names no binary, so nothing is known of its other spellings\n")
    );
}
