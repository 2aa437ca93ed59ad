//! What verdicts teach: how likely a change of a kind is to be wanted, how wide, and what not to ask
//! again.
use std::collections::BTreeSet;

use super::{EvidenceMark, Level, bar::Bar};
use crate::{
    clusters::{Observation, Use},
    events::{Timestamp, text_forms},
    evidence::Evidence,
    policy::{Pattern, RuleAction, Target, When, access_of, includes},
    risk::{Effects, RiskLevel, stake},
};

/// Days after which a verdict counts half.
///
/// # Source
/// Our choice: the default retention of events; what is older than the evidence should not outweigh it.
const HALF_LIFE_DAYS: f64 = 90.0;

/// What an accepted change counts, where a rejected one counts 1.
///
/// # Source
/// People approve most of what they are shown: Akhawe and Felt, Alice in Warningland (USENIX Security
/// 2013), found 7 to 70% of warnings clicked through; a yes tells little, a no was meant.
const ACCEPTED: f64 = 0.15;

/// Most that verdicts move the log odds, up and down.
const MOST_UP: f64 = 0.5;
const MOST_DOWN: f64 = 2.0;

/// What a verdict counts by how near it is: the same beginning of the line, the same binary, the same
/// effects, the same kind of change; and in another role of the organization.
const NEAR_FAMILY: f64 = 1.0;
const NEAR_BINARY: f64 = 0.4;
const NEAR_EFFECTS: f64 = 0.2;
const NEAR_MATTER: f64 = 0.05;
const OTHER_ROLE: f64 = 0.5;

/// Families of one binary that were narrowed before all of it is.
const NARROWED_FAMILIES: usize = 2;

/// Days for which a reviewer's own scope is remembered, and how much had to stand behind an allow.
const LEVEL_DAYS: f64 = 180.0;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// It lets something through.
    Allow,
    /// It asks a person.
    Ask,
    /// It stops something.
    Stop,
    /// It takes a rule away.
    Remove,
    /// It puts narrower rules in the place of one.
    Narrow,
}

text_forms!(Matter {
    Allow = "allow",
    Ask = "ask",
    Stop = "stop",
    Remove = "remove",
    Narrow = "narrow",
});

/// What a change is about, as far as others are like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    target: Target,
    matter: Matter,
    /// The binary, or the MCP server; empty where it is about more than one.
    binary: String,
    /// What its lines begin with: `git push`, or `server/tool`.
    family: String,
    effects: Effects,
}

impl Matter {
    /// What an added rule is about.
    pub const fn of(action: RuleAction) -> Self {
        match action {
            RuleAction::Allow | RuleAction::Alert | RuleAction::Redact => Self::Allow,
            RuleAction::RequireApproval => Self::Ask,
            RuleAction::Deny | RuleAction::Terminate => Self::Stop,
        }
    }
}

impl Topic {
    /// What the change does.
    pub const fn matter(&self) -> Matter {
        self.matter
    }

    /// What a change of these patterns is about.
    pub fn new<'a>(
        target: Target,
        matter: Matter,
        patterns: impl IntoIterator<Item = &'a str>,
        effects: Effects,
    ) -> Self {
        let mut heads = patterns.into_iter().map(head);
        let first = heads.next().unwrap_or_default();
        let mut family = first;
        for head in heads {
            while !is_of(head, family) {
                family = family.rsplit_once(SEPARATORS).map_or("", |(rest, _)| rest);
            }
        }
        let binary = family.split(SEPARATORS).next().unwrap_or_default();
        Self { target, matter, binary: binary.to_owned(), family: family.to_owned(), effects }
    }
}

/// What stands between the words of a line, and between server and tool.
const SEPARATORS: [char; 2] = [' ', '/'];

/// What lines of a pattern begin with, in whole words.
fn head(pattern: &str) -> &str {
    let Some((head, _)) = pattern.split_once('*') else { return pattern };
    if head.ends_with(SEPARATORS) {
        head.trim_end_matches(SEPARATORS)
    } else {
        head.rsplit_once(SEPARATORS).map_or("", |(rest, _)| rest)
    }
}

/// What a reviewer made of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Taken as proposed.
    Accepted,
    /// Not wanted.
    Rejected,
    /// Taken, in a scope of the reviewer's.
    Modified(Level),
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Whether it was given in the role that is analyzed.
    pub is_own: bool,
    /// Whether it only followed from another verdict: a change that is required, or requires.
    pub follows: bool,
    /// The change.
    pub change_id: String,
    /// What it was about.
    pub topic: Topic,
    /// What became of it.
    pub reply: Reply,
    /// Why, in the reviewer's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Patterns of the role that it would have taken away.
    pub before: Vec<String>,
    /// Patterns that it would have brought, and what each does.
    pub after: Vec<(String, RuleAction)>,
    /// What it stood on.
    pub mark: EvidenceMark,
}

/// A change that may be proposed, as far as a rejection of it goes.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The change, where it has an id yet.
    pub change_id: String,
    /// What it is about.
    pub topic: Topic,
    /// Patterns of the role that it takes away.
    pub before: Vec<String>,
    /// Patterns that it brings.
    pub after: Vec<String>,
}

