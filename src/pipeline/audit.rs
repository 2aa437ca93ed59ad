//! The audit log: events of the lake by any of their fields, newest first, with their severity.
use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use crate::{
    commands::read,
    events::{EventType, Outcome, Severity, Timestamp, text_forms},
    lake::{Column, Filter, Lake, LakeError, Part, Record, Test, Window},
    risk::{
        self, DeclaredRisks, Effect, Effects, RiskLevel, call_facts, guarded_level, reading_facts,
    },
};

/// Which events are wanted: of each list one, of the lists all; an empty list asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// When.
    pub window: Window,
    /// As [`risk::severity`] says.
    pub severities: Vec<Severity>,
    /// Commands, by their base names or as they were invoked.
    pub binaries: Vec<String>,
    /// Column -> one of these values.
    pub columns: BTreeMap<Column, Vec<String>>,
    /// What the action can do.
    pub effects: Vec<Effect>,
    /// Each of them has to be in one of the event's texts, in any case.
    pub texts: Vec<String>,
}

/// What counts go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountBy {
    /// As [`risk::severity`] says.
    Severity,
    /// What kind of action.
    EventType,
    /// What became of it.
    Decision,
    /// The host.
    Hostname,
    /// As invoked.
    Binary,
    /// The canonical command line.
    Command,
    /// The day.
    Day,
    /// The role.
    Role,
    /// The agent.
    Agent,
    /// The session.
    SessionId,
    /// The account.
    User,
    /// Working directory.
    Cwd,
    /// The pattern that decided.
    Rule,
    /// MCP server.
    McpServer,
    /// MCP tool.
    McpTool,
    /// Remote MCP endpoint.
    Endpoint,
    /// Trust in it.
    TrustScore,
    /// The event itself.
    EventId,
    /// What is at stake.
    Risk,
    /// What the action can do; an event counts for each of its effects.
    Effect,
    /// The file it came from.
    Source,
}

text_forms!(CountBy {
    Severity = "severity",
    EventType = "event_type",
    Decision = "decision",
    Hostname = "hostname",
    Binary = "binary",
    Command = "command",
    Day = "day",
    Role = "role",
    Agent = "agent",
    SessionId = "session_id",
    User = "user",
    Cwd = "cwd",
    Rule = "rule",
    McpServer = "mcp_server",
    McpTool = "mcp_tool",
    Endpoint = "endpoint",
    TrustScore = "trust_score",
    EventId = "event_id",
    Risk = "risk",
    Effect = "effect",
    Source = "source",
});

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event.
    pub record: Record,
    /// How serious it is, as [`risk::severity`] says.
    pub severity: Severity,
    /// What is at stake: by the deciding rule, the guards it falls under and its effects, whichever is
    /// highest.
    pub risk: RiskLevel,
    /// What the action can do.
    pub effects: Effects,
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events, newest first.
    pub entries: Vec<Entry>,
    /// Whether older ones follow.
    pub has_more: bool,
}

/// How many events have a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The value, `null` for events without one.
    pub value: Option<String>,
    /// How many events.
    pub events: u64,
}

/// Distinct commands and calls whose effects are kept at a time.
const MAX_KNOWN: usize = 50_000;

/// A longer one is not kept: lines have up to a mebibyte, and few of those come twice.
const MAX_KNOWN_BYTES: usize = 1024;

/// Commands and calls -> what they can do, and what the guards declare that they fall under.
type Stakes = BTreeMap<Vec<String>, (Effects, RiskLevel)>;

/// Reads the log; remembers what it found out about commands.
#[derive(Debug)]
pub struct Auditor<'a> {
    lake: &'a Lake,
    declared: DeclaredRisks,
    known: Stakes,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            window: Window::ALL,
            severities: Vec::new(),
            binaries: Vec::new(),
            columns: BTreeMap::new(),
            effects: Vec::new(),
            texts: Vec::new(),
        }
    }
}

