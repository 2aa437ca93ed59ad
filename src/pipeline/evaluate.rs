//! Decides actions by a role: the decision of the contract, with everything it explains.
use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    commands::read,
    events::{Event, EventType, MARKER_CLOSE, MARKER_OPEN, Timestamp, markers},
    policy::{Circumstances, CommandDecision, Decision, Engine, Facts, Inputs, Role, RuleAction},
    risk::{Effects, approver_role, call_facts, reading_facts, risk_score},
};

/// One decision, with its grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Hash of all that was decided on and by: the same question has the same id.
    pub decision_id: String,
    /// The event.
    pub event_id: String,
    /// The event, under the name that policy systems give it.
    pub action_id: String,
    /// What happens.
    pub decision: RuleAction,
    /// The pattern that decided, `null` where the default did.
    pub rule: Option<String>,
    /// Ids of the rules that decided the inner commands.
    pub rule_ids: Vec<String>,
    /// The roles that were asked.
    pub policy_ids: Vec<String>,
    /// One sentence.
    pub reason: String,
    /// 0 (reads) to 100 (cannot be undone): what is at stake, whatever was decided.
    pub risk_score: u8,
    /// Who may say yes; `null` unless approval is required.
    pub approver_role: Option<&'static str>,
    /// Markers of the secrets that were taken out of the action before it was looked at.
    pub redactions: Vec<String>,
    /// When the action was seen.
    pub timestamp: Timestamp,
    /// The revision that decided.
    pub role_revision: u64,
    /// The expanded inner commands, each with its decision.
    pub commands: Vec<CommandDecision>,
}

/// What was done or is to be done.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act<'a> {
    /// A command.
    Command {
        /// The whole argument vector.
        argv: &'a [String],
        /// Working directory.
        cwd: Option<&'a str>,
    },
    /// A call of an MCP tool.
    Call {
        /// The server.
        server: &'a str,
        /// The tool.
        tool: &'a str,
        /// The arguments, an object as JSON text.
        arguments: &'a str,
        /// Trust in the remote endpoint, 0 to 100.
        trust_score: Option<u8>,
    },
}

/// What an act comes to.
#[derive(Clone, Debug)]
pub struct Judgment {
    /// What happens, and why.
    pub decision: Decision,
    /// What was known of it.
    pub facts: Facts,
    /// Everything it can do.
    pub effects: Effects,
}

/// Decides acts by one role, for hosts of any environment.
#[derive(Debug)]
pub struct Judge<'a> {
    role: &'a Role,
    /// Hash of what decides in the role.
    role_hash: String,
    given: Inputs,
    engines: BTreeMap<BTreeMap<String, String>, Engine<'a>>,
}

impl<'a> Judge<'a> {
    /// A judge for a role.
    pub fn new(role: &'a Role) -> Self {
        Self::given(role, Inputs::default())
    }

    /// A judge for a role, where `given` stands over what events say of themselves.
    pub fn given(role: &'a Role, given: Inputs) -> Self {
        let decides = serde_json::json!([
            role.name,
            role.revision,
            role.default_action,
            role.evaluation,
            role.matching,
            role.rules,
            role.mcp_rules,
            role.risk_policy,
        ]);
        Self { role, role_hash: hash(&decides.to_string()), given, engines: BTreeMap::new() }
    }

    /// Decides an event of a host with these variables; `None` where the event is no action.
    pub fn judge(
        &mut self,
        event: &Event,
        variables: &BTreeMap<String, String>,
    ) -> Option<Verdict> {
        let arguments = event.mcp_arguments.as_deref().unwrap_or_default();
        let act = match event.event_type {
            EventType::CommandExecution => {
                Act::Command { argv: &event.argv, cwd: event.cwd.as_deref() }
            }
            EventType::McpToolCall => Act::Call {
                server: event.mcp_server.as_deref()?,
                tool: event.mcp_tool.as_deref()?,
                arguments,
                trust_score: event.trust_score,
            },
            EventType::ConfigChange | EventType::PolicyIntegrity => return None,
        };
        let of_event = Inputs {
            agent: event.agent.clone(),
            session: event.session_id.clone(),
            owner: event.user.clone(),
            ..Inputs::default()
        };
        let inputs = self.inputs(of_event);
        let Judgment { decision, facts, effects } = self.decide(&act, &inputs, variables)?;
        let needs_approval = decision.decision == RuleAction::RequireApproval;
        let question = serde_json::json!([
            self.role_hash,
            event.event_id,
            event.timestamp,
            act,
            event.endpoint,
            inputs,
            variables,
        ]);
        Some(Verdict {
            decision_id: format!("d-{}", hash(&question.to_string())),
            event_id: event.event_id.clone(),
            action_id: event.event_id.clone(),
            decision: decision.decision,
            rule: decision.rule,
            rule_ids: decision.rule_ids,
            policy_ids: vec![self.role.name.clone()],
            reason: decision.reason,
            risk_score: risk_score(&facts, effects),
            approver_role: needs_approval.then(|| approver_role(effects)),
            redactions: redactions(&act),
            timestamp: event.timestamp,
            role_revision: self.role.revision,
            commands: decision.commands,
        })
    }

