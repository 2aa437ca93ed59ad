//! A glob over a whole command line, or over `server/tool`.
use std::collections::BTreeMap;

/// A compiled pattern.
///
/// `*` matches any characters, blanks included; `\*` and `\\` are literal; a final ` *` also
/// matches nothing at all, a final ` **` does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The literal parts between the stars: one more than there are stars.
    parts: Vec<String>,
    /// Whether the pattern ends in ` *`, so that what stands before it matches on its own.
    optional_tail: bool,
}

impl Pattern {
    /// Compiles a pattern; every text is one.
    pub fn new(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut chars = text.chars().peekable();
        let mut ends_in_star = false;
        while let Some(ch) = chars.next() {
            ends_in_star = false;
            let last = parts.len() - 1;
            let Some(part) = parts.get_mut(last) else { break };
            match ch {
                '\\' => match chars.next_if(|next| matches!(next, '*' | '\\')) {
                    Some(literal) => part.push(literal),
                    None => part.push('\\'),
                },
                '*' => {
                    parts.push(String::new());
                    ends_in_star = true;
                }
                ch => part.push(ch),
            }
        }
        let before_tail = parts.len().checked_sub(2).and_then(|idx| parts.get(idx));
        let optional_tail = ends_in_star && before_tail.is_some_and(|part| part.ends_with(' '));
        Self { parts, optional_tail }
    }

    /// Compiles a pattern after putting in a host's variables; `None` where one has no value there.
    pub fn bind(text: &str, variables: &BTreeMap<String, String>) -> Option<Self> {
        if !text.contains("{{") {
            return Some(Self::new(text));
        }
        let mut bound = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            bound.push_str(before);
            let Some((name, after)) = after.split_once("}}") else {
                bound.push_str("{{");
                rest = after;
                continue;
            };
            let value = variables.get(name.trim())?;
            bound.push_str(&value.replace('\\', "\\\\").replace('*', "\\*"));
            rest = after;
        }
        bound.push_str(rest);
        Some(Self::new(&bound))
    }

    /// Compiles a pattern whose variables may have any value.
    pub fn of_any(text: &str) -> Self {
        let mut open = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((_, after)) = after.split_once("}}") else { break };
            open.push_str(before);
            open.push('*');
            rest = after;
        }
        open.push_str(rest);
        Self::new(&open)
    }

    /// Whether the whole line matches.
    pub fn matches(&self, line: &str) -> bool {
        if self.matches_parts(line) {
            return true;
        }
        // `git status *` on `git status`: the parts without the last star, and without its blank.
        self.optional_tail && self.matches_without_tail(line)
    }

    /// The text before the first star.
    pub fn literal_prefix(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    /// What every line that it matches begins with; nothing longer is.
    pub fn head(&self) -> &str {
        let prefix = self.literal_prefix();
        let is_all = self.optional_tail && self.parts.len() == 2;
        if is_all { prefix.strip_suffix(' ').unwrap_or(prefix) } else { prefix }
    }

    /// The longest text that every line which it matches holds behind what it begins with; may be empty.
    pub fn needle(&self) -> &str {
        let n_parts = self.parts.len();
        let held = self.parts.iter().enumerate().skip(1).map(|(idx, part)| {
            // Without the tail its blank may be missing, too.
            let is_before_tail = self.optional_tail && idx + 2 == n_parts;
            if is_before_tail { part.strip_suffix(' ').unwrap_or(part) } else { part }
        });
        held.max_by_key(|it| it.len()).unwrap_or_default()
    }

    /// The first word, where it is literal: the binary that the pattern names.
    pub fn first_word(&self) -> Option<&str> {
        let prefix = self.literal_prefix();
        match prefix.split_once(' ') {
            Some((word, _)) => Some(word),
            None => (self.parts.len() == 1).then_some(prefix),
        }
    }

    /// The literal parts between the stars: one more than there are stars.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether the pattern ends in ` *`, so that what stands before it matches on its own.
    pub(super) const fn optional_tail(&self) -> bool {
        self.optional_tail
    }

    fn matches_parts(&self, line: &str) -> bool {
        match self.parts.as_slice() {
            [] => line.is_empty(),
            [only] => line == only,
            [first, middle @ .., last] => {
                matches_between(line, first, middle.iter().map(String::as_str), last)
            }
        }
    }

    fn matches_without_tail(&self, line: &str) -> bool {
        let Some((_, parts)) = self.parts.split_last() else { return false };
        let Some((last, parts)) = parts.split_last() else { return false };
        let last = last.strip_suffix(' ').unwrap_or(last);
        match parts.split_first() {
            None => line == last,
            Some((first, middle)) => {
                matches_between(line, first, middle.iter().map(String::as_str), last)
            }
        }
    }
}

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Literal(char),
    /// Any characters.
    Any,
}