impl Query {
    /// What the columns can tell of it; [`Query::fits`] asks the rest.
    fn filter(&self) -> Filter {
        let values = |texts: &[String]| texts.iter().cloned().map(Some).collect();
        let mut tests: Vec<Test> = self
            .columns
            .iter()
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(column, texts)| Test::OneOf(*column, values(texts)))
            .collect();
        if !self.severities.is_empty() {
            let may_be = self.severities.iter().flat_map(|it| may_have(*it));
            tests.push(Test::Any(may_be.collect()));
        }
        Filter { window: self.window, tests, binaries: self.binaries.clone() }
    }

    /// Whether columns alone decide.
    fn is_of_columns(&self) -> bool {
        self.severities.is_empty() && self.effects.is_empty() && self.texts.is_empty()
    }

    /// Whether an event that passed the filter of columns is wanted.
    fn fits(&self, entry: &Entry) -> bool {
        let severity = self.severities.is_empty() || self.severities.contains(&entry.severity);
        let effects = &self.effects;
        severity
            && (effects.is_empty() || effects.iter().any(|it| entry.effects.contains(*it)))
            && self.texts.iter().all(|it| has_text(&entry.record, it))
    }
}

/// What a column must say where an event may have a severity, read off [`risk::severity`]: what was
/// recorded is never lowered, and only what was stopped becomes critical.
fn may_have(severity: Severity) -> Vec<Test> {
    let recorded = |it: Severity| Some(it.as_str().to_owned());
    let stopped = [Outcome::Blocked, Outcome::WouldBlock].map(|it| Some(it.as_str().to_owned()));
    match severity {
        Severity::Info => {
            vec![Test::OneOf(Column::Severity, vec![None, recorded(Severity::Info)])]
        }
        Severity::Warning => {
            let values = vec![None, recorded(Severity::Info), recorded(Severity::Warning)];
            vec![Test::OneOf(Column::Severity, values)]
        }
        Severity::Critical => vec![
            Test::OneOf(Column::Severity, vec![recorded(Severity::Critical)]),
            Test::OneOf(Column::Decision, stopped.to_vec()),
        ],
    }
}

/// Whether one of the texts of an event has this one in it, upper or lower case.
fn has_text(record: &Record, text: &str) -> bool {
    let event = &record.event;
    let fields = [
        Some(&event.event_id),
        event.binary.as_ref(),
        record.command.as_ref(),
        event.rule.as_ref(),
        event.session_id.as_ref(),
        event.cwd.as_ref(),
        event.user.as_ref(),
        event.mcp_server.as_ref(),
        event.mcp_tool.as_ref(),
        event.mcp_arguments.as_ref(),
        event.endpoint.as_ref(),
    ];
    let text = text.to_lowercase();
    fields.into_iter().flatten().any(|field| field.to_lowercase().contains(&text))
}

impl<'a> Auditor<'a> {
    /// A reader of a lake's log, and what rules declare of the events that they decided.
    pub const fn new(lake: &'a Lake, declared: DeclaredRisks) -> Self {
        Self { lake, declared, known: BTreeMap::new() }
    }

    /// The `n` newest events behind the first `skip` that a query asks for, newest first; those of
    /// one instant by their ids, backwards.
    ///
    /// # Errors
    /// Where a part of the lake is gone or cannot be read.
    pub fn page(
        &mut self,
        parts: &[Part],
        query: &Query,
        skip: usize,
        n: usize,
    ) -> Result<Page, LakeError> {
        // One more, to know whether there is more.
        let n_wanted = skip.saturating_add(n).saturating_add(1);
        let top = query.is_of_columns().then_some(n_wanted);
        // Grows to twice what is wanted before the older half is dropped.
        let found = std::cell::RefCell::new(Vec::<Entry>::new());
        let (lake, declared, known) = (self.lake, &self.declared, &mut self.known);
        lake.records(
            parts,
            &query.filter(),
            top,
            &mut |record| {
                let entry = judged(record, declared, known);
                if query.fits(&entry) {
                    let mut found = found.borrow_mut();
                    found.push(entry);
                    if found.len() >= n_wanted.saturating_mul(2) {
                        cut(&mut found, n_wanted);
                    }
                }
            },
            &mut |newest| {
                let mut found = found.borrow_mut();
                cut(&mut found, n_wanted);
                let oldest = found.last().map(|it| it.record.event.timestamp);
                found.len() < n_wanted || oldest.is_none_or(|it| it <= newest)
            },
        )?;
        let mut entries = found.into_inner();
        cut(&mut entries, n_wanted);
        entries.drain(..skip.min(entries.len()));
        let has_more = entries.len() > n;
        entries.truncate(n);
        Ok(Page { entries, has_more })
    }

