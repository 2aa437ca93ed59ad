//! A role's rules on their way into another format: in order, plain, and what is lost on the way.
use super::{Effect, Loss, field};
use crate::{
    commands::{Runs, is_free_builtin, runs},
    policy::{
        Evaluation, Matching, Pattern, RiskLevel, Role, RuleAction, Target, When, includes,
        overlaps,
    },
};

/// What of rules a format says as it is.
#[derive(Clone, Copy)]
pub(super) struct Keeps {
    /// The risk that a rule declares.
    pub(super) risk: bool,
    /// Variables in patterns.
    pub(super) variables: bool,
    /// A condition, by its key and values.
    pub(super) condition: fn(&str, &[String]) -> bool,
}

impl Keeps {
    /// Neither declared risks nor variables nor conditions.
    pub(super) const NOTHING: Self =
        Self { risk: false, variables: false, condition: |_, _| false };

    /// What rules ask for that is not said, in words; `None` where all is.
    fn unsaid(self, when: &When, pattern: &str) -> Option<String> {
        let unsaid = |it: &(&String, &Vec<String>)| !(self.condition)(it.0, it.1);
        let keys: Vec<&str> = when.iter().filter(unsaid).map(|(key, _)| key.as_str()).collect();
        if !keys.is_empty() {
            let is_all = keys.len() == when.len();
            let which = format!("conditions on {}", keys.join(", "));
            return Some(if is_all { "conditions".to_owned() } else { which });
        }
        (!self.variables && has_variables(pattern)).then(|| "variables".to_owned())
    }
}

/// A role's rules of one kind: the first that matches decides, else the default.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) items: Vec<Item>,
    pub(super) default: RuleAction,
    /// The risk that the rule for everything declares, where there is one.
    pub(super) default_risk: Option<RiskLevel>,
    pub(super) target: Target,
    /// Rules that never fire, for people: they are left out, and nothing is lost by that.
    pub(super) idle: Vec<String>,
}

/// A rule without the conditions and variables that the format has no words for.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Such as `rules[3]`.
    pub(super) field: String,
    pub(super) text: String,
    pub(super) pattern: Pattern,
    pub(super) action: RuleAction,
    pub(super) when: When,
    pub(super) risk: Option<RiskLevel>,
    pub(super) rationale: Option<String>,
}

impl Item {
    /// What is lost of this rule.
    pub(super) fn loss(&self, why: impl Into<String>, effect: Effect) -> Loss {
        let what = format!("{} `{}`", self.action, self.text);
        Loss { field: self.field.clone(), what, why: why.into(), effect }
    }
}

