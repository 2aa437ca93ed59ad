//! Events -> what is noticed, alike things once.
use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    AlertKind, Detail,
    arrivals::{installed, plugin, plugin_of_path},
    ran::{Ran, ran, stopped},
    rules::{Matter, Rules},
};
use crate::{
    batch::{Anomaly, Oddity},
    events::{Event, EventType, Outcome, Severity, Timestamp},
    policy::Target,
    risk::RiskLevel,
};

/// Most alerts of one kind that one look makes; what is more becomes one that says so.
///
/// # Source
/// Our choice: whoever chooses the names of tools and servers must not choose how much there is to read.
const MAX_OF_KIND: usize = 200;

/// Most lines that are kept of one, their length in characters, and most ids.
const MAX_EXAMPLES: usize = 3;
const MAX_TEXT: usize = 200;
const MAX_EVENT_IDS: usize = 5;

/// Something that was noticed: an alert, or more of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// What it is about.
    pub kind: AlertKind,
    /// Alike things have the same.
    pub key: String,
    /// The most serious of its events.
    pub severity: Severity,
    /// The role, where it is about one.
    pub role: Option<String>,
    /// The host of its first event.
    pub hostname: Option<String>,
    /// One sentence.
    pub message: String,
    /// How many events.
    pub events: u64,
    /// Time of the first event.
    pub first: Timestamp,
    /// Time of the last one.
    pub last: Timestamp,
    /// Time of the last one that changed a configuration or installed something, where one did.
    pub changed: Option<Timestamp>,
    /// What it is about and examples.
    pub detail: Detail,
}

/// Looks at events one after the other; what comes of it does not depend on their order but for
/// examples.
#[derive(Debug)]
pub struct Watch<'a> {
    rules: &'a Rules,
    /// Role -> the trust that its remote MCP endpoints need.
    thresholds: &'a BTreeMap<String, u8>,
    noticed: BTreeMap<(AlertKind, String), Noticed>,
    n_of_kind: BTreeMap<AlertKind, usize>,
}

/// What is said of an event.
struct Said<'a> {
    kind: AlertKind,
    severity: Severity,
    /// What alike things share.
    key: Vec<&'a str>,
    /// The tool, server, endpoint or rule.
    subject: &'a str,
    message: String,
    /// What patterns of rules are tried on, the line of the examples first.
    texts: Vec<String>,
}

impl<'a> Watch<'a> {
    /// A watch that has seen nothing.
    pub const fn new(rules: &'a Rules, thresholds: &'a BTreeMap<String, u8>) -> Self {
        Self { rules, thresholds, noticed: BTreeMap::new(), n_of_kind: BTreeMap::new() }
    }

    /// Looks at an event; `line` is its command line or `server/tool`, `severity` as
    /// [`crate::risk::severity`] says.
    pub fn see(&mut self, event: &Event, line: &str, severity: Severity) {
        let host = event.hostname.as_str();
        let role = event.role.as_deref().unwrap_or_default();
        let agent = event.agent.as_deref().unwrap_or("an agent");
        let rule = event.rule.as_deref();
        let is_action =
            matches!(event.event_type, EventType::CommandExecution | EventType::McpToolCall);
        if event.event_type == EventType::PolicyIntegrity && event.decision != Outcome::Allowed {
            self.say(
                event,
                Said {
                    kind: AlertKind::PolicyIntegrity,
                    severity: Severity::Critical,
                    key: vec![host, rule.unwrap_or_default()],
                    subject: rule.unwrap_or(host),
                    message: format!(
                        "policy files or the enforcement agent on {host} were tampered with"
                    ),
                    texts: vec![line.to_owned()],
                },
            );
        }
        if event.event_type == EventType::ConfigChange {
            let server = event.mcp_server.as_deref().unwrap_or_default();
            let mut message = format!("the configuration of {agent} changed on {host}");
            if !server.is_empty() {
                let _ = write!(message, ": MCP server `{}`", cut(server));
            }
            self.say(
                event,
                Said {
                    kind: AlertKind::ConfigChange,
                    severity,
                    key: vec![host, agent, server],
                    subject: if server.is_empty() { agent } else { server },
                    message,
                    texts: vec![line.to_owned()],
                },
            );
        }
        let is_stopped = event.decision == Outcome::Blocked
            || event.decision == Outcome::WouldBlock && severity == Severity::Critical;
        let declares = event.agent.as_deref().is_some_and(|it| self.rules.declares(it));
        if is_action && (is_stopped || declares) {
            let ran = ran(event, line);
            if is_stopped {
                self.see_stopped(event, &ran, severity);
            }
            if declares {
                self.see_undeclared(event, agent, &ran, severity);
            }
        }
        self.see_arrival(event, severity);
        let threshold = self.thresholds.get(role);
        if let (Some(trust), Some(threshold)) = (event.trust_score, threshold)
            && trust < *threshold
        {
            let endpoint = event.endpoint.as_deref().unwrap_or("an endpoint without a name");
            self.say(
                event,
                Said {
                    kind: AlertKind::EndpointTrust,
                    severity: severity.max(Severity::Warning),
                    key: vec![role, endpoint],
                    subject: endpoint,
                    message: format!(
                        "trust in `{}` is below {threshold}, which role {role} asks for",
                        cut(endpoint)
                    ),
                    texts: vec![line.to_owned(), endpoint.to_owned()],
                },
            );
        }
    }