    /// Hands every event that passes a filter to `each`, from newer parts to older ones.
    ///
    /// # Errors
    /// Where a part of the lake is gone or cannot be read.
    pub fn each(
        &mut self,
        parts: &[Part],
        filter: &Filter,
        each: &mut dyn FnMut(Entry),
    ) -> Result<(), LakeError> {
        let (lake, declared, known) = (self.lake, &self.declared, &mut self.known);
        let mut each = |record| each(judged(record, declared, known));
        lake.records(parts, filter, None, &mut each, &mut |_| true)
    }

    /// How many events that a query asks for have each value, the most frequent first.
    ///
    /// # Errors
    /// Where a part of the lake is gone or cannot be read.
    pub fn counts(
        &mut self,
        parts: &[Part],
        query: &Query,
        by: CountBy,
    ) -> Result<Vec<Counted>, LakeError> {
        let column = column_of(by).filter(|_| query.is_of_columns());
        let counts = if let Some(column) = column {
            self.lake.counts(parts, &query.filter(), column)?
        } else {
            let mut counts: BTreeMap<Option<String>, u64> = BTreeMap::new();
            let (lake, declared, known) = (self.lake, &self.declared, &mut self.known);
            lake.records(
                parts,
                &query.filter(),
                None,
                &mut |record| {
                    let entry = judged(record, declared, known);
                    if query.fits(&entry) {
                        for value in values(&entry, by) {
                            *counts.entry(value).or_default() += 1;
                        }
                    }
                },
                &mut |_| true,
            )?;
            counts
        };
        let mut counts: Vec<Counted> =
            counts.into_iter().map(|(value, events)| Counted { value, events }).collect();
        // Stable: values of one count stay in their order.
        counts.sort_by_key(|it| Reverse(it.events));
        Ok(counts)
    }
}

/// The newest `n` of the entries, in their order.
fn cut(entries: &mut Vec<Entry>, n: usize) {
    let key = |it: &Entry| {
        let event = &it.record.event;
        (event.timestamp, event.event_id.clone(), Reverse(it.record.source.clone()))
    };
    entries.sort_by_cached_key(|it| Reverse(key(it)));
    entries.truncate(n);
}

/// An event with what is known of it.
fn judged(record: Record, declared: &DeclaredRisks, known: &mut Stakes) -> Entry {
    let event = &record.event;
    let (effects, guarded) = match (event.event_type, &event.mcp_server, &event.mcp_tool) {
        (EventType::CommandExecution, ..) => stakes(known, event.argv.clone(), |argv| {
            let reading = read(argv);
            (reading_facts(&reading, None).2, guarded_level(argv, &reading))
        }),
        (EventType::McpToolCall, Some(server), Some(tool)) => {
            let arguments = event.mcp_arguments.clone().unwrap_or_default();
            // A vector that no command has: its first word is empty.
            let call = vec![String::new(), server.clone(), tool.clone(), arguments];
            stakes(known, call, |_| {
                let arguments = event.mcp_arguments.as_deref().unwrap_or_default();
                (call_facts(server, tool, arguments).1, RiskLevel::Low)
            })
        }
        _ => (Effects::NONE, RiskLevel::Low),
    };
    let rule = event.rule.as_deref();
    let declared = rule.and_then(|it| declared.of(event.role.as_deref(), it));
    let risk = risk::level(effects).max(guarded).max(declared.unwrap_or(RiskLevel::Low));
    let severity = risk::severity(event.severity, event.event_type, event.decision, risk);
    Entry { record, severity, risk, effects }
}

