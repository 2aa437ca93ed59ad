//! Drafts -> a batch: what is sure enough, in reading order, with ids that depend on content alone.
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{
    BatchStatus, Change, ChangeEvidence, ChangeKind, ChangeState, Findings, PlacedRule,
    SCHEMA_VERSION, Scope, SeenShape, SuggestionBatch, Summary, Target, Window, words,
};
use crate::{
    changes::{Draft, Why},
    events::Timestamp,
    evidence::Evidence,
    feedback::Lessons,
    policy::{RuleAction, When},
    risk::RiskLevel,
    synthesis::Priced,
};

/// What a batch says about itself, besides its changes.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The role.
    pub role: String,
    /// The revision that was analyzed.
    pub role_revision: u64,
    /// What was looked at.
    pub window: Window,
    /// When the batch is made.
    pub generated_at: Timestamp,
    /// Distinct hosts in the window.
    pub hosts: u64,
    /// Distinct sessions in the window.
    pub sessions: u64,
    /// Events in the window.
    pub events: u64,
    /// Changes below this confidence, 0 to 1, are left out.
    pub confidence_threshold: f64,
}

/// A batch, and what was left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    /// The batch; its changes may be none.
    pub batch: SuggestionBatch,
    /// Changes that were not sure enough.
    pub n_below_threshold: u64,
    /// Changes that a reviewer rejected on the same evidence.
    pub n_rejected_before: u64,
}

/// Makes a batch of drafts; what reviewers rejected on the same evidence is left out.
pub fn assemble(drafts: &[Draft], meta: &Meta, lessons: &Lessons) -> Assembled {
    let is_rejected =
        |draft: &Draft| lessons.hides(&draft.proposal(&id_of(draft)), &draft.evidence);
    let mut n_below_threshold = 0;
    let mut n_rejected_before = 0;
    let mut kept = BTreeSet::new();
    for (idx, draft) in drafts.iter().enumerate() {
        if matches!(draft.why, Why::Guard { .. }) {
            continue;
        }
        if is_rejected(draft) {
            n_rejected_before += 1;
        } else if !draft.is_shown(meta.confidence_threshold) {
            n_below_threshold += 1;
        } else {
            kept.insert(idx);
        }
    }
    // Guards come with what needs them, however sure; without that, on their own confidence.
    let required: BTreeSet<usize> =
        kept.iter().filter_map(|&idx| drafts.get(idx)).flat_map(|it| it.requires.clone()).collect();
    for (idx, draft) in drafts.iter().enumerate() {
        if !matches!(draft.why, Why::Guard { .. }) {
            continue;
        }
        if required.contains(&idx) {
            kept.insert(idx);
        } else if is_rejected(draft) {
            n_rejected_before += 1;
        } else if draft.confidence < meta.confidence_threshold {
            n_below_threshold += 1;
        } else {
            kept.insert(idx);
        }
    }
    let kept = placed(drafts, &kept);
    let mut order: Vec<(&usize, &Draft)> = kept.iter().collect();
    order.sort_by_key(|(idx, draft)| (reading_order(draft, lessons), **idx));
    let changes = (1..).zip(order).map(|(ordinal, (_, draft))| {
        let there = draft.requires.iter().filter_map(|idx| kept.get(idx));
        Change { ordinal, requires: there.map(id_of).collect(), ..change(draft) }
    });
    Assembled { batch: batch(meta, changes.collect()), n_below_threshold, n_rejected_before }
}

/// The drafts that are kept, by index, at their positions in a list with these alone. What is left out
/// was counted before; with it, those behind would stand further down among the role's rules.
fn placed(drafts: &[Draft], kept: &BTreeSet<usize>) -> BTreeMap<usize, Draft> {
    let mut res: BTreeMap<usize, Draft> =
        kept.iter().filter_map(|&idx| Some((idx, drafts.get(idx)?.clone()))).collect();
    for target in Target::ALL {
        let here = drafts.iter().enumerate().filter(|(_, draft)| draft.target == *target);
        let mut rules: Vec<(u64, usize, usize)> = here
            .flat_map(|(draft, it)| {
                it.after.iter().enumerate().map(move |(idx, rule)| (rule.position, draft, idx))
            })
            .collect();
        rules.sort_unstable();
        let mut n_left_out = 0;
        for (position, draft, idx) in rules {
            match res.get_mut(&draft).and_then(|it| it.after.get_mut(idx)) {
                Some(rule) => rule.position = position - n_left_out,
                None => n_left_out += 1,
            }
        }
    }
    res
}

