//! The store's story, the same on SQLite and PostgreSQL.

use policy_advisor::{
    batch::{BatchStatus, Change, ChangeState},
    changes::topic,
    evidence::Evidence,
    feedback::Proposal,
    lake::Staged,
    policy::{Mode, Role, RuleAction},
    review::Verdict,
    risk::Effects,
    settings::Key,
    store::{
        Act, Assignment, HostVariables, IngestCommit, Missing, RunOutcome, RunRow, Saved, Store,
        Why,
    },
};

use crate::{
    backends::{Home, ana, at, on_both},
    samples::{batch, role},
};

on_both![
    a_role_lives_and_every_change_of_its_rules_is_a_revision,
    ids_of_rules_are_stable_and_never_given_twice,
    a_deleted_role_leaves_its_hosts_to_the_default_role,
    hosts_have_the_role_they_were_given_when_they_were_given_it,
    variables_give_hosts_their_values_and_the_builtin_one_stays,
    settings_have_defaults_ranges_and_overrides,
    a_batch_is_stored_once_and_read_back_as_it_was,
    a_batch_is_named_by_its_beginning_and_a_newer_one_supersedes_it,
    a_review_ends_in_a_revision,
    a_part_of_a_batch_can_be_applied_and_the_rest_is_not,
    a_batch_for_an_older_revision_conflicts_by_name_or_fits,
    a_rejected_change_is_remembered_until_it_is_accepted,
    a_dismissed_batch_is_closed,
    what_is_wrong_is_refused_and_changes_nothing,
    every_run_leaves_a_row_for_every_role,
    one_run_at_a_time,
    every_act_is_on_the_trail,
];

fn patterns(role: &Role) -> Vec<&str> {
    role.rules.iter().map(|it| it.pattern.as_str()).collect()
}

fn ids(role: &Role) -> Vec<&str> {
    role.rules.iter().map(|it| it.rule_id.as_str()).collect()
}

fn why() -> Why {
    Why::command("test")
}

fn accept(changes: &[u64]) -> Verdict {
    Verdict::Accept { changes: changes.to_vec() }
}

fn reject(changes: &[u64]) -> Verdict {
    Verdict::Reject { changes: changes.to_vec(), reason: Some("not here".to_owned()) }
}

/// The role that a host was given, as of `minute`.
async fn role_at(store: &Store, hostname: &str, minute: i64) -> Option<String> {
    let assignments = store.assignments().await.unwrap();
    let held = assignments.get(hostname)?;
    let holds =
        |it: &&Assignment| it.from <= at(minute) && it.until.is_none_or(|until| at(minute) < until);
    held.iter().find(holds).map(|it| it.role.clone())
}

async fn a_role_lives_and_every_change_of_its_rules_is_a_revision(store: &Store, _: &Home) {
    assert_eq!(store.make_default_role(&ana(0)).await.unwrap(), "default");
    assert_eq!(store.make_default_role(&ana(1)).await.unwrap(), "default");

    let made =
        store.create_role(role("platform", &["git *", "ls"]), &why(), &ana(2)).await.unwrap();
    assert_eq!((made.revision, made.mode), (1, Mode::Monitor));
    assert_eq!(store.role("platform").await.unwrap(), made);
    let twice = store.create_role(role("platform", &[]), &why(), &ana(2)).await.unwrap_err();
    assert!(twice.to_string().contains("there is a role `platform` already"));

    // The same again is nothing; a label is no revision; a rule is one.
    let save = |role: Role, minute| async move {
        let (role, saved) = store.save_role(role, &why(), &ana(minute)).await.unwrap();
        (role.revision, saved)
    };
    assert_eq!(save(role("platform", &["git *", "ls"]), 3).await, (1, Saved::Unchanged));
    let enforced = Role { mode: Mode::Enforce, ..role("platform", &["git *", "ls"]) };
    assert_eq!(save(enforced.clone(), 4).await, (1, Saved::Relabeled));
    let fewer = Role { mode: Mode::Enforce, ..role("platform", &["ls"]) };
    assert_eq!(save(fewer, 5).await, (2, Saved::Revised));
    let default = Role {
        default_action: RuleAction::Allow,
        mode: Mode::Enforce,
        ..role("platform", &["ls"])
    };
    assert_eq!(save(default, 6).await, (3, Saved::Revised));

    let (back, _) =
        store.rollback_role("platform", 1, &Why::command("oops"), &ana(7)).await.unwrap();
    assert_eq!((back.revision, back.mode, ids(&back)), (4, Mode::Enforce, ids(&made)));
    assert_eq!(back.default_action, RuleAction::Deny);
    let history = store.history("platform").await.unwrap();
    let shown: Vec<(u64, u64, &str)> =
        history.iter().map(|it| (it.revision, it.rules, it.reason.as_str())).collect();
    assert_eq!(shown, [(4, 2, "oops"), (3, 1, "test"), (2, 1, "test"), (1, 2, "test")]);
    assert_eq!((history[0].made_by.as_str(), history[0].made_at), ("ana", at(7)));
    assert_eq!(patterns(&store.role_at("platform", 2).await.unwrap()), ["ls"]);
    assert!(store.role_at("platform", 9).await.is_err());

    let copy = store.clone_role("platform", "copy", &ana(8)).await.unwrap();
    assert_eq!(
        (copy.revision, copy.mode, patterns(&copy)),
        (1, Mode::Monitor, vec!["git *", "ls"])
    );
    let names: Vec<String> = store
        .roles()
        .await
        .unwrap()
        .into_iter()
        .map(|it| format!("{} {} {}", it.name, it.rules, it.status))
        .collect();
    assert_eq!(names, ["copy 2 draft", "default 0 draft", "platform 2 draft"]);
}

