//! A Rego module for OPA: the rules as a table, and the few lines that try them in order.
//!
//! What a module decides is known for sure only where it is one that this program wrote, so that is
//! what is read back: a table of rules under exactly these lines.
use std::fmt::Write as _;

use super::{
    Besides, Invalid, Read, Written,
    ordered::{Item, Keeps, Ordered, unsaid},
    scan::comment,
    tree::{Node, Object, Reader, Value},
};
use crate::{
    events::visible_json,
    policy::{Input, Mode, NOT_KNOWN, Pattern, Role, Rule, RuleAction, Target, When},
    risk::RiskLevel,
};

const HEAD: &str = "\
# input.kind is \"command\" or \"call\", input.line the canonical command line or `server/tool`,
# input.trust_score the trust in a call's remote endpoint, where it has one, input.given what else is known, each a
# list: agent, session, owner, team, environment, resource_path, data_class, risk_signal, risk_level, access, approval, acts
# (what is done to what, \"read:file\") and \"host.NAME\" for variables of the host. What is not known is left out;
# owner, team and environment fall back on the variables owner, team and env.
package advisor

import rego.v1

";

const FOOT: &str = "
known(key) := object.get(object.get(input, \"given\", {}), key, [])

holds(condition) if {
\tsome value in known(condition.key)
\tregex.match(condition.regex, value)
}

holds(condition) if {
\tcondition.unknown
\tcount(known(condition.key)) == 0
}

fails(rule) if {
\tsome condition in rule.conditions
\tnot holds(condition)
}

matching := [rule.action |
\tsome rule in rules
\trule.kind == input.kind
\tregex.match(rule.regex, input.line)
\tnot fails(rule)
]

decision := \"deny\" if {
\tinput.kind == \"call\"
\tinput.trust_score < trust_threshold
} else := matching[0] if {
\tcount(matching) > 0
} else := defaults[input.kind] if {
\ttrue
}

allow if decision in {\"allow\", \"alert\", \"redact\"}
";

/// The kinds of lines.
const KINDS: &[(&str, Target)] = &[("command", Target::Command), ("call", Target::Mcp)];

/// Writes the module; it holds all six actions.
pub(super) fn write(role: &Role, _: &Besides<'_>) -> Written {
    let mut losses = Vec::new();
    let mut notes = unsaid(role, true);
    let mut rules = Vec::new();
    let mut defaults = Node::map([]);
    for (kind, target) in KINDS {
        let mut list = Ordered::new(role, *target, KEEPS, &mut losses);
        notes.append(&mut list.idle);
        rules.extend(list.items.iter().map(|it| rule(kind, it)));
        rules.extend(list.default_risk.map(|risk| {
            let everything = entry(kind, EVERYTHING, list.default, &When::new());
            everything.with("risk", Some(risk.as_str().into()))
        }));
        defaults = defaults.with(kind, Some(list.default.as_str().into()));
    }
    let mut text = format!("# {}\n{HEAD}rules := [\n", comment(&role.name));
    let n_rules = rules.len();
    for (idx, rule) in rules.iter().enumerate() {
        let comma = if idx + 1 < n_rules { "," } else { "" };
        let rule = visible_json(serde_json::to_string(rule).unwrap_or_default());
        let _ = writeln!(text, "\t{rule}{comma}");
    }
    let defaults = serde_json::to_string(&defaults).unwrap_or_default();
    let threshold = role.risk_policy.trust_threshold.unwrap_or(0);
    let _ = write!(text, "]\n\ndefaults := {defaults}\n\ntrust_threshold := {threshold}\n{FOOT}");
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: who asks it decides what to do".to_owned());
    }
    Written { text, losses, notes }
}

/// What of rules the module says: every condition, and declared risks.
const KEEPS: Keeps = Keeps { risk: true, condition: |_, _| true, ..Keeps::NOTHING };

/// The pattern of a default that has something to say besides its action.
const EVERYTHING: &str = "*";

fn rule(kind: &str, item: &Item) -> Node {
    let rule = entry(kind, &item.text, item.action, &item.when);
    rule.with("risk", item.risk.map(|it| it.as_str().into()))
}

fn entry(kind: &str, pattern: &str, action: RuleAction, when: &When) -> Node {
    let values = |values: &[String]| values.iter().map(|it| Node::from(&**it)).collect::<Node>();
    let members = when.iter().fold(Node::map([]), |all, (key, it)| all.with(key, Some(values(it))));
    Node::map([
        ("kind", Node::from(kind)),
        ("pattern", Node::from(pattern)),
        ("regex", regex(pattern).into()),
        ("action", action.as_str().into()),
        ("when", members),
        ("conditions", conditions(when).into_iter().collect()),
    ])
}

/// What `when` asks of what is given: a key, a regular expression for one of its values, and whether
/// it holds where there is none.
fn conditions(when: &When) -> Vec<Node> {
    let condition = |key: &str, regex: String, is_unknown: bool| {
        Node::map([
            ("key", Node::from(key)),
            ("regex", regex.into()),
            ("unknown", Node::bool(is_unknown)),
        ])
    };
    let is_unknown = |values: &[String]| values.iter().any(|it| it == NOT_KNOWN);
    let one_of = |values: &[String]| {
        let all: Vec<String> = values.iter().map(|it| regex_syntax::escape(it)).collect();
        format!("^(?:{})$", all.join("|"))
    };
    let mut res = Vec::new();
    for (key, values) in when {
        match Input::parse(key) {
            Some(Input::ActionType | Input::ResourceType) => (),
            Some(input) if input.is_glob() => {
                let all: Vec<String> = values.iter().map(|it| regex(it)).collect();
                res.push(condition(key, all.join("|"), is_unknown(values)));
            }
            Some(_) => res.push(condition(key, one_of(values), is_unknown(values))),
            None => {
                res.push(condition(&format!("host.{key}"), one_of(values), is_unknown(values)));
            }
        }
    }
    // One and the same act is of both kinds that are asked for.
    let (actions, resources) = (when.get("action_type"), when.get("resource_type"));
    if actions.is_some() || resources.is_some() {
        let part = |values: Option<&Vec<String>>| match values {
            None => "[^:]*".to_owned(),
            Some(values) => one_of(values).trim_matches(['^', '$']).to_owned(),
        };
        let regex = format!("^{}:{}$", part(actions), part(resources));
        let unknown = [actions, resources].into_iter().flatten().all(|it| is_unknown(it));
        res.push(condition("acts", regex, unknown));
    }
    res
}

/// A pattern as regular expression of RE2.
fn regex(text: &str) -> String {
    let is_open = text.ends_with(" *");
    let pattern = Pattern::new(text.strip_suffix(" *").unwrap_or(text));
    let parts: Vec<String> = pattern.parts().iter().map(|it| regex_syntax::escape(it)).collect();
    // Every engine's way to say any characters, those that end lines included.
    let tail = if is_open { r"(?: [\s\S]*)?" } else { "" };
    format!("^{}{tail}$", parts.join(r"[\s\S]*"))
}

/// Reads a module that this program wrote.
pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    let bad = |line: usize, message: &str| {
        vec![Invalid { line, field: String::new(), message: message.to_owned() }]
    };
    let other = "is no module that this program wrote, so what it decides is not known";
    let section = |begin: &str, end: &str| {
        let (before, after) = text.split_once(begin)?;
        let (inside, _) = after.split_once(end)?;
        Some((inside.to_owned(), before.lines().count() + begin.matches('\n').count()))
    };
    let found = section("\nrules := ", "\n\ndefaults := ")
        .zip(section("\ndefaults := ", "\n"))
        .zip(section("\ntrust_threshold := ", "\n"));
    let Some((((rules, at), (defaults, _)), (threshold, _))) = found else {
        return Err(bad(1, other));
    };
    let mut role = Role::new("rego");
    role.mode = Mode::Enforce;
    if let Some(name) = text.lines().next().and_then(|it| it.strip_prefix("# ")) {
        name.clone_into(&mut role.name);
    }
    let threshold = threshold.parse::<u8>().ok().filter(|it| *it <= 100);
    role.risk_policy.trust_threshold =
        Some(threshold.ok_or_else(|| bad(1, other))?).filter(|it| *it > 0);
    let mut reader = Reader::default();
    let defaults = Node::from_json(&defaults)?;
    let mut list = reader.object(&defaults, "defaults");
    let mut default = |name: &str, reader: &mut Reader| {
        let list = list.as_mut()?;
        reader.needed_word(list, name, &actions())
    };
    let (commands, calls) = (default("command", &mut reader), default("call", &mut reader));
    role.default_action = commands.unwrap_or(RuleAction::Deny);
    let rules = Node::from_json(&rules)?;
    if let Value::List(items) = &rules.value {
        for (idx, item) in items.iter().enumerate() {
            let Some(mut it) = reader.object(item, &format!("rules[{idx}]")) else { continue };
            let kind = reader.needed_word(&mut it, "kind", KINDS);
            let pattern = reader.needed(&mut it, "pattern");
            let action = reader.needed_word(&mut it, "action", &actions());
            let when = when(&mut it, &mut reader);
            let risk = reader.word(&mut it, "risk", &risks());
            let (Some(pattern), Some(action)) = (pattern, action) else { continue };
            let rule = Rule { when, risk, ..Rule::new(&pattern, action) };
            match kind {
                Some(Target::Command) => role.rules.push(rule),
                Some(Target::Mcp) => role.mcp_rules.push(rule),
                None => (),
            }
        }
    }
    let is_default = |it: &Rule| it.pattern == EVERYTHING && it.when.is_empty();
    let is_said = role.mcp_rules.last().is_some_and(is_default);
    if let Some(calls) = calls.filter(|it| *it != role.default_action && !is_said) {
        role.mcp_rules.push(Rule::new("*/*", calls));
    }
    for problem in &mut reader.problems {
        problem.line += at;
    }
    let role = reader.finish(role)?;
    // The regular expressions and all else are what is written for these rules, or it is another module.
    let again = write(&role, &Besides::default()).text;
    let differs = again.lines().zip(text.lines()).position(|(ours, theirs)| ours != theirs);
    match differs {
        Some(idx) => Err(bad(idx + 1, other)),
        None if again.len() != text.len() => Err(bad(text.lines().count(), other)),
        None => Ok(Read::exact(role)),
    }
}

/// The conditions of a rule.
fn when(rule: &mut Object<'_>, reader: &mut Reader) -> When {
    let mut res = When::new();
    let Some(Value::Map(members)) = rule.take("when").map(|it| &it.value) else { return res };
    for (key, node) in members {
        if let Value::List(items) = &node.value {
            let texts = items.iter().filter_map(|it| match &it.value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            });
            res.insert(key.clone(), texts.collect());
        } else {
            reader.note(node.line, "when".to_owned(), "is no list of values");
        }
    }
    res
}

fn risks() -> Vec<(&'static str, RiskLevel)> {
    RiskLevel::ALL.iter().map(|it| (it.as_str(), *it)).collect()
}

fn actions() -> Vec<(&'static str, RuleAction)> {
    RuleAction::ALL.iter().map(|it| (it.as_str(), *it)).collect()
}