fn batch(meta: &Meta, changes: Vec<Change>) -> SuggestionBatch {
    let mut summary = Summary::default();
    let (mut weight, mut sum) = (0.0, 0.0);
    for change in &changes {
        match change.kind {
            ChangeKind::Add => summary.add += 1,
            ChangeKind::Modify => summary.modify += 1,
            ChangeKind::Remove => summary.remove += 1,
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
        let units = change.evidence.units.max(1) as f64;
        weight += units;
        sum += units * change.confidence;
    }
    let confidence = if weight > 0.0 { (sum / weight * 100.0).round() / 100.0 } else { 0.0 };
    // Not of the window: an analysis that finds nothing new, however much later, says nothing new.
    let mut hash = Sha256::new();
    hash.update(format!("{}\0{}", meta.role, meta.role_revision));
    for change in &changes {
        hash.update(format!("\0{}\0{:?}", change.change_id, change.evidence));
    }
    SuggestionBatch {
        schema_version: SCHEMA_VERSION.to_owned(),
        batch_id: format!("b-{}", short_hex(hash)),
        role: meta.role.clone(),
        role_revision: meta.role_revision,
        status: BatchStatus::Pending,
        generated_at: meta.generated_at,
        window: meta.window,
        hosts: meta.hosts,
        sessions: meta.sessions,
        events: meta.events,
        confidence,
        risk: changes.iter().map(|it| it.risk).max().unwrap_or(RiskLevel::Low),
        summary,
        changes,
        findings: Findings::default(),
    }
}

/// What needs no thought first, then what tightens, then what opens by how much it gives and how
/// likely it is to be wanted.
fn reading_order(draft: &Draft, lessons: &Lessons) -> (u8, std::cmp::Reverse<u64>) {
    let rank = match draft.why {
        Why::NeverFires { .. } => 0,
        Why::Missed { .. } | Why::OtherDoor { .. } | Why::Blocked { .. } | Why::TooBroad { .. } => {
            1
        }
        Why::Guard { .. } => 2,
        Why::Routine { .. } => 3,
        Why::NeedsApproval => 4,
        Why::Unused => 5,
        Why::Unknown => 6,
    };
    // Parts in a thousand, so that the order has no fractions.
    let wanted = lessons.log_odds(&draft.topic(), draft.evidence.n_units).exp();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of units are far below 2^52, and odds are positive"
    )]
    let worth = (draft.evidence.n_units as f64 * wanted * 1000.0).round() as u64;
    (rank, std::cmp::Reverse(worth))
}

fn id_of(draft: &Draft) -> String {
    change_id(draft.kind, draft.target, &draft.before, &draft.after)
}

fn change(draft: &Draft) -> Change {
    Change {
        change_id: id_of(draft),
        ordinal: 0,
        kind: draft.kind,
        target: draft.target,
        before: draft.before.clone(),
        after: draft.after.clone(),
        confidence: draft.confidence,
        risk: draft.risk,
        reasoning: words::reasoning(draft),
        risk_if_wrong: words::risk_if_wrong(draft),
        evidence: evidence(&draft.evidence),
        effects: draft.effects.iter().map(|it| it.as_str().to_owned()).collect(),
        techniques: draft.techniques.clone(),
        requires: Vec::new(),
        factors: draft.factors.iter().map(|it| it.rounded()).collect(),
        scopes: draft.scopes.iter().map(|it| scope(it, draft)).collect(),
        state: ChangeState::Pending,
        modified_after: None,
    }
}

/// A scope as the batch shows it; its rules stand where the change's do.
fn scope(priced: &Priced, draft: &Draft) -> Scope {
    let first = draft.after.first();
    let rule = |pattern: &str, action: RuleAction, when: When| PlacedRule {
        pattern: pattern.to_owned(),
        action,
        position: first.map_or(1, |it| it.position),
        when,
        rule_id: None,
    };
    let action = first.map_or(RuleAction::RequireApproval, |it| it.action);
    let when = first.map(|it| it.when.clone()).unwrap_or_default();
    // Guards of what is proposed stand in the changes that it requires.
    let proposed = draft.scopes.iter().find(|it| it.is_proposed);
    let is_there = |guard: &String| {
        proposed.is_some_and(|it| it.guards.iter().any(|(known, _)| known == guard))
    };
    let guards = priced.guards.iter().filter(|(guard, _)| !is_there(guard));
    let guards = guards.map(|(pattern, action)| rule(pattern, *action, When::new()));
    let allows = priced.patterns.iter().map(|it| rule(it, action, when.clone()));
    Scope {
        level: priced.level,
        is_proposed: priced.is_proposed,
        after: if priced.is_proposed {
            draft.after.clone()
        } else {
            guards.chain(allows).collect()
        },
        confidence: priced.confidence,
        later: priced.later,
        guards: priced.guards.len() as u64,
        effects: priced.effects.iter().map(|it| it.as_str().to_owned()).collect(),
        guarded_acts: priced.guarded_acts.clone(),
        open_acts: priced.open_acts.clone(),
    }
}

/// The identity of a proposal: a hash of what it does, whatever its evidence and place.
pub fn change_id(
    kind: ChangeKind,
    target: Target,
    before: &[PlacedRule],
    after: &[PlacedRule],
) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{kind}\0{target}"));
    for (side, rules) in [("before", before), ("after", after)] {
        for rule in rules {
            hash.update(format!("\0{side}\0{}\0{}\0{:?}", rule.pattern, rule.action, rule.when));
        }
    }
    format!("c-{}", short_hex(hash))
}

/// The first 12 hexadecimal digits: 48 bits tell the batches and changes of one organization apart.
fn short_hex(hash: Sha256) -> String {
    let digest = hash.finalize();
    let digits: Vec<String> = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn evidence(evidence: &Evidence) -> ChangeEvidence {
    let shapes = evidence.shapes.iter();
    ChangeEvidence {
        events: evidence.n_events,
        hosts: evidence.n_hosts,
        sessions: evidence.n_sessions,
        days: evidence.n_days,
        units: evidence.n_units,
        first_seen: evidence.first,
        last_seen: evidence.last,
        decisions: evidence.outcomes.clone(),
        examples: evidence.examples.clone(),
        arguments: shapes
            .map(|(shape, events)| SeenShape { shape: shape.clone(), events: *events })
            .collect(),
    }
}
