//! `advisor policy` by hand: what each subcommand prints, and with which exit code.

use crate::cli::Advisor;

const ROLE: &str = r#"{"name": "platform", "rules": [
  {"rule_id": "r1", "pattern": "kubectl delete *", "action": "deny", "when": {"env": ["production"]}},
  {"rule_id": "r2", "pattern": "kubectl *", "action": "allow"},
  {"rule_id": "r3", "pattern": "git push *--force*", "action": "deny"},
  {"rule_id": "r4", "pattern": "git *", "action": "allow"},
  {"rule_id": "r5", "pattern": "deploy --to {{env}} *", "action": "require_approval"},
  {"rule_id": "r6", "pattern": "deploy *", "action": "deny"}],
 "mcp_rules": [
  {"rule_id": "m1", "pattern": "github/delete_*", "action": "deny"},
  {"rule_id": "m2", "pattern": "github/*", "action": "allow"}]}"#;

fn event(id: &str, host: &str, line: &str) -> String {
    let argv: Vec<&str> = line.split(' ').collect();
    serde_json::json!({
        "schema_version": "1.0", "event_id": id, "timestamp": "2026-03-02T09:14:07Z",
        "hostname": host, "event_type": "command_execution", "binary": argv[0], "argv": argv,
        "decision": "allowed", "role": "platform", "session_id": "s-1", "agent": "Claude Code",
    })
    .to_string()
}

fn with_role() -> (Advisor, String) {
    let advisor = Advisor::new();
    let file = advisor.write("role.json", ROLE);
    advisor.ok(&["roles", "import", &file]);
    (advisor, file)
}

#[test]
fn production_is_stricter_than_development_from_one_role() {
    let (advisor, file) = with_role();
    let lines = [
        ("delete-prod", "prod-web-1", "kubectl delete pod x"),
        ("delete-dev", "dev-web-1", "kubectl delete pod x"),
        ("deploy-prod", "prod-web-1", "deploy --to dev api"),
        ("deploy-dev", "dev-web-1", "deploy --to dev api"),
    ];
    let events: Vec<String> = lines.iter().map(|(id, host, line)| event(id, host, line)).collect();
    let input = advisor.write("events.ndjson", &events.join("\n"));
    let decide = |source: &[&str]| -> Vec<(String, String)> {
        let args = [&["policy", "evaluate"], source, &["--input", &input]].concat();
        let decisions = advisor.json(&args);
        let text = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
        let rows = decisions.as_array().unwrap();
        rows.iter().map(|it| (text(&it["event_id"]), text(&it["decision"]))).collect()
    };
    let want = [
        ("delete-prod", "deny"),
        ("delete-dev", "allow"),
        ("deploy-prod", "deny"),
        ("deploy-dev", "require_approval"),
    ];
    let want = want.map(|(id, decision)| (id.to_owned(), decision.to_owned()));
    assert_eq!(decide(&["--role", "platform"]), want);
    // A file knows the variables of the store, too.
    assert_eq!(decide(&["--policy", &file]), want);
    assert_eq!(advisor.json(&["variables", "list"])[0]["used_by"], 1);
    // Another meaning of production takes effect at once.
    advisor.ok(&["variables", "set", "env", "production", "--pattern", "^dev-web-1$"]);
    assert_eq!(decide(&["--role", "platform"])[1].1, "deny");
}

