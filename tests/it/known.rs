//! What an analysis makes of what it knows besides the activity: verdicts, rules that went away, doors
//! that are closed, environments of hosts.

use std::{collections::BTreeMap, sync::Arc};

use policy_advisor::{
    batch::{Change, ChangeKind, ChangeState, Fate, Level, PlacedRule, SuggestionBatch, Target},
    events::{Action, Outcome, Tally, Timestamp},
    feedback::{Background, Blocked, Lessons, Withdrawn},
    policy::{Role, Rule, RuleAction},
    review::{Said, Verdict, rule_on},
};

use crate::{
    reviewer::said_of,
    work::{DAY_US, advise, role, tally},
};

const N_DAYS: i32 = 14;

/// Two weeks of these lines, in three sessions a day on two hosts.
fn activity(lines: &[&str]) -> Vec<Tally> {
    let sessions = (1..=N_DAYS).flat_map(|day| (0..3).map(move |n| (day, n)));
    let of_session = |(day, n): (i32, i32)| {
        let (host, session) = (format!("host-{}", n % 2), format!("s-{day}-{n}"));
        lines.iter().map(|line| tally(line, &host, &session, day, 2)).collect::<Vec<_>>()
    };
    sessions.flat_map(of_session).collect()
}

fn call(tool: &str, host: &str, day: i32) -> Tally {
    let action = Action::McpCall {
        server: "github".to_owned(),
        tool: tool.to_owned(),
        argument_names: Vec::new(),
    };
    Tally { action: Arc::new(action), ..tally(tool, host, &format!("s-{day}-0"), day, 1) }
}

fn blocked(line: &str, day: i32) -> Tally {
    let outcome = Outcome::WouldBlock;
    Tally { outcome, ..tally(line, "host-0", &format!("s-{day}-0"), day, 1) }
}

fn batch(role: &Role, tallies: &[Tally], background: &Background) -> SuggestionBatch {
    advise(role, tallies, N_DAYS, background).unwrap()
}

fn change<'a>(batch: &'a SuggestionBatch, pattern: &str) -> Option<&'a Change> {
    batch.changes.iter().find(|it| it.after.iter().any(|rule| rule.pattern == pattern))
}

fn withdrawn(pattern: &str, day: i32) -> Withdrawn {
    Withdrawn {
        target: Target::Command,
        pattern: pattern.to_owned(),
        action: RuleAction::Allow,
        is_narrowed: false,
        batch_id: "b-1".to_owned(),
        change_id: format!("c-{pattern}"),
        at: Timestamp(i64::from(day) * DAY_US),
    }
}

fn after(withdrawn: Vec<Withdrawn>) -> Background {
    Background { withdrawn, ..Background::default() }
}

#[test]
fn a_monthly_job_that_was_removed_by_mistake_is_restored_at_its_first_would_block() {
    let role = role("r", &[("git *", RuleAction::Allow), ("idle-tool *", RuleAction::Allow)]);
    let quiet = activity(&["git status", "ls"]);
    let background = after(vec![withdrawn("monthly-report *", 7)]);
    let before = batch(&role, &quiet, &background);
    assert!(change(&before, "monthly-report *").is_none());
    assert_eq!(before.findings.ledger[0].fate, Fate::Quiet);

    let mut missed = quiet;
    missed.push(blocked("monthly-report --all", 9));
    let batch = batch(&role, &missed, &background);
    let restored = change(&batch, "monthly-report *").unwrap();
    assert_eq!(restored.kind, ChangeKind::Add);
    assert!(restored.reasoning.contains("was removed by batch b-1"), "{}", restored.reasoning);
    assert!(restored.confidence >= 0.5, "{}", restored.confidence);
    assert_eq!(batch.findings.ledger[0].fate, Fate::Missed);
    assert_eq!(batch.findings.ledger[0].events, 1);

    // One mistake costs other removals confidence.
    let removal = |batch: &SuggestionBatch| {
        let gone =
            |it: &&Change| it.kind == ChangeKind::Remove && it.before[0].pattern == "idle-tool *";
        batch.changes.iter().find(gone).unwrap().confidence
    };
    assert!(removal(&batch) < removal(&before));
}

#[test]
fn what_came_before_the_removal_or_is_risky_restores_no_allow() {
    let role = role("r", &[("ls", RuleAction::Allow)]);
    let mut tallies = activity(&["ls", "cat a.txt"]);
    tallies.push(blocked("monthly-report --all", 3));
    tallies.push(blocked("kubectl delete namespace production", 9));
    let gone = vec![withdrawn("monthly-report *", 7), withdrawn("kubectl *", 7)];
    let batch = batch(&role, &tallies, &after(gone));
    assert!(change(&batch, "monthly-report *").is_none());
    let allows = batch.changes.iter().flat_map(|it| &it.after).filter(|it| it.action.passes());
    assert!(!allows.map(|it| &it.pattern).any(|it| it.contains("kubectl")));
}

