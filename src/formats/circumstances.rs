//! Every circumstance that tells conditions of rules apart, as far as rules can see it.
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Input, NOT_KNOWN, Role, When};

/// Most circumstances that are looked at; roles of real fleets need a few dozen.
const MAX_CASES: usize = 2_048;

/// Most values of one key whose combinations are looked at.
const MAX_TOGETHER: usize = 6;

/// What is done and to what are known of one and the same act, so they are one key.
const ACTS: &str = "acts";

/// What is known of an action, by the values that rules name: no two actions that agree on all of it
/// are told apart by a rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    /// Key -> the values of rules that fit; none fits where something else is known. A key that is
    /// missing is not known.
    known: BTreeMap<String, BTreeSet<String>>,
    /// Values of variables that patterns refer to.
    pub(super) in_patterns: BTreeMap<String, String>,
}

impl Case {
    /// Whether conditions hold.
    pub(super) fn holds(&self, when: &When) -> bool {
        atoms(when).into_iter().all(|(key, values)| match self.known.get(&key) {
            Some(fitting) => values.iter().any(|it| fitting.contains(it)),
            None => values.iter().any(|it| it == NOT_KNOWN),
        })
    }

    /// What is known, for people.
    pub(super) fn given(&self) -> BTreeMap<String, String> {
        let text = |fitting: &BTreeSet<String>| {
            let fitting: Vec<&str> = fitting.iter().map(String::as_str).collect();
            if fitting.is_empty() { "something else".to_owned() } else { fitting.join(" and ") }
        };
        let known = self.known.iter().map(|(key, fitting)| (key.clone(), text(fitting)));
        known.chain(self.in_patterns.clone()).collect()
    }
}

/// The keys and values of conditions, where acts are one key with one value for each pair of kinds.
fn atoms(when: &When) -> Vec<(String, Vec<String>)> {
    let (action, resource) = (Input::ActionType.as_str(), Input::ResourceType.as_str());
    let of_acts = |key: &str| key == action || key == resource;
    let others = when.iter().filter(|(key, _)| !of_acts(key));
    let mut res: Vec<(String, Vec<String>)> =
        others.map(|(key, values)| (key.clone(), values.clone())).collect();
    let asked: Vec<Option<&Vec<String>>> = vec![when.get(action), when.get(resource)];
    if asked.iter().any(Option::is_some) {
        let kinds = |values: Option<&Vec<String>>| {
            let Some(values) = values else { return "any".to_owned() };
            let known: BTreeSet<&str> =
                values.iter().map(String::as_str).filter(|it| *it != NOT_KNOWN).collect();
            known.into_iter().collect::<Vec<_>>().join(" or ")
        };
        let parts: Vec<String> = asked.iter().copied().map(kinds).collect();
        let mut values = Vec::new();
        if parts.iter().all(|it| !it.is_empty()) {
            values.push(parts.join(":"));
        }
        let is_unknown = |it: &&Vec<String>| it.iter().any(|value| value == NOT_KNOWN);
        if asked.iter().flatten().all(is_unknown) {
            values.push(NOT_KNOWN.to_owned());
        }
        res.push((ACTS.to_owned(), values));
    }
    res
}

/// Whether an action can have but one value of a key, named by its text.
fn is_single(key: &str) -> bool {
    key != ACTS
        && matches!(
            Input::parse(key),
            None | Some(Input::Environment | Input::RiskLevel | Input::Approval)
        )
}

/// Every circumstance that conditions of two roles tell apart, the least known first, and how many
/// are not among them. There may be some that no action comes with: what holds in all holds in those
/// that one does.
pub(super) fn cases(ours: &Role, theirs: &Role) -> (Vec<Case>, usize) {
    let rules = || [ours, theirs].into_iter().flat_map(|it| it.rules.iter().chain(&it.mcp_rules));
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, named) in rules().flat_map(|it| atoms(&it.when)) {
        values.entry(key).or_default().extend(named);
    }
    let mut in_patterns: BTreeSet<String> = BTreeSet::new();
    for rule in rules() {
        let named = rule.pattern.split("{{").skip(1).filter_map(|it| it.split_once("}}"));
        in_patterns.extend(named.map(|(name, _)| name.trim().to_owned()));
    }
    for name in &in_patterns {
        values.entry(name.clone()).or_default();
    }
    let mut res = vec![Case::default()];
    let mut n_untried = 0;
    for (key, values) in &values {
        let is_in_patterns = in_patterns.contains(key);
        let mut other = "x".to_owned();
        while values.contains(&other) {
            other.push('x');
        }
        let choices = fitting(key, values, &mut n_untried);
        let mut next = Vec::new();
        for case in &res {
            for fitting in &choices {
                let mut case = case.clone();
                if let Some(fitting) = fitting {
                    if is_in_patterns {
                        let value = fitting.first().unwrap_or(&other).clone();
                        case.in_patterns.insert(key.clone(), value);
                    }
                    case.known.insert(key.clone(), fitting.clone());
                }
                next.push(case);
            }
        }
        n_untried += next.len().saturating_sub(MAX_CASES);
        next.truncate(MAX_CASES);
        res = next;
    }
    res.sort_by_key(|it| it.known.len());
    (res, n_untried)
}

/// What of the named values may fit at once; `None` is that nothing is known.
fn fitting(
    key: &str,
    values: &BTreeSet<String>,
    n_untried: &mut usize,
) -> Vec<Option<BTreeSet<String>>> {
    let mut res = vec![None, Some(BTreeSet::new())];
    if is_single(key) {
        res.extend(values.iter().map(|it| Some(BTreeSet::from([it.clone()]))));
        return res;
    }
    let values: Vec<&String> = values.iter().collect();
    *n_untried += values.len().saturating_sub(MAX_TOGETHER);
    let n = values.len().min(MAX_TOGETHER);
    for bits in 1_u32..(1 << n) {
        let chosen = values.iter().take(n).enumerate().filter(|(idx, _)| bits & (1 << idx) != 0);
        res.push(Some(chosen.map(|(_, it)| (*it).clone()).collect()));
    }
    res
}
