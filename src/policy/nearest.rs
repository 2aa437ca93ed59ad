//! The nearest command that would get another decision.
//!
//! Nearest is: the same program and subcommand; then the same program; then fewest words added, taken
//! away or replaced; then fewest mangled words; then fewest words that were not there; then fewest
//! characters; then the shortest line; then the first in the order of letters. It is the nearest of
//! these, each replayed: one word left out, or two; one word replaced by, or one added of, the words
//! that the role's patterns are made of; and for each pattern the line that matches it with the fewest
//! characters changed.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Pattern, Role, RuleAction,
    decide::bind,
    pattern::{Token, variants},
};
use crate::commands::{base_name, canonical, grammar, quote, split};

/// Most words of patterns that are tried in the place of each word.
const MAX_WORDS: usize = 300;

/// Most lines that are replayed.
const MAX_REPLAYS: usize = 20_000;

/// Longest line that is changed, in bytes.
const MAX_LINE_BYTES: usize = 1_000;

/// Most cells of one table of distances.
const MAX_CELLS: usize = 200_000;

/// A command near another, with another decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// Its canonical line, or `server/tool`.
    pub line: String,
    /// What it gets.
    pub decision: RuleAction,
    /// Words that differ.
    pub n_words: usize,
    /// Characters that differ.
    pub n_chars: usize,
}

/// The nearest command to `argv` that `decide` gives another decision than `decision`; `None` where
/// none of those that are tried gets one.
pub fn nearest_command(
    role: &Role,
    variables: &BTreeMap<String, String>,
    argv: &[String],
    decision: RuleAction,
    mut decide: impl FnMut(&[String]) -> Option<RuleAction>,
) -> Option<Nearest> {
    let line = canonical(argv);
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let name = base_name(argv.first()?);
    let patterns: Vec<Pattern> = role.rules.iter().filter_map(|it| bind(it, variables)).collect();
    let words = words_of(&patterns, name);
    let mut candidates: BTreeSet<Vec<String>> = BTreeSet::new();
    for at in 0..=argv.len() {
        let (before, after) = argv.split_at(at);
        let rest = after.get(1..).unwrap_or_default();
        if at > 0 && !after.is_empty() {
            candidates.insert([before, rest].concat());
            for second in 0..rest.len() {
                let (between, last) = rest.split_at(second);
                candidates.insert([before, between, last.get(1..).unwrap_or_default()].concat());
            }
        }
        for word in words.iter().filter(|_| at > 0) {
            candidates.insert([before, std::slice::from_ref(word), after].concat());
            if !after.is_empty() {
                candidates.insert([before, std::slice::from_ref(word), rest].concat());
            }
        }
    }
    for text in patterns.iter().flat_map(|it| closest(it, &line)) {
        candidates.extend(split(&text).filter(|it| !it.is_empty() && canonical(it) == text));
    }
    let path = grammar::subcommand(argv);
    // Words that neither people nor patterns have written.
    let n_mangled = |candidate: &[String]| {
        let is_whole = |word: &String| {
            words.contains(word)
                || argv.iter().any(|it| !it.is_empty() && word.contains(it.as_str()))
        };
        candidate.iter().filter(|it| !is_whole(it)).count()
    };
    let mut by_words = ByWords::new();
    for candidate in candidates {
        let n_words = distance(argv, &candidate);
        let class = if candidate.first().is_none_or(|it| base_name(it) != name) {
            Class::Program
        } else if grammar::subcommand(&candidate) != path {
            Class::Subcommand
        } else {
            Class::Words
        };
        // Another program is a neighbor only where all else stays.
        let is_near = class < Class::Program || candidate.get(1..) == argv.get(1..);
        if n_words > 0 && is_near {
            let group = by_words
                .entry((class, n_words, n_mangled(&candidate), n_new(argv, &candidate)))
                .or_default();
            group.push((canonical(&candidate), candidate));
        }
    }
    first_other(&line, by_words, decision, |argv| decide(argv))
}

