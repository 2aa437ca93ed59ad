//! Conditions of rules: whether what is known of an action is what `when` asks for.
use std::collections::BTreeMap;

use super::{Access, Facts, Input, Inputs, Pattern, When, inputs::NOT_KNOWN, role::Rule};

/// The conditions of one rule, with the variables of a host put in.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions<'a> {
    asked: Vec<Asked<'a>>,
}

/// One condition.
#[derive(Clone, Debug)]
struct Asked<'a> {
    name: &'a str,
    values: &'a [String],
    about: About,
}

#[derive(Clone, Debug)]
enum About {
    /// A variable of the host: whether it has one of the values there.
    Variable(bool),
    /// An input, with the globs of its values where it takes some, and the value of the host's
    /// variable that stands in for it.
    Input { input: Input, globs: Vec<Pattern>, stand_in: Option<String> },
}

impl<'a> Conditions<'a> {
    /// The conditions of a rule on a host with these variables.
    pub(super) fn new(when: &'a When, variables: &BTreeMap<String, String>) -> Self {
        let asked = when.iter().map(|(name, values)| {
            let about = match Input::parse(name) {
                Some(input) => {
                    let globs =
                        values.iter().filter(|_| input.is_glob()).map(|it| Pattern::new(it));
                    let stand_in = input.variable().and_then(|it| variables.get(it)).cloned();
                    About::Input { input, globs: globs.collect(), stand_in }
                }
                None => About::Variable(has(values, variables.get(name).map(String::as_str))),
            };
            Asked { name, values, about }
        });
        Self { asked: asked.collect() }
    }

    /// Whether they hold for no action on this host.
    pub(super) fn never_hold(&self) -> bool {
        self.asked.iter().any(|it| matches!(it.about, About::Variable(false)))
    }

    /// Whether they ask for anything of the action itself.
    pub(super) fn ask(&self) -> bool {
        self.asked.iter().any(|it| matches!(it.about, About::Input { .. }))
    }

    /// Whether all of them hold.
    pub(super) fn hold(&self, inputs: &Inputs, facts: &Facts) -> bool {
        self.unmet(inputs, facts).is_none()
    }

    /// The first condition that does not hold, by its key.
    pub(super) fn unmet(&self, inputs: &Inputs, facts: &Facts) -> Option<&'a str> {
        let fails = |asked: &&Asked<'a>| !self.holds(asked, inputs, facts);
        self.asked.iter().find(fails).map(|asked| asked.name)
    }

    fn holds(&self, asked: &Asked<'_>, inputs: &Inputs, facts: &Facts) -> bool {
        let (input, globs, stand_in) = match &asked.about {
            About::Variable(holds) => return *holds,
            About::Input { input, globs, stand_in } => (*input, globs, stand_in.as_deref()),
        };
        let values = asked.values;
        let glob = |value: Option<&str>| match value {
            Some(value) => globs.iter().any(|it| it.matches(value)),
            None => has(values, None),
        };
        match input {
            Input::Agent => glob(inputs.agent.as_deref()),
            Input::Session => glob(inputs.session.as_deref()),
            Input::Owner => glob(inputs.owner.as_deref().or(stand_in)),
            Input::Team => glob(inputs.team.as_deref().or(stand_in)),
            Input::Environment => has(values, inputs.environment.as_deref().or(stand_in)),
            Input::ActionType | Input::ResourceType => self.acts(facts),
            Input::ResourcePath if facts.paths.is_empty() => has(values, None),
            Input::ResourcePath => facts.paths.iter().any(|it| glob(Some(it))),
            Input::DataClass => any(values, facts.data_classes.iter().map(|it| it.as_str())),
            Input::RiskSignal => any(values, facts.risk_signals.iter().copied()),
            Input::RiskLevel => has(values, facts.risk_level.map(super::RiskLevel::as_str)),
            Input::Access => has(values, facts.access.map(Access::as_str)),
            Input::Approval => has(values, Some(inputs.approval.as_str())),
        }
    }

    /// Whether one and the same act is of the kinds that are asked for.
    fn acts(&self, facts: &Facts) -> bool {
        let values = |wanted: Input| {
            let of =
                |it: &&Asked<'a>| matches!(it.about, About::Input { input, .. } if input == wanted);
            self.asked.iter().find(of).map(|it| it.values)
        };
        let (actions, resources) = (values(Input::ActionType), values(Input::ResourceType));
        let fits = |action: Option<&str>, resource: Option<&str>| {
            actions.is_none_or(|it| has(it, action)) && resources.is_none_or(|it| has(it, resource))
        };
        if facts.acts.is_empty() {
            return fits(None, None);
        }
        facts
            .acts
            .iter()
            .any(|(action, resource)| fits(Some(action.as_str()), Some(resource.as_str())))
    }
}

