//! Truvant's roles: commands, MCP tool calls, risk policy, mode; the first rule that matches decides.
//!
//! Rules allow or deny; what none matches is denied. Patterns may refer to variables, whose values
//! and host patterns come along.
use super::{
    Besides, Invalid, Read, Variable, Written,
    ordered::{Item, Keeps, Ordered, has_variables},
    tree::{Node, Object, Reader},
    yaml,
};
use crate::policy::{Mode, RiskLevel, Role, Rule, RuleAction, Target, validate};

/// The modes; the first spelling of each is written.
const MODES: &[(&str, Mode)] = &[
    ("monitor", Mode::Monitor),
    ("enforce", Mode::Enforce),
    ("monitoring", Mode::Monitor),
    ("enforcing", Mode::Enforce),
    ("Monitoring", Mode::Monitor),
    ("Enforcing", Mode::Enforce),
    ("Monitor", Mode::Monitor),
    ("Enforce", Mode::Enforce),
];

const ACTIONS: &[(&str, RuleAction)] = &[("allow", RuleAction::Allow), ("deny", RuleAction::Deny)];

/// The sections of rules.
const SECTIONS: &[(&str, Target)] =
    &[("commands", Target::Command), ("mcp_tool_calls", Target::Mcp)];

pub(super) fn read_json(text: &str) -> Result<Read, Vec<Invalid>> {
    read(&Node::from_json(text)?)
}

pub(super) fn read_yaml(text: &str) -> Result<Read, Vec<Invalid>> {
    read(&yaml::read(text)?)
}

pub(super) fn write_json(role: &Role, besides: &Besides<'_>) -> Written {
    let (tree, written) = tree(role, besides);
    Written { text: tree.to_json(), ..written }
}

pub(super) fn write_yaml(role: &Role, besides: &Besides<'_>) -> Written {
    let (tree, written) = tree(role, besides);
    Written { text: yaml::write(&tree), ..written }
}

fn read(node: &Node) -> Result<Read, Vec<Invalid>> {
    let mut reader = Reader::default();
    let mut read = Read::exact(Role::new("truvant"));
    let Some(mut object) = reader.object(node, "") else { return reader.finish(read) };
    if let Some(name) = reader.needed(&mut object, "name") {
        read.role.name = name;
    }
    read.role.description = reader.text(&mut object, "description").unwrap_or_default();
    read.role.mode = reader.word(&mut object, "mode", MODES).unwrap_or_default();
    for (section, target) in SECTIONS {
        let rules: Vec<Rule> = rules(&mut reader, &mut object, section);
        match target {
            Target::Command => read.role.rules = rules,
            Target::Mcp => read.role.mcp_rules = rules,
        }
    }
    if let Some(node) = object.take("risk_policy")
        && let Some(mut risk) = reader.object(node, "risk_policy")
    {
        let threshold = reader.number(&mut risk, "trust_threshold");
        match threshold.map(whole) {
            Some(None) => {
                let field = "risk_policy.trust_threshold".to_owned();
                reader.note(node.line, field, "is no whole number of 0 to 100");
            }
            Some(threshold) => read.role.risk_policy.trust_threshold = threshold,
            None => (),
        }
        reader.nothing_left(risk, "the risk policy");
    }
    read.variables = variables(&mut reader, &mut object);
    let line = object.line;
    reader.nothing_left(object, "a role");
    if reader.problems.is_empty() {
        for problem in validate(&read.role) {
            let field = problem.field.replace("mcp_rules[", "mcp_tool_calls[");
            let field = field.replace("rules[", "commands[");
            reader.note(line, field, problem.message);
        }
    }
    reader.finish(read)
}

/// A whole number from 0 to 100.
fn whole(number: f64) -> Option<u8> {
    (0..=100).find(|it| f64::from(*it).total_cmp(&number).is_eq())
}