async fn ids_of_rules_are_stable_and_never_given_twice(store: &Store, _: &Home) {
    let save = async |rules: &[&str]| {
        let (role, _) = store.save_role(role("r", rules), &why(), &ana(0)).await.unwrap();
        ids(&role).join(" ")
    };
    assert_eq!(save(&["a", "b"]).await, "r1 r2");
    assert_eq!(save(&["b", "c", "a"]).await, "r2 r3 r1");
    assert_eq!(save(&["b"]).await, "r2");
    // `a` comes back: its id meant a rule that went, the new one is another.
    assert_eq!(save(&["b", "a"]).await, "r2 r4");
    store.delete_role("r", &ana(1)).await.unwrap();
    assert_eq!(save(&["b"]).await, "r5");
    assert_eq!(store.role("r").await.unwrap().revision, 5);
}

async fn a_deleted_role_leaves_its_hosts_to_the_default_role(store: &Store, _: &Home) {
    store.make_default_role(&ana(0)).await.unwrap();
    store.create_role(role("platform", &["ls"]), &why(), &ana(0)).await.unwrap();
    let hosts = ["web-1".to_owned(), "web-2".to_owned()];
    store.assign(&hosts, Some("platform"), at(1), &ana(1)).await.unwrap();
    let shown = async || -> Vec<(String, u64, String)> {
        store.roles().await.unwrap().into_iter().map(|it| (it.name, it.hosts, it.status)).collect()
    };
    let row = |name: &str, hosts, status: &str| (name.to_owned(), hosts, status.to_owned());
    assert_eq!(shown().await, [row("default", 0, "draft"), row("platform", 2, "active")]);

    assert_eq!(store.delete_role("platform", &ana(5)).await.unwrap(), 2);
    assert_eq!(shown().await, [row("default", 2, "active")]);
    assert!(
        store.role("platform").await.unwrap_err().to_string().starts_with("no role `platform`")
    );
    assert_eq!(store.history("platform").await.unwrap().len(), 1);
    assert_eq!(role_at(store, "web-1", 4).await.as_deref(), Some("platform"));
    assert_eq!(role_at(store, "web-1", 5).await, None);
    assert!(
        store
            .delete_role("default", &ana(6))
            .await
            .unwrap_err()
            .to_string()
            .contains("default role")
    );
}