impl Proposal {
    /// Whether a verdict was about as much: the same change; the same rules to go, whatever was to
    /// come for them; or all of these rules to stop or ask.
    fn is_said_by(&self, lesson: &Lesson) -> bool {
        if lesson.change_id == self.change_id {
            return true;
        }
        let known = &lesson.topic;
        if (known.target, known.matter) != (self.topic.target, self.topic.matter) {
            return false;
        }
        match known.matter {
            Matter::Allow => false,
            Matter::Remove | Matter::Narrow => {
                self.before.iter().all(|it| lesson.before.iter().any(|known| known == it))
            }
            Matter::Ask | Matter::Stop => {
                let is_known = |it: &String| lesson.after.iter().any(|known| known.0 == *it);
                lesson.before.is_empty()
                    && self.before.is_empty()
                    && self.after.iter().all(is_known)
            }
        }
    }
}

/// Verdicts, oldest first, and the time from which they are looked at.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    given: Vec<Lesson>,
    now: Timestamp,
    bar: Option<Bar>,
}

impl Lessons {
    /// The last verdict on each change of each role counts; those given after `now` do not.
    pub fn new(mut given: Vec<Lesson>, now: Timestamp) -> Self {
        given.retain(|it| it.at <= now);
        given.sort_by(|a, b| (a.at, &a.change_id).cmp(&(b.at, &b.change_id)));
        let mut last = std::collections::BTreeMap::new();
        for (idx, lesson) in given.iter().enumerate() {
            last.insert((lesson.is_own, lesson.change_id.clone()), idx);
        }
        let mut idx = 0;
        given.retain(|it| {
            let is_last = last.get(&(it.is_own, it.change_id.clone())) == Some(&idx);
            idx += 1;
            is_last
        });
        let mut lessons = Self { given, now, bar: None };
        let allows =
            lessons.recent().filter(|it| it.topic.matter == Matter::Allow && it.mark.units > 0);
        let verdicts = allows.map(|it| (it.mark.units, it.reply != Reply::Rejected));
        lessons.bar = Bar::of(&verdicts.collect::<Vec<_>>());
        lessons
    }

    /// What reviewers of this role said of their own accord, not too long ago.
    fn recent(&self) -> impl DoubleEndedIterator<Item = &Lesson> {
        let own = self.given.iter().filter(|it| it.is_own && !it.follows);
        own.filter(|it| self.days_since(it.at) <= LEVEL_DAYS)
    }

    /// Patterns of the stops that came with changes which reviewers of this role accepted.
    pub fn brought(&self) -> BTreeSet<&str> {
        let accepted = self.given.iter().filter(|it| it.is_own && it.reply == Reply::Accepted);
        let after = accepted.flat_map(|it| &it.after);
        after.filter(|it| !it.1.passes()).map(|it| it.0.as_str()).collect()
    }

    /// What the verdicts add to the log odds that a change of this kind is wanted which stands on so many
    /// units, from `-MOST_DOWN` to `MOST_UP`; 0 where there are none.
    ///
    /// The log of two sums, each with one for what is not known: those who took something like it
    /// (weighted low) and those who did not, by nearness and age. Less for an allow that stands on less than
    /// these reviewers take.
    pub fn log_odds(&self, topic: &Topic, n_units: u64) -> f64 {
        let (mut wanted, mut unwanted) = (1.0, 1.0);
        for lesson in self.given.iter().filter(|it| !it.follows) {
            let weight = self.weight(lesson, topic);
            match lesson.reply {
                Reply::Accepted | Reply::Modified(_) => wanted += ACCEPTED * weight,
                Reply::Rejected => unwanted += weight,
            }
        }
        let bar = self.bar.filter(|_| topic.matter == Matter::Allow);
        let little = bar.map_or(0.0, |it| it.log_odds(n_units));
        ((wanted / unwanted).ln() + little).clamp(-MOST_DOWN, MOST_UP)
    }

    /// A confidence with what the verdicts say, to two decimals, never certain.
    pub fn temper(&self, confidence: f64, topic: &Topic, n_units: u64) -> f64 {
        let shift = self.log_odds(topic, n_units);
        if shift.abs() < f64::EPSILON || confidence <= 0.0 {
            return confidence;
        }
        let odds = confidence / (1.0 - confidence).max(f64::EPSILON) * shift.exp();
        ((odds / (1.0 + odds)).clamp(0.01, 0.99) * 100.0).round() / 100.0
    }