fn rules(reader: &mut Reader, object: &mut Object<'_>, section: &str) -> Vec<Rule> {
    let mut res = Vec::new();
    let risks: Vec<(&str, RiskLevel)> =
        RiskLevel::ALL.iter().map(|it| (it.as_str(), *it)).collect();
    for (idx, item) in reader.items(object, section).iter().enumerate() {
        let field = format!("{section}[{idx}]");
        let Some(mut rule) = reader.object(item, &field) else { continue };
        // The command is a heading for people: the pattern says it all.
        reader.text(&mut rule, "command");
        let pattern = reader.needed(&mut rule, "pattern");
        let action = reader.needed_word(&mut rule, "action", ACTIONS);
        let risk = reader.word(&mut rule, "risk", &risks);
        let rationale = reader.text(&mut rule, "rationale");
        reader.nothing_left(rule, "a rule");
        if let (Some(pattern), Some(action)) = (pattern, action) {
            res.push(Rule { risk, rationale, ..Rule::new(&pattern, action) });
        }
    }
    res
}

fn variables(reader: &mut Reader, object: &mut Object<'_>) -> Vec<Variable> {
    let mut res = Vec::new();
    for (idx, item) in reader.items(object, "variables").iter().enumerate() {
        let Some(mut it) = reader.object(item, &format!("variables[{idx}]")) else { continue };
        let name = reader.needed(&mut it, "name");
        let value = reader.needed(&mut it, "value");
        let patterns = reader.texts(&mut it, "patterns").unwrap_or_default();
        let builtin = reader.bool(&mut it, "builtin").unwrap_or(false);
        reader.nothing_left(it, "a variable");
        if let (Some(name), Some(value)) = (name, value) {
            res.push(Variable { name, value, patterns, builtin });
        }
    }
    res
}

/// What of rules a role of theirs says.
const KEEPS: Keeps = Keeps { risk: true, variables: true, ..Keeps::NOTHING };

fn tree(role: &Role, besides: &Besides<'_>) -> (Node, Written) {
    let mut losses = Vec::new();
    let mut notes = Vec::new();
    let mut tree = Node::map([("name", Node::from(&*role.name))]);
    if !role.description.is_empty() {
        tree = tree.with("description", Some((&*role.description).into()));
    }
    tree = tree.with("mode", Some(role.mode.as_str().into()));
    let mut used: Vec<&Variable> = Vec::new();
    for (section, target) in SECTIONS {
        let mut list = Ordered::new(role, *target, KEEPS, &mut losses);
        list.translate(allow_or_deny, &mut losses);
        notes.append(&mut list.idle);
        let mut rules: Vec<Node> = list.items.iter().map(rule).collect();
        if list.default == RuleAction::Allow || list.default_risk.is_some() {
            let rule =
                Node::map([("pattern", "*".into()), ("action", list.default.as_str().into())]);
            rules.push(rule.with("risk", list.default_risk.map(|it| it.as_str().into())));
        }
        tree = tree.with(section, Some(rules.into_iter().collect()));
        for item in list.items.iter().filter(|it| has_variables(&it.text)) {
            let is_named = |it: &&Variable| {
                item.text.split("{{").any(|part| {
                    part.split_once("}}").is_some_and(|(name, _)| name.trim() == it.name)
                })
            };
            for variable in besides.variables.iter().filter(is_named) {
                if !used.contains(&variable) {
                    used.push(variable);
                }
            }
        }
    }
    if let Some(threshold) = role.risk_policy.trust_threshold {
        let risk = Node::map([("trust_threshold", Node::number(threshold.into()))]);
        tree = tree.with("risk_policy", Some(risk));
    }
    if !used.is_empty() {
        tree = tree.with("variables", Some(used.into_iter().map(variable).collect()));
    }
    (tree, Written { text: String::new(), losses, notes })
}

fn rule(item: &Item) -> Node {
    let text = |text: &str| Some(Node::from(text));
    let rationale = item.rationale.as_deref();
    Node::map([("pattern", Node::from(&*item.text)), ("action", item.action.as_str().into())])
        .with("risk", item.risk.map(|it| it.as_str().into()))
        .with("rationale", rationale.and_then(text))
}

fn variable(it: &Variable) -> Node {
    Node::map([
        ("name", Node::from(&*it.name)),
        ("value", Node::from(&*it.value)),
        ("patterns", it.patterns.iter().map(|it| Node::from(&**it)).collect()),
        ("builtin", Node::bool(it.builtin)),
    ])
}

const fn allow_or_deny(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Allow | RuleAction::Deny => (action, ""),
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: allowed"),
        RuleAction::Redact => (RuleAction::Deny, "has no redaction: denied"),
        RuleAction::RequireApproval => (RuleAction::Deny, "asks nobody: denied"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: denied"),
    }
}