#[test]
fn an_effect_that_is_closed_at_one_door_is_closed_at_the_other() {
    let mut closed = role("r", &[("git push *", RuleAction::Deny)]);
    closed.mcp_rules = vec![Rule::new("github/*", RuleAction::Allow)];
    let mut tallies = activity(&["git status", "ls"]);
    tallies.extend(
        (1..10)
            .flat_map(|day| [call("push_files", "host-0", day), call("get_issue", "host-1", day)]),
    );
    let first = batch(&closed, &tallies, &Background::default());
    let door = change(&first, "github/push_files").unwrap();
    assert_eq!((door.target, door.after[0].action), (Target::Mcp, RuleAction::Deny));
    assert!(door.reasoning.contains("`git push *`"), "{}", door.reasoning);
    let mcp = first.changes.iter().filter(|it| it.target == Target::Mcp);
    let allows = mcp.flat_map(|it| &it.after).filter(|it| it.action.passes());
    assert!(allows.clone().all(|it| it.pattern != "github/push_files"));
    assert!(allows.clone().any(|it| it.pattern == "github/get_issue"), "reading stays");

    // The reverse: closed to tools, open in the shell.
    let mut closed = role("r", &[("git *", RuleAction::Allow)]);
    closed.mcp_rules = vec![Rule::new("github/push_files", RuleAction::Deny)];
    let tallies = activity(&["git push", "git status"]);
    let second = batch(&closed, &tallies, &Background::default());
    let door = change(&second, "git push *").unwrap();
    assert_eq!((door.target, door.after[0].action), (Target::Command, RuleAction::Deny));

    // A role that lets both pass says nothing of doors.
    let open = role("r", &[("git *", RuleAction::Allow)]);
    let third = batch(&open, &tallies, &Background::default());
    assert!(!third.changes.iter().any(|it| it.reasoning.contains("door")));
}

#[test]
fn what_only_hosts_of_one_environment_do_is_allowed_there_only() {
    let mut tallies = Vec::new();
    for day in 1..=N_DAYS {
        for (host, lines) in [
            ("dev-1", &["git commit -m x", "ls -la"][..]),
            ("dev-2", &["git commit -m x", "cat a.txt"]),
            ("prod-1", &["ls -la", "cat a.txt"]),
        ] {
            let session = format!("s-{host}-{day}");
            tallies.extend(lines.iter().map(|line| tally(line, host, &session, day, 1)));
        }
    }
    let environment = |host: &str, name: &str| (host.to_owned(), name.to_owned());
    let environments = BTreeMap::from([
        environment("dev-1", "dev"),
        environment("dev-2", "dev"),
        environment("prod-1", "production"),
    ]);
    let background = Background { environments, ..Background::default() };
    let split = batch(&Role::new("r"), &tallies, &background);
    let whens = |batch: &SuggestionBatch, head: &str| -> Vec<Vec<String>> {
        let rules = batch.changes.iter().flat_map(|it| &it.after);
        let rules = rules.filter(|it| it.action.passes() && it.pattern.starts_with(head));
        rules.map(|it| it.when.get("env").cloned().unwrap_or_default()).collect()
    };
    let commit = whens(&split, "git commit");
    assert!(!commit.is_empty() && commit.iter().all(|it| it == &["dev"]), "{commit:?}");
    assert!(whens(&split, "ls").iter().all(Vec::is_empty), "reading is no reason for a split");

    // Where the other hosts do it too, or nobody knows their environment, there is none.
    let whole = batch(&Role::new("r"), &tallies, &Background::default());
    assert!(whens(&whole, "git commit").iter().all(Vec::is_empty));
    let production = tally("git commit -m x", "prod-1", "s-prod-1-3", 3, 1);
    tallies.push(production);
    let both = batch(&Role::new("r"), &tallies, &background);
    assert!(whens(&both, "git commit").iter().all(Vec::is_empty));
}