/// Whether a value is one of `values`; what is not known is `none`.
fn has(values: &[String], value: Option<&str>) -> bool {
    let value = value.unwrap_or(NOT_KNOWN);
    values.iter().any(|it| it == value)
}

/// Whether one of `found` is one of `values`; finding nothing is `none`.
fn any<'v>(values: &[String], found: impl Iterator<Item = &'v str>) -> bool {
    let mut found = found.peekable();
    if found.peek().is_none() { has(values, None) } else { found.any(|it| has(values, Some(it))) }
}

/// The condition of a rule for what goes no further than that.
pub fn of_access(access: Access) -> When {
    When::from([(Input::Access.as_str().to_owned(), vec![access.as_str().to_owned()])])
}

/// How far a rule with these conditions lets something go, where one of them says so.
pub fn access_of(when: &When) -> Option<Access> {
    let [only] = when.get(Input::Access.as_str())?.as_slice() else { return None };
    Access::ALL.iter().copied().find(|it| it.as_str() == only)
}

/// Rules, each with what is wrong with its conditions: the key, and what is wrong.
pub(super) fn problems(rule: &Rule) -> Vec<(String, String)> {
    let mut res = Vec::new();
    for (name, values) in &rule.when {
        let mut problem = |message: String| res.push((name.clone(), message));
        if values.is_empty() {
            problem("names no value, so the rule never applies".to_owned());
        }
        let Some(input) = Input::parse(name) else {
            if !is_variable_name(name) {
                let inputs: Vec<&str> = Input::ALL.iter().map(|it| it.as_str()).collect();
                problem(format!(
                    "is neither a variable (small letters, digits and `_`) nor one of {}",
                    inputs.join(", ")
                ));
            }
            continue;
        };
        let Some(words) = input.words() else { continue };
        for value in values.iter().filter(|it| *it != NOT_KNOWN && !words.contains(&it.as_str())) {
            problem(format!("does not know `{value}`, only {}", words.join(", ")));
        }
    }
    res
}

