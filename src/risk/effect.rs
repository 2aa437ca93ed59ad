//! The vocabulary of effects, ordered sets of them, and what is at stake with each.
use std::fmt;

use super::RiskLevel;
use crate::events::text_forms;

/// One thing a command or an MCP call can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Reads files, or the state of this machine.
    FileRead,
    /// Creates or changes files.
    FileWrite,
    /// Removes files, or their content.
    FileDelete,
    /// Reads credentials, keys or other people's data.
    SecretRead,
    /// Fetches from another machine.
    NetworkIn,
    /// Talks to another machine: whatever is in its arguments leaves.
    NetworkOut,
    /// Sends files or data to another machine.
    NetworkUpload,
    /// Starts, signals or steers programs, those of the project included.
    Process,
    /// Acts with, or gives away, the rights of another account.
    Privilege,
    /// Brings in software of other people, or takes it out.
    PackageInstall,
    /// Reads history, branches, issues.
    VcsRead,
    /// Changes the repository on this machine, or issues and comments.
    VcsWrite,
    /// Throws away, or rewrites, what was committed or not yet committed.
    VcsHistoryRewrite,
    /// Gives commits, releases or packages to others.
    VcsPublish,
    /// Reads the state of clusters, clouds, containers.
    InfraRead,
    /// Changes them.
    InfraChange,
    /// Deletes them.
    InfraDestroy,
    /// Reads data from a database.
    DbRead,
    /// Changes data or schema.
    DbChange,
    /// Deletes data or schema.
    DbDestroy,
    /// Runs code that stands in the command line itself, or comes through a pipe.
    CodeInline,
    /// Arranges for code to run later, or at every start.
    Persistence,
    /// Nobody here knows the command.
    Unknown,
}

text_forms!(Effect {
    FileRead = "file.read",
    FileWrite = "file.write",
    FileDelete = "file.delete",
    SecretRead = "secret.read",
    NetworkIn = "network.in",
    NetworkOut = "network.out",
    NetworkUpload = "network.upload",
    Process = "process",
    Privilege = "privilege",
    PackageInstall = "package.install",
    VcsRead = "vcs.read",
    VcsWrite = "vcs.write",
    VcsHistoryRewrite = "vcs.history_rewrite",
    VcsPublish = "vcs.publish",
    InfraRead = "infra.read",
    InfraChange = "infra.change",
    InfraDestroy = "infra.destroy",
    DbRead = "db.read",
    DbChange = "db.change",
    DbDestroy = "db.destroy",
    CodeInline = "code.inline",
    Persistence = "persistence",
    Unknown = "unknown",
});

impl Effect {
    /// What is at stake with one effect.
    ///
    /// Low: reads, and running the project's own programs. Medium: changes that stay in the
    /// workspace or can be taken back, a plain push or install among them. High: code nobody has
    /// read, data that leaves, changes outside. Critical: cannot be undone, or gives away secrets
    /// or control.
    ///
    /// # Source
    /// Our judgment, along the four levels of [`RiskLevel`].
    pub const fn level(self) -> RiskLevel {
        match self {
            Self::FileRead | Self::Process | Self::VcsRead | Self::InfraRead | Self::DbRead => {
                RiskLevel::Low
            }
            Self::FileWrite
            | Self::FileDelete
            | Self::NetworkIn
            | Self::PackageInstall
            | Self::VcsWrite
            | Self::VcsPublish
            | Self::Unknown => RiskLevel::Medium,
            Self::NetworkOut
            | Self::NetworkUpload
            | Self::InfraChange
            | Self::DbChange
            | Self::CodeInline => RiskLevel::High,
            Self::SecretRead
            | Self::Privilege
            | Self::VcsHistoryRewrite
            | Self::InfraDestroy
            | Self::DbDestroy
            | Self::Persistence => RiskLevel::Critical,
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of effects, iterated in the order of [`Effect::ALL`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effects(u32);

impl Effects {
    /// No effect at all.
    pub const NONE: Self = Self(0);

    /// The set of the given effects.
    pub const fn of(effects: &[Effect]) -> Self {
        let mut bits = 0;
        let mut rest = effects;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// Whether the set has an effect.
    pub const fn contains(self, effect: Effect) -> bool {
        self.0 & effect.bit() != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every effect of this set is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The effects of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set with one effect more.
    #[must_use]
    pub const fn with(self, effect: Effect) -> Self {
        Self(self.0 | effect.bit())
    }

    /// Its effects, in order.
    pub fn iter(self) -> impl Iterator<Item = Effect> {
        Effect::ALL.iter().copied().filter(move |effect| self.contains(*effect))
    }
}

impl FromIterator<Effect> for Effects {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        effects.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Effects {
    /// The text forms, joined by `, `; `none` for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("none");
        }
        let names: Vec<&str> = self.iter().map(Effect::as_str).collect();
        f.pad(&names.join(", "))
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is at stake with a set of effects: the highest of their levels, low for none.
pub fn level(effects: Effects) -> RiskLevel {
    effects.iter().map(Effect::level).max().unwrap_or(RiskLevel::Low)
}

/// What is at stake with an activity, as far as a rule goes.
///
/// A push or a comment talks to the repository's own forge; that this leaves the machine is what
/// publishing means, and is not counted again.
pub fn stake(effects: Effects) -> RiskLevel {
    let to_forge = effects.contains(Effect::VcsPublish) || effects.contains(Effect::VcsWrite);
    let counted = effects.iter().filter(|it| !(to_forge && *it == Effect::NetworkOut));
    counted.map(Effect::level).max().unwrap_or(RiskLevel::Low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_ordered_and_print_their_text_forms() {
        let set: Effects = [Effect::VcsWrite, Effect::FileRead].into_iter().collect();
        assert_eq!(set.to_string(), "file.read, vcs.write");
        assert_eq!(Effects::NONE.to_string(), "none");
        assert!(set.is_subset(set.with(Effect::Unknown)));
        assert!(!set.with(Effect::Unknown).is_subset(set));
        assert_eq!(Effects::of(&[Effect::FileRead]).with(Effect::VcsWrite), set);
        assert_eq!(Effect::ALL.iter().copied().collect::<Effects>().iter().count(), 23);
    }

    #[test]
    fn text_forms_read_back() {
        for &effect in Effect::ALL {
            assert_eq!(Effect::parse(effect.as_str()), Some(effect));
        }
    }

    #[test]
    fn the_level_of_a_set_is_its_highest() {
        assert_eq!(level(Effects::NONE), RiskLevel::Low);
        assert_eq!(level(Effects::of(&[Effect::FileRead, Effect::FileWrite])), RiskLevel::Medium);
        assert_eq!(level(Effects::of(&[Effect::VcsRead, Effect::DbDestroy])), RiskLevel::Critical);
    }
}
