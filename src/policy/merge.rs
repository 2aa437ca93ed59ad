//! An organization's floor and a role as one role: it may strengthen the floor, never weaken it.
//!
//! For a line that the floor's rule `i` and the role's rule `j` decide, the merged role has the
//! stricter of both actions. Its rules are the pairs in the order of `i`, then `j`, each over what
//! the two patterns have in common, so that the first pair that matches is the pair that decides.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Evaluation, Mode, Pattern, RiskLevel, RiskPolicy, Role, Rule, RuleAction, Target, When,
    includes,
    meet::{meet, texts},
    merge_when::{Both, both},
    overlaps,
    pattern::{Token, variants},
};
use crate::commands::{canonical, split};

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// At least as strict as both, for every line.
    #[serde(skip)]
    pub role: Role,
    /// What the role would have let through, or treated more mildly, and the floor does not.
    pub weakened: Vec<Weakened>,
    /// Where the merged role is stricter than both, because rules cannot say it exactly.
    pub stricter: Vec<Stricter>,
    /// What else was decided, in words.
    pub notes: Vec<String>,
}

/// A rule of the role that is milder than the floor on some line, which proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakened {
    /// Command rules or MCP rules.
    pub target: Target,
    /// The role's rule; `None` is its default.
    pub rule: Option<String>,
    /// Its pattern.
    pub pattern: Option<String>,
    /// What it says.
    pub action: RuleAction,
    /// The floor's rule; `None` is its default.
    pub floor_rule: Option<String>,
    /// Its pattern.
    pub floor_pattern: Option<String>,
    /// What it says, which holds.
    pub floor_action: RuleAction,
    /// A line that the two decide so; empty where it is about the defaults.
    pub line: String,
}

/// A merged rule that is stricter than floor and role are together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stricter {
    /// Command rules or MCP rules.
    pub target: Target,
    /// The merged rule.
    pub rule_id: String,
    /// Its pattern.
    pub pattern: String,
    /// What it says.
    pub action: RuleAction,
    /// What the two would say together.
    pub exact: RuleAction,
}

/// Merges a floor and a role.
pub fn merge(floor: &Role, role: &Role) -> Merged {
    let mut lists = Lists::default();
    let defaults = (floor.default_action, role.default_action);
    let ordered = [(Target::Command, floor, role), (Target::Mcp, floor, role)];
    let mut merged = Role {
        mode: if [floor.mode, role.mode].contains(&Mode::Enforce) {
            Mode::Enforce
        } else {
            Mode::Monitor
        },
        default_action: defaults.0.max(defaults.1),
        evaluation: Evaluation::FirstMatch,
        matching: floor.matching,
        risk_policy: RiskPolicy {
            trust_threshold: floor
                .risk_policy
                .trust_threshold
                .max(role.risk_policy.trust_threshold),
        },
        rules: Vec::new(),
        mcp_rules: Vec::new(),
        ..role.clone()
    };
    for (target, floor, role) in ordered {
        let table = Table::new(target, floor, role);
        lists.weakened.extend(table.weakened());
        let rules = table.rules(&mut lists.stricter);
        match target {
            Target::Command => merged.rules = rules,
            Target::Mcp => merged.mcp_rules = rules,
        }
    }
    if role.default_action < floor.default_action {
        lists.weakened.push(Weakened {
            target: Target::Command,
            rule: None,
            pattern: None,
            action: role.default_action,
            floor_rule: None,
            floor_pattern: None,
            floor_action: floor.default_action,
            line: String::new(),
        });
    }
    let mut notes = Vec::new();
    if floor.matching != role.matching {
        notes.push(format!(
            "the floor matches {}, the role {}: the floor's holds, and decisions are compared under it",
            floor.matching, role.matching
        ));
    }
    if role.risk_policy.trust_threshold < floor.risk_policy.trust_threshold {
        notes.push("the floor's trust threshold is higher and holds".to_owned());
    }
    if role.mode < floor.mode {
        notes.push("the floor is enforced, so the merged role is".to_owned());
    }
    Merged { role: merged, weakened: lists.weakened, stricter: lists.stricter, notes }
}