async fn hosts_have_the_role_they_were_given_when_they_were_given_it(store: &Store, _: &Home) {
    store.make_default_role(&ana(0)).await.unwrap();
    for name in ["a", "b"] {
        store.create_role(role(name, &[]), &why(), &ana(0)).await.unwrap();
    }
    let web = ["web".to_owned()];
    store.assign(&web, Some("a"), at(10), &ana(10)).await.unwrap();
    store.assign(&web, Some("b"), at(20), &ana(20)).await.unwrap();
    store.assign(&web, None, at(30), &ana(30)).await.unwrap();
    // Set straight afterwards: from minute 15 on it was `b`, and still is.
    let roles = async || -> Vec<Option<String>> {
        let mut res = Vec::new();
        for minute in [5, 10, 17, 25, 35] {
            res.push(role_at(store, "web", minute).await);
        }
        res
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(roles().await, [None, some("a"), some("a"), some("b"), None]);
    store.assign(&web, Some("b"), at(15), &ana(40)).await.unwrap();
    assert_eq!(roles().await, [None, some("a"), some("b"), some("b"), some("b")]);

    for (generation, hostname, first, last) in [(0, "web", 3, 7), (1, "db", 1, 2), (2, "web", 5, 6)]
    {
        let hosts = [(hostname.to_owned(), (at(first), at(last)))].into();
        let staged = Staged { hosts, ..Staged::default() };
        let seen = IngestCommit { generation, staged, ..IngestCommit::default() };
        store.commit_ingest(&seen).await.unwrap();
    }
    let hosts = store.hosts().await.unwrap();
    assert_eq!(
        (hosts[0].hostname.as_str(), hosts[0].role.as_deref(), hosts[0].assigned),
        ("db", Some("default"), false)
    );
    assert_eq!(
        (hosts[1].role.as_deref(), hosts[1].assigned, hosts[1].since),
        (Some("b"), true, Some(at(15)))
    );
    assert_eq!((hosts[1].first_seen, hosts[1].last_seen), (Some(at(3)), Some(at(7))));
    let wrong = store.assign(&["a b".to_owned()], Some("a"), at(50), &ana(50)).await.unwrap_err();
    assert!(wrong.to_string().contains("`a b` is no host name"));
}

async fn variables_give_hosts_their_values_and_the_builtin_one_stays(store: &Store, _: &Home) {
    let mut guarded = role("guarded", &["deploy {{env}}", "run {{ region }}"]);
    guarded.rules[0].when = [("tier".to_owned(), vec!["gold".to_owned()])].into();
    store.create_role(guarded, &why(), &ana(0)).await.unwrap();
    let set = async |name: &str, value: &str, patterns: &[&str], before: Option<&str>| {
        let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
        store
            .set_variable(name, value, &patterns, before, &ana(1))
            .await
            .map_err(|err| err.to_string())
    };
    set("region", "us", &["-us-"], None).await.unwrap();
    set("region", "eu", &["-eu-", "^fra"], Some("us")).await.unwrap();
    set("env", "production", &["^prod"], None).await.unwrap();
    set("env", "canary", &["^prod-canary"], Some("production")).await.unwrap();

    let values = store.variables().await.unwrap();
    let shown: Vec<String> = values
        .iter()
        .map(|it| format!("{}={} {} {}", it.name, it.value, it.builtin, it.used_by))
        .collect();
    assert_eq!(
        shown,
        [
            "env=canary false 1",
            "env=production true 1",
            "env=staging true 1",
            "env=dev true 1",
            "region=eu false 1",
            "region=us false 1",
        ]
    );
    let variables = HostVariables::new(&values).unwrap();
    let of = |host| variables.of(host).into_values().collect::<Vec<String>>().join(" ");
    assert_eq!(of("prod-eu-7"), "production eu");
    assert_eq!(of("prod-canary-us-1"), "canary us");
    assert_eq!(of("laptop"), "");

    assert!(set("env", "x", &["("], None).await.unwrap_err().contains("no regular expression"));
    assert!(set("Env", "x", &[], None).await.unwrap_err().contains("no name for a variable"));
    assert!(set("env", "x", &[], Some("nope")).await.unwrap_err().contains("no value `nope`"));
    let remove = async |name: &str, value: Option<&str>| {
        store.remove_variable(name, value, &ana(2)).await.map_err(|err| err.to_string())
    };
    assert!(remove("env", None).await.unwrap_err().contains("builtin"));
    assert!(remove("env", Some("dev")).await.unwrap_err().contains("builtin"));
    assert!(remove("region", None).await.unwrap_err().contains("used by 1 roles"));
    assert!(remove("nope", None).await.unwrap_err().contains("no variable `nope`"));
    remove("env", Some("canary")).await.unwrap();
    store.delete_role("guarded", &ana(3)).await.unwrap();
    remove("region", None).await.unwrap();
    assert_eq!(store.variables().await.unwrap().len(), 3);
}

async fn settings_have_defaults_ranges_and_overrides(store: &Store, _: &Home) {
    store.create_role(role("r", &[]), &why(), &ana(0)).await.unwrap();
    let all = async |role| {
        let settings = store.settings(role).await.unwrap();
        Key::ALL.iter().map(|it| settings.text(*it)).collect::<Vec<String>>().join(" ")
    };
    assert_eq!(all(None).await, "true weekly 48 0.6 90");
    let set = async |role, key, value| {
        store.set_setting(role, key, value, &ana(1)).await.map_err(|err| err.to_string())
    };
    set(None, Key::RetentionDays, Some("30")).await.unwrap();
    set(Some("r"), Key::ConfidenceThreshold, Some("75%")).await.unwrap();
    set(Some("r"), Key::AnalysisSchedule, Some("0 6 * * 1-5")).await.unwrap();
    set(Some("r"), Key::Enabled, Some("false")).await.unwrap();
    assert_eq!(all(None).await, "true weekly 48 0.6 30");
    assert_eq!(all(Some("r")).await, "false 0 6 * * 1-5 48 0.75 30");
    let refused = set(None, Key::ConfidenceThreshold, Some("1.5")).await.unwrap_err();
    assert_eq!(
        refused,
        "`confidence_threshold` cannot be `1.5`: the range is 0 to 1, such as `0.6` or `60%`"
    );
    set(Some("r"), Key::Enabled, None).await.unwrap();
    set(None, Key::RetentionDays, None).await.unwrap();
    assert_eq!(all(Some("r")).await, "true 0 6 * * 1-5 48 0.75 90");
    assert!(set(Some("nope"), Key::Enabled, None).await.unwrap_err().contains("no role `nope`"));
}

async fn a_batch_is_stored_once_and_read_back_as_it_was(store: &Store, _: &Home) {
    let one = batch("b1b1b1", "r", 1);
    assert!(store.save_batch(&one).await.unwrap());
    assert_eq!(store.batch("b1b1b1").await.unwrap(), one);
    let json = |it| serde_json::to_string(it).unwrap();
    assert_eq!(json(&store.batch("b1b1b1").await.unwrap()), json(&one));
    let mut again = one.clone();
    again.events += 1;
    assert!(!store.save_batch(&again).await.unwrap());
    assert_eq!(store.batch("b1b1b1").await.unwrap(), one);
}

async fn a_batch_is_named_by_its_beginning_and_a_newer_one_supersedes_it(store: &Store, _: &Home) {
    for (id, role, minute) in [("aaaa1111", "r", 1), ("aaaa2222", "r", 2), ("bbbb3333", "s", 3)] {
        let mut batch = batch(id, role, 1);
        batch.generated_at = at(minute);
        store.save_batch(&batch).await.unwrap();
    }
    let find = async |id: &str| match store.batch(id).await {
        Ok(batch) => batch.batch_id,
        Err(err) => err.to_string().lines().next().unwrap().to_owned(),
    };
    assert_eq!(find("bbbb").await, "bbbb3333");
    assert_eq!(find("aaaa1").await, "aaaa1111");
    assert_eq!(
        find("aaaa").await,
        "`aaaa` stands for more than one batch, `aaaa1111` and `aaaa2222` among them"
    );
    assert_eq!(find("bbb").await, "`bbb` is too short for a batch");
    assert_eq!(find("%%%%").await, "no batch `%%%%`");

    let list = async |role, status| -> Vec<(String, Option<String>)> {
        let list = store.batches(role, status).await.unwrap();
        list.into_iter().map(|it| (it.batch_id, it.superseded_by)).collect()
    };
    let newer = Some("aaaa2222".to_owned());
    assert_eq!(
        list(None, None).await,
        [
            ("bbbb3333".to_owned(), None),
            ("aaaa2222".to_owned(), None),
            ("aaaa1111".to_owned(), newer.clone()),
        ]
    );
    store.dismiss_batch("aaaa2222", "no", &ana(4)).await.unwrap();
    assert_eq!(list(Some("r"), Some(BatchStatus::Pending)).await, [("aaaa1111".to_owned(), newer)]);
    assert_eq!(list(None, Some(BatchStatus::Dismissed)).await, [("aaaa2222".to_owned(), None)]);
}

async fn a_review_ends_in_a_revision(store: &Store, _: &Home) {
    store.create_role(role("r", &["git *", "kubectl *"]), &why(), &ana(0)).await.unwrap();
    store.save_batch(&batch("b1b1", "r", 1)).await.unwrap();

    let nothing = store.apply_batch("b1b1", &ana(1)).await.unwrap_err();
    assert!(nothing.to_string().starts_with("no change of batch `b1b1` is accepted"));
    let (_, rulings) = store.review("b1b1", &accept(&[]), &ana(1)).await.unwrap();
    assert_eq!(rulings.len(), 3);
    let modified = Verdict::Modify {
        change: 2,
        patterns: vec!["kubectl get pods".to_owned(), "kubectl get nodes".to_owned()],
        action: None,
        reason: Some("narrower".to_owned()),
    };
    store.review("b1b1", &modified, &ana(2)).await.unwrap();
    let applied = store.apply_batch("b1b1", &ana(3)).await.unwrap();
    assert_eq!((applied.changes, applied.batch.status), (3, BatchStatus::Applied));
    assert_eq!(
        patterns(&applied.role),
        ["git push --force*", "git *", "kubectl get pods", "kubectl get nodes", "ls"]
    );
    assert_eq!(ids(&applied.role), ["r3", "r1", "r4", "r5", "r6"]);
    assert_eq!(store.role("r").await.unwrap(), applied.role);
    let history = store.history("r").await.unwrap();
    assert_eq!((history[0].revision, history[0].batch_id.as_deref()), (2, Some("b1b1")));

    let feedback = store.feedback("r").await.unwrap();
    let acts: Vec<Act> = feedback.iter().map(|it| it.verdict).collect();
    assert_eq!(
        acts,
        [Act::Accept, Act::Accept, Act::Accept, Act::Modify, Act::Apply, Act::Apply, Act::Apply]
    );
    assert_eq!(
        (feedback[3].reason.as_deref(), feedback[3].given_by.as_str()),
        (Some("narrower"), "ana")
    );
    assert_eq!(feedback[3].modified_after.as_ref().unwrap().len(), 2);
    let closed = store.review("b1b1", &reject(&[1]), &ana(4)).await.unwrap_err();
    assert!(closed.to_string().contains("is applied, its review is over"));
    assert!(store.apply_batch("b1b1", &ana(4)).await.is_err());
}

async fn a_part_of_a_batch_can_be_applied_and_the_rest_is_not(store: &Store, _: &Home) {
    store.create_role(role("r", &["git *", "kubectl *"]), &why(), &ana(0)).await.unwrap();
    store.save_batch(&batch("b1b1", "r", 1)).await.unwrap();
    // Change 3 requires change 1.
    let (reviewed, rulings) = store.review("b1b1", &accept(&[3]), &ana(1)).await.unwrap();
    let taken: Vec<(u64, bool)> = rulings.iter().map(|it| (it.ordinal, it.follows)).collect();
    assert_eq!(taken, [(1, true), (3, false)]);
    assert_eq!(reviewed.changes[1].state, ChangeState::Pending);
    let applied = store.apply_batch("b1b1", &ana(2)).await.unwrap();
    assert_eq!(applied.batch.status, BatchStatus::PartiallyApplied);
    assert_eq!(patterns(&applied.role), ["git push --force*", "git *", "kubectl *", "ls"]);
    assert_eq!(store.batch("b1b1").await.unwrap().status, BatchStatus::PartiallyApplied);
}

async fn a_batch_for_an_older_revision_conflicts_by_name_or_fits(store: &Store, _: &Home) {
    store.create_role(role("r", &["git *", "kubectl *"]), &why(), &ana(0)).await.unwrap();
    for id in ["b1b1", "b2b2"] {
        store.save_batch(&batch(id, "r", 1)).await.unwrap();
        store.review(id, &accept(&[]), &ana(1)).await.unwrap();
    }
    // `kubectl *` goes, `pwd` comes.
    store.save_role(role("r", &["git *", "pwd"]), &why(), &ana(2)).await.unwrap();
    let err = store.apply_batch("b1b1", &ana(3)).await.unwrap_err().to_string();
    let first = err.lines().next().unwrap();
    assert_eq!(
        first,
        "batch `b1b1` was made for revision 1 of `r`, which is at 2: \
         change 2 is about rule `kubectl *` (r2), which has been removed since"
    );
    assert_eq!(store.role("r").await.unwrap().revision, 2);
    assert_eq!(store.batch("b1b1").await.unwrap().status, BatchStatus::Pending);
    store.review("b1b1", &reject(&[2]), &ana(4)).await.unwrap();
    let applied = store.apply_batch("b1b1", &ana(5)).await.unwrap();
    assert_eq!(patterns(&applied.role), ["git push --force*", "git *", "pwd", "ls"]);
    store.delete_role("r", &ana(6)).await.unwrap();
    assert!(
        store
            .apply_batch("b2b2", &ana(7))
            .await
            .unwrap_err()
            .to_string()
            .starts_with("no role `r`")
    );
}

async fn a_rejected_change_is_remembered_until_it_is_accepted(store: &Store, _: &Home) {
    let first = batch("b1b1", "r", 1);
    store.save_batch(&first).await.unwrap();
    store.review("b1b1", &reject(&[2]), &ana(1)).await.unwrap();
    let lessons = store.background("r", at(9)).await.unwrap().lessons;
    let change = &first.changes[1];
    let hides = |change: &Change, evidence: &Evidence| lessons.hides(&proposal(change), evidence);
    let now = evidence(change);
    assert!(hides(change, &now) && !hides(&first.changes[0], &evidence(&first.changes[0])));
    let said = lessons.rejected_as(&proposal(change)).last().unwrap();
    assert_eq!((said.reason.as_deref(), said.at), (Some("not here"), at(1)));
    // With twice the units it is another matter.
    assert!(!hides(change, &Evidence { n_units: now.n_units * 2, ..now.clone() }));

    let elsewhere = store.background("other", at(9)).await.unwrap().lessons;
    assert!(!elsewhere.hides(&proposal(change), &now));
    let before = store.background("r", at(0)).await.unwrap().lessons;
    assert!(!before.hides(&proposal(change), &now), "what is said later is not known yet");
    store.save_batch(&batch("b2b2", "r", 1)).await.unwrap();
    store.review("b2b2", &accept(&[2]), &ana(2)).await.unwrap();
    let lessons = store.background("r", at(9)).await.unwrap().lessons;
    assert!(!lessons.hides(&proposal(change), &now));
}

/// A change as an analysis would propose it again.
fn proposal(change: &Change) -> Proposal {
    let Change { kind, target, before, after, .. } = change;
    let topic = topic(*kind, *target, before, after, Effects::NONE);
    policy_advisor::changes::proposal(&change.change_id, topic, before, after)
}

fn evidence(change: &Change) -> Evidence {
    let seen = &change.evidence;
    Evidence {
        n_events: seen.events,
        n_units: seen.units,
        n_hosts: seen.hosts,
        n_sessions: seen.sessions,
        shapes: seen.arguments.iter().map(|it| (it.shape.clone(), it.events)).collect(),
        ..Evidence::default()
    }
}

async fn a_dismissed_batch_is_closed(store: &Store, _: &Home) {
    store.save_batch(&batch("b1b1", "r", 1)).await.unwrap();
    let dismissed = store.dismiss_batch("b1b1", "too early", &ana(1)).await.unwrap();
    assert_eq!(dismissed.status, BatchStatus::Dismissed);
    assert!(store.review("b1b1", &accept(&[]), &ana(2)).await.is_err());
    assert!(store.dismiss_batch("b1b1", "again", &ana(2)).await.is_err());
    let lessons = store.background("r", at(9)).await.unwrap().lessons;
    let change = batch("b1b1", "r", 1).changes.remove(1);
    assert!(!lessons.hides(&proposal(&change), &evidence(&change)));
}

async fn what_is_wrong_is_refused_and_changes_nothing(store: &Store, home: &Home) {
    store.create_role(role("r", &["ls"]), &why(), &ana(0)).await.unwrap();
    let before = (store.roles().await.unwrap(), store.trail(99).await.unwrap());
    for wrong in
        [role("r", &[" "]), role("a/b", &["ls"]), role("", &[]), role("r", &[&"x".repeat(5_000)])]
    {
        assert!(store.save_role(wrong, &why(), &ana(1)).await.is_err());
    }
    let changed_mind = |role: &mut Role| {
        role.rules.clear();
        Err("changed my mind".to_owned())
    };
    let edited = store.edit_role("r", &why(), &ana(1), changed_mind).await;
    assert_eq!(edited.unwrap_err().to_string(), "changed my mind");
    let dropped = store.begin().await.unwrap();
    drop(dropped);
    assert_eq!((store.roles().await.unwrap(), store.trail(99).await.unwrap()), before);
    // Open it again: nothing to migrate, the same content.
    let again = Store::open(&home.place, Missing::Refuse).await.unwrap();
    assert_eq!(again.roles().await.unwrap(), before.0);
    again.close().await;
}

async fn every_run_leaves_a_row_for_every_role(store: &Store, _: &Home) {
    let row = |role: Option<&str>, outcome, minute| RunRow {
        run_id: format!("run-{minute}"),
        role: role.map(str::to_owned),
        started_at: at(minute),
        finished_at: None,
        outcome,
        reason: "so".to_owned(),
        batch_id: None,
        counts: [("events".to_owned(), 7)].into(),
    };
    store.record_run(&row(None, RunOutcome::Running, 1)).await.unwrap();
    store.record_run(&row(Some("r"), RunOutcome::Suggested, 1)).await.unwrap();
    let done = RunRow { finished_at: Some(at(2)), ..row(None, RunOutcome::Done, 1) };
    store.record_run(&done).await.unwrap();
    store.record_run(&row(Some("r"), RunOutcome::Failed, 3)).await.unwrap();
    store.record_run(&row(Some("s"), RunOutcome::Waiting, 3)).await.unwrap();
    assert_eq!(store.runs(None, 10).await.unwrap().len(), 4);
    assert_eq!(store.runs(None, 10).await.unwrap()[2], done);
    assert_eq!(store.runs(Some("r"), 1).await.unwrap()[0].outcome, RunOutcome::Failed);
    // A failed or early analysis does not count as one.
    assert_eq!(store.last_analyses(at(3)).await.unwrap(), [("r".to_owned(), at(1))].into());
    assert_eq!(store.last_analyses(at(0)).await.unwrap(), [].into());
}

async fn one_run_at_a_time(store: &Store, home: &Home) {
    let other = Store::open(&home.place, Missing::Refuse).await.unwrap();
    let lock = store.try_run_lock().await.unwrap();
    assert!(lock.is_some());
    assert!(other.try_run_lock().await.unwrap().is_none());
    assert!(store.try_run_lock().await.unwrap().is_none());
    // Work goes on meanwhile.
    store.create_role(role("r", &["ls"]), &why(), &ana(0)).await.unwrap();
    drop(lock);
    // A dropped transaction ends when its connection is next used or closed.
    store.roles().await.unwrap();
    let mut lock = None;
    for _ in 0..100 {
        lock = other.try_run_lock().await.unwrap();
        if lock.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(lock.is_some());
    drop(lock);
    other.close().await;
}

async fn every_act_is_on_the_trail(store: &Store, _: &Home) {
    store.create_role(role("r", &["ls"]), &why(), &ana(1)).await.unwrap();
    store.set_setting(None, Key::RetentionDays, Some("30"), &ana(2)).await.unwrap();
    store.assign(&["web".to_owned()], Some("r"), at(3), &ana(3)).await.unwrap();
    store.set_variable("tier", "gold", &["^g".to_owned()], None, &ana(4)).await.unwrap();
    store.save_batch(&batch("b1b1", "r", 1)).await.unwrap();
    store.review("b1b1", &reject(&[1]), &ana(5)).await.unwrap();
    store.dismiss_batch("b1b1", "no", &ana(6)).await.unwrap();
    store.delete_role("r", &ana(7)).await.unwrap();
    let trail = store.trail(99).await.unwrap();
    let acts: Vec<&str> = trail.iter().rev().map(|it| it.act.as_str()).collect();
    assert_eq!(
        acts,
        [
            "role.create",
            "setting.set",
            "host.assign",
            "variable.set",
            "batch.review",
            "batch.dismiss",
            "role.delete",
        ]
    );
    assert!(trail.iter().all(|it| it.done_by == "ana"));
    assert_eq!(trail[5].after.as_ref().unwrap()["retention_days"], 30);
    assert_eq!(trail[0].before.as_ref().unwrap()["rules"][0]["pattern"], "ls");
}
