//! The slow model: what patterns, roles and differences mean, in lines that need no proof.
//!
//! Nothing decides by it. The laws in `tests/it/laws.rs` and `benches/policy.rs` hold the automata to it.
use std::collections::BTreeMap;

use super::{Evaluation, Role, RuleAction};

/// Whether a pattern matches a line: every way to split the line is tried.
pub fn matches(pattern: &str, line: &str) -> bool {
    fn go(pattern: &[char], line: &[char]) -> bool {
        match pattern {
            [] => line.is_empty(),
            [' ', '*'] if line.is_empty() => true,
            ['\\', literal @ ('*' | '\\'), rest @ ..] => {
                line.split_first().is_some_and(|(first, line)| first == literal && go(rest, line))
            }
            ['*', rest @ ..] => {
                go(rest, line) || line.split_first().is_some_and(|(_, line)| go(pattern, line))
            }
            [literal, rest @ ..] => {
                line.split_first().is_some_and(|(first, line)| first == literal && go(rest, line))
            }
        }
    }
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    go(&chars(pattern), &chars(line))
}

/// What a role does with a line taken as it stands, and the place of the rule that says so.
pub fn decide(role: &Role, line: &str) -> (RuleAction, Option<usize>) {
    let mut res = (role.default_action, None);
    for (idx, rule) in role.rules.iter().enumerate() {
        if !matches(&rule.pattern, line) {
            continue;
        }
        match role.evaluation {
            Evaluation::FirstMatch => return (rule.action, Some(idx)),
            Evaluation::DenyOverrides => {
                if res.1.is_none() || rule.action > res.0 {
                    res = (rule.action, Some(idx));
                }
            }
        }
    }
    res
}

/// For each two rules that decide the same line differently, one of each role, the first such line.
///
/// `None` stands for the default action.
pub fn changes(
    old: &Role,
    new: &Role,
    lines: &[String],
) -> BTreeMap<(Option<usize>, Option<usize>), String> {
    let mut res = BTreeMap::new();
    for line in lines {
        let (before, after) = (decide(old, line), decide(new, line));
        if before.0 != after.0 {
            res.entry((before.1, after.1)).or_insert_with(|| line.clone());
        }
    }
    res
}

/// Every line over an alphabet, shortest first, then in the alphabet's order.
pub fn lines(alphabet: &[char], max_chars: usize) -> Vec<String> {
    let mut res = vec![String::new()];
    let mut longest = res.clone();
    for _ in 0..max_chars {
        let longer = |line: &String| alphabet.iter().map(|ch| format!("{line}{ch}")).collect();
        longest = longest.iter().flat_map::<Vec<String>, _>(longer).collect();
        res.extend_from_slice(&longest);
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_says_what_the_contract_says() {
        for (pattern, line, want) in [
            ("git status *", "git status", true),
            ("git status *", "git statusx", false),
            ("a*c", "abbc", true),
            (r"rm \*", "rm *", true),
            (r"rm \*", "rm a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, line), want, "{pattern} on {line}");
        }
        assert_eq!(lines(&['a', 'b'], 2), ["", "a", "b", "aa", "ab", "ba", "bb"]);
    }
}
