//! Codex's rules: `prefix_rule` over the words of a command; of those that match, the strictest decides.
use std::fmt::Write as _;

use super::{
    Besides, Effect, Invalid, Loss, Read, Written,
    ordered::{Item, Keeps, Ordered, effect, no_place, no_threshold, stricter, unsaid},
    reach::{further, nearer},
    scan::{Kind, Tokens, comment, plain},
};
use crate::{
    commands::{canonical, split},
    events::visible_json,
    policy::{Mode, Role, Rule, RuleAction, Target, literal},
};

/// Examples that a rule carries, of each kind.
const MAX_EXAMPLES: usize = 3;

/// Most prefixes that the alternatives of one rule may stand for.
const MAX_PREFIXES: usize = 1_000;

/// The decisions, and what they are in a role.
const DECISIONS: &[(&str, RuleAction)] = &[
    ("allow", RuleAction::Allow),
    ("prompt", RuleAction::RequireApproval),
    ("forbidden", RuleAction::Deny),
];

/// Writes a rule for every pattern that is whole words and whatever follows.
pub(super) fn write(role: &Role, besides: &Besides<'_>) -> Written {
    let mut losses = Vec::new();
    no_threshold(role, &mut losses);
    no_place(role, Target::Mcp, &mut losses);
    let mut list = Ordered::new(role, Target::Command, Keeps::NOTHING, &mut losses);
    list.translate(decisions, &mut losses);
    let mut notes = unsaid(role, true);
    notes.append(&mut list.idle);
    let how = "Codex compares the words of a command as they stand";
    let passes = "`sudo X`, `env X` and, without a `host_executable`, `/bin/X`";
    notes.extend(nearer(&list.items, how, passes));
    if list.default != RuleAction::RequireApproval {
        let after = RuleAction::RequireApproval;
        let why = "has no default of its own: asks";
        losses.push(list.default_loss(why, effect(list.default, after)));
        list.default = after;
    }
    let said = list.say(words, &mut losses);
    Ordered::unorder(&said, stricter, &mut losses);
    let mut text = format!("# {}\n", comment(&role.name));
    for (item, words) in &said {
        text.push('\n');
        rule(item, words, besides.examples, &mut text);
    }
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: rules are enforced".to_owned());
    }
    Written { text, losses, notes }
}

const fn decisions(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: allowed"),
        RuleAction::Redact => (RuleAction::RequireApproval, "has no redaction: asks"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: forbidden"),
        action => (action, ""),
    }
}

/// The words that a pattern asks for at the beginning, and nothing else.
fn words(item: &Item) -> Result<Vec<String>, String> {
    let why = "is no prefix of whole words, such as `git status *`";
    let [first, last] = item.pattern.parts() else { return Err(why.to_owned()) };
    if !last.is_empty() || !item.text.ends_with(" *") {
        return Err(why.to_owned());
    }
    let line = first.strip_suffix(' ').unwrap_or(first);
    let words = split(line).filter(|words| !words.is_empty() && canonical(words) == line);
    words.ok_or_else(|| why.to_owned())
}

fn rule(item: &Item, words: &[String], examples: &[String], text: &mut String) {
    let decision =
        DECISIONS.iter().find(|(_, it)| *it == item.action).map_or("forbidden", |it| it.0);
    let _ = writeln!(text, "prefix_rule(\n    pattern = {},", strings(words));
    let _ = writeln!(text, "    decision = {},", string(decision));
    if let Some(rationale) = &item.rationale {
        let _ = writeln!(text, "    justification = {},", string(rationale));
    }
    let seen = |is_match: bool| -> Vec<Vec<String>> {
        let near = examples.iter().filter_map(|line| split(line));
        let near = near.filter(|it| it.first() == words.first());
        near.filter(|it| it.starts_with(words) == is_match).take(MAX_EXAMPLES).collect()
    };
    for (name, lines) in [("match", seen(true)), ("not_match", seen(false))] {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(text, "    {name} = [");
        for line in lines {
            let _ = writeln!(text, "        {},", strings(&line));
        }
        text.push_str("    ],\n");
    }
    text.push_str(")\n");
}

fn strings(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|it| string(it)).collect();
    format!("[{}]", words.join(", "))
}

/// A Starlark string; JSON's escapes are among its own.
fn string(text: &str) -> String {
    visible_json(serde_json::to_string(text).unwrap_or_default())
}

/// An argument of a call.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    List(Vec<Value>),
    Other,
}

/// Reads the rules of a file.
pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    let mut read = Read::exact(Role::new("codex"));
    read.role.mode = Mode::Enforce;
    read.role.default_action = RuleAction::RequireApproval;
    let mut problems = Vec::new();
    let parsed = Tokens::new(text, "#").and_then(|mut tokens| {
        let mut n_calls = 0;
        while tokens.peek().is_some() {
            call(&mut tokens, n_calls, &mut read, &mut problems)?;
            n_calls += 1;
        }
        Ok(())
    });
    problems.extend(parsed.err());
    read.notes.extend(further(&read.role.rules));
    read.role.rules.sort_by_key(|it| std::cmp::Reverse(it.action));
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