    /// Looks for a server or plugin that an event names.
    fn see_arrival(&mut self, event: &Event, severity: Severity) {
        if let Some(server) = &event.mcp_server {
            match plugin(server) {
                Some(plugin) => self.say_arrival(event, AlertKind::NewPlugin, plugin, severity),
                None => self.say_arrival(event, AlertKind::NewServer, server, severity),
            }
            return;
        }
        if event.event_type == EventType::ConfigChange {
            let found = event.argv.iter().find_map(|it| plugin_of_path(it));
            if let Some(plugin) = found {
                self.say_arrival(event, AlertKind::NewPlugin, plugin, severity);
            }
        }
    }

    /// Looks for plugins that a command installs; what was stopped installs none.
    pub fn see_installed(&mut self, event: &Event, severity: Severity) {
        if event.decision == Outcome::Blocked {
            return;
        }
        for plugin in installed(&event.argv) {
            self.say_arrival(event, AlertKind::NewPlugin, &plugin, severity);
        }
    }

    fn say_arrival(&mut self, event: &Event, kind: AlertKind, name: &str, severity: Severity) {
        let what = if kind == AlertKind::NewPlugin { "plugin" } else { "MCP server" };
        self.say(
            event,
            Said {
                kind,
                severity: severity.max(Severity::Warning),
                key: vec![name],
                subject: name,
                message: format!("{what} `{}` waits for approval", cut(name)),
                texts: vec![name.to_owned()],
            },
        );
    }

    /// Looks at what was stopped, or would have been.
    fn see_stopped(&mut self, event: &Event, ran: &[Ran], severity: Severity) {
        let role = event.role.as_deref().unwrap_or_default();
        let rule = event.rule.as_deref();
        let would = if event.decision == Outcome::Blocked { "stopped" } else { "would stop" };
        let by = rule.map_or_else(|| "its default".to_owned(), |it| format!("`{}`", cut(it)));
        for it in stopped(ran, rule) {
            self.say(
                event,
                Said {
                    kind: AlertKind::BlockedCommand,
                    severity,
                    key: vec![role, rule.unwrap_or_default(), &it.stem, would],
                    subject: &it.stem,
                    message: format!("role {role} {would} `{}` by {by}", cut(it.line())),
                    texts: it.lines.clone(),
                },
            );
        }
    }

    /// Looks for tools that an agent does not declare.
    fn see_undeclared(&mut self, event: &Event, agent: &str, ran: &[Ran], severity: Severity) {
        let mut seen: Vec<&str> = Vec::new();
        for it in ran {
            let n_tools = it.tools.len() - usize::from(it.is_of_shell);
            for tool in it.tools.iter().take(n_tools) {
                if seen.contains(&tool.as_str()) || !self.rules.is_undeclared(agent, tool) {
                    continue;
                }
                seen.push(tool);
                self.say(
                    event,
                    Said {
                        kind: AlertKind::UndeclaredTool,
                        severity: severity.max(Severity::Warning),
                        key: vec![agent, tool],
                        subject: tool,
                        message: format!("{agent} used `{}`, which it does not declare", cut(tool)),
                        texts: it.lines.clone(),
                    },
                );
            }
        }
    }

    /// What was noticed, by kind and key.
    pub fn finish(self) -> Vec<Noticed> {
        self.noticed.into_values().collect()
    }