#[derive(Debug, Default)]
struct Lists {
    weakened: Vec<Weakened>,
    stricter: Vec<Stricter>,
}

/// One rule of a list, or its default, which matches everything.
struct Side<'a> {
    rule: Option<&'a Rule>,
    action: RuleAction,
    /// Placeholders stand as a letter that nothing else has.
    pattern: Pattern,
    /// Placeholders stand as stars: they may be anything.
    widest: Pattern,
    has_placeholder: bool,
    word: Option<String>,
}

/// Rules of floor and role, in the order in which they are tried.
struct Table<'a> {
    target: Target,
    letters: Letters,
    floor: Vec<Side<'a>>,
    role: Vec<Side<'a>>,
}

/// One merged rule in the making.
#[derive(Debug)]
struct Entry {
    rule_id: String,
    text: String,
    pattern: Pattern,
    word: Option<String>,
    action: RuleAction,
    exact: RuleAction,
    when: When,
    risk: Option<RiskLevel>,
    rationale: Option<String>,
}

impl<'a> Table<'a> {
    fn new(target: Target, floor: &'a Role, role: &'a Role) -> Self {
        let mut letters = Letters::default();
        let mut sides = |role: &'a Role| {
            let mut rules: Vec<&Rule> = role.list(target).iter().collect();
            if role.evaluation == Evaluation::DenyOverrides {
                // The strictest that matches is the first of the strictest first.
                rules.sort_by_key(|rule| std::cmp::Reverse(rule.action));
            }
            let mut sides: Vec<Side<'a>> = rules
                .into_iter()
                .map(|rule| Side::new(Some(rule), rule.action, &mut letters))
                .collect();
            sides.push(Side::new(None, role.default_action, &mut letters));
            sides
        };
        let (floor, role) = (sides(floor), sides(role));
        Self { target, letters, floor, role }
    }

    /// The merged rules, without those that can never fire or change nothing.
    fn rules(&self, stricter: &mut Vec<Stricter>) -> Vec<Rule> {
        let mut entries: Vec<Entry> = Vec::new();
        for (i, floor) in self.floor.iter().enumerate() {
            let mut row: Vec<Entry> = Vec::new();
            for (j, role) in self.role.iter().enumerate() {
                if floor.rule.is_some() || role.rule.is_some() {
                    row.extend(self.pair(i, floor, j, role));
                }
            }
            if floor.rule.is_some() {
                collapse(&mut row);
            }
            entries.extend(row);
        }
        for entry in prune(&mut entries, self.default()) {
            stricter.push(Stricter {
                target: self.target,
                rule_id: entry.rule_id,
                pattern: entry.text,
                action: entry.action,
                exact: entry.exact,
            });
        }
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let id = entry.rule_id.clone();
            for n in 2.. {
                if ids.insert(entry.rule_id.clone()) {
                    break;
                }
                entry.rule_id = format!("{id}~{n}");
            }
            if entry.action > entry.exact {
                stricter.push(Stricter {
                    target: self.target,
                    rule_id: entry.rule_id.clone(),
                    pattern: entry.text.clone(),
                    action: entry.action,
                    exact: entry.exact,
                });
            }
            rules.push(Rule {
                rule_id: entry.rule_id,
                pattern: entry.text,
                action: entry.action,
                when: entry.when,
                risk: entry.risk,
                rationale: entry.rationale,
            });
        }
        rules
    }

    fn default(&self) -> RuleAction {
        let last = |sides: &[Side<'_>]| sides.last().map_or(RuleAction::Deny, |it| it.action);
        last(&self.floor).max(last(&self.role))
    }

    /// The merged rules of one pair; none where the two have nothing in common.
    fn pair(&self, i: usize, floor: &Side<'_>, j: usize, role: &Side<'_>) -> Vec<Entry> {
        let (parts, is_whole) = match floor.common(role) {
            Some(parts) => (parts, true),
            None => (vec![floor.text()], false),
        };
        if parts.is_empty() {
            return Vec::new();
        }
        let (when, is_exact) = match both(floor.when(), role.when()) {
            Both::Never => return Vec::new(),
            Both::Exactly(when) => (when, is_whole),
            // The rule applies to more than the pair does, and has to do for that as well.
            Both::Within(when) => (when, false),
        };
        let exact = floor.action.max(role.action);
        let entry = |text: String| {
            let pattern = Pattern::new(&self.letters.hide(&text));
            let word = pattern.first_word().map(str::to_owned);
            let mut action = exact;
            let opens = [floor, role].iter().any(|it| it.has_placeholder && it.action.passes());
            if !is_exact || (opens && !exact.passes()) {
                action = action.max(self.strictest_after(i, j, &pattern));
            }
            action = action.max(self.named_after(i, floor, j, role, &pattern, word.as_deref()));
            Entry {
                rule_id: rule_id(floor.rule, role.rule),
                text,
                pattern,
                word,
                action,
                exact,
                when: when.clone(),
                risk: risk(floor, role),
                rationale: rationale(floor, role),
            }
        };
        parts.into_iter().map(entry).collect()
    }

    /// The strictest action of any later rule, and of the defaults, on lines of a pattern.
    fn strictest_after(&self, i: usize, j: usize, pattern: &Pattern) -> RuleAction {
        let later = |sides: &[Side<'_>], at: usize| {
            let sides = sides.iter().skip(at).filter(|it| overlaps(&it.widest, pattern));
            sides.map(|it| it.action).max().unwrap_or(RuleAction::Allow)
        };
        later(&self.floor, i).max(later(&self.role, j))
    }

    /// Wrappers and the shell's own words are looked at by the rules that name them alone. A pair of
    /// a rule that names the word with one that does not names it, and comes in front of later rules
    /// that do: it must be as strict as those.
    fn named_after(
        &self,
        i: usize,
        floor: &Side<'_>,
        j: usize,
        role: &Side<'_>,
        pattern: &Pattern,
        word: Option<&str>,
    ) -> RuleAction {
        let Some(word) = word.filter(|_| self.target == Target::Command) else {
            return RuleAction::Allow;
        };
        let named = |sides: &[Side<'_>], at: usize| {
            let later = sides.iter().skip(at + 1).filter(|it| it.word.as_deref() == Some(word));
            let meeting = later.filter(|it| overlaps(&it.widest, pattern));
            meeting.map(|it| it.action).max().unwrap_or(RuleAction::Allow)
        };
        let of_floor = if floor.word.is_none() { named(&self.floor, i) } else { RuleAction::Allow };
        let of_role = if role.word.is_none() { named(&self.role, j) } else { RuleAction::Allow };
        of_floor.max(of_role)
    }

    /// Every rule of the role that is milder than the floor on some line.
    ///
    /// Exact: a line whose stars are a letter that no pattern has is matched by an earlier rule only
    /// where that rule holds the whole common part.
    fn weakened(&self) -> Vec<Weakened> {
        let mut res = Vec::new();
        for (j, role) in self.role.iter().enumerate() {
            let Some(rule) = role.rule else { continue };
            for (i, floor) in self.floor.iter().enumerate() {
                if floor.action <= role.action
                    || matches!(both(floor.when(), role.when()), Both::Never)
                {
                    continue;
                }
                let Some(line) = self.witness(i, floor, j, role) else { continue };
                res.push(Weakened {
                    target: self.target,
                    rule: Some(rule.rule_id.clone()),
                    pattern: Some(rule.pattern.clone()),
                    action: role.action,
                    floor_rule: floor.rule.map(|it| it.rule_id.clone()),
                    floor_pattern: floor.rule.map(|it| it.pattern.clone()),
                    floor_action: floor.action,
                    line,
                });
            }
        }
        res
    }

    /// A line that the floor's rule `i` and the role's rule `j` decide; `None` where there is none.
    fn witness(&self, i: usize, floor: &Side<'_>, j: usize, role: &Side<'_>) -> Option<String> {
        let decides = |line: &str| {
            let is_first = |sides: &[Side<'_>], at: usize, when: &When| {
                !sides.iter().take(at).any(|it| {
                    (it.when().is_empty() || it.when() == when) && it.pattern.matches(line)
                })
            };
            is_first(&self.floor, i, floor.when()) && is_first(&self.role, j, role.when())
        };
        let parts = floor.common(role)?;
        let parts: Vec<Vec<Token>> =
            parts.iter().flat_map(|it| variants(&Pattern::new(&self.letters.hide(it)))).collect();
        let proofs = parts.iter().filter(|it| decides(&fill(it, STRANGE)));
        // The same line in letters that people write, where it is decided alike.
        let lines = proofs.map(|part| {
            let plain = || FILLS.iter().map(|it| fill(part, it)).filter(|it| decides(it));
            let as_written =
                plain().find(|it| split(it).is_some_and(|argv| canonical(&argv) == *it));
            (
                as_written.is_none(),
                as_written.or_else(|| plain().next()).unwrap_or_else(|| fill(part, STRANGE)),
            )
        });
        let (_, line) = lines.min_by_key(|(is_odd, line)| (*is_odd, line.len()))?;
        Some(self.letters.show(&line))
    }
}