/// Reads one call; errors are those after which nothing can be read.
fn call(
    tokens: &mut Tokens,
    idx: usize,
    read: &mut Read,
    problems: &mut Vec<Invalid>,
) -> Result<(), Invalid> {
    let function = tokens.word()?;
    let line = tokens.line();
    tokens.need("(")?;
    let mut arguments: Vec<(String, usize, Value)> = Vec::new();
    while !tokens.takes(')') {
        let name = tokens.word()?;
        let line = tokens.line();
        tokens.need("=")?;
        arguments.push((name, line, value(tokens, 0)?));
        if !tokens.takes(',') {
            tokens.need(")")?;
            break;
        }
    }
    let field = format!("{function}[{idx}]");
    if function != "prefix_rule" {
        let what = function.clone();
        let why = "is about paths or networks, not about commands".to_owned();
        if ["host_executable", "network_rule"].contains(&function.as_str()) {
            read.losses.push(Loss { field, what, why, effect: Effect::Milder });
        } else {
            let message = format!("`{function}` is no rule");
            problems.push(Invalid { line, field: String::new(), message });
        }
        return Ok(());
    }
    match prefix_rule(&arguments, line) {
        Ok(rules) => {
            for (program, rule) in &rules {
                let Some(program) = program else { continue };
                let what = format!("{} `{}` as `{program}` alone", rule.action, rule.pattern);
                let why = "a role knows programs by their names, wherever they lie".to_owned();
                let effect = effect(read.role.default_action, rule.action);
                read.losses.push(Loss { field: field.clone(), what, why, effect });
            }
            read.role.rules.extend(rules.into_iter().map(|(_, rule)| rule));
        }
        Err((line, name, message)) => {
            problems.push(Invalid { line, field: format!("{field}.{name}"), message });
        }
    }
    Ok(())
}

fn value(tokens: &mut Tokens, depth: usize) -> Result<Value, Invalid> {
    if tokens.takes('[') {
        if depth > 3 {
            return Err(tokens.bad("is nested too deeply"));
        }
        let mut items = Vec::new();
        while !tokens.takes(']') {
            items.push(value(tokens, depth + 1)?);
            if !tokens.takes(',') {
                tokens.need("]")?;
                break;
            }
        }
        return Ok(Value::List(items));
    }
    match tokens.next() {
        Some(Kind::Text(text)) => Ok(Value::Text(plain(&text))),
        Some(Kind::Word(_)) => Ok(Value::Other),
        _ => Err(tokens.bad("expected a string or a list")),
    }
}

type Bad = (usize, &'static str, String);

/// A rule, and where its program lies where it asks for that.
type Said = (Option<String>, Rule);

fn prefix_rule(arguments: &[(String, usize, Value)], line: usize) -> Result<Vec<Said>, Bad> {
    let get = |name: &str| arguments.iter().find(|(it, _, _)| it == name);
    for (idx, (name, line, _)) in arguments.iter().enumerate() {
        let known = ["pattern", "decision", "justification", "match", "not_match"];
        let Some(known) = known.into_iter().find(|it| it == name) else {
            return Err((*line, "", format!("`{name}` is no argument of a rule")));
        };
        if arguments.iter().take(idx).any(|(it, _, _)| it == name) {
            return Err((*line, known, "is given twice".to_owned()));
        }
    }
    let Some((_, at, Value::List(pattern))) = get("pattern") else {
        return Err((line, "pattern", "is missing, or no list".to_owned()));
    };
    let action = match get("decision") {
        None => RuleAction::Allow,
        Some((_, at, Value::Text(text))) => {
            let found = DECISIONS.iter().find(|(name, _)| name == text);
            let message = || format!("is `{text}`, it can be allow, prompt, forbidden");
            found.map(|it| it.1).ok_or_else(|| (*at, "decision", message()))?
        }
        Some((_, at, _)) => return Err((*at, "decision", "is no text".to_owned())),
    };
    let mut prefixes: Vec<Vec<String>> = vec![Vec::new()];
    for item in pattern {
        let words: Vec<String> = match item {
            Value::Text(word) => vec![word.clone()],
            Value::List(words) => all_texts(words).unwrap_or_default(),
            Value::Other => Vec::new(),
        };
        if words.is_empty() || prefixes.len() * words.len() > MAX_PREFIXES {
            return Err((*at, "pattern", "holds what are no words, or too many".to_owned()));
        }
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| {
                words
                    .iter()
                    .map(move |word| [prefix.as_slice(), std::slice::from_ref(word)].concat())
            })
            .collect();
    }
    if pattern.is_empty() {
        return Err((*at, "pattern", "is empty".to_owned()));
    }
    for (name, wanted) in [("match", true), ("not_match", false)] {
        let (at, lines) = match get(name) {
            None => continue,
            Some((_, at, Value::List(lines))) => (at, lines),
            Some((_, at, _)) => return Err((*at, name, "is no list of commands".to_owned())),
        };
        for line in lines {
            let words = match line {
                Value::Text(line) => split(line),
                Value::List(words) => all_texts(words),
                Value::Other => None,
            };
            let words = words.filter(|it| !it.is_empty());
            let words = words.ok_or_else(|| (*at, name, "holds what is no command".to_owned()))?;
            if prefixes.iter().any(|it| words.starts_with(it)) != wanted {
                let name = if wanted { "match" } else { "not_match" };
                let verb = if wanted { "is not matched" } else { "is matched" };
                return Err((*at, name, format!("`{}` {verb}", canonical(&words))));
            }
        }
    }
    let rationale = match get("justification") {
        None => None,
        Some((_, _, Value::Text(text))) => Some(text.clone()),
        Some((_, at, _)) => return Err((*at, "justification", "is no text".to_owned())),
    };
    Ok(prefixes
        .iter()
        .map(|words| {
            let program = words.first().filter(|it| it.contains('/')).cloned();
            let pattern = format!("{} *", literal(&canonical(words)));
            (program, Rule { rationale: rationale.clone(), ..Rule::new(&pattern, action) })
        })
        .collect())
}

/// The words of a list that holds nothing else.
fn all_texts(words: &[Value]) -> Option<Vec<String>> {
    words.iter().map(text_of).collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::List(_) | Value::Other => None,
    }
}