    fn say(&mut self, event: &Event, said: Said<'_>) {
        let Said { kind, severity, key, subject, message, texts } = said;
        let (role, host) = (event.role.as_deref(), event.hostname.as_str());
        let matter = Matter { kind, texts: &texts, role, host: Some(host) };
        let Some(severity) = self.rules.severity(&matter, severity) else { return };
        let mut key = forgery_proof(&key);
        let is_of_role = matches!(kind, AlertKind::BlockedCommand | AlertKind::EndpointTrust);
        let mut new = Noticed {
            kind,
            key: String::new(),
            severity,
            role: event.role.clone().filter(|_| is_of_role),
            hostname: Some(event.hostname.clone()),
            message,
            events: 0,
            first: event.timestamp,
            last: event.timestamp,
            changed: None,
            detail: Detail { subject: cut(subject), ..Detail::default() },
        };
        if !self.noticed.contains_key(&(kind, key.clone())) {
            let n = self.n_of_kind.entry(kind).or_default();
            *n += 1;
            if *n > MAX_OF_KIND {
                MORE.clone_into(&mut key);
                new = new.more();
            }
        }
        new.key.clone_from(&key);
        let noticed = self.noticed.entry((kind, key)).or_insert(new);
        noticed.events += 1;
        noticed.severity = noticed.severity.max(severity);
        if event.timestamp < noticed.first {
            noticed.first = event.timestamp;
            noticed.hostname = Some(event.hostname.clone()).filter(|_| noticed.key != MORE);
        }
        noticed.last = noticed.last.max(event.timestamp);
        // The one command that is about a plugin is the one that installs it.
        let is_installed =
            kind == AlertKind::NewPlugin && event.event_type == EventType::CommandExecution;
        if is_installed || event.event_type == EventType::ConfigChange {
            noticed.changed = noticed.changed.max(Some(event.timestamp));
        }
        let Detail { examples, event_ids, .. } = &mut noticed.detail;
        let line = cut(texts.first().map_or("", String::as_str));
        if examples.len() < MAX_EXAMPLES && !line.is_empty() && !examples.contains(&line) {
            examples.push(line);
        }
        if event_ids.len() < MAX_EVENT_IDS {
            event_ids.push(event.event_id.clone());
        }
    }
}

/// The key of what has no room of its own.
const MORE: &str = "more";

impl Noticed {
    /// The same as one of many that have no room of their own.
    #[must_use]
    pub fn more(self) -> Self {
        Self {
            key: MORE.to_owned(),
            role: None,
            hostname: None,
            message: format!(
                "there are more alerts of kind {} than can be read; `advisor audit` has the events",
                self.kind
            ),
            detail: Detail { subject: MORE.to_owned(), ..self.detail },
            ..self
        }
    }
}

/// The alert that an anomaly of a batch is, where it is risky or came drop by drop.
pub fn of_anomaly(rules: &Rules, role: &str, anomaly: &Anomaly) -> Option<Noticed> {
    let is_drip = anomaly.oddities.contains(&Oddity::Drip);
    let severity = match anomaly.risk {
        RiskLevel::Critical => Severity::Critical,
        RiskLevel::High => Severity::Warning,
        _ if is_drip => Severity::Warning,
        _ => return None,
    };
    let kind = AlertKind::Anomaly;
    let text = anomaly.examples.first().unwrap_or(&anomaly.subject);
    let matter = Matter { kind, texts: std::slice::from_ref(text), role: Some(role), host: None };
    let target = if anomaly.target == Target::Mcp { "mcp" } else { "command" };
    let key = forgery_proof(&[role, target, &anomaly.subject]);
    Some(Noticed {
        kind,
        key,
        severity: rules.severity(&matter, severity)?,
        role: Some(role.to_owned()),
        hostname: None,
        message: format!(
            "`{}` stands out in role {role}: {}",
            cut(&anomaly.subject),
            anomaly.reason
        ),
        events: anomaly.events,
        first: anomaly.first_seen.unwrap_or_default(),
        last: anomaly.last_seen.unwrap_or_default(),
        changed: None,
        detail: Detail {
            subject: cut(&anomaly.subject),
            examples: anomaly.examples.iter().take(MAX_EXAMPLES).map(|it| cut(it)).collect(),
            event_ids: anomaly.event_ids.iter().take(MAX_EVENT_IDS).cloned().collect(),
        },
    })
}

/// Parts in one, each behind its length: no name can pretend to be two.
fn forgery_proof(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |mut key, part| {
        let _ = write!(key, "{}:{part}", part.len());
        key
    })
}

/// The text, or its beginning.
fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut res: String = chars.by_ref().take(MAX_TEXT).collect();
    if chars.next().is_some() {
        res.push('…');
    }
    res
}

#[cfg(test)]
mod tests;