impl<'a> Side<'a> {
    fn new(rule: Option<&'a Rule>, action: RuleAction, letters: &mut Letters) -> Self {
        let text = rule.map_or("*", |it| it.pattern.as_str());
        let hidden = letters.learn(text);
        let pattern = Pattern::new(&hidden);
        let widest = Pattern::new(&letters.widen(&hidden));
        Self {
            rule,
            action,
            has_placeholder: hidden != text,
            word: pattern.first_word().map(str::to_owned),
            pattern,
            widest,
        }
    }

    fn when(&self) -> &'a When {
        static ALWAYS: When = BTreeMap::new();
        self.rule.map_or(&ALWAYS, |it| &it.when)
    }

    fn text(&self) -> String {
        self.rule.map_or("*", |it| it.pattern.as_str()).to_owned()
    }

    /// The patterns of what two rules have in common; `None` where they cannot be told.
    fn common(&self, other: &Side<'_>) -> Option<Vec<String>> {
        match (self.rule, other.rule) {
            (_, None) => return Some(vec![self.text()]),
            (None, _) => return Some(vec![other.text()]),
            (Some(_), Some(_)) => (),
        }
        if self.word.is_some()
            && other.word.is_some()
            && self.word != other.word
            && !self.has_placeholder
            && !other.has_placeholder
        {
            return Some(Vec::new());
        }
        if !overlaps(&self.widest, &other.widest) {
            Some(Vec::new())
        } else if includes(&self.pattern, &other.pattern) {
            Some(vec![other.text()])
        } else if includes(&other.pattern, &self.pattern) {
            Some(vec![self.text()])
        } else if self.has_placeholder || other.has_placeholder {
            None
        } else {
            Some(texts(&meet(&self.pattern, &other.pattern)?))
        }
    }
}