/// What a candidate changes, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Arguments.
    Words,
    /// The subcommand; of a call, letters inside words.
    Subcommand,
    /// The program.
    Program,
}

/// Candidates, line and words, by what they change, in how many words, how many are mangled, and
/// how many are new.
type ByWords = BTreeMap<(Class, usize, usize, usize), Vec<(String, Vec<String>)>>;

/// The nearest call to `server/tool` that `decide` gives another decision; `None` where none of those
/// that are tried gets one.
pub fn nearest_call(
    role: &Role,
    variables: &BTreeMap<String, String>,
    line: &str,
    decision: RuleAction,
    mut decide: impl FnMut(&str, &str) -> Option<RuleAction>,
) -> Option<Nearest> {
    let patterns: Vec<Pattern> =
        role.mcp_rules.iter().filter_map(|it| bind(it, variables)).collect();
    let (server, tool) = line.split_once('/')?;
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let words: Vec<&str> = tool.split('_').collect();
    let vocabulary = tool_words(&patterns);
    let mut lines: BTreeMap<String, bool> = BTreeMap::new();
    for at in 0..=words.len() {
        let (before, after) = words.split_at(at);
        let rest = after.get(1..).unwrap_or_default();
        let mut changed = vec![[before, rest].concat()];
        for word in &vocabulary {
            changed.push([before, &[word.as_str()], after].concat());
            changed.push([before, &[word.as_str()], rest].concat());
        }
        lines.extend(changed.iter().map(|it| (format!("{server}/{}", it.join("_")), false)));
    }
    for text in patterns.iter().flat_map(|it| closest(it, line)) {
        lines.entry(text).or_insert(true);
    }
    let parts = |line: &str| -> Vec<String> {
        let (server, tool) = line.split_once('/').unwrap_or((line, ""));
        vec![server.to_owned(), tool.to_owned()]
    };
    let words_of =
        |line: &str| -> Vec<String> { line.split(['/', '_']).map(str::to_owned).collect() };
    let mut by_words = ByWords::new();
    for (text, is_odd) in lines.into_iter().filter(|(text, _)| text != line) {
        let n_words = distance(&words_of(line), &words_of(&text));
        let call = parts(&text);
        let class = if is_odd { Class::Subcommand } else { Class::Words };
        by_words.entry((class, n_words, 0, 0)).or_default().push((text, call));
    }
    first_other(line, by_words, decision, |call| match call {
        [server, tool] if !server.is_empty() && !tool.is_empty() => decide(server, tool),
        _ => None,
    })
}

/// How many words of `to` are not in `from`, each counted as often as it is there.
fn n_new(from: &[String], to: &[String]) -> usize {
    let mut left: Vec<&String> = from.iter().collect();
    let mut is_new = |word: &String| match left.iter().position(|it| *it == word) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    to.iter().filter(|word| is_new(word)).count()
}

/// Replays candidates, the nearest first, up to the first that gets another decision.
fn first_other(
    line: &str,
    by_words: ByWords,
    decision: RuleAction,
    mut decide: impl FnMut(&[String]) -> Option<RuleAction>,
) -> Option<Nearest> {
    let chars: Vec<char> = line.chars().collect();
    let mut n_replays = 0;
    for ((_, n_words, ..), candidates) in by_words {
        let mut sorted: Vec<(usize, usize, String, Vec<String>)> = candidates
            .into_iter()
            .map(|(text, candidate)| {
                let n_chars = distance(&chars, &text.chars().collect::<Vec<char>>());
                (n_chars, text.len(), text, candidate)
            })
            .collect();
        sorted.sort();
        for (n_chars, _, text, candidate) in sorted {
            n_replays += 1;
            if n_replays > MAX_REPLAYS {
                return None;
            }
            if let Some(other) = decide(&candidate).filter(|it| *it != decision) {
                return Some(Nearest { line: text, decision: other, n_words, n_chars });
            }
        }
    }
    None
}