    /// What was given, and from `inputs` what was not.
    pub fn inputs(&self, inputs: Inputs) -> Inputs {
        let given = self.given.clone();
        Inputs {
            agent: given.agent.or(inputs.agent),
            session: given.session.or(inputs.session),
            owner: given.owner.or(inputs.owner),
            team: given.team.or(inputs.team),
            environment: given.environment.or(inputs.environment),
            approval: given.approval.max(inputs.approval),
        }
    }

    /// The role's engine for hosts with these variables.
    pub fn engine(&mut self, variables: &BTreeMap<String, String>) -> Option<&Engine<'a>> {
        if !self.engines.contains_key(variables) {
            self.engines.insert(variables.clone(), Engine::new(self.role, variables));
        }
        self.engines.get(variables)
    }

    /// Decides an act of somebody on a host with these variables.
    pub fn decide(
        &mut self,
        act: &Act<'_>,
        inputs: &Inputs,
        variables: &BTreeMap<String, String>,
    ) -> Option<Judgment> {
        let engine = self.engine(variables)?;
        Some(match *act {
            Act::Command { argv, cwd } => {
                let reading = read(argv);
                let (commands, facts, effects) = reading_facts(&reading, cwd);
                let known = Circumstances { inputs, commands: &commands, whole: &facts };
                let decision = engine.decide_command(argv, &reading, &known);
                Judgment { decision, facts, effects }
            }
            Act::Call { server, tool, arguments, trust_score } => {
                let (facts, effects) = call_facts(server, tool, arguments);
                let known = Circumstances { inputs, commands: &[], whole: &facts };
                let decision = engine.decide_call(server, tool, trust_score, &known);
                Judgment { decision, facts, effects }
            }
        })
    }
}

/// The first 8 bytes of a text's SHA-256, in hexadecimal.
fn hash(text: &str) -> String {
    let mut digits = format!("{:x}", Sha256::digest(text));
    digits.truncate(16);
    digits
}

