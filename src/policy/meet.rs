//! What two patterns have in common, as patterns.
use super::pattern::{Pattern, Token, variants};

/// Most patterns that the common part of two may fall apart into.
const MAX_PARTS: usize = 48;

/// Most steps of one search.
const MAX_STEPS: usize = 20_000;

/// The lines that two patterns have in common, as lists of tokens without optional tails; `None`
/// where that takes more than the bounds allow. Empty where they have none.
///
/// Both lists are walked at once: where both stand at a star, one of the stars ends first.
pub(super) fn meet(left: &Pattern, right: &Pattern) -> Option<Vec<Vec<Token>>> {
    let mut res: Vec<Vec<Token>> = Vec::new();
    for left in &variants(left) {
        for right in &variants(right) {
            let mut walk = Walk { left, right, n_steps: 0, path: Vec::new(), found: Vec::new() };
            walk.from(0, 0)?;
            res.extend(walk.found);
        }
    }
    res.sort_by_cached_key(|it| text(it));
    res.dedup();
    let parts: Vec<Vec<Token>> = res
        .iter()
        .enumerate()
        .filter(|(idx, it)| {
            // Of two that hold each other, which are two spellings of one, the first stays.
            !res.iter().enumerate().any(|(other, outer)| {
                other != *idx && holds(outer, it) && (!holds(it, outer) || other < *idx)
            })
        })
        .map(|(_, it)| it.clone())
        .collect();
    (parts.len() <= MAX_PARTS).then_some(parts)
}

struct Walk<'a> {
    left: &'a [Token],
    right: &'a [Token],
    n_steps: usize,
    path: Vec<Token>,
    found: Vec<Vec<Token>>,
}

impl Walk<'_> {
    /// Everything in common from two places on; `None` past the bounds.
    fn from(&mut self, i: usize, j: usize) -> Option<()> {
        self.n_steps += 1;
        if self.n_steps > MAX_STEPS || self.found.len() > MAX_PARTS * 4 {
            return None;
        }
        let (left, right) = (self.left.get(i).copied(), self.right.get(j).copied());
        match (left, right) {
            (None, None) => {
                let mut path = self.path.clone();
                path.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
                self.found.push(path);
                Some(())
            }
            (Some(Token::Any), Some(Token::Any)) => self.with(Token::Any, |walk| {
                walk.from(i + 1, j)?;
                walk.from(i, j + 1)
            }),
            (Some(Token::Any), None) => self.from(i + 1, j),
            (None, Some(Token::Any)) => self.from(i, j + 1),
            (Some(Token::Any), Some(literal)) => {
                self.from(i + 1, j)?;
                self.with(literal, |walk| walk.from(i, j + 1))
            }
            (Some(literal), Some(Token::Any)) => {
                self.from(i, j + 1)?;
                self.with(literal, |walk| walk.from(i + 1, j))
            }
            (Some(a), Some(b)) if a == b => self.with(a, |walk| walk.from(i + 1, j + 1)),
            _ => Some(()),
        }
    }

    fn with(&mut self, token: Token, go: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.path.push(token);
        let res = go(self);
        self.path.pop();
        res
    }
}

/// Whether every line of `inner` is one of `outer`: see [`includes`](super::includes).
fn holds(outer: &[Token], inner: &[Token]) -> bool {
    super::includes(&Pattern::new(&text(outer)), &Pattern::new(&text(inner)))
}

/// The pattern that stands for a list of tokens, and for nothing else: without optional tail.
pub(super) fn text(tokens: &[Token]) -> String {
    let mut res = String::new();
    for token in tokens {
        match token {
            Token::Any => res.push('*'),
            Token::Literal(ch @ ('*' | '\\')) => {
                res.push('\\');
                res.push(*ch);
            }
            Token::Literal(ch) => res.push(*ch),
        }
    }
    if matches!(tokens, [.., Token::Literal(' '), Token::Any]) {
        res.push('*');
    }
    res
}

/// The patterns for some lists of tokens: `git push` and `git push **` are `git push *`.
pub(super) fn texts(parts: &[Vec<Token>]) -> Vec<String> {
    let is_tail_of = |short: &Vec<Token>, long: &Vec<Token>| {
        let tail = [Token::Literal(' '), Token::Any];
        long.ends_with(&tail) && long.get(..long.len() - tail.len()) == Some(short.as_slice())
    };
    let mut res = Vec::with_capacity(parts.len());
    for part in parts {
        if parts.iter().any(|long| is_tail_of(part, long)) {
            continue;
        }
        let mut text = text(part);
        if parts.iter().any(|short| is_tail_of(short, part)) {
            text.pop();
        }
        res.push(text);
    }
    res
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::model;

    #[test]
    fn the_common_part_is_a_few_readable_patterns() {
        for (left, right, common) in [
            ("git push *", "*--force*", &["git push *--force*"][..]),
            ("git *", "git push *", &["git push *"]),
            ("git status *", "git status", &["git status"]),
            ("git log *", "git push *", &[]),
            ("* -f*", "git push *", &["git push * -f*", "git push -f*"]),
            ("*a", "a*", &["a", "a*a"]),
            (r"rm \*", "rm *", &[r"rm \*"]),
            ("fs/*", "*/read*", &["fs/*/read*", "fs/read*"]),
        ] {
            let parts = meet(&Pattern::new(left), &Pattern::new(right)).unwrap();
            assert_eq!(texts(&parts), common, "{left} and {right}");
        }
    }

    #[test]
    fn what_falls_into_too_many_parts_is_given_up() {
        let left = "*a*b*c*d*e*f*g*h*";
        assert_eq!(meet(&Pattern::new(left), &Pattern::new("*1*2*3*4*5*6*7*8*")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn a_line_is_in_the_common_part_where_it_is_in_both(
            left in "[ab *]{1,6}", right in "[ab *]{1,6}",
        ) {
            let (left, right) = (Pattern::new(&left), Pattern::new(&right));
            let Some(parts) = meet(&left, &right) else { return Ok(()) };
            let parts: Vec<Pattern> = texts(&parts).iter().map(|it| Pattern::new(it)).collect();
            for line in model::lines(&['a', 'b', ' '], 6) {
                let both = left.matches(&line) && right.matches(&line);
                prop_assert_eq!(parts.iter().any(|it| it.matches(&line)), both, "`{}`", line);
            }
        }
    }
}