/// Words that patterns over a binary are made of, in order of appearance: whole ones, and what stands
/// before or behind the stars of others.
fn words_of(patterns: &[Pattern], name: &str) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    let about = patterns.iter().filter(|it| it.first_word().is_none_or(|word| word == name));
    for tokens in about.filter_map(|it| variants(it).into_iter().next()) {
        let skipped = usize::from(matches!(tokens.first(), Some(Token::Literal(_))));
        for word in tokens.split(|it| *it == Token::Literal(' ')).skip(skipped) {
            for part in word.split(|it| *it == Token::Any) {
                let text: String = part.iter().copied().filter_map(literal).collect();
                let is_plain = !text.is_empty() && quote(&text) == text;
                if is_plain && !res.contains(&text) && res.len() < MAX_WORDS {
                    res.push(text);
                }
            }
        }
    }
    res
}

/// Words that the tools of patterns are made of, in order of appearance.
fn tool_words(patterns: &[Pattern]) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    for tokens in patterns.iter().filter_map(|it| variants(it).into_iter().next()) {
        let text: String = tokens.iter().map(|it| literal(*it).unwrap_or('*')).collect();
        let tool = text.split_once('/').map_or(text.as_str(), |(_, tool)| tool);
        for word in tool.split(['_', '*']).filter(|it| !it.is_empty()) {
            if !res.iter().any(|it| it == word) && res.len() < MAX_WORDS {
                res.push(word.to_owned());
            }
        }
    }
    res
}

const fn literal(token: Token) -> Option<char> {
    match token {
        Token::Literal(ch) => Some(ch),
        Token::Any => None,
    }
}

/// The lines that match a pattern with the fewest characters changed, one for each of its variants.
fn closest(pattern: &Pattern, line: &str) -> Vec<String> {
    let line: Vec<char> = line.chars().collect();
    variants(pattern).iter().filter_map(|tokens| aligned(tokens, &line)).collect()
}

/// One step of turning a line into one that matches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Keep,
    Replace(char),
    Insert(char),
    Delete,
    /// A star ends.
    End,
}

