//! What a verdict on a change teaches later analyses.
use crate::{
    batch::{ChangeKind, ChangeState, PlacedRule, Target},
    changes::topic,
    events::Timestamp,
    feedback::{EvidenceMark, Lesson, Level, Matter, Reply, Withdrawn},
    policy::Pattern,
    risk::{Effect, Effects},
};

/// A change, and what somebody said of it.
#[derive(Clone, Debug)]
pub struct Said {
    /// The batch.
    pub batch_id: String,
    /// The change.
    pub change_id: String,
    /// Add, modify or remove.
    pub kind: ChangeKind,
    /// Command or MCP rules.
    pub target: Target,
    /// Rules of the role that would go.
    pub before: Vec<PlacedRule>,
    /// Rules that would come.
    pub after: Vec<PlacedRule>,
    /// Effects by name.
    pub effects: Vec<String>,
    /// Accepted, rejected or modified.
    pub state: ChangeState,
    /// The reviewer's own rules, where there are any.
    pub modified_after: Option<Vec<PlacedRule>>,
    /// Whether it only followed from a verdict on another change.
    pub follows: bool,
    /// Why, in the reviewer's words.
    pub reason: Option<String>,
    /// What the change stood on.
    pub mark: EvidenceMark,
    /// When.
    pub at: Timestamp,
}

impl Said {
    /// What it teaches; `None` where nothing was decided. `is_own` tells whether it was said in the
    /// role that is analyzed.
    pub fn lesson(self, is_own: bool) -> Option<Lesson> {
        let effects: Effects = self.effects.iter().filter_map(|it| Effect::parse(it)).collect();
        let topic = topic(self.kind, self.target, &self.before, &self.after, effects);
        let reply = match self.state {
            ChangeState::Pending => return None,
            ChangeState::Accepted => Reply::Accepted,
            ChangeState::Rejected => Reply::Rejected,
            ChangeState::Modified => self.modified(topic.matter()),
        };
        let patterns = |rules: Vec<PlacedRule>| rules.into_iter().map(|it| (it.pattern, it.action));
        Some(Lesson {
            is_own,
            follows: self.follows,
            change_id: self.change_id,
            topic,
            reply,
            reason: self.reason,
            at: self.at,
            before: patterns(self.before).map(|it| it.0).collect(),
            after: patterns(self.after).collect(),
            mark: self.mark,
        })
    }

    /// An allow in a scope of the reviewer's; one that became no allow at all was not wanted.
    fn modified(&self, matter: Matter) -> Reply {
        if matter != Matter::Allow {
            return Reply::Accepted;
        }
        let written = self.modified_after.iter().flatten().filter(|it| it.action.passes());
        let proposed = self.after.first().map(|it| it.pattern.as_str()).unwrap_or_default();
        let stem = Pattern::new(proposed).literal_prefix().trim_end().to_owned();
        let binary = stem.split(' ').next().unwrap_or_default();
        let widest = written.map(|it| Level::of(&it.pattern, binary, &stem)).max();
        widest.map_or(Reply::Rejected, Reply::Modified)
    }

    /// The rules that an applied change took out of its role, or narrowed.
    pub fn withdrawn(&self) -> Vec<Withdrawn> {
        let narrows = topic(self.kind, self.target, &self.before, &self.after, Effects::NONE);
        let is_narrowed = narrows.matter() == Matter::Narrow;
        let gone = self.before.iter().filter(|before| {
            is_narrowed || !self.after.iter().any(|it| it.pattern == before.pattern)
        });
        gone.map(|rule| Withdrawn {
            target: self.target,
            pattern: rule.pattern.clone(),
            action: rule.action,
            is_narrowed,
            batch_id: self.batch_id.clone(),
            change_id: self.change_id.clone(),
            at: self.at,
        })
        .collect()
    }
}
