//! Changes of a role by flags, for `roles create` and `roles edit`.
use clap::Args;

use super::words::one_of;
use crate::policy::{Evaluation, Matching, Mode, RiskLevel, Role, Rule, RuleAction, When};

/// Changes of a role by flags.
#[derive(Debug, Args)]
pub(super) struct Changes {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Record only, or stop what the rules deny
    #[arg(long, value_parser = one_of(Mode::ALL, Mode::as_str))]
    mode: Option<Mode>,
    /// What happens where no rule matches
    #[arg(long, value_name = "ACTION", value_parser = one_of(RuleAction::ALL, RuleAction::as_str))]
    default_action: Option<RuleAction>,
    /// How several matching rules become one decision
    #[arg(long, value_name = "ORDER", value_parser = one_of(Evaluation::ALL, Evaluation::as_str))]
    evaluation: Option<Evaluation>,
    /// Whether scripts and wrappers are expanded before rules are tried
    #[arg(long, value_parser = one_of(Matching::ALL, Matching::as_str))]
    matching: Option<Matching>,
    /// Remote MCP endpoints below this trust, 0 to 100, are denied; `none` for no threshold
    #[arg(long, value_name = "TRUST", value_parser = trust)]
    trust_threshold: Option<Trust>,
    /// Add a rule, such as `--add allow 'git status *'` (repeat for more, in order)
    #[arg(long, value_names = ["ACTION", "PATTERN"], num_args = 2, action = clap::ArgAction::Append)]
    #[arg(allow_hyphen_values = true)]
    add: Vec<String>,
    /// Place of the first added rule, 1 for the top [default: the end]
    #[arg(long, value_name = "N", requires = "add")]
    position: Option<usize>,
    /// The rules of `--add` are over `server/tool`
    #[arg(long, requires = "add")]
    mcp: bool,
    /// What the rules of `--add` declare: how bad it is where they stop something
    #[arg(long, value_name = "LEVEL", requires = "add")]
    #[arg(value_parser = one_of(RiskLevel::ALL, RiskLevel::as_str))]
    risk: Option<RiskLevel>,
    /// Declare the risk of a rule by its id, such as `--declare r-3 critical`; `none` takes it back
    /// (repeat for more)
    #[arg(long, value_names = ["RULE_ID", "LEVEL"], num_args = 2, action = clap::ArgAction::Append)]
    declare: Vec<String>,
    /// Remove a rule by its id (repeat for more)
    #[arg(long, value_name = "RULE_ID")]
    remove: Vec<String>,
}

/// A threshold, or that there is none.
#[derive(Clone, Copy, Debug)]
struct Trust(Option<u8>);

fn trust(text: &str) -> Result<Trust, String> {
    if text == "none" {
        return Ok(Trust(None));
    }
    let value = text.parse().ok().filter(|it| *it <= 100);
    value.map(|it| Trust(Some(it))).ok_or_else(|| "the range is 0 to 100, or `none`".to_owned())
}

/// A level of risk, `None` for the word `none`.
fn level_of(text: &str) -> Result<Option<RiskLevel>, String> {
    if text == "none" {
        return Ok(None);
    }
    RiskLevel::parse(text).map(Some).ok_or_else(|| {
        let known: Vec<&str> = RiskLevel::ALL.iter().map(|it| it.as_str()).collect();
        format!("`{text}` is no level of risk\nhint: one of {}, or `none`", known.join(", "))
    })
}

fn no_rule(role: &Role, id: &str) -> String {
    let name = &role.name;
    format!("`{name}` has no rule `{id}`\nhint: `advisor roles show` lists them with their ids")
}

impl Changes {
    /// Whether no flag was given.
    pub(super) fn is_empty(&self) -> bool {
        self.description.is_none()
            && self.mode.is_none()
            && self.default_action.is_none()
            && self.evaluation.is_none()
            && self.matching.is_none()
            && self.trust_threshold.is_none()
            && self.add.is_empty()
            && self.declare.is_empty()
            && self.remove.is_empty()
    }

    /// Changes `role` as the flags say: first what goes, then what comes.
    pub(super) fn apply(&self, role: &mut Role) -> Result<(), String> {
        if let Some(description) = &self.description {
            role.description.clone_from(description);
        }
        role.mode = self.mode.unwrap_or(role.mode);
        role.default_action = self.default_action.unwrap_or(role.default_action);
        role.evaluation = self.evaluation.unwrap_or(role.evaluation);
        role.matching = self.matching.unwrap_or(role.matching);
        if let Some(Trust(threshold)) = self.trust_threshold {
            role.risk_policy.trust_threshold = threshold;
        }
        for declared in self.declare.chunks(2) {
            let [id, level] = declared else { continue };
            let level = level_of(level)?;
            let mut rules = role.rules.iter_mut().chain(&mut role.mcp_rules);
            match rules.find(|it| it.rule_id == *id) {
                Some(rule) => rule.risk = level,
                None => return Err(no_rule(role, id)),
            }
        }
        for id in &self.remove {
            let n_rules = role.rules.len() + role.mcp_rules.len();
            role.rules.retain(|it| it.rule_id != *id);
            role.mcp_rules.retain(|it| it.rule_id != *id);
            if role.rules.len() + role.mcp_rules.len() == n_rules {
                return Err(no_rule(role, id));
            }
        }
        let rules = if self.mcp { &mut role.mcp_rules } else { &mut role.rules };
        let end = rules.len();
        let first = self.position.map_or(end, |it| it.saturating_sub(1).min(end));
        for (at, added) in (first..).zip(self.add.chunks(2)) {
            let [action, pattern] = added else { continue };
            let action = RuleAction::parse(action).ok_or_else(|| {
                let known: Vec<&str> = RuleAction::ALL.iter().map(|it| it.as_str()).collect();
                format!("`{action}` is no action\nhint: one of {}", known.join(", "))
            })?;
            let rule = Rule {
                rule_id: String::new(),
                pattern: pattern.clone(),
                action,
                when: When::new(),
                risk: self.risk,
                rationale: None,
            };
            rules.insert(at, rule);
        }
        Ok(())
    }
}
