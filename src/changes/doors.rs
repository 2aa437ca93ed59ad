//! One effect, one door: what a role stops through the shell and leaves open through an MCP tool, or
//! the reverse.
use std::collections::BTreeMap;

use super::{
    ChangeKind, Why,
    list::{List, Place, legitimate_units, new_rule},
    usage::InOrder,
};
use crate::{
    clusters::{McpUse, Observation, Support, Use},
    commands::{self, grammar, split},
    evidence::Evidence,
    policy::{Role, RuleAction, Target, literal},
    risk::{Effect, Effects, RiskLevel, effects, mcp_effects},
    synthesis::{Candidate, stop_confidence},
};

/// Effects that a role stops for what they do to the world, whoever does it.
const ONE_DOOR: &[Effect] = &[
    Effect::FileDelete,
    Effect::SecretRead,
    Effect::NetworkUpload,
    Effect::PackageInstall,
    Effect::VcsHistoryRewrite,
    Effect::VcsPublish,
    Effect::InfraChange,
    Effect::InfraDestroy,
    Effect::DbChange,
    Effect::DbDestroy,
    Effect::Persistence,
];

/// An effect that one list of rules stops and the other one lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Door {
    effect: Effect,
    /// The list that is open.
    open: Target,
    /// The rule that stops it in the other one.
    closed_by: String,
}

impl Door {
    /// Whether it keeps a candidate from letting the effect through.
    pub(super) fn closes(&self, candidate: &Candidate) -> bool {
        candidate.target == self.open
            && candidate.effects.contains(self.effect)
            && candidate.action <= RuleAction::RequireApproval
    }
}

/// The effects that a rule of one list denies, where nothing with the effect passes that list, and
/// something that was seen with it would pass the other.
pub(super) fn open_doors(
    role: &Role,
    candidates: &[Candidate],
    observation: &Observation,
) -> Vec<Door> {
    let mut doors = Vec::new();
    let lists = |target| InOrder::new(role.list(target));
    let (commands, tools) = (lists(Target::Command), lists(Target::Mcp));
    let is_passed = |target: Target, line: &str| match target {
        Target::Command => commands.passes(line),
        Target::Mcp => tools.passes(line),
    };
    for closed in [Target::Command, Target::Mcp] {
        let open = other(closed);
        let mut denied: BTreeMap<Effect, &str> = BTreeMap::new();
        let rules = role.list(closed).iter();
        for rule in rules.filter(|it| it.action.is_stop() && it.when.is_empty()) {
            let found = named(closed, &rule.pattern);
            for effect in ONE_DOOR.iter().filter(|it| found.contains(**it)) {
                denied.entry(*effect).or_insert(&rule.pattern);
            }
        }
        for (effect, by) in denied {
            let passes = |target: Target| {
                let allowed = candidates.iter().filter(|it| it.target == target);
                let mut allowed = allowed.filter(|it| it.action.passes());
                allowed.any(|it| it.effects.contains(effect))
                    || seen(target, effect, observation).any(|line| is_passed(target, &line))
            };
            if !passes(closed) && passes(open) {
                doors.push(Door { effect, open, closed_by: by.to_owned() });
            }
        }
    }
    doors
}

impl List<'_> {
    /// Stops what was seen of an effect whose other door is closed.
    pub(super) fn close(&mut self, doors: &[Door]) {
        let target = self.target;
        for door in doors.iter().filter(|it| it.open == target) {
            let closed = other(door.open);
            let (patterns, evidence, n_stopped) = match door.open {
                Target::Command => self.commands_with(door.effect),
                Target::Mcp => self.tools_with(door.effect),
            };
            let why =
                Why::OtherDoor { effect: door.effect, closed_by: door.closed_by.clone(), closed };
            let mut draft = self.draft(ChangeKind::Add, why, evidence);
            draft.confidence = stop_confidence(n_stopped);
            draft.effects = Effects::of(&[door.effect]);
            draft.risk = RiskLevel::High;
            let after = patterns.iter().map(|it| (Place::Refused, new_rule(it, RuleAction::Deny)));
            let after: Vec<_> = after.collect();
            if !after.is_empty() {
                self.push(draft, after);
            }
        }
    }

    fn commands_with(&self, effect: Effect) -> (Vec<String>, Evidence, u64) {
        let uses = self.observation.uses.iter().filter(|it| it.effects.contains(effect));
        let uses: Vec<&Use> = uses.collect();
        let mut patterns: Vec<String> = uses
            .iter()
            .map(|it| {
                let is_whole = named(Target::Command, &it.stem.pattern).contains(effect);
                if is_whole { format!("{} *", it.stem.pattern) } else { literal(&it.line) }
            })
            .collect();
        patterns.sort();
        patterns.dedup();
        let evidence = Evidence::of_uses(&uses, self.observation);
        (patterns, evidence, legitimate_units(&uses))
    }

    fn tools_with(&self, effect: Effect) -> (Vec<String>, Evidence, u64) {
        let tools = self.observation.mcp_uses.iter().filter(|it| it.effects.contains(effect));
        let mut patterns = Vec::new();
        let mut supports = Vec::new();
        for tool in tools {
            patterns.push(literal(&tool.name()));
            supports.push(&tool.support);
        }
        patterns.sort();
        patterns.dedup();
        let support = Support::of_all(supports);
        let mut evidence = Evidence::of_support(&support, self.observation);
        evidence.examples.clone_from(&patterns);
        let n_units = evidence.n_units;
        (patterns, evidence, n_units)
    }
}

/// What a pattern names does, as far as its words before the first star say.
fn named(target: Target, pattern: &str) -> Effects {
    let head = pattern.split('*').next().unwrap_or_default().trim_end();
    match target {
        Target::Command => {
            let argv = split(head).unwrap_or_default();
            let read = commands::read(&argv).commands;
            read.iter().fold(Effects::NONE, |all, it| {
                all.union(effects(it, &grammar::subcommand(&it.argv)))
            })
        }
        Target::Mcp => head.split_once('/').map_or(Effects::NONE, |(server, tool)| {
            mcp_effects(server, tool.trim_end_matches('_'), &[])
        }),
    }
}

/// Lines, or `server/tool`, that were seen with an effect.
fn seen(
    target: Target,
    effect: Effect,
    observation: &Observation,
) -> Box<dyn Iterator<Item = String> + '_> {
    match target {
        Target::Command => {
            let uses = observation.uses.iter().filter(move |it| it.effects.contains(effect));
            Box::new(uses.map(|it| it.line.clone()))
        }
        Target::Mcp => {
            let tools = observation.mcp_uses.iter().filter(move |it| it.effects.contains(effect));
            Box::new(tools.map(McpUse::name))
        }
    }
}

/// The list behind the other door.
const fn other(target: Target) -> Target {
    match target {
        Target::Command => Target::Mcp,
        Target::Mcp => Target::Command,
    }
}