/// Whether a name is one that a variable can have.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|ch: char| ch.is_ascii_lowercase() || ch == '_')
        && name.len() <= 64
        && name.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ActionType, Approval, DataClass, ResourceType, RiskLevel, RuleAction};

    fn when(json: &str) -> When {
        serde_json::from_str(json).unwrap()
    }

    fn rule(json: &str) -> Rule {
        Rule {
            rule_id: String::new(),
            pattern: "*".to_owned(),
            action: RuleAction::Deny,
            when: when(json),
            risk: None,
            rationale: None,
        }
    }

    #[test]
    fn conditions_hold_where_what_is_known_is_asked_for() {
        let variables = BTreeMap::from([
            ("env".to_owned(), "production".to_owned()),
            ("team".to_owned(), "payments".to_owned()),
        ]);
        let inputs = Inputs {
            agent: Some("Claude Code".to_owned()),
            session: Some("s-81".to_owned()),
            owner: Some("ana".to_owned()),
            approval: Approval::Granted,
            ..Inputs::default()
        };
        let facts = Facts {
            acts: [
                (ActionType::Read, ResourceType::Secret),
                (ActionType::Write, ResourceType::File),
            ]
            .into(),
            paths: [".env".to_owned(), "/srv/app/src/auth/login.rs".to_owned()].into(),
            data_classes: [DataClass::Secret].into(),
            risk_signals: ["secret.read", "redacted"].into(),
            risk_level: Some(RiskLevel::Critical),
            access: Some(Access::Read),
        };
        for (json, holds) in [
            ("{}", true),
            (r#"{"env": ["production"]}"#, true),
            (r#"{"env": ["dev", "staging"]}"#, false),
            (r#"{"environment": ["production"]}"#, true),
            (r#"{"environment": ["none"]}"#, false),
            (r#"{"region": ["eu"]}"#, false),
            (r#"{"region": ["eu", "none"]}"#, true),
            (r#"{"agent": ["Claude*"]}"#, true),
            (r#"{"agent": ["Codex CLI"]}"#, false),
            (r#"{"session": ["s-81"]}"#, true),
            (r#"{"owner": ["bob", "an*"]}"#, true),
            (r#"{"owner": ["none"]}"#, false),
            (r#"{"team": ["payments"]}"#, true),
            (r#"{"team": ["web"]}"#, false),
            (r#"{"access": ["read"]}"#, true),
            (r#"{"access": ["none"]}"#, false),
            (r#"{"action_type": ["delete", "write"]}"#, true),
            (r#"{"action_type": ["delete"]}"#, false),
            (r#"{"resource_type": ["secret"]}"#, true),
            // One and the same act: secrets are read, files are written.
            (r#"{"action_type": ["read"], "resource_type": ["secret"]}"#, true),
            (r#"{"action_type": ["write"], "resource_type": ["secret"]}"#, false),
            (r#"{"resource_path": ["*/auth/*"]}"#, true),
            (r#"{"resource_path": [".env"]}"#, true),
            (r#"{"resource_path": ["auth"]}"#, false),
            (r#"{"data_class": ["personal", "secret"]}"#, true),
            (r#"{"data_class": ["none"]}"#, false),
            (r#"{"risk_signal": ["redacted"]}"#, true),
            (r#"{"risk_signal": ["vcs.publish"]}"#, false),
            (r#"{"risk_level": ["high", "critical"]}"#, true),
            (r#"{"approval": ["granted"]}"#, true),
            (r#"{"approval": ["none", "pending"]}"#, false),
            (r#"{"env": ["production"], "approval": ["denied"]}"#, false),
        ] {
            let when = when(json);
            let conditions = Conditions::new(&when, &variables);
            assert_eq!(conditions.hold(&inputs, &facts), holds, "{json}");
        }
    }

    #[test]
    fn what_is_not_known_is_none() {
        let (inputs, facts, variables) = (Inputs::default(), Facts::default(), BTreeMap::new());
        for &input in Input::ALL {
            let mut when = When::from([(input.as_str().to_owned(), vec!["x".to_owned()])]);
            assert!(!Conditions::new(&when, &variables).hold(&inputs, &facts), "{input}");
            when.insert(input.as_str().to_owned(), vec![NOT_KNOWN.to_owned()]);
            assert!(Conditions::new(&when, &variables).hold(&inputs, &facts), "{input}");
        }
    }

    #[test]
    fn problems_name_the_key_and_what_may_stand_there() {
        for (json, key, message) in [
            (r#"{"env": []}"#, "env", "names no value"),
            (r#"{"Env": ["x"]}"#, "Env", "is neither a variable"),
            (r#"{"action_type": ["reed"]}"#, "action_type", "does not know `reed`, only read,"),
            (r#"{"approval": ["yes"]}"#, "approval", "does not know `yes`"),
        ] {
            let found = problems(&rule(json));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].0 == key && found[0].1.starts_with(message), "{found:?}");
        }
        for json in [
            r#"{"env": ["x"], "agent": ["*"], "action_type": ["read", "none"]}"#,
            r#"{"risk_level": ["high"], "data_class": ["secret"], "resource_path": ["*/.env"]}"#,
        ] {
            assert_eq!(problems(&rule(json)), []);
        }
    }
}
