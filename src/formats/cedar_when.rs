//! Conditions of rules in Cedar's words, and back: each asks for an attribute of the context.
//!
//! An attribute is left out of the context where nothing is known; `none` among the values of a
//! condition holds there. What may have several values is a set; what is done to what is a set of
//! `action:resource`; variables of the host are attributes that begin with `host_`.
use super::{cedar_expr::Expr, scan::quoted};
use crate::policy::{ActionType, Input, NOT_KNOWN, Pattern, ResourceType, When};

/// How the attributes of variables begin.
const HOST: &str = "host_";

/// The attribute of what is done to what.
const ACTS: &str = "acts";

/// What the comment of a document says of its context.
pub(super) const CONTEXT: &str = "\
// context.agent, .session, .owner, .team, .environment, .risk_level, .access, .approval: texts; .host_NAME: variables.
// context.data_class, .risk_signal: sets; .acts: what is done to what, a set such as \"read:file\".
// What is not known is left out; owner, team and environment fall back on variables owner, team and env.
";

/// How an attribute is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It is one of the values.
    Exact,
    /// It is like one of the values.
    Glob,
    /// One of its members is one of the values.
    Set,
}

/// How the attribute of a key is asked; `None` where Cedar has no words: it cannot compare the
/// members of a set with patterns.
fn asked(key: &str) -> Option<Asked> {
    match Input::parse(key) {
        None | Some(Input::Environment | Input::RiskLevel | Input::Access | Input::Approval) => {
            Some(Asked::Exact)
        }
        Some(Input::ResourcePath) => None,
        Some(Input::DataClass | Input::RiskSignal | Input::ActionType | Input::ResourceType) => {
            Some(Asked::Set)
        }
        Some(Input::Agent | Input::Session | Input::Owner | Input::Team) => Some(Asked::Glob),
    }
}

/// Whether Cedar has words for a condition.
pub(super) fn keeps(key: &str, _: &[String]) -> bool {
    asked(key).is_some()
}

/// Conditions, all of which have to hold.
pub(super) fn say(when: &When) -> Vec<String> {
    let mut res = Vec::new();
    for (key, values) in when {
        match Input::parse(key) {
            None => res.push(test(&format!("{HOST}{key}"), Asked::Exact, values)),
            // Both are asked for as pairs, below.
            Some(Input::ActionType | Input::ResourceType) => (),
            Some(_) => res.extend(asked(key).map(|asked| test(key, asked, values))),
        }
    }
    res.extend(acts(when).map(|pairs| test(ACTS, Asked::Set, &pairs)));
    res
}

fn test(attribute: &str, asked: Asked, values: &[String]) -> String {
    let list: Vec<String> = values.iter().map(|it| quoted(it)).collect();
    let list = list.join(", ");
    let test = match asked {
        Asked::Exact => format!("[{list}].contains(context.{attribute})"),
        Asked::Set => format!("context.{attribute}.containsAny([{list}])"),
        Asked::Glob => {
            let all: Vec<String> = values.iter().flat_map(|it| likes(attribute, it)).collect();
            format!("({})", all.join(" || "))
        }
    };
    if values.iter().any(|it| it == NOT_KNOWN) {
        format!("!(context has {attribute}) || {test}")
    } else {
        format!("context has {attribute} && {test}")
    }
}

/// Comparisons with a pattern, one of which holds: a final ` *` may be missing, which Cedar has to be
/// told.
pub(super) fn likes(attribute: &str, pattern: &str) -> Vec<String> {
    let like = |text: &str| {
        let mut res = format!("context.{attribute} like \"");
        for (idx, part) in Pattern::new(text).parts().iter().enumerate() {
            if idx > 0 {
                res.push('*');
            }
            let part = quoted(part);
            let part = part.trim_start_matches('"');
            res.push_str(&part.strip_suffix('"').unwrap_or(part).replace('*', "\\*"));
        }
        res.push('"');
        res
    };
    match pattern.strip_suffix(" *") {
        Some(short) => vec![like(short), like(pattern)],
        None => vec![like(pattern)],
    }
}

/// What is asked of acts, as pairs of what is done to what, and [`NOT_KNOWN`] where that does.
fn acts(when: &When) -> Option<Vec<String>> {
    let (actions, resources) = (when.get("action_type"), when.get("resource_type"));
    if actions.is_none() && resources.is_none() {
        return None;
    }
    let has = |values: Option<&Vec<String>>, word: &str| {
        values.is_none_or(|it| it.iter().any(|value| value == word))
    };
    let mut res = Vec::new();
    for action in ActionType::ALL.iter().filter(|it| has(actions, it.as_str())) {
        let fitting = ResourceType::ALL.iter().filter(|it| has(resources, it.as_str()));
        res.extend(fitting.map(|it| format!("{action}:{it}")));
    }
    if has(actions, NOT_KNOWN) && has(resources, NOT_KNOWN) {
        res.push(NOT_KNOWN.to_owned());
    }
    Some(res)
}