/// The patterns without optional tail that a pattern stands for: itself, and where it ends in ` *`
/// what stands before that.
pub(super) fn variants(pattern: &Pattern) -> Vec<Vec<Token>> {
    let mut tokens = Vec::new();
    for (idx, part) in pattern.parts.iter().enumerate() {
        if idx > 0 {
            tokens.push(Token::Any);
        }
        tokens.extend(part.chars().map(Token::Literal));
    }
    let mut res = vec![tokens.clone()];
    if pattern.optional_tail {
        tokens.truncate(tokens.len().saturating_sub(2));
        res.push(tokens);
    }
    res
}

/// A text as a pattern that matches exactly it.
pub fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('*', "\\*")
}

/// Whether `line` is `first`, then the middle parts in order, then `last`, anything between them.
///
/// Taking each middle part where it first occurs is enough: a later place leaves less room.
fn matches_between<'a>(
    line: &str,
    first: &str,
    middle: impl Iterator<Item = &'a str>,
    last: &str,
) -> bool {
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_variable_of_any_value_is_a_star() {
        for (text, same) in [("a {{x}} b", "a * b"), ("{{x}}{{y}}", "**"), ("a {{b", "a {{b")] {
            assert_eq!(Pattern::of_any(text).parts(), Pattern::new(same).parts(), "{text}");
        }
    }

    #[test]
    fn stars_match_anything_and_a_final_blank_star_matches_nothing_too() {
        for (pattern, line, want) in [
            ("git status", "git status", true),
            ("git status", "git status -s", false),
            ("git status *", "git status", true),
            ("git status *", "git status -s x", true),
            ("git status *", "git statusx", false),
            ("git status*", "git statusx", true),
            ("git *", "git", true),
            ("git push *--force*", "git push origin --force-with-lease", true),
            ("git push *--force*", "git push", false),
            ("git * push *", "git -C d push", true),
            ("git * push *", "git push", false),
            ("*", "", true),
            ("* x *", "a x", true),
            (r"rm \*", "rm *", true),
            (r"rm \*", "rm a", false),
            (r"a\\b", r"a\b", true),
            (r"a\b", r"a\b", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("* *", "x", true),
            ("rm /tmp/* **", "rm /tmp/a", false),
            ("rm /tmp/* **", "rm /tmp/a /etc", true),
            (r"rm \* *", "rm *", true),
            ("fs/*", "fs/read", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(line), want, "{pattern} on {line}");
        }
    }

    #[test]
    fn variables_are_put_in_as_literal_text() {
        let variables = BTreeMap::from([("env".to_owned(), "pro*d".to_owned())]);
        let pattern = Pattern::bind("deploy {{env}} *", &variables).unwrap();
        assert!(pattern.matches("deploy pro*d now"));
        assert!(!pattern.matches("deploy prod now"));
        assert_eq!(Pattern::bind("deploy {{region}}", &variables), None);
        assert!(Pattern::bind("echo {{", &variables).unwrap().matches("echo {{"));
    }

    #[test]
    fn the_first_word_is_known_only_where_it_is_literal() {
        for (pattern, word) in [
            ("git *", Some("git")),
            ("git", Some("git")),
            ("git*", None),
            ("*x y", None),
            ("tee -a *", Some("tee")),
        ] {
            assert_eq!(Pattern::new(pattern).first_word(), word, "{pattern}");
        }
    }

    /// The slow, obvious matcher: tries every split.
    fn obvious(pattern: &[char], line: &[char]) -> bool {
        match pattern {
            [] => line.is_empty(),
            [' ', '*'] if line.is_empty() => true,
            ['\\', literal @ ('*' | '\\'), rest @ ..] => {
                line.first() == Some(literal) && obvious(rest, &line[1..])
            }
            ['*', rest @ ..] => (0..=line.len()).any(|at| obvious(rest, &line[at..])),
            [literal, rest @ ..] => line.first() == Some(literal) && obvious(rest, &line[1..]),
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_obvious_one(pattern in r"[ab *\\]{1,8}", line in r"[ab *\\]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&line), obvious(&chars(&pattern), &chars(&line)));
        }

        #[test]
        fn the_needle_is_behind_the_head_of_every_line_that_matches(pattern in "[ab *]{1,8}", line in "[ab ]{0,8}") {
            let pattern = Pattern::new(&pattern);
            if pattern.matches(&line) {
                let behind = line.strip_prefix(pattern.head()).unwrap();
                prop_assert!(behind.contains(pattern.needle()));
            }
        }
    }
}
