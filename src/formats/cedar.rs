//! Cedar policies over the line of a command or call: a permit without a forbid, else denied.
//!
//! A rule that denies forbids, unless an earlier rule lets some of it through: then the permits
//! behind it carry it as an exception. So the policies decide as the list does, in any order.
use std::fmt::Write as _;

use super::{
    Besides, Effect, Invalid, Loss, Read, Written,
    cedar_text::{self, Policy},
    cedar_when::{self, likes},
    ordered::{Item, Keeps, Ordered, Special, holds_wherever, meet, unsaid},
    scan::{comment, quoted},
};
use crate::{
    policy::{Mode, Pattern, RiskPolicy, Role, Rule, RuleAction, Target, When, includes},
    risk::RiskLevel,
};

/// The actions of the policies.
const ACTIONS: &[(&str, Target)] = &[("execute", Target::Command), ("call_tool", Target::Mcp)];

/// What of rules the policies say. Exceptions have no place for a declared risk.
const KEEPS: Keeps = Keeps { risk: true, condition: cedar_when::keeps, ..Keeps::NOTHING };

/// Writes the policies; the context of a request holds its `line`, and for calls the `trust_score`
/// of a remote endpoint.
pub(super) fn write(role: &Role, _: &Besides<'_>) -> Written {
    let mut losses = Vec::new();
    let mut notes = unsaid(role, true);
    let mut text = format!("// {}\n", comment(&role.name));
    text.push_str("// context.line: the canonical command line, or `server/tool` of a call.\n");
    let rules = || role.rules.iter().chain(&role.mcp_rules);
    if rules().any(|it| it.when.iter().any(|(key, values)| cedar_when::keeps(key, values))) {
        text.push_str(cedar_when::CONTEXT);
    }
    if let Some(threshold) = role.risk_policy.trust_threshold {
        let _ = write!(
            text,
            "\n@id(\"trust\")\nforbid (principal, action == Action::\"call_tool\", resource)\n\
             when {{ context has trust_score && context.trust_score < {threshold} }};\n"
        );
    }
    for (action, target) in ACTIONS {
        let mut list = Ordered::new(role, *target, KEEPS, &mut losses);
        list.translate(permit_or_forbid, &mut losses);
        notes.append(&mut list.idle);
        policies(&list, action, &mut text, &mut losses);
    }
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: policies are enforced".to_owned());
    }
    Written { text, losses, notes }
}

const fn permit_or_forbid(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Allow | RuleAction::Deny => (action, ""),
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: permitted"),
        RuleAction::Redact => (RuleAction::Deny, "has no redaction: forbidden"),
        RuleAction::RequireApproval => (RuleAction::Deny, "asks nobody: forbidden"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: forbidden"),
    }
}

fn policies(list: &Ordered, action: &str, text: &mut String, losses: &mut Vec<Loss>) {
    let mut permitted: Vec<&Item> = Vec::new();
    let mut exceptions: Vec<&Item> = Vec::new();
    let mut policy = |effect: &str, item: Option<&Item>, exceptions: &[&Item]| {
        let id = item.map_or_else(|| format!("{action}.default"), |it| it.field.clone());
        let _ = write!(
            text,
            "\n@id({}){}\n{effect} (principal, action == Action::\"{action}\", resource)",
            quoted(&id),
            item.map_or(list.default_risk, |it| it.risk).map_or_else(String::new, annotation)
        );
        if let Some(item) = item {
            let _ = write!(text, "\nwhen {{ {} }}", lines(item));
            for condition in cedar_when::say(&item.when) {
                let _ = write!(text, "\nwhen {{ {condition} }}");
            }
        }
        for it in exceptions {
            let conditions = cedar_when::say(&it.when);
            if conditions.is_empty() {
                let _ = write!(text, "\nunless {{ {} }}", lines(it));
            } else {
                let conditions = conditions.join(") && (");
                let _ = write!(text, "\nunless {{ ({}) && ({conditions}) }}", lines(it));
            }
        }
        text.push_str(";\n");
    };
    for item in &list.items {
        let meets = |it: &&&Item| meet(&it.pattern, &item.pattern);
        if item.action == RuleAction::Allow {
            let except: Vec<&Item> = exceptions.iter().filter(meets).copied().collect();
            policy("permit", Some(item), &except);
            permitted.push(item);
        } else if permitted.iter().any(|it| meets(&it) && may_permit(it, item, list.target)) {
            exceptions.push(item);
        } else {
            policy("forbid", Some(item), &[]);
        }
    }
    if list.default == RuleAction::Allow {
        policy("permit", None, &exceptions);
    }
    let unsaid = |risk: RiskLevel| format!("has no declared risk: {risk}");
    for item in &exceptions {
        losses.extend(item.risk.map(|it| item.loss(unsaid(it), Effect::Same)));
    }
    if let Some(risk) = list.default_risk.filter(|_| list.default != RuleAction::Allow) {
        losses.push(Loss {
            field: format!("{action}.default"),
            what: format!("{} `*`", list.default),
            why: unsaid(risk),
            effect: Effect::Same,
        });
    }
    // An exception that no permit carries says nothing of what it would have taken off a wrapper.
    let is_carried = |item: &Item| {
        let later = list.items.iter().skip_while(|it| it.field != item.field);
        list.default == RuleAction::Allow
            || later
                .filter(|it| it.action == RuleAction::Allow)
                .any(|it| meet(&it.pattern, &item.pattern))
    };
    let is_special =
        |item: &Item| list.target == Target::Command && Special::of(&item.pattern).is_some();
    for item in exceptions.iter().filter(|it| is_special(it) && !is_carried(it)) {
        let why = "an earlier permit holds, where a role asks rules that name it alone";
        losses.push(item.loss(why, Effect::Milder));
    }
}

