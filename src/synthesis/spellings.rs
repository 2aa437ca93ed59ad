//! Global options before a subcommand: the same act in another spelling.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Candidate, Stand, budget::Cost};
use crate::{
    clusters::{Cluster, Observation, Stem},
    policy::{Pattern, RuleAction, includes, literal},
    risk::{RiskLevel, stake},
};

/// Units behind an allow before its other spellings are worth a rule each.
const MIN_SPELLED_UNITS: u64 = 3;

/// The same, as a share of the units in which the tool was used: what is rare without the option is
/// rarer with it.
const MIN_SPELLED_SHARE: f64 = 0.05;

/// Options that only say where or how to print, never what to run, a star for their one value; with
/// each, whether every role spells acts with it, or only one that was seen to.
///
/// # Source
/// git(1), `go help`, `kubectl options`, docker(1), npm-prefix(1), `pnpm help`, helm(1), `terraform -help`.
const HARMLESS: &[(&str, &str, Habit)] = &[
    ("git", "-C *", Habit::Everyone),
    ("git", "--no-pager", Habit::Seen),
    ("go", "-C *", Habit::Seen),
    ("kubectl", "-n *", Habit::Everyone),
    ("kubectl", "--namespace *", Habit::Seen),
    ("kubectl", "--context *", Habit::Seen),
    ("docker", "--context *", Habit::Seen),
    ("npm", "--prefix *", Habit::Seen),
    ("pnpm", "--filter *", Habit::Seen),
    ("pnpm", "-F *", Habit::Seen),
    ("pnpm", "-C *", Habit::Seen),
    ("helm", "-n *", Habit::Seen),
    ("terraform", "-chdir=*", Habit::Seen),
];

/// How many options there are.
pub(super) const N_OPTIONS: usize = HARMLESS.len();

/// Who spells acts with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Agents of all kinds: a rule without it stops the same work a day later.
    Everyone,
    /// Only who was seen to.
    Seen,
}

/// An allow with one of these options in front of its subcommand: `git -C * status *`.
///
/// The star of the option takes any number of words, `git -C x push --force y status` among them, so
/// that fences stand in front: `git -C * * status *` asks wherever more than one word stands between,
/// `git -C '*` wherever that one is quoted and may have blanks in it. What is left has one plain word
/// there, and reads as `git status *` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    /// The same without the option.
    pub(super) plain: String,
    /// Where the option has a value, its place among the options, and what asks where that is more than
    /// a plain word: one for all subcommands, one for this.
    pub(super) fences: Option<(usize, [String; 2])>,
}

impl Spelled {
    /// Takes a pattern apart; `None` where it is none of these.
    pub(super) fn of(pattern: &Pattern) -> Option<Self> {
        // Most patterns are told by their second word.
        let (binary, second) = pattern.literal_prefix().split_once(' ')?;
        if !second.starts_with('-') {
            return None;
        }
        let parts = pattern.parts().iter().map(|it| literal(it));
        let text = parts.collect::<Vec<_>>().join("*");
        let (_, rest) = text.split_once(' ')?;
        let options = HARMLESS.iter().enumerate().filter(|(_, (name, ..))| *name == binary);
        options.map(|(idx, (_, option, _))| (idx, option)).find_map(|(idx, option)| {
            let rest = rest.strip_prefix(option)?.strip_prefix(' ')?;
            let is_named = rest.starts_with(|ch: char| ch.is_ascii_lowercase());
            is_named.then(|| Self {
                plain: format!("{binary} {rest}"),
                fences: option.strip_suffix('*').map(|option| {
                    let one = format!("{binary} {option}* * {rest}");
                    (idx, [format!("{binary} {option}'*"), one])
                }),
            })
        })
    }
}

/// An allow with a spelling's star, and the fence right in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// The pattern of the allow.
    pub allow: String,
    /// What asks wherever more than one word is where the option's value should be.
    pub fence: String,
}

/// The fenced allows among candidates that stand behind all guards, in the order in which they stand.
///
/// A fence cannot tell words from text in quotes, and stops `git -C x commit -m 'the status of y'` in
/// front of `git -C * status *`. So each stands with its allow behind those that stop less of what was
/// seen, and behind those with longer lines, such as `commit`, whose texts are through by then.
pub fn fenced<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    observation: &Observation,
) -> Vec<Fenced> {
    let open = candidates.into_iter().filter(|it| it.action.passes() && it.stand == Stand::Open);
    let mut fenced: BTreeMap<(usize, Reverse<usize>, &str), String> = BTreeMap::new();
    for candidate in open {
        for allow in candidate.patterns() {
            let fences = Spelled::of(&Pattern::new(allow)).and_then(|it| it.fences);
            let Some((_, [_, fence])) = fences else { continue };
            let stopped = Pattern::new(&fence);
            let n_stopped = observation.matched(&stopped).map(|seen| seen.support.n_units()).sum();
            let uses = candidate.uses.iter().filter_map(|&idx| observation.uses.get(idx));
            let longest = uses.map(|seen| seen.line.len()).max().unwrap_or_default();
            fenced.insert((n_stopped, Reverse(longest), allow), fence);
        }
    }
    let fenced = fenced.into_iter();
    fenced.map(|((.., allow), fence)| Fenced { allow: allow.to_owned(), fence }).collect()
}