#[test]
fn a_decision_has_every_field_of_the_contract_and_its_own_id() {
    let (advisor, _) = with_role();
    let input = advisor.write("events.ndjson", &event("e-1", "prod-1", "kubectl delete pod x"));
    let args = ["policy", "evaluate", "--role", "platform", "--input", &input];
    let decision = advisor.json(&args)[0].clone();
    assert_eq!(decision, advisor.json(&args)[0]);
    insta::assert_json_snapshot!(decision, @r#"
    {
      "action_id": "e-1",
      "approver_role": null,
      "commands": [
        {
          "decision": "deny",
          "line": "kubectl delete pod x",
          "rule": "kubectl delete *"
        }
      ],
      "decision": "deny",
      "decision_id": "d-e9663bea716eede1",
      "event_id": "e-1",
      "policy_ids": [
        "platform"
      ],
      "reason": "rule `kubectl delete *` says deny where env is production",
      "redactions": [],
      "risk_score": 85,
      "role_revision": 1,
      "rule": "kubectl delete *",
      "rule_ids": [
        "r1"
      ],
      "timestamp": "2026-03-02T09:14:07Z"
    }
    "#);
    let given = [&args[..], &["--given", "approval=granted"]].concat();
    assert_ne!(advisor.json(&given)[0]["decision_id"], decision["decision_id"]);
    assert_eq!(
        advisor.fails(2, &[&args[..], &["--given", "color=red"]].concat()),
        "error: `color` cannot be given; agent, session, owner, team, environment and approval can"
    );
}

#[test]
fn a_rule_of_a_file_without_an_id_is_named_by_its_place() {
    let advisor = Advisor::new();
    let file = advisor.write(
        "role.json",
        r#"{"name": "r", "rules": [
          {"pattern": "git push *", "action": "deny"},
          {"rule_id": "mine", "pattern": "git *", "action": "allow"}],
         "mcp_rules": [{"pattern": "github/*", "action": "allow"}]}"#,
    );
    let call = event("e-3", "dev-1", "x")
        .replace("command_execution", "mcp_tool_call")
        .replace("\"binary\"", "\"mcp_server\":\"github\",\"mcp_tool\":\"get\",\"binary\"");
    let events =
        [event("e-1", "dev-1", "git push"), event("e-2", "dev-1", "git log"), call].join("\n");
    let input = advisor.write("events.ndjson", &events);
    let decisions = advisor.json(&["policy", "evaluate", "--policy", &file, "--input", &input]);
    let ids: Vec<&str> = (0..3).map(|it| decisions[it]["rule_ids"][0].as_str().unwrap()).collect();
    assert_eq!(ids, ["rule-1", "mine", "mcp-rule-1"]);
    let explained = advisor.ok(&["policy", "explain", "--policy", &file, "git push"]);
    assert!(explained.contains("deny by rule-1"), "{explained}");
}

#[test]
fn every_problem_of_a_file_is_told() {
    let advisor = Advisor::new();
    let good = advisor.write("good.json", ROLE);
    let bad = advisor.write(
        "bad.json",
        "{\"name\": \"bad\", \"mode\": \"strict\",\n\"rules\": [{\"pattern\": \"\"},\n\
         {\"pattern\": \"x\", \"action\": \"deny\", \"when\": {\"approval\": [\"yes\"]}}]}",
    );
    assert_eq!(advisor.run(&["policy", "validate", &good]).code, 0);
    let ended = advisor.run(&["policy", "validate", &good, &bad]);
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.err,
        "`DIR/good.json`: role `platform` is valid, 8 rules\nerror: 4 problems in 1 of 2 files\n"
    );
    assert_eq!(ended.out.lines().count(), 5);
    let csv = advisor.run(&["policy", "validate", &bad, "--output", "csv"]);
    insta::assert_snapshot!(csv.out, @r#"
    file,line,field,message
    DIR/bad.json,1,mode,"unknown variant `strict`, expected `monitor` or `enforce`"
    DIR/bad.json,2,rules[0].action,is missing
    DIR/bad.json,2,rules[0].pattern,is empty; `*` matches everything
    DIR/bad.json,3,rules[1].when.approval,"does not know `yes`, only none, pending, granted, denied"
    "#);
    let ended = advisor.run(&["policy", "validate", &bad, "--output", "json"]);
    let problems: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(problems[3]["field"], "rules[1].when.approval");
    assert_eq!(advisor.run(&["policy", "validate", "nowhere.json"]).code, 1);
}