#[test]
fn what_is_blocked_is_denied_by_every_role_that_lets_it_through() {
    let mut tallies = activity(&["ls -la"]);
    for day in 1..=N_DAYS {
        tallies.extend(["host-0", "host-1"].map(|host| call("list_issues", host, day)));
    }
    let blocked = |name: &str| {
        let calls = vec![format!("{name}/*")];
        let blocked = vec![Blocked { name: name.to_owned(), is_plugin: false, calls }];
        Background { blocked, ..Background::default() }
    };
    let rule = |pattern: &str, action| Rule::new(pattern, action);
    let with = |default_action, mcp_rules| Role { default_action, mcp_rules, ..Role::new("r") };
    let (allow, deny) = (RuleAction::Allow, RuleAction::Deny);
    let ask = RuleAction::RequireApproval;
    // Without the block its calls are routine.
    let before = batch(&with(deny, Vec::new()), &tallies, &Background::default());
    assert!(change(&before, "github/list_issues").is_some(), "{before:#?}");

    for (role, is_open) in [
        (with(allow, Vec::new()), true),
        (with(deny, vec![rule("github/*", allow)]), true),
        (with(deny, vec![rule("*/list_issues", allow), rule("github/*", deny)]), true),
        (with(deny, vec![rule("*/list_issues", ask), rule("github/*", allow)]), true),
        (with(deny, vec![rule("github/*", deny), rule("*/list_issues", allow)]), false),
        (with(allow, vec![rule("*", deny)]), false),
    ] {
        let batch = batch(&role, &tallies, &blocked("github"));
        let after = || batch.changes.iter().flat_map(|it| &it.after);
        let opens = |it: &&PlacedRule| it.pattern.starts_with("github/") && !it.action.is_stop();
        assert_eq!(after().find(opens), None, "{role:?}: nothing of it is allowed anew");
        let denied = batch.changes.iter().find(|it| {
            it.after.iter().any(|rule| rule.pattern == "github/*" && rule.action == deny)
        });
        assert_eq!(denied.is_some(), is_open, "{role:?}: {:#?}", batch.changes);
        let Some(denied) = denied else { continue };
        assert_eq!((denied.kind, denied.after[0].position), (ChangeKind::Add, 1), "in front");
        assert_eq!((denied.evidence.units, denied.confidence), (28, 0.99));
        let told = "The MCP server `github` was blocked (`advisor alerts block`), and the role lets calls of it through.";
        assert!(denied.reasoning.starts_with(told), "{}", denied.reasoning);
    }

    // What is asked for, whatever it is, comes with the deny in front of it or not at all.
    let batch = batch(&with(deny, Vec::new()), &tallies, &blocked("evil"));
    let denied = change(&batch, "evil/*");
    let of_mcp = batch.changes.iter().filter(|it| it.target == Target::Mcp);
    for it in of_mcp.filter(|it| it.after.iter().any(|rule| rule.pattern == "*")) {
        assert_eq!(it.requires, [denied.unwrap().change_id.clone()]);
    }
    assert_eq!(denied.is_some(), change(&batch, "*").is_some_and(|it| it.target == Target::Mcp));
}

fn said(change: &Change, state: ChangeState, day: i32) -> Said {
    let at = Timestamp(i64::from(day) * DAY_US);
    Said { state, reason: Some("not here".to_owned()), ..said_of(change, at) }
}

fn taught(said: Vec<Said>) -> Background {
    let now = Timestamp(i64::from(N_DAYS + 1) * DAY_US);
    let lessons = said.into_iter().filter_map(|it| it.lesson(true)).collect();
    Background { lessons: Lessons::new(lessons, now), ..Background::default() }
}

#[test]
fn what_was_rejected_comes_back_in_no_wider_form_until_it_is_different_and_then_says_so() {
    let role = Role::new("r");
    let mut tallies = activity(&["git fetch origin", "git fetch upstream", "ls -la"]);
    let first = batch(&role, &tallies, &Background::default());
    let fetch = change(&first, "git fetch *").unwrap();
    let background = taught(vec![said(fetch, ChangeState::Rejected, N_DAYS)]);
    let second = batch(&role, &tallies, &background);
    let held = |batch: &SuggestionBatch| {
        let rules = batch.changes.iter().flat_map(|it| &it.after);
        let mut allows = rules.filter(|it| it.action.passes());
        allows.any(|it| ["git fetch *", "git *"].contains(&it.pattern.as_str()))
    };
    assert!(held(&first) && !held(&second));
    assert!(change(&second, "ls *").or(change(&second, "ls -la")).is_some(), "the rest stays");

    // As many sessions again, and a new shape.
    tallies.extend(activity(&["git fetch --all --prune"]).into_iter().map(|mut it| {
        it.unit.session_id = format!("{}-more", it.unit.session_id).into();
        it
    }));
    let third = batch(&role, &tallies, &background);
    let again = change(&third, "git fetch *").unwrap();
    assert!(again.reasoning.contains("It was rejected on"), "{}", again.reasoning);
    assert!(again.reasoning.contains("\"not here\""), "{}", again.reasoning);
    assert!(again.reasoning.contains("is different"), "{}", again.reasoning);
    let unsaid = batch(&role, &tallies, &Background::default());
    let unsaid = change(&unsaid, "git fetch *").unwrap();
    assert!(again.confidence < unsaid.confidence, "a no stays a no, in part");
}