/// The conditions that factors ask for.
///
/// # Errors
/// What no condition of a rule says.
pub(super) fn read(factors: Vec<Expr>) -> Result<When, String> {
    let mut guards: Vec<String> = Vec::new();
    let mut tests: Vec<(String, Expr, bool)> = Vec::new();
    for factor in factors {
        if let Expr::Has(name) = factor {
            guards.push(name);
            continue;
        }
        let mut all = factor.alternatives();
        let absent = all
            .iter()
            .position(|it| matches!(it, Expr::Not(inner) if matches!(**inner, Expr::Has(_))));
        let absent = absent.map(|at| all.remove(at));
        let attribute = all.first().and_then(name_of).unwrap_or_default().to_owned();
        let is_same = match &absent {
            Some(Expr::Not(inner)) => **inner == Expr::Has(attribute.clone()),
            _ => true,
        };
        if attribute.is_empty() || !is_same {
            return Err("asks for what no condition of a rule says".to_owned());
        }
        tests.push((attribute, Expr::Or(all), absent.is_some()));
    }
    let mut when = When::new();
    for (attribute, test, holds_where_unknown) in tests {
        if !holds_where_unknown && !guards.contains(&attribute) {
            return Err(format!(
                "asks for `context.{attribute}` without `context has {attribute}`"
            ));
        }
        for (key, mut values) in condition(&attribute, &test)? {
            if holds_where_unknown && !values.iter().any(|it| it == NOT_KNOWN) {
                values.push(NOT_KNOWN.to_owned());
            }
            if when.insert(key, values).is_some() {
                return Err(format!("asks for `context.{attribute}` more than once"));
            }
        }
        guards.retain(|it| *it != attribute);
    }
    match guards.first() {
        None => Ok(when),
        Some(name) => Err(format!("asks only whether there is `context.{name}`")),
    }
}

fn name_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Like(name, _) | Expr::In(name, _) | Expr::Any(name, _) => Some(name),
        _ => None,
    }
}

/// The keys and values that a test of an attribute stands for.
fn condition(attribute: &str, test: &Expr) -> Result<Vec<(String, Vec<String>)>, String> {
    let bad = || format!("asks for `context.{attribute}` as no condition of a rule does");
    let Expr::Or(all) = test else { return Err(bad()) };
    let only = if let [only] = all.as_slice() { Some(only) } else { None };
    if attribute == ACTS {
        let Some(Expr::Any(_, pairs)) = only else { return Err(bad()) };
        return kinds_of_acts(pairs).ok_or_else(bad);
    }
    let key = attribute.strip_prefix(HOST).unwrap_or(attribute);
    let is_variable = key != attribute;
    if is_variable == Input::parse(key).is_some() && (is_variable || asked(key).is_none()) {
        return Err(bad());
    }
    if !is_variable && Input::parse(key).is_none() {
        return Err(bad());
    }
    let values = match (if is_variable { Some(Asked::Exact) } else { asked(key) }, only) {
        (Some(Asked::Exact), Some(Expr::In(_, values)))
        | (Some(Asked::Set), Some(Expr::Any(_, values))) => values.clone(),
        (Some(Asked::Glob), _) => test.patterns(attribute).ok_or_else(bad)?,
        _ => return Err(bad()),
    };
    Ok(vec![(key.to_owned(), values)])
}

/// What is done and to what, where pairs are all of some actions with all of some resources.
fn kinds_of_acts(pairs: &[String]) -> Option<Vec<(String, Vec<String>)>> {
    let known: Vec<&String> = pairs.iter().filter(|it| *it != NOT_KNOWN).collect();
    let named = |words: &[&'static str], at: fn(&str) -> Option<&str>| -> Vec<String> {
        let is_there = |word: &&&str| known.iter().any(|it| at(it) == Some(**word));
        words.iter().filter(is_there).map(|it| (*it).to_owned()).collect()
    };
    let all_actions: Vec<&str> = ActionType::ALL.iter().map(|it| it.as_str()).collect();
    let all_resources: Vec<&str> = ResourceType::ALL.iter().map(|it| it.as_str()).collect();
    let mut actions = named(&all_actions, |it| it.split_once(':').map(|it| it.0));
    let mut resources = named(&all_resources, |it| it.split_once(':').map(|it| it.1));
    let mut distinct = known.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() != actions.len() * resources.len() {
        return None;
    }
    let asks_nothing_of_resources = resources.len() == all_resources.len();
    let asks_nothing_of_actions = actions.len() == all_actions.len() && !asks_nothing_of_resources;
    if pairs.len() > known.len() {
        actions.push(NOT_KNOWN.to_owned());
        resources.push(NOT_KNOWN.to_owned());
    }
    let mut res = Vec::new();
    if !asks_nothing_of_actions {
        res.push((Input::ActionType.as_str().to_owned(), actions));
    }
    if !asks_nothing_of_resources {
        res.push((Input::ResourceType.as_str().to_owned(), resources));
    }
    Some(res)
}