fn stakes(
    known: &mut Stakes,
    key: Vec<String>,
    find: impl FnOnce(&[String]) -> (Effects, RiskLevel),
) -> (Effects, RiskLevel) {
    if let Some(stakes) = known.get(&key) {
        return *stakes;
    }
    let stakes = find(&key);
    if key.iter().map(String::len).sum::<usize>() <= MAX_KNOWN_BYTES {
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(key, stakes);
    }
    stakes
}

/// The column that has what counts go by.
const fn column_of(by: CountBy) -> Option<Column> {
    Some(match by {
        CountBy::EventType => Column::EventType,
        CountBy::Decision => Column::Decision,
        CountBy::Hostname => Column::Hostname,
        CountBy::Binary => Column::Binary,
        CountBy::Command => Column::Command,
        CountBy::Role => Column::Role,
        CountBy::Agent => Column::Agent,
        CountBy::SessionId => Column::SessionId,
        CountBy::User => Column::User,
        CountBy::Cwd => Column::Cwd,
        CountBy::Rule => Column::Rule,
        CountBy::McpServer => Column::McpServer,
        CountBy::McpTool => Column::McpTool,
        CountBy::Endpoint => Column::Endpoint,
        CountBy::Source => Column::Source,
        CountBy::Severity
        | CountBy::Day
        | CountBy::Risk
        | CountBy::Effect
        | CountBy::TrustScore
        | CountBy::EventId => return None,
    })
}

/// What an event counts for.
fn values(entry: &Entry, by: CountBy) -> Vec<Option<String>> {
    let event = &entry.record.event;
    let one = match by {
        CountBy::Effect => {
            let effects = entry.effects.iter().map(|it| Some(it.as_str().to_owned()));
            let effects: Vec<_> = effects.collect();
            return if effects.is_empty() { vec![None] } else { effects };
        }
        CountBy::Severity => Some(entry.severity.to_string()),
        CountBy::Risk => Some(entry.risk.as_str().to_owned()),
        CountBy::Day => Some(event.timestamp.day().to_string()),
        CountBy::EventType => Some(event.event_type.to_string()),
        CountBy::Decision => Some(event.decision.to_string()),
        CountBy::Hostname => Some(event.hostname.clone()),
        CountBy::Binary => event.binary.clone(),
        CountBy::Command => entry.record.command.clone(),
        CountBy::Role => event.role.clone(),
        CountBy::Agent => event.agent.clone(),
        CountBy::SessionId => event.session_id.clone(),
        CountBy::User => event.user.clone(),
        CountBy::Cwd => event.cwd.clone(),
        CountBy::Rule => event.rule.clone(),
        CountBy::McpServer => event.mcp_server.clone(),
        CountBy::McpTool => event.mcp_tool.clone(),
        CountBy::Endpoint => event.endpoint.clone(),
        CountBy::TrustScore => event.trust_score.map(|it| it.to_string()),
        CountBy::EventId => Some(event.event_id.clone()),
        CountBy::Source => Some(entry.record.source.clone()),
    };
    vec![one]
}

/// The instant before which the next page begins, and how many events of it were shown already.
pub fn cursor(shown: &[Entry], before: Option<(Timestamp, usize)>) -> Option<(Timestamp, usize)> {
    let at = shown.last()?.record.event.timestamp;
    let n = shown.iter().rev().take_while(|it| it.record.event.timestamp == at).count();
    let carried = before.filter(|(earlier, _)| *earlier == at && n == shown.len());
    Some((at, n + carried.map_or(0, |(_, n)| n)))
}