#[test]
fn verdicts_on_a_tool_move_what_is_like_it_and_fade() {
    let role = Role::new("r");
    let tallies = activity(&["docker logs web", "docker inspect web", "ls -la"]);
    let first = batch(&role, &tallies, &Background::default());
    let confidence = |batch: &SuggestionBatch, binary: &str| {
        let rules = batch.changes.iter().filter(|it| it.after[0].action.passes());
        let mut of = rules.filter(|it| it.after[0].pattern.starts_with(binary));
        of.next().map(|it| it.confidence)
    };
    let of_docker =
        |it: &&Change| it.after[0].action.passes() && it.after[0].pattern.starts_with("docker");
    let docker = first.changes.iter().find(of_docker).unwrap();
    let no = |day: i32, n: usize| {
        let mut verdicts = Vec::new();
        for at in 0..n {
            let mut said = said(docker, ChangeState::Rejected, day);
            // Of another change of the same tool.
            said.change_id = format!("c-{at}");
            said.after[0].pattern = format!("docker task{at} *");
            verdicts.push(said);
        }
        batch(&role, &tallies, &taught(verdicts))
    };
    let (plain, once, often, old) =
        (first.clone(), no(N_DAYS, 1), no(N_DAYS, 6), no(N_DAYS - 900, 6));
    let of = |batch: &SuggestionBatch| confidence(batch, "docker").unwrap_or(0.0);
    assert!(of(&plain) > of(&once) && of(&once) > of(&often), "{} {}", of(&once), of(&often));
    assert!(of(&old) > of(&often), "what was said years ago counts less");
    assert_eq!(
        confidence(&plain, "ls"),
        confidence(&once, "ls"),
        "and ls has nothing to do with it"
    );
}

#[test]
fn who_wants_no_rule_for_all_that_looks_gets_one_for_each_tool() {
    let role = Role::new("r");
    let lines =
        ["cat a.txt", "cat b.txt", "head -n 3 a.txt", "grep -n x a.txt", "git fetch origin"];
    let tallies = activity(&lines);
    let first = batch(&role, &tallies, &Background::default());
    let looking = |batch: &SuggestionBatch| {
        let is_it = |it: &&Change| it.after[0].when.contains_key("access");
        batch.changes.iter().find(is_it).cloned()
    };
    let all = looking(&first).unwrap();
    assert_eq!(all.after[0].pattern, "*");
    assert_eq!(all.after[0].when["access"], ["read"]);
    assert!(change(&first, "cat *").is_none(), "the one rule stands for it");

    let without = batch(&role, &tallies, &taught(vec![said(&all, ChangeState::Rejected, N_DAYS)]));
    assert_eq!(looking(&without), None);
    assert!(change(&without, "cat *").is_some());

    // What changes something was refused, and that says nothing of looking.
    let fetch = change(&first, "git fetch *").or(change(&first, "git fetch origin")).unwrap();
    let said = vec![said(fetch, ChangeState::Rejected, N_DAYS)];
    assert!(looking(&batch(&role, &tallies, &taught(said))).is_some());
}

#[test]
fn a_reviewer_takes_another_scope_and_is_understood_next_time() {
    let role = Role::new("r");
    let lines = ["git stash list", "git stash pop", "git fetch origin", "git fetch upstream"];
    let tallies = activity(&lines);
    let mut first = batch(&role, &tallies, &Background::default());
    let fetch = change(&first, "git fetch *").unwrap().clone();
    let narrower = fetch.scopes.iter().find(|it| it.level < Level::Subcommand).unwrap().clone();
    let verdict = |level| Verdict::Rescope { change: fetch.ordinal, level, reason: None };
    rule_on(&mut first, &verdict(narrower.level)).unwrap();
    let taken = change(&first, "git fetch *").unwrap();
    assert_eq!(taken.state, ChangeState::Modified);
    assert_eq!(taken.modified_after.as_ref(), Some(&narrower.after));

    let second = batch(&role, &tallies, &taught(vec![said(taken, ChangeState::Modified, N_DAYS)]));
    assert!(change(&second, "git fetch *").is_none(), "not as wide as that again");

    let missing = [Level::Exact, Level::Word, Level::Subcommand, Level::Binary]
        .into_iter()
        .find(|level| fetch.scopes.iter().all(|it| it.level != *level));
    if let Some(level) = missing {
        let error = rule_on(&mut first, &verdict(level)).unwrap_err().to_string();
        assert!(error.contains("has no scope") && error.contains("suggestions show"), "{error}");
    }
    for change in &mut first.changes {
        for scope in &mut change.scopes {
            scope.open_acts = vec!["git.force-push".to_owned()];
        }
    }
    let error = rule_on(&mut first, &verdict(Level::Binary)).unwrap_err().to_string();
    assert!(error.contains("git.force-push"), "{error}");
}