/// Drops the pairs of one row that say what its last one, the floor's rule as a whole, says.
fn collapse(row: &mut Vec<Entry>) {
    let Some(mut last) = row.pop() else { return };
    let mut kept: Vec<Entry> = Vec::new();
    for entry in std::mem::take(row).into_iter().rev() {
        let differs =
            |it: &Entry| it.action != last.action && overlaps(&it.pattern, &entry.pattern);
        if entry.action != last.action || kept.iter().any(differs) {
            kept.push(entry);
        } else {
            // The last one speaks for it, and is no more exact than it was.
            last.exact = last.exact.min(entry.exact);
        }
    }
    kept.reverse();
    kept.push(last);
    *row = kept;
}

/// Drops rules that an earlier one holds, and at the end those that say what the default says; gives
/// back those of the latter that are stricter than they would have to be.
fn prune(entries: &mut Vec<Entry>, default: RuleAction) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut by_word: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for entry in entries.drain(..) {
        // Only by one that is looked at wherever this one is: see `named_after`.
        let same = by_word.entry(entry.word.clone()).or_default();
        let holds = |idx: &usize| {
            kept.get(*idx)
                .is_some_and(|it| it.when.is_empty() && includes(&it.pattern, &entry.pattern))
        };
        if !same.iter().any(holds) {
            same.push(kept.len());
            kept.push(entry);
        }
    }
    let mut differing: Vec<Entry> = Vec::new();
    let mut inexact = Vec::new();
    for entry in kept.into_iter().rev() {
        // Where a rule names a word, the default does not say the same for wrappers.
        let says_default =
            entry.action == default && (entry.word.is_none() || default == RuleAction::Allow);
        let differs = |it: &Entry| it.action != default && overlaps(&it.pattern, &entry.pattern);
        if !says_default || differing.iter().any(differs) {
            differing.push(entry);
        } else if entry.action > entry.exact {
            inexact.push(entry);
        }
    }
    differing.reverse();
    *entries = differing;
    inexact
}