#[test]
fn a_decision_is_explained_rule_by_rule() {
    let (advisor, _) = with_role();
    let explain =
        |args: &[&str]| advisor.ok(&[&["policy", "explain", "--role", "platform"], args].concat());
    insta::assert_snapshot!(explain(&["git push --force origin main"]), @r"
    deny: rule `git push *--force*` says deny, risk 85 of 100

    git push --force origin main: deny by r3
     POSITION  RULE ID  ACTION  PATTERN             OUTCOME
     3         r3       deny    git push *--force*  decides
     4         r4       allow   git *               shadowed: r3

    nearest with another decision: `git push origin main` gets allow (1 word and 8 characters away)
    ");
    insta::assert_snapshot!(explain(&["--host", "dev-1", "--", "kubectl", "delete", "pod", "x"]), @r"
    allow: rule `kubectl *` says allow, risk 85 of 100

    kubectl delete pod x: allow by r2
     POSITION  RULE ID  ACTION  PATTERN           OUTCOME
     1         r1       deny    kubectl delete *  condition unmet: env
     2         r2       allow   kubectl *         decides

    no command near it gets another decision
    ");
    insta::assert_snapshot!(explain(&["cd x && sudo git status | rm y"]), @r"
    deny: no rule matches, so the default, deny, holds, risk 85 of 100

    cd x, a word of the shell itself: allow, free

    git status: allow by r4
     POSITION  RULE ID  ACTION  PATTERN  OUTCOME
     4         r4       allow   git *    decides

    rm y: deny by default

    nearest with another decision: `git y` gets allow (1 word and 3 characters away)
    ");
    insta::assert_snapshot!(explain(&["--mcp", "github/delete_repository"]), @r"
    deny: rule `github/delete_*` says deny, risk 85 of 100

    github/delete_repository, a call: deny by m1
     POSITION  RULE ID  ACTION  PATTERN          OUTCOME
     1         m1       deny    github/delete_*  decides
     2         m2       allow   github/*         shadowed: m1

    nearest with another decision: `github/repository` gets allow (1 word and 7 characters away)
    ");
    let json = advisor.json(&["policy", "explain", "--role", "platform", "git push"]);
    assert_eq!(json["nearest"]["decision"], "deny");
}

#[test]
fn recent_activity_is_graded() {
    let (advisor, file) = with_role();
    let lines = [
        ("e-1", "prod-1", "kubectl delete pod x"),
        ("e-2", "dev-1", "kubectl delete pod x"),
        ("e-3", "dev-1", "kubectl delete pod x"),
        ("e-4", "dev-1", "deploy --to dev api"),
        ("e-5", "dev-1", "git status"),
    ];
    let events: Vec<String> = lines.iter().map(|(id, host, line)| event(id, host, line)).collect();
    let input = advisor.write("events.ndjson", &events.join("\n"));
    advisor.ok(&["ingest", &input]);
    let from = ["--from", "2026-03-01T00:00:00Z"];
    let ended = advisor.run(&[&["policy", "test", "--role", "platform"][..], &from].concat());
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!(ended.out, @r"
    GRADE  DECISION          SEEN     EVENTS  SESSIONS  HOSTS  RULE                   COMMAND
    fail   deny              allowed  1       1         1      kubectl delete *       kubectl delete pod x
    warn   require_approval  allowed  1       1         1      deploy --to {{env}} *  deploy --to dev api
    ");
    insta::assert_snapshot!(ended.err, @"2 pass (3 events), 1 warn (1 events), 1 fail (1 events)");
    // The same from the file, and no failure where only that is looked for.
    let args = ["policy", "test", "--policy", &file, "--input", &input, "--output", "json"];
    let ended = advisor.run(&args);
    let result: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(result["summary"]["fail"]["events"], 1);
    assert_eq!(result["commands"].as_array().unwrap().len(), 4);
    let calm = advisor.write("calm.ndjson", &events[4]);
    advisor.ok(&["policy", "test", "--role", "platform", "--input", &calm, "--deny-warnings"]);
    let asked = advisor.write("asked.ndjson", &events[3]);
    advisor.ok(&["policy", "test", "--role", "platform", "--input", &asked]);
    let strict = ["policy", "test", "--role", "platform", "--input", &asked, "--deny-warnings"];
    assert_eq!(advisor.run(&strict).code, 1);
}

#[test]
fn rules_that_match_nothing_in_the_lake_are_found() {
    let (advisor, file) = with_role();
    let unseen = |args: &[&str]| -> Vec<String> {
        let found = advisor.json(&[&["policy", "lint"], args].concat());
        let unseen = found.as_array().unwrap().iter().filter(|it| it["code"] == "PL006");
        unseen.map(|it| it["pattern"].as_str().unwrap().to_owned()).collect()
    };
    let told = |args: &[&str]| advisor.run(&[&["policy", "lint"], args].concat()).err;
    // Nothing was seen, so that nothing can be said of it.
    assert_eq!(unseen(&["--role", "platform"]), [""; 0]);
    let err = told(&["--role", "platform"]);
    assert!(err.contains("no activity of role `platform`, so PL006 was not looked for"), "{err}");

    let call = serde_json::json!({
        "schema_version": "1.0", "event_id": "e-4", "timestamp": "2026-03-04T10:00:00Z",
        "hostname": "dev-1", "event_type": "mcp_tool_call", "mcp_server": "github",
        "mcp_tool": "list_issues", "decision": "allowed", "role": "platform",
    });
    let events = [
        event("e-1", "dev-1", "kubectl get pods"),
        event("e-2", "dev-1", "deploy --to dev api"),
        event("e-3", "dev-1", "git status").replace("2026-03-02", "2026-03-05"),
        call.to_string(),
    ];
    let input = advisor.write("events.ndjson", &events.join("\n"));
    advisor.ok(&["ingest", &input]);
    // `deploy --to {{env}} *` matched on a host of `dev`.
    let all = ["kubectl delete *", "git push *--force*", "github/delete_*"];
    let sorted = |mut patterns: Vec<String>| {
        patterns.sort();
        patterns
    };
    let mut want = all.map(str::to_owned).to_vec();
    want.sort();
    assert_eq!(sorted(unseen(&["--role", "platform"])), want);
    assert_eq!(sorted(unseen(&["--policy", &file, "--activity", "platform"])), want);
    assert_eq!(sorted(unseen(&["--policy", &file, "--input", &input])), want);
    assert_eq!(unseen(&["--policy", &file]), [""; 0]);
    let err = told(&["--role", "platform"]);
    let window = "looked at 4 events of role `platform`, from 2026-03-02T09:14:07Z to \
                  2026-03-05T09:14:07Z: 3 lines and 1 MCP calls";
    assert!(err.contains(window), "{err}");
    // A narrower window has less to match.
    let late = ["--role", "platform", "--from", "2026-03-05T00:00:00Z"];
    assert!(unseen(&late).contains(&"kubectl *".to_owned()));
    assert!(!unseen(&late).contains(&"git *".to_owned()));
    let strict = ["policy", "lint", "--role", "platform", "--deny-warnings"];
    assert_eq!(advisor.run(&strict).code, 1);
}

#[test]
fn a_role_is_merged_under_a_floor() {
    let (advisor, file) = with_role();
    let floor = advisor.write(
        "floor.json",
        r#"{"name": "org", "default_action": "allow", "mode": "enforce", "rules": [
            {"rule_id": "no-delete", "pattern": "kubectl delete *", "action": "deny"},
            {"rule_id": "ask", "pattern": "git push *", "action": "require_approval"}]}"#,
    );
    let ended = advisor.run(&["policy", "merge", "--floor", &floor, "--policy", &file]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.out, @r#"
    {
      "name": "platform",
      "mode": "enforce",
      "default_action": "deny",
      "evaluation": "first_match",
      "matching": "expanded",
      "rules": [
        {
          "rule_id": "floor.no-delete",
          "pattern": "kubectl delete *",
          "action": "deny",
          "when": {}
        },
        {
          "rule_id": "floor.ask+r3",
          "pattern": "git push *--force*",
          "action": "deny",
          "when": {}
        },
        {
          "rule_id": "floor.ask+r4",
          "pattern": "git push *",
          "action": "require_approval",
          "when": {}
        },
        {
          "rule_id": "r2",
          "pattern": "kubectl *",
          "action": "allow",
          "when": {}
        },
        {
          "rule_id": "r4",
          "pattern": "git *",
          "action": "allow",
          "when": {}
        },
        {
          "rule_id": "r5",
          "pattern": "deploy --to {{env}} *",
          "action": "require_approval",
          "when": {}
        },
        {
          "rule_id": "r6",
          "pattern": "deploy *",
          "action": "deny",
          "when": {}
        }
      ],
      "mcp_rules": [
        {
          "rule_id": "m1",
          "pattern": "github/delete_*",
          "action": "deny",
          "when": {}
        },
        {
          "rule_id": "m2",
          "pattern": "github/*",
          "action": "allow",
          "when": {}
        }
      ],
      "risk_policy": {
        "trust_threshold": null
      },
      "revision": 0
    }
    "#);
    insta::assert_snapshot!(ended.err, @r"
    the floor holds: deny `kubectl delete *` over allow `kubectl *`, as in `kubectl delete`
    the floor holds: require_approval `git push *` over allow `git *`, as in `git push`
    the floor is enforced, so the merged role is
    `platform` has 9 rules, 0 of them with conditions
    ");
    let report = ["policy", "merge", "--floor", &floor, "--role", "platform", "--report"];
    insta::assert_snapshot!(advisor.ok(&report), @r"
    RULES    RULE  ACTION  PATTERN    FLOOR RULE  FLOOR ACTION      FLOOR PATTERN     COMMAND
    command  r2    allow   kubectl *  no-delete   deny              kubectl delete *  kubectl delete
    command  r4    allow   git *      ask         require_approval  git push *        git push
    ");
    let strict = [&report[..], &["--deny-weakening"]].concat();
    assert_eq!(advisor.run(&strict).code, 1);
    // What comes out goes in.
    let merged = advisor.write("merged.json", &ended.out);
    advisor.ok(&["policy", "validate", &merged]);
}