/// The spellings that this role uses, or that everyone does.
#[derive(Debug)]
pub(super) struct Spellings {
    options: Vec<(&'static str, &'static str)>,
    /// Units in which each of these tools was used.
    n_units: BTreeMap<&'static str, u64>,
    /// By the pattern of a stem without options: uses of the same in one of the spellings, none of
    /// them above medium.
    spelled: BTreeMap<String, Vec<usize>>,
    /// Patterns of the stems of these uses.
    stems: BTreeSet<String>,
}

impl Spellings {
    pub(super) fn new(clusters: &[Cluster], observation: &Observation) -> Self {
        let is_seen = |binary: &str, option: &str| {
            let prefix = format!("{binary} {option} ");
            clusters.iter().any(|it| it.stem.pattern.starts_with(&prefix))
        };
        let used = HARMLESS
            .iter()
            .filter(|(binary, option, habit)| *habit == Habit::Everyone || is_seen(binary, option));
        let options: Vec<(&str, &str)> =
            used.map(|(binary, option, _)| (*binary, *option)).collect();
        let n_units = |binary: &str| {
            let uses =
                clusters.iter().filter(|it| it.stem.binary == binary).flat_map(|it| &it.uses);
            // What is risky is none of the tool's ordinary use.
            let uses = uses.filter_map(|&idx| observation.uses.get(idx));
            let uses = uses.filter(|it| stake(it.effects) <= RiskLevel::Medium);
            let units: BTreeSet<u32> =
                uses.flat_map(|it| it.support.units.iter().copied()).collect();
            units.len() as u64
        };
        let n_units = options.iter().map(|(binary, _)| (*binary, n_units(binary))).collect();
        let mut res = Self { options, n_units, spelled: BTreeMap::new(), stems: BTreeSet::new() };
        let plain: BTreeSet<&str> = clusters.iter().map(|it| it.stem.pattern.as_str()).collect();
        for group in clusters.chunk_by(|a, b| a.stem == b.stem) {
            let Some(stem) = group.first().map(|it| &it.stem) else { continue };
            let base = without_options(stem);
            let is_ordinary = group.iter().all(|it| stake(it.effects) <= RiskLevel::Medium);
            if is_ordinary && plain.contains(base.as_str()) && res.spells(stem, &base) {
                res.stems.insert(stem.pattern.clone());
                let uses = group.iter().flat_map(|it| it.uses.iter().copied());
                res.spelled.entry(base).or_default().extend(uses);
            }
        }
        res
    }

    /// Whether a stem is another with one of the options in front.
    fn spells(&self, stem: &Stem, base: &str) -> bool {
        let pattern = Pattern::new(&stem.pattern);
        stem.pattern != base
            && self.patterns(&stem.binary, base).any(|it| includes(&Pattern::new(&it), &pattern))
    }

    /// A pattern of a tool with each of its options in front.
    fn patterns<'a>(
        &'a self,
        binary: &'a str,
        pattern: &'a str,
    ) -> impl Iterator<Item = String> + 'a {
        let rest = pattern.split_once(' ').map(|(_, rest)| rest);
        let rest = rest.filter(|rest| !rest.starts_with(['-', '*'])).into_iter();
        rest.flat_map(move |rest| {
            let options = self.options.iter().filter(move |(name, _)| *name == binary);
            options.map(move |(_, option)| format!("{binary} {option} {rest}"))
        })
    }

    /// Whether a stem is the spelling of another one, whose candidates stand for it.
    pub(super) fn is_one(&self, stem: &Stem) -> bool {
        self.stems.contains(&stem.pattern)
    }

    /// Gives a candidate its other spellings, and what was seen of them; `false` where it has none,
    /// or is too rare or risky for them.
    pub(super) fn add_to(&self, candidate: &mut Candidate, cost: &Cost<'_>) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of units are far below 2^52")]
        let share = self
            .n_units
            .get(candidate.binary.as_str())
            .map_or(1.0, |&all| candidate.evidence.n_units as f64 / all.max(1) as f64);
        // A form stands in front of guards, its fence in front of both, and of what a role has.
        let is_ordinary = candidate.action == RuleAction::Allow
            && candidate.stand == Stand::Open
            && candidate.risk <= RiskLevel::Medium;
        let is_often =
            candidate.evidence.n_units >= MIN_SPELLED_UNITS && share >= MIN_SPELLED_SHARE;
        let base = candidate.pattern.strip_suffix(" *").unwrap_or(&candidate.pattern);
        let seen = self.spelled.get(base);
        if !is_ordinary || !(is_often || seen.is_some()) {
            return false;
        }
        candidate.spellings = self.patterns(&candidate.binary, &candidate.pattern).collect();
        if let Some(seen) = seen.filter(|_| !candidate.spellings.is_empty()) {
            candidate.uses.extend(seen);
            candidate.uses.sort_unstable();
            candidate.uses.dedup();
            candidate.weigh(cost.observation, cost.lessons);
        }
        !candidate.spellings.is_empty()
    }
}

/// The pattern of a stem without what stands between its words.
fn without_options(stem: &Stem) -> String {
    let words = std::iter::once(&stem.binary).chain(&stem.subcommand);
    words.map(|word| literal(word)).collect::<Vec<_>>().join(" ")
}