impl Ordered {
    /// The rules of a role, strictest first where the strictest decides. Rules with conditions or
    /// variables that the format does not keep are left out where they allow, and else hold always, as strictly as what stands behind
    /// them: so nothing becomes milder. A last rule for everything is the default; what is behind a rule
    /// that takes all of it is gone, without loss.
    pub(super) fn new(role: &Role, target: Target, keeps: Keeps, losses: &mut Vec<Loss>) -> Self {
        if target == Target::Command && role.matching == Matching::Literal {
            losses.push(Loss {
                field: "matching".to_owned(),
                what: role.matching.to_string(),
                why: "commands are read there as a shell would run them, not as they stand"
                    .to_owned(),
                effect: Effect::Milder,
            });
        }
        let mut items: Vec<Item> = Vec::new();
        // Rules that hold always where they would hold sometimes, and what they ask for.
        let mut asking: Vec<(String, String)> = Vec::new();
        for (idx, rule) in role.list(target).iter().enumerate() {
            let mut item = Item {
                field: field(target, idx),
                text: rule.pattern.clone(),
                pattern: Pattern::of_any(&rule.pattern),
                action: rule.action,
                when: rule.when.clone(),
                risk: rule.risk,
                rationale: rule.rationale.clone(),
            };
            if let Some(asks) = keeps.unsaid(&rule.when, &rule.pattern) {
                if rule.action == RuleAction::Allow {
                    losses.push(item.loss(format!("has no {asks}: left out"), Effect::Stricter));
                    continue;
                }
                asking.push((item.field.clone(), asks));
                item.when.retain(|key, values| (keeps.condition)(key, values));
                if !keeps.variables {
                    item.text = of_any(&item.text);
                }
            }
            items.push(item);
        }
        if role.evaluation == Evaluation::DenyOverrides {
            items.sort_by_key(|it| std::cmp::Reverse(it.action));
        }
        for (field, asks) in asking {
            let Some(at) = items.iter().position(|it| it.field == field) else { continue };
            // Where it would not hold, what is behind it may be stricter.
            let behind = items.iter().skip(at + 1);
            let strictest = items.get(at).map(|item| {
                let behind = behind.filter(|it| meet(&it.pattern, &item.pattern));
                behind.map(|it| it.action).fold(item.action.max(role.default_action), Ord::max)
            });
            if let (Some(item), Some(action)) = (items.get_mut(at), strictest) {
                let why = format!("has no {asks}: {action} whatever they are");
                losses.push(item.loss(why, Effect::Stricter));
                item.action = action;
            }
        }
        let mut res = Self {
            items: Vec::new(),
            default: role.default_action,
            default_risk: None,
            target,
            idle: Vec::new(),
        };
        let mut is_closed = false;
        let mut closing: Option<Item> = None;
        for item in items {
            let is_open = has_variables(&item.text);
            let is_everything =
                !is_open && item.when.is_empty() && is_everything(&item.pattern, target);
            let special = (target == Target::Command).then(|| Special::of(&item.pattern)).flatten();
            // Builtins and wrappers ask only rules that name them.
            let may_hold = |it: &&Item| {
                !has_variables(&it.text) && (special.is_none() || it.pattern.first_word().is_some())
            };
            let is_dead = !is_open
                && res.items.iter().filter(may_hold).any(|it| {
                    holds_wherever(&it.when, &item.when) && includes(&it.pattern, &item.pattern)
                });
            if is_dead || is_closed && special.is_none() {
                res.idle.push(format!("{} `{}` never fires", item.field, item.text));
            } else if is_closed && special == Some(Special::Wrapper) {
                // Where it wraps nothing, the rule for everything decides.
                if item.action > res.default {
                    losses.push(item.loss("holds where nothing is wrapped, too", Effect::Stricter));
                    res.items.push(item);
                } else if item.action != RuleAction::Allow {
                    let why = "left out: it is for what is wrapped alone";
                    losses.push(item.loss(why, Effect::Milder));
                } else {
                    res.idle.push(format!("{} `{}` changes nothing", item.field, item.text));
                }
            } else if is_everything {
                res.default = item.action;
                res.default_risk = item.risk;
                is_closed = true;
                closing = Some(item);
            } else {
                res.items.push(item);
            }
        }
        for item in res.items.iter().chain(&closing).filter(|_| !keeps.risk) {
            if let Some(risk) = item.risk {
                losses.push(item.loss(format!("has no declared risk: {risk}"), Effect::Same));
            }
        }
        res
    }

    /// Puts other actions in the place of those a format does not know.
    pub(super) fn translate(
        &mut self,
        to: impl Fn(RuleAction) -> (RuleAction, &'static str),
        losses: &mut Vec<Loss>,
    ) {
        for item in &mut self.items {
            let (action, why) = to(item.action);
            if action != item.action {
                losses.push(item.loss(why, effect(item.action, action)));
                item.action = action;
            }
        }
        let (action, why) = to(self.default);
        if action != self.default {
            losses.push(self.default_loss(why, effect(self.default, action)));
            self.default = action;
        }
    }

    /// What is lost of the default.
    pub(super) fn default_loss(&self, why: impl Into<String>, effect: Effect) -> Loss {
        let kind = match self.target {
            Target::Command => "commands",
            Target::Mcp => "calls",
        };
        Loss {
            field: "default_action".to_owned(),
            what: format!("{} for other {kind}", self.default),
            why: why.into(),
            effect,
        }
    }

    /// Says each rule in a format's words, `say` gives them or why there are none. A rule that lets
    /// through what a stricter rule without words stops is left out.
    pub(super) fn say<T>(
        &self,
        mut say: impl FnMut(&Item) -> Result<T, String>,
        losses: &mut Vec<Loss>,
    ) -> Vec<(&Item, T)> {
        let mut said = Vec::new();
        let mut unsaid: Vec<&Item> = Vec::new();
        for item in &self.items {
            let holder = unsaid
                .iter()
                .find(|it| it.action > item.action && meet(&it.pattern, &item.pattern));
            if let Some(holder) = holder {
                let why = format!("left out: `{}`, which is lost, would not stop it", holder.text);
                losses.push(item.loss(why, effect(item.action, self.without(item))));
                unsaid.push(item);
                continue;
            }
            match say(item) {
                Ok(words) => said.push((item, words)),
                Err(why) => {
                    losses.push(item.loss(why, effect(item.action, self.without(item))));
                    unsaid.push(item);
                }
            }
        }
        said
    }

    /// What holds for the lines of a rule that is not said: of builtins and wrappers nothing.
    fn without(&self, item: &Item) -> RuleAction {
        let is_special = self.target == Target::Command && Special::of(&item.pattern).is_some();
        if is_special { RuleAction::Allow } else { self.default }
    }

    /// Notes the rules that give way where of all rules the strictest decides; `beats` says whether
    /// a later action overrides an earlier one.
    pub(super) fn unorder<T>(
        said: &[(&Item, T)],
        beats: impl Fn(RuleAction, RuleAction) -> bool,
        losses: &mut Vec<Loss>,
    ) {
        for (idx, (item, _)) in said.iter().enumerate() {
            let mut later = said.iter().skip(idx + 1);
            let wins = later
                .find(|(it, _)| beats(it.action, item.action) && meet(&it.pattern, &item.pattern));
            if let Some((winner, _)) = wins {
                let why = format!("stands before {} `{}`, which wins", winner.action, winner.text);
                losses.push(item.loss(why, Effect::Stricter));
            }
        }
    }
}

/// Commands that only rules decide on which name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// Free without such a rule.
    Builtin,
    /// What it wraps is decided on its own.
    Wrapper,
}