/// The redaction markers in an act, in order, each once.
fn redactions(act: &Act<'_>) -> Vec<String> {
    let one;
    let texts = match act {
        Act::Command { argv, .. } => *argv,
        Act::Call { arguments, .. } => {
            one = [(*arguments).to_owned()];
            &one
        }
    };
    let mut res: Vec<String> = Vec::new();
    for kind in texts.iter().flat_map(|it| markers(it)) {
        let marker = format!("{MARKER_OPEN}{kind}{MARKER_CLOSE}");
        if !res.contains(&marker) {
            res.push(marker);
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        events::Outcome,
        policy::{Approval, When},
    };

    fn event(argv: &[&str]) -> Event {
        Event {
            event_id: "e-1".to_owned(),
            timestamp: Timestamp(1_772_442_847_000_000),
            hostname: "prod-1".to_owned(),
            event_type: EventType::CommandExecution,
            binary: argv.first().map(|it| (*it).to_owned()),
            argv: argv.iter().map(|it| (*it).to_owned()).collect(),
            decision: Outcome::Allowed,
            rule: None,
            agent: Some("Claude Code".to_owned()),
            severity: None,
            role: None,
            session_id: Some("s-1".to_owned()),
            cwd: Some("/srv/app".to_owned()),
            user: Some("ana".to_owned()),
            mcp_server: None,
            mcp_tool: None,
            mcp_arguments: None,
            endpoint: None,
            trust_score: None,
        }
    }

    fn role(json: &str) -> Role {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rules_look_at_who_acts_on_what_and_whether_a_person_agreed() {
        let role = role(
            r#"{"name":"r","default_action":"allow","rules":[
                {"pattern":"terraform apply*","action":"allow","when":{"approval":["granted"]}},
                {"pattern":"terraform apply*","action":"require_approval"},
                {"pattern":"*","action":"terminate","when":{"data_class":["secret"],"session":["s-9*"]}},
                {"pattern":"*","action":"deny","when":{"action_type":["read"],"resource_type":["secret"]}},
                {"pattern":"*","action":"require_approval","when":{"action_type":["write"],"resource_path":["*/src/auth/*"]}},
                {"pattern":"*","action":"alert","when":{"risk_level":["critical"],"agent":["Claude*"]}}]}"#,
        );
        let decide = |line: &[&str], given: Inputs| {
            let mut judge = Judge::given(&role, given);
            judge.judge(&event(line), &BTreeMap::new()).unwrap()
        };
        for (line, want) in [
            (&["terraform", "apply"][..], RuleAction::RequireApproval),
            (&["cat", ".env"], RuleAction::Deny),
            (&["cat", "src/auth/login.rs"], RuleAction::Allow),
            (&["tee", "src/auth/login.rs"], RuleAction::RequireApproval),
            (&["bash", "-c", "ls && echo x > src/auth/login.rs"], RuleAction::RequireApproval),
            (&["sudo", "ls"], RuleAction::Alert),
            (&["git", "push", "--force"], RuleAction::Alert),
        ] {
            let verdict = decide(line, Inputs::default());
            assert_eq!(verdict.decision, want, "{line:?}: {}", verdict.reason);
        }
        let given = Inputs { approval: Approval::Granted, ..Inputs::default() };
        assert_eq!(decide(&["terraform", "apply"], given).decision, RuleAction::Allow);
        let given = Inputs { session: Some("s-99".to_owned()), ..Inputs::default() };
        assert_eq!(decide(&["cat", ".env"], given).decision, RuleAction::Terminate);
        let verdict = decide(&["terraform", "apply"], Inputs::default());
        assert_eq!(verdict.approver_role, Some("platform"));
        assert!(verdict.risk_score >= 60, "{}", verdict.risk_score);
    }

    #[test]
    fn markers_of_secrets_are_the_redactions() {
        let role = Role::new("r");
        let line = ["curl", "-H", "a: %redacted:jwt%", "x", "%redacted:jwt%%redacted:aws-key%"];
        let verdict = Judge::new(&role).judge(&event(&line), &BTreeMap::new()).unwrap();
        assert_eq!(verdict.redactions, ["%redacted:jwt%", "%redacted:aws-key%"]);
    }

    /// Everything that the decision on an event may depend on.
    type Question = (Role, Event, BTreeMap<String, String>, Inputs);

    /// A question, and the same with one thing changed after the other.
    fn questions() -> Vec<Question> {
        let role = role(r#"{"name":"r","rules":[{"pattern":"ls *","action":"allow"}]}"#);
        let base = (role, event(&["ls", "a"]), BTreeMap::new(), Inputs::default());
        let mut res = vec![base.clone()];
        let mut with = |change: &dyn Fn(&mut Question)| {
            let mut question = base.clone();
            change(&mut question);
            res.push(question);
        };
        with(&|it| it.0.revision = 9);
        with(&|it| it.0.name = "s".to_owned());
        with(&|it| it.0.default_action = RuleAction::Alert);
        with(&|it| it.0.rules[0].pattern = "ls".to_owned());
        with(&|it| it.0.rules[0].action = RuleAction::Deny);
        with(&|it| it.0.rules[0].when = When::from([("env".to_owned(), vec!["x".to_owned()])]));
        with(&|it| it.0.risk_policy.trust_threshold = Some(1));
        with(&|it| it.1.event_id = "e-2".to_owned());
        with(&|it| it.1.timestamp = Timestamp(5));
        with(&|it| it.1.argv = vec!["ls a".to_owned()]);
        with(&|it| it.1.argv = vec!["ls".to_owned(), "b".to_owned()]);
        with(&|it| it.1.cwd = None);
        with(&|it| it.1.agent = None);
        with(&|it| it.1.session_id = None);
        with(&|it| it.1.user = None);
        with(&|it| drop(it.2.insert("env".to_owned(), "dev".to_owned())));
        with(&|it| it.3.team = Some("web".to_owned()));
        with(&|it| it.3.environment = Some("dev".to_owned()));
        with(&|it| it.3.approval = Approval::Denied);
        res
    }

    #[test]
    fn different_questions_have_different_ids() {
        let ids: std::collections::BTreeSet<String> = questions()
            .iter()
            .map(|(role, event, variables, given)| {
                let mut judge = Judge::given(role, given.clone());
                judge.judge(event, variables).unwrap().decision_id
            })
            .collect();
        assert_eq!(ids.len(), questions().len());
    }

    proptest! {
        #[test]
        fn the_same_question_has_the_same_answer_and_id(
            pattern in "[a-c *]{1,6}",
            argv in prop::collection::vec("[a-c ]{1,3}", 1..4),
            env in "[a-c]",
        ) {
            let mut role = Role::new("r");
            role.rules = role_rules(&pattern);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let variables = BTreeMap::from([("env".to_owned(), env)]);
            let one = Judge::new(&role).judge(&event(&argv), &variables);
            let other = role.clone();
            let mut judge = Judge::new(&other);
            let _ = judge.judge(&event(&["something", "else"]), &BTreeMap::new());
            prop_assert_eq!(one, judge.judge(&event(&argv), &variables));
        }
    }

    fn role_rules(pattern: &str) -> Vec<crate::policy::Rule> {
        vec![crate::policy::Rule {
            rule_id: "r1".to_owned(),
            pattern: pattern.to_owned(),
            action: RuleAction::Allow,
            when: When::new(),
            risk: None,
            rationale: None,
        }]
    }
}
