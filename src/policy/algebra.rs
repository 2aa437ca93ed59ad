//! Patterns as sets of lines: whether one holds another, and whether two share a line.
use super::pattern::{Pattern, Token, variants};

/// No pattern that people write holds this character, so it stands for "anything".
const FRESH: char = '\u{10ffff}';

/// Whether every line that `inner` matches is matched by `outer`, too.
///
/// Exact for patterns of literals and stars: a line of `inner` whose stars are a letter that `outer`
/// does not have is matched only where stars of `outer` take it, and then they take anything.
pub fn includes(outer: &Pattern, inner: &Pattern) -> bool {
    variants(inner).iter().all(|tokens| {
        let line: String = tokens
            .iter()
            .map(|token| match token {
                Token::Literal(ch) => *ch,
                Token::Any => FRESH,
            })
            .collect();
        outer.matches(&line)
    })
}

/// Whether some line is matched by both.
pub fn overlaps(left: &Pattern, right: &Pattern) -> bool {
    let heads = left.literal_prefix().chars().zip(right.literal_prefix().chars());
    let (tail_left, tail_right) = (variants(left), variants(right));
    // An optional tail shortens a literal only by its last blank.
    let clash = heads.clone().zip(1..).any(|((a, b), n)| {
        a != b
            && n < left.literal_prefix().chars().count()
            && n < right.literal_prefix().chars().count()
    });
    if clash {
        return false;
    }
    tail_left.iter().any(|left| tail_right.iter().any(|right| meet(left, right)))
}

/// Walks both token lists at once over every pair of places that some line reaches.
fn meet(left: &[Token], right: &[Token]) -> bool {
    let width = right.len() + 1;
    let mut seen = vec![false; (left.len() + 1) * width];
    let mut todo = vec![(0, 0)];
    while let Some((i, j)) = todo.pop() {
        let Some(slot) = seen.get_mut(i * width + j) else { continue };
        if std::mem::replace(slot, true) {
            continue;
        }
        match (left.get(i), right.get(j)) {
            (None, None) => return true,
            (Some(Token::Any), other) => {
                todo.push((i + 1, j));
                if other.is_some() {
                    todo.push((i, j + 1));
                }
            }
            (other, Some(Token::Any)) => {
                todo.push((i, j + 1));
                if other.is_some() {
                    todo.push((i + 1, j));
                }
            }
            (Some(a), Some(b)) if a == b => todo.push((i + 1, j + 1)),
            _ => (),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::model;

    #[test]
    fn inclusion_and_overlap_of_rule_patterns() {
        for (outer, inner, held, shared) in [
            ("git *", "git push --force*", true, true),
            ("git push --force*", "git *", false, true),
            ("git status *", "git status", true, true),
            ("git status", "git status *", false, true),
            ("git log *", "git push *", false, false),
            ("*", "ls *", true, true),
            ("* -f*", "git push *", false, true),
            ("cat *", "*/.ssh/id_*", false, true),
            ("cat a", "*/.ssh/id_*", false, false),
            ("a*b*c", "axbyc", true, true),
            ("git *", "git", true, true),
            ("git * x", "git", false, false),
        ] {
            let (a, b) = (Pattern::new(outer), Pattern::new(inner));
            assert_eq!(includes(&a, &b), held, "{outer} holds {inner}");
            assert_eq!(overlaps(&a, &b), shared, "{outer} meets {inner}");
            assert_eq!(overlaps(&b, &a), shared, "{inner} meets {outer}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn inclusion_and_overlap_agree_with_enumeration(left in "[ab *]{1,5}", right in "[ab *]{1,5}") {
            let (a, b) = (Pattern::new(&left), Pattern::new(&right));
            let lines = model::lines(&['a', 'b', ' '], 6);
            let held = lines.iter().all(|line| !b.matches(line) || a.matches(line));
            if includes(&a, &b) {
                prop_assert!(held);
            }
            let shared = lines.iter().any(|line| a.matches(line) && b.matches(line));
            if shared {
                prop_assert!(overlaps(&a, &b));
            }
            if !overlaps(&a, &b) {
                prop_assert!(!shared);
            }
        }
    }
}