impl Special {
    /// What the first word of a pattern is.
    pub(super) fn of(pattern: &Pattern) -> Option<Self> {
        let word = pattern.first_word()?;
        if runs().any(|(name, how)| name == word && how == Runs::Wrapped) {
            return Some(Self::Wrapper);
        }
        is_free_builtin(word).then_some(Self::Builtin)
    }
}

/// Whether a later action that a format puts over an earlier one is stricter.
pub(super) fn stricter(later: RuleAction, earlier: RuleAction) -> bool {
    later > earlier
}

/// What it means that `after` holds in the place of `before`.
pub(super) fn effect(before: RuleAction, after: RuleAction) -> Effect {
    if after >= before { Effect::Stricter } else { Effect::Milder }
}

/// Whether a pattern refers to variables.
pub(super) fn has_variables(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, after)| after.contains("}}"))
}

/// A pattern with a star for each variable.
fn of_any(text: &str) -> String {
    let mut res = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else { break };
        res.push_str(before);
        res.push('*');
        rest = after;
    }
    res.push_str(rest);
    res
}

/// Whether a pattern takes every command, or every call.
fn is_everything(pattern: &Pattern, target: Target) -> bool {
    let all = match target {
        Target::Command => "*",
        Target::Mcp => "*/*",
    };
    includes(pattern, &Pattern::new(all))
}

/// Whether conditions hold wherever others do, as far as their values tell.
pub(super) fn holds_wherever(these: &When, others: &When) -> bool {
    these.iter().all(|(key, values)| {
        others.get(key).is_some_and(|narrower| narrower.iter().all(|it| values.contains(it)))
    })
}

/// Whether two patterns share a line.
pub(super) fn meet(left: &Pattern, right: &Pattern) -> bool {
    // Beginnings that differ are quickly seen; an optional tail takes the last blank along.
    let (a, b) = (left.literal_prefix().trim_end(), right.literal_prefix().trim_end());
    (a.starts_with(b) || b.starts_with(a)) && overlaps(left, right)
}

/// The literal text of a pattern without stars.
pub(super) fn literal_of(pattern: &Pattern) -> Option<&str> {
    match pattern.parts() {
        [only] => Some(only),
        _ => None,
    }
}

/// What a role says besides that a format has no place for; nothing is decided by it.
pub(super) fn unsaid(role: &Role, named: bool) -> Vec<String> {
    let mut res = Vec::new();
    if !named {
        res.push(format!("it has no name: `{}`", role.name));
        if !role.description.is_empty() {
            res.push("it has no description".to_owned());
        }
    }
    res
}

/// Targets that a format does not decide on: each rule of the list, and the default.
pub(super) fn no_place(role: &Role, target: Target, losses: &mut Vec<Loss>) {
    let kind = match target {
        Target::Command => "commands",
        Target::Mcp => "calls",
    };
    for (idx, rule) in role.list(target).iter().enumerate() {
        losses.push(Loss {
            field: field(target, idx),
            what: format!("{} `{}`", rule.action, rule.pattern),
            why: format!("the format does not decide on {kind}"),
            effect: Effect::Milder,
        });
    }
}

/// The threshold of trust, where a format has none.
pub(super) fn no_threshold(role: &Role, losses: &mut Vec<Loss>) {
    if let Some(threshold) = role.risk_policy.trust_threshold {
        losses.push(Loss {
            field: "risk_policy.trust_threshold".to_owned(),
            what: threshold.to_string(),
            why: "the format knows no trust in endpoints".to_owned(),
            effect: Effect::Milder,
        });
    }
}