fn annotation(risk: RiskLevel) -> String {
    format!(" @risk({})", quoted(risk.as_str()))
}

/// Whether a permit decides on lines of a later rule: on builtins only permits do that name them.
fn may_permit(permit: &Item, item: &Item, target: Target) -> bool {
    let is_builtin =
        target == Target::Command && Special::of(&item.pattern) == Some(Special::Builtin);
    !is_builtin || permit.pattern.first_word().is_some()
}

/// What a line has to be like.
fn lines(item: &Item) -> String {
    likes("line", &item.text).join(" || ")
}

/// Reads policies whose conditions are about the line and what rules may ask for besides.
pub(super) fn read(text: &str) -> Result<Read, Vec<Invalid>> {
    let policies = cedar_text::read(text)?;
    let mut role = Role::new("cedar");
    role.mode = Mode::Enforce;
    let mut problems = Vec::new();
    for (_, target) in ACTIONS {
        let is_meant = |it: &&Policy| it.action.is_none_or(|it| it == *target);
        let meant: Vec<&Policy> = policies.iter().filter(is_meant).collect();
        match rules(&meant, &mut role.risk_policy) {
            Ok(rules) => match target {
                Target::Command => role.rules = rules,
                Target::Mcp => role.mcp_rules = rules,
            },
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(Read::exact(role)) } else { Err(problems) }
}

/// A permit or an exception in the list that is made.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    pattern: String,
    compiled: Pattern,
    action: RuleAction,
    when: When,
    /// For permits: the places of the exceptions that they carry.
    except: Vec<usize>,
    id: String,
    risk: Option<RiskLevel>,
}

/// The list that decides as the policies do: forbids first, then permits and exceptions, each
/// permit behind its own exceptions and before all others that it shares lines with.
fn rules(policies: &[&Policy], risk: &mut RiskPolicy) -> Result<Vec<Rule>, Invalid> {
    let mut res: Vec<Rule> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    let new = |pattern: &str, action, when: &When| Entry {
        pattern: pattern.to_owned(),
        compiled: Pattern::new(pattern),
        action,
        when: when.clone(),
        except: Vec::new(),
        id: String::new(),
        risk: None,
    };
    for policy in policies {
        let bad = |message: &str| Invalid {
            line: policy.line,
            field: policy.id.clone(),
            message: message.to_owned(),
        };
        match (policy.below_trust, policy.is_permit) {
            (Some(threshold), false) if policy.unless.is_empty() => {
                risk.trust_threshold = Some(threshold);
            }
            (Some(_), _) => return Err(bad("permits by trust, which no rule can")),
            (None, false) => {
                if !policy.unless.is_empty() {
                    return Err(bad("forbids with exceptions, which no list of rules can say"));
                }
                let forbid = |it: &String| Rule {
                    rule_id: policy.id.clone(),
                    risk: policy.risk,
                    when: policy.when.clone(),
                    ..Rule::new(it, RuleAction::Deny)
                };
                res.extend(policy.lines.iter().map(forbid));
            }
            (None, true) => {
                let mut except = Vec::new();
                for (pattern, when) in &policy.unless {
                    let known = entries.iter().position(|it| {
                        it.pattern == *pattern && it.when == *when && it.action == RuleAction::Deny
                    });
                    except.push(known.unwrap_or(entries.len()));
                    if known.is_none() {
                        entries.push(new(pattern, RuleAction::Deny, when));
                    }
                }
                for line in &policy.lines {
                    entries.push(Entry {
                        except: except.clone(),
                        id: policy.id.clone(),
                        risk: policy.risk,
                        ..new(line, RuleAction::Allow, &policy.when)
                    });
                }
            }
        }
    }
    let order = order(&entries).ok_or_else(|| Invalid {
        line: policies.first().map_or(1, |it| it.line),
        field: String::new(),
        message: "permits have exceptions that no order of rules can say".to_owned(),
    })?;
    let ordered = order.iter().filter_map(|at| entries.get(*at));
    res.extend(ordered.map(|it| Rule {
        rule_id: it.id.clone(),
        risk: it.risk,
        when: it.when.clone(),
        ..Rule::new(&it.pattern, it.action)
    }));
    Ok(res)
}

/// Places in an order in which the first that matches decides as all together; `None` where there
/// is none.
fn order(entries: &[Entry]) -> Option<Vec<usize>> {
    let before = |first: usize, second: usize| -> bool {
        let (Some(a), Some(b)) = (entries.get(first), entries.get(second)) else { return false };
        match (a.action, b.action) {
            (RuleAction::Deny, RuleAction::Allow) => b.except.contains(&first),
            (RuleAction::Allow, RuleAction::Deny) => {
                !a.except.contains(&second)
                    && meet(&a.compiled, &b.compiled)
                    // Exceptions of its own that take all they share come first anyway.
                    && !a.except.iter().filter_map(|it| entries.get(*it)).any(|it| {
                        includes(&it.compiled, &b.compiled) && holds_wherever(&it.when, &b.when)
                    })
            }
            _ => false,
        }
    };
    let places = || 0..entries.len();
    let mut blockers: Vec<usize> =
        places().map(|it| places().filter(|other| before(*other, it)).count()).collect();
    let mut left: Vec<usize> = places().collect();
    let mut res = Vec::with_capacity(entries.len());
    while !left.is_empty() {
        let next = left.iter().position(|it| blockers.get(*it) == Some(&0))?;
        let place = left.remove(next);
        for other in left.iter().filter(|other| before(place, **other)) {
            if let Some(n_blockers) = blockers.get_mut(*other) {
                *n_blockers -= 1;
            }
        }
        res.push(place);
    }
    Some(res)
}