fn rule_id(floor: Option<&Rule>, role: Option<&Rule>) -> String {
    match (floor, role) {
        (Some(floor), Some(role)) => format!("floor.{}+{}", floor.rule_id, role.rule_id),
        (Some(floor), None) => format!("floor.{}", floor.rule_id),
        (None, Some(role)) => role.rule_id.clone(),
        (None, None) => String::new(),
    }
}

/// The greater of the declared risks.
fn risk(floor: &Side<'_>, role: &Side<'_>) -> Option<RiskLevel> {
    floor.rule.and_then(|it| it.risk).max(role.rule.and_then(|it| it.risk))
}

/// The reason of whichever is stricter.
fn rationale(floor: &Side<'_>, role: &Side<'_>) -> Option<String> {
    let of = |side: &Side<'_>| side.rule.and_then(|it| it.rationale.clone());
    if role.action > floor.action || floor.rule.is_none() { of(role) } else { of(floor) }
}

/// A letter that no pattern has, for stars.
const STRANGE: &str = "\u{10ffff}";

/// What stars are filled with in lines for people, the plainest first.
const FILLS: &[&str] = &["", "x", "x y", "./x", "/x/y"];

/// A line of a pattern: every star replaced.
fn fill(tokens: &[Token], star: &str) -> String {
    let mut res = String::new();
    for token in tokens {
        match token {
            Token::Literal(ch) => res.push(*ch),
            Token::Any => res.push_str(star),
        }
    }
    res
}

/// A private letter for each placeholder, so that patterns can be compared as if they had none.
#[derive(Debug, Default)]
struct Letters {
    placeholders: Vec<String>,
}

impl Letters {
    /// The first letter of a plane that Unicode leaves to private use.
    const FIRST: u32 = 0x10_0000;

    /// Hides the placeholders of a pattern, learning new ones.
    fn learn(&mut self, text: &str) -> String {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else { break };
            let whole = format!("{{{{{name}}}}}");
            if !self.placeholders.contains(&whole) {
                self.placeholders.push(whole);
            }
            rest = after;
        }
        self.hide(text)
    }

    fn letters(&self) -> impl Iterator<Item = (char, &String)> {
        (Self::FIRST..).filter_map(char::from_u32).zip(&self.placeholders)
    }

    fn hide(&self, text: &str) -> String {
        self.letters().fold(text.to_owned(), |text, (letter, whole)| {
            text.replace(whole.as_str(), letter.encode_utf8(&mut [0; 4]))
        })
    }

    fn show(&self, text: &str) -> String {
        self.letters().fold(text.to_owned(), |text, (letter, whole)| text.replace(letter, whole))
    }

    fn widen(&self, hidden: &str) -> String {
        self.letters().fold(hidden.to_owned(), |text, (letter, _)| text.replace(letter, "*"))
    }
}

#[cfg(test)]
mod tests;
