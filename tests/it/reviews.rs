//! Reviews open nothing: whatever a reviewer writes, and whatever became of the role meanwhile.
use policy_advisor::{
    policy::{Rule, RuleAction},
    review::{Opened, opened},
    store::Why,
};

use crate::{
    backends::ana,
    cli::Advisor,
    samples::{batch, role},
};

const BATCH: &str = "3f2a9c0d1e2b4a5c";

/// A directory with a role that denies `dd`, and a batch whose last change allows it behind that.
fn with_guarded_batch() -> Advisor {
    let advisor = Advisor::new();
    advisor.store(async |store| {
        let mut guarded = role("r", &["git *", "kubectl *"]);
        guarded.rules.insert(0, Rule::new("dd *", RuleAction::Deny));
        store.create_role(guarded, &Why::command("test"), &ana(0)).await.unwrap();
        let mut batch = batch(BATCH, "r", 1);
        batch.changes.remove(1);
        "dd *".clone_into(&mut batch.changes[1].after[0].pattern);
        store.save_batch(&batch).await.unwrap();
    });
    advisor
}

#[test]
fn a_revision_is_told_by_what_it_opens() {
    let stops = role("r", &["ls *"]);
    let passes = role("r", &["ls *", "dd *"]);
    let found = opened(&stops, &passes);
    let expected = Opened {
        act: "disks.wipe".to_owned(),
        pattern: Some("dd *".to_owned()),
        witness: Some("dd of=/dev/".to_owned()),
    };
    assert_eq!(found, [expected]);
    assert_eq!(opened(&passes, &passes), [], "what passes already is no news");
    assert_eq!(opened(&passes, &stops), []);
}

#[test]
fn what_a_reviewer_writes_opens_nothing() {
    let advisor = with_guarded_batch();
    let modify = |pattern| ["review", "modify", BATCH, "--change", "1", "--pattern", pattern];
    insta::assert_snapshot!(advisor.run(&[&modify("curl *")[..], &["--action", "allow"]].concat()).err, @r"
    error: with these changes of batch `3f2a9c0d1e2b4a5c` role `r` would let through what it stops now: `curl .env` (secrets.read) by `curl *`; `curl -T` (network.upload) by `curl *`
    hint: narrow them with `advisor review modify`, reject them, or look again with `advisor suggest --role r`; what is meant all the same is written by hand with `advisor roles edit r`
    ");
    assert_eq!(advisor.json(&["suggestions", "show", BATCH])["changes"][0]["state"], "pending");
    advisor.ok(&modify("git push --force-with-lease*"));
}

#[test]
fn a_role_that_lost_its_guard_is_not_opened_by_an_old_batch() {
    let advisor = with_guarded_batch();
    advisor.ok(&["review", "accept", BATCH]);
    let guard = advisor.json(&["roles", "export", "r"])["rules"][0]["rule_id"].clone();
    advisor.ok(&["roles", "edit", "r", "--remove", guard.as_str().unwrap()]);
    insta::assert_snapshot!(advisor.run(&["review", "apply", BATCH]).err, @r"
    error: with these changes of batch `3f2a9c0d1e2b4a5c` role `r` would let through what it stops now: `dd of=/dev/` (disks.wipe) by `dd *`
    hint: narrow them with `advisor review modify`, reject them, or look again with `advisor suggest --role r`; what is meant all the same is written by hand with `advisor roles edit r`
    ");
    assert_eq!(advisor.json(&["roles", "export", "r"])["revision"], 2, "as it was");
}