fn aligned(tokens: &[Token], line: &[char]) -> Option<String> {
    let width = tokens.len() + 1;
    let n_cells = (line.len() + 1).checked_mul(width).filter(|it| *it <= MAX_CELLS)?;
    // The fewest changes from each place of line and pattern on, and the step that begins them.
    let mut cells: Vec<(usize, Edit)> = vec![(0, Edit::Keep); n_cells];
    for i in (0..=line.len()).rev() {
        for j in (0..width).rev() {
            let cost = |i: usize, j: usize| cells.get(i * width + j).map(|it| it.0);
            let ch = line.get(i).copied();
            let best = match (ch, tokens.get(j)) {
                (None, None) => (0, Edit::Keep),
                (Some(_), None) => (cost(i + 1, j)? + 1, Edit::Delete),
                (_, Some(Token::Any)) => {
                    let end = (cost(i, j + 1)?, Edit::End);
                    match ch {
                        Some(_) if cost(i + 1, j)? <= end.0 => (cost(i + 1, j)?, Edit::Keep),
                        _ => end,
                    }
                }
                (Some(ch), Some(Token::Literal(wanted))) if ch == *wanted => {
                    (cost(i + 1, j + 1)?, Edit::Keep)
                }
                (Some(_), Some(Token::Literal(wanted))) => {
                    let replaced = (cost(i + 1, j + 1)? + 1, Edit::Replace(*wanted));
                    let inserted = (cost(i, j + 1)? + 1, Edit::Insert(*wanted));
                    let deleted = (cost(i + 1, j)? + 1, Edit::Delete);
                    [inserted, deleted, replaced].into_iter().min_by_key(|it| it.0)?
                }
                (None, Some(Token::Literal(wanted))) => {
                    (cost(i, j + 1)? + 1, Edit::Insert(*wanted))
                }
            };
            if let Some(cell) = cells.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut res = String::new();
    while i < line.len() || j < tokens.len() {
        let (_, edit) = *cells.get(i * width + j)?;
        match edit {
            Edit::Keep => {
                res.push(*line.get(i)?);
                j += usize::from(tokens.get(j) != Some(&Token::Any));
                i += 1;
            }
            Edit::Replace(ch) => {
                res.push(ch);
                (i, j) = (i + 1, j + 1);
            }
            Edit::Insert(ch) => {
                res.push(ch);
                j += 1;
            }
            Edit::Delete => i += 1,
            Edit::End => j += 1,
        }
    }
    Some(res)
}

/// How many items are added, taken away or replaced between two lists.
///
/// # Source
/// Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals", 1966.
fn distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, right) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let here = at(&last, j) + usize::from(left != right);
            row.push(here.min(at(&last, j + 1) + 1).min(at(&row, j) + 1));
        }
        last = row;
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Engine, Rule, Subject};

    fn role(rules: &[(&str, RuleAction)]) -> Role {
        let rules = rules.iter().map(|(pattern, action)| Rule {
            rule_id: (*pattern).to_owned(),
            pattern: (*pattern).to_owned(),
            action: *action,
            when: BTreeMap::new(),
            risk: None,
            rationale: None,
        });
        Role { rules: rules.collect(), ..Role::new("r") }
    }

    fn nearest(role: &Role, line: &str) -> Option<(String, RuleAction)> {
        let none = BTreeMap::new();
        let engine = Engine::new(role, &none);
        let decide = |argv: &[String]| engine.decide(&Subject::Command(argv)).decision;
        let argv = split(line).unwrap();
        let found = nearest_command(role, &none, &argv, decide(&argv), |it| Some(decide(it)));
        found.map(|it| (it.line, it.decision))
    }

    #[test]
    fn the_nearest_changes_the_fewest_words_then_letters() {
        use RuleAction::{Allow, Deny};
        let role = role(&[
            ("git push *--force*", Deny),
            ("git *", Allow),
            ("rm -rf /*", Deny),
            ("rm *", Allow),
            ("kubectl get *", Allow),
        ]);
        for (line, want) in [
            ("git push --force origin main", Some(("git push origin main", Allow))),
            ("git push origin main", Some(("git push --force main", Deny))),
            ("rm -rf build", Some(("rm -rf /build", Deny))),
            ("kubectl delete pod x", Some(("kubectl get pod x", Allow))),
            ("kubectl get", Some(("kubectl", Deny))),
        ] {
            let want = want.map(|(line, action)| (line.to_owned(), action));
            assert_eq!(nearest(&role, line), want, "{line}");
        }
    }

    #[test]
    fn where_everything_is_decided_alike_there_is_none() {
        assert_eq!(nearest(&role(&[]), "git status"), None);
    }

    #[test]
    fn calls_have_neighbors_too() {
        let mut role = role(&[]);
        role.mcp_rules =
            self::role(&[("fs/write*", RuleAction::Deny), ("fs/*", RuleAction::Allow)]).rules;
        let none = BTreeMap::new();
        let engine = Engine::new(&role, &none);
        let decide = |server: &str, tool: &str| {
            let call = Subject::McpCall { server, tool, trust_score: None };
            Some(engine.decide(&call).decision)
        };
        let found = nearest_call(&role, &none, "fs/read_file", RuleAction::Allow, decide).unwrap();
        assert_eq!((found.line.as_str(), found.decision), ("fs/write_file", RuleAction::Deny));
    }

    #[test]
    fn distances_are_those_of_the_book() {
        for (a, b, n) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 2)]
        {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            assert_eq!(distance(&chars(a), &chars(b)), n);
        }
    }
}
