//! How wide an allow is.
use serde::{Deserialize, Serialize};

use crate::{events::text_forms, policy::Pattern};

/// How wide an allow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The lines that were seen, and no others.
    Exact,
    /// The subcommand with the next word.
    Word,
    /// Everything behind the subcommand.
    Subcommand,
    /// Everything behind the binary.
    Binary,
}

text_forms!(Level {
    Exact = "exact",
    Word = "word",
    Subcommand = "subcommand",
    Binary = "binary",
});

impl Level {
    /// How wide a pattern is over lines that begin with `stem`, such as `git push`; `binary` is the
    /// first word of it.
    pub fn of(pattern: &str, binary: &str, stem: &str) -> Self {
        if Pattern::new(pattern).parts().len() == 1 {
            return Self::Exact;
        }
        let head = pattern.strip_suffix(" *").unwrap_or_else(|| pattern.trim_end_matches('*'));
        if head == binary || head.is_empty() {
            Self::Binary
        } else if stem.strip_prefix(head).is_some_and(|it| it.is_empty() || it.starts_with(' ')) {
            Self::Subcommand
        } else {
            Self::Word
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_nested() {
        for (pattern, level) in [
            ("git push", Level::Exact),
            ("git push origin main", Level::Exact),
            ("git push origin *", Level::Word),
            ("git push -u *", Level::Word),
            ("git push *", Level::Subcommand),
            ("git pu*", Level::Word),
            ("git *", Level::Binary),
            ("*", Level::Binary),
        ] {
            assert_eq!(Level::of(pattern, "git", "git push"), level, "{pattern}");
        }
        assert_eq!(Level::of("ls *", "ls", "ls"), Level::Binary);
        assert!(Level::Exact < Level::Word && Level::Subcommand < Level::Binary);
    }
}
