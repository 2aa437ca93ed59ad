//! Small roles and batches that several tests share.

use policy_advisor::{
    batch::{
        BatchStatus, Change, ChangeEvidence, ChangeKind, ChangeState, PlacedRule, SeenShape,
        SuggestionBatch, Summary, Target, Window,
    },
    policy::{Role, Rule, RuleAction, When},
    risk::RiskLevel,
};

use crate::backends::at;

/// A role that allows these patterns.
pub(crate) fn role(name: &str, patterns: &[&str]) -> Role {
    let rule = |pattern: &&str| Rule {
        rule_id: String::new(),
        pattern: (*pattern).to_owned(),
        action: RuleAction::Allow,
        when: When::new(),
        risk: None,
        rationale: None,
    };
    Role { rules: patterns.iter().map(rule).collect(), ..Role::new(name) }
}

fn placed(pattern: &str, action: RuleAction, position: u64, rule_id: Option<&str>) -> PlacedRule {
    PlacedRule {
        pattern: pattern.to_owned(),
        action,
        position,
        when: When::new(),
        rule_id: rule_id.map(str::to_owned),
    }
}

/// A batch for a role with the rules `git *` (r1) and `kubectl *` (r2): a deny in front, `kubectl *`
/// narrowed to `kubectl get *`, and `ls` at the end, which requires the deny.
pub(crate) fn batch(batch_id: &str, role: &str, role_revision: u64) -> SuggestionBatch {
    let change = |ordinal: u64, kind, before, after| Change {
        change_id: format!("change-{ordinal}"),
        ordinal,
        kind,
        target: Target::Command,
        before,
        after,
        confidence: 0.9,
        risk: RiskLevel::Medium,
        reasoning: "Seen 812 times in 201 sessions on 9 hosts.".to_owned(),
        risk_if_wrong: "Work stops until the rule is put back.".to_owned(),
        evidence: ChangeEvidence {
            events: 812,
            hosts: 9,
            sessions: 201,
            days: 7,
            units: 230,
            first_seen: Some(at(-9_000)),
            last_seen: Some(at(-1)),
            decisions: [("allowed".to_owned(), 812)].into(),
            examples: vec!["git status --short".to_owned()],
            arguments: vec![SeenShape { shape: "git status --short".to_owned(), events: 640 }],
        },
        effects: vec!["vcs.read".to_owned()],
        techniques: vec!["T1485".to_owned()],
        requires: Vec::new(),
        factors: Vec::new(),
        scopes: Vec::new(),
        state: ChangeState::Pending,
        modified_after: None,
    };
    let deny = placed("git push --force*", RuleAction::Deny, 1, None);
    let broad = placed("kubectl *", RuleAction::Allow, 2, Some("r2"));
    let narrow = placed("kubectl get *", RuleAction::Allow, 3, None);
    let list = placed("ls", RuleAction::Allow, 5, None);
    let mut changes = vec![
        change(1, ChangeKind::Add, vec![], vec![deny]),
        change(2, ChangeKind::Modify, vec![broad], vec![narrow]),
        change(3, ChangeKind::Add, vec![], vec![list]),
    ];
    changes[2].requires.push("change-1".to_owned());
    SuggestionBatch {
        schema_version: "1.0".to_owned(),
        batch_id: batch_id.to_owned(),
        role: role.to_owned(),
        role_revision,
        status: BatchStatus::Pending,
        generated_at: at(0),
        window: Window { from: at(-10_080), to: at(0), hours: 168.0 },
        hosts: 12,
        sessions: 310,
        events: 51_234,
        confidence: 0.87,
        risk: RiskLevel::Medium,
        summary: Summary { add: 2, modify: 1, remove: 0 },
        changes,
        findings: policy_advisor::batch::Findings::default(),
    }
}