    /// The widest scope that reviewers of this role want for a family, where they said so: by their
    /// last verdict on it, or where they narrowed two others of its binary.
    pub fn widest(&self, binary: &str, family: &str) -> Option<Level> {
        let about = |it: &&Lesson| {
            it.topic.target == Target::Command
                && it.topic.matter == Matter::Allow
                && it.topic.binary == binary
        };
        let of_binary: Vec<&Lesson> = self.recent().filter(about).collect();
        let of_family = of_binary.iter().rev().find(|it| is_of(&it.topic.family, family));
        if let Some(Reply::Modified(level)) = of_family.map(|it| it.reply) {
            return Some(level);
        }
        if of_family.is_some() {
            return None;
        }
        let mut narrowed: Vec<(&str, Level)> = of_binary
            .iter()
            .filter_map(|it| match it.reply {
                Reply::Modified(level) if level < Level::Subcommand => {
                    Some((it.topic.family.as_str(), level))
                }
                _ => None,
            })
            .collect();
        narrowed.sort_unstable();
        narrowed.dedup_by_key(|it| it.0);
        let widest = narrowed.iter().map(|it| it.1).max();
        widest.filter(|_| narrowed.len() >= NARROWED_FAMILIES)
    }

    /// The verdict that keeps an allow of this pattern, where these conditions hold, from being proposed: it
    /// holds what a reviewer of this role rejected, and what was seen of that is no different.
    pub fn refuses(
        &self,
        pattern: &Pattern,
        when: &When,
        observation: &Observation,
    ) -> Option<&Lesson> {
        let mut rejected = self.rejected_in(pattern, when, observation);
        rejected
            .find(|(it, refused)| !it.mark.is_outgrown_by(&seen_of(refused, when, observation)))
            .map(|it| it.0)
    }

    /// The last verdict that rejected something that such an allow holds, and what is different since.
    pub fn recalls(
        &self,
        pattern: &Pattern,
        when: &When,
        observation: &Observation,
    ) -> Option<(&Lesson, Vec<String>)> {
        let (lesson, refused) = self.rejected_in(pattern, when, observation).last()?;
        Some((lesson, lesson.mark.differences(&seen_of(&refused, when, observation))))
    }

    /// Whether reviewers of this role rejected this proposal, or one that said as much, on evidence
    /// that is no different.
    pub fn hides(&self, proposal: &Proposal, evidence: &Evidence) -> bool {
        self.rejected_as(proposal).any(|it| !it.mark.is_outgrown_by(evidence))
    }

    /// The last verdict that rejected this proposal, or one that said as much.
    pub fn rejected_as(&self, proposal: &Proposal) -> impl DoubleEndedIterator<Item = &Lesson> {
        let own = self.given.iter().filter(|it| it.is_own && it.reply == Reply::Rejected);
        own.filter(move |it| proposal.is_said_by(it))
    }

    /// The verdicts that rejected a part of what such an allow holds, each with the pattern of that part.
    fn rejected_in(
        &self,
        pattern: &Pattern,
        when: &When,
        observation: &Observation,
    ) -> impl Iterator<Item = (&Lesson, Pattern)> {
        let rejected = self.given.iter().filter(|it| {
            it.is_own && it.reply == Reply::Rejected && it.topic.target == Target::Command
        });
        rejected.filter_map(move |it| {
            let allows = it.after.iter().filter(|(_, action)| action.passes());
            let mut allows = allows.map(|(pattern, _)| Pattern::new(pattern));
            let refused = allows.find(|refused| includes(pattern, refused))?;
            // To refuse what goes further says nothing of what does not.
            let is_held =
                access_of(when).is_none() || taken(&refused, when, observation).next().is_some();
            is_held.then_some((it, refused))
        })
    }

    fn weight(&self, lesson: &Lesson, topic: &Topic) -> f64 {
        let known = &lesson.topic;
        if (known.target, known.matter) != (topic.target, topic.matter) {
            return 0.0;
        }
        let is_same_binary = known.binary == topic.binary && !topic.binary.is_empty();
        let is_same_family =
            is_of(&known.family, &topic.family) || is_of(&topic.family, &known.family);
        let near = if is_same_binary && is_same_family {
            NEAR_FAMILY
        } else if is_same_binary {
            NEAR_BINARY
        } else if known.effects == topic.effects && !topic.effects.is_empty() {
            NEAR_EFFECTS
        } else {
            NEAR_MATTER
        };
        let role = if lesson.is_own { 1.0 } else { OTHER_ROLE };
        near * role * 0.5_f64.powf(self.days_since(lesson.at) / HALF_LIFE_DAYS)
    }

    fn days_since(&self, at: Timestamp) -> f64 {
        self.now.hours_since(at).max(0.0) / 24.0
    }
}

/// The uses that an allow of a pattern takes where these conditions hold.
fn taken<'a>(
    pattern: &'a Pattern,
    when: &When,
    observation: &'a Observation,
) -> impl Iterator<Item = &'a Use> {
    let access = access_of(when);
    observation.matched(pattern).filter(move |it| access.is_none() || it.access == access)
}

/// What speaks for such an allow now.
fn seen_of(pattern: &Pattern, when: &When, observation: &Observation) -> Evidence {
    let uses = taken(pattern, when, observation);
    let ordinary = uses.filter(|it| stake(it.effects) <= RiskLevel::Medium);
    Evidence::of_uses(&ordinary.collect::<Vec<_>>(), observation)
}

/// Whether lines that begin with `line` are of a family: `git push origin` is of `git push`.
fn is_of(line: &str, family: &str) -> bool {
    let rest = line.strip_prefix(family);
    family.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATORS))
}
