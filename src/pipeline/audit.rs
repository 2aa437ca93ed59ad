//! The audit log: events of the lake by any of their fields, newest first, with their severity.
#![expect(clippy::disallowed_types, reason = "looked up by key only, and read in no order")]
mod texts;

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use serde::Serialize;

use self::texts::Texts;

use crate::{
    commands::read,
    events::{EventType, Outcome, Severity, Timestamp, text_forms},
    lake::{Column, Filter, Lake, LakeError, Part, Record, Test, View, Window},
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

/// What is at stake with a command or call: what it can do, and what the guards declare that it falls under.
type Stakes = (Effects, RiskLevel);

/// Reads the log; remembers what it found out about commands.
#[derive(Debug)]
pub struct Auditor<'a> {
    lake: &'a Lake,
    known: Known,
}

/// What was found out about commands and calls.
#[derive(Debug, Default)]
struct Known {
    /// What rules declare of the events that they decided.
    declared: DeclaredRisks,
    stakes: HashMap<Box<[u8]>, Stakes>,
    /// The key that is looked up.
    key: Vec<u8>,
}

/// How serious an event is, and why.
#[derive(Clone, Copy, Debug)]
struct Judgment {
    severity: Severity,
    risk: RiskLevel,
    effects: Effects,
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

    /// Whether an event that passed the filter of columns and has the texts is wanted.
    fn fits(&self, it: Judgment) -> bool {
        let severity = self.severities.is_empty() || self.severities.contains(&it.severity);
        let mut effects = self.effects.iter();
        severity && (self.effects.is_empty() || effects.any(|effect| it.effects.contains(*effect)))
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

/// The newest events that were found.
struct Newest {
    entries: Vec<Entry>,
    n_wanted: usize,
    /// Not later than the events that are wanted, once there are as many as that.
    oldest: Option<Timestamp>,
}

impl Newest {
    const fn new(n_wanted: usize) -> Self {
        Self { entries: Vec::new(), n_wanted, oldest: None }
    }

    /// Whether an event of this time may be among them.
    fn has_room_for(&self, at: Timestamp) -> bool {
        self.oldest.is_none_or(|it| at >= it)
    }

    fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
        // Grows to twice what is wanted before the older half is dropped.
        if self.entries.len() >= self.n_wanted.saturating_mul(2) {
            self.cut();
        }
    }

    /// Drops what is not wanted, and puts the rest in order.
    fn cut(&mut self) {
        let key = |it: &Entry| {
            let event = &it.record.event;
            (event.timestamp, event.event_id.clone(), Reverse(it.record.source.clone()))
        };
        self.entries.sort_by_cached_key(|it| Reverse(key(it)));
        self.entries.truncate(self.n_wanted);
        if self.entries.len() == self.n_wanted {
            self.oldest = self.entries.last().map(|it| it.record.event.timestamp);
        }
    }
}

impl<'a> Auditor<'a> {
    /// A reader of a lake's log, and what rules declare of the events that they decided.
    pub fn new(lake: &'a Lake, declared: DeclaredRisks) -> Self {
        Self { lake, known: Known { declared, ..Known::default() } }
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
        let newest = RefCell::new(Newest::new(n_wanted));
        let texts = Texts::new(&query.texts);
        let (lake, known) = (self.lake, &mut self.known);
        lake.records(
            parts,
            &query.filter(),
            top,
            &mut |view: &View<'_>| {
                let mut newest = newest.borrow_mut();
                // What costs least is asked first.
                if !newest.has_room_for(view.timestamp) || !texts.are_in(view) {
                    return;
                }
                let judgment = known.judge(view);
                if query.fits(judgment) {
                    newest.add(Entry::new(view, judgment));
                }
            },
            &mut |last| {
                let mut newest = newest.borrow_mut();
                newest.cut();
                newest.has_room_for(last)
            },
        )?;
        let mut newest = newest.into_inner();
        newest.cut();
        let mut entries = newest.entries;
        entries.drain(..skip.min(entries.len()));
        let has_more = entries.len() > n;
        entries.truncate(n);
        Ok(Page { entries, has_more })
    }

    /// Hands every event that passes a filter, and is wanted, to `each`, from newer parts to older ones.
    ///
    /// # Errors
    /// Where a part of the lake is gone or cannot be read.
    pub fn each(
        &mut self,
        parts: &[Part],
        filter: &Filter,
        is_wanted: &dyn Fn(&View<'_>) -> bool,
        each: &mut dyn FnMut(Entry),
    ) -> Result<(), LakeError> {
        let (lake, known) = (self.lake, &mut self.known);
        let mut take = |view: &View<'_>| {
            if is_wanted(view) {
                each(Entry::new(view, known.judge(view)));
            }
        };
        lake.records(parts, filter, None, &mut take, &mut |_| true)
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
            let texts = Texts::new(&query.texts);
            let (lake, known) = (self.lake, &mut self.known);
            let mut count = |view: &View<'_>| {
                if !texts.are_in(view) {
                    return;
                }
                let judgment = known.judge(view);
                if query.fits(judgment) {
                    for value in values(view, judgment, by) {
                        *counts.entry(value).or_default() += 1;
                    }
                }
            };
            lake.records(parts, &query.filter(), None, &mut count, &mut |_| true)?;
            counts
        };
        let mut counts: Vec<Counted> =
            counts.into_iter().map(|(value, events)| Counted { value, events }).collect();
        // Stable: values of one count stay in their order.
        counts.sort_by_key(|it| Reverse(it.events));
        Ok(counts)
    }
}

impl Entry {
    fn new(view: &View<'_>, judgment: Judgment) -> Self {
        let Judgment { severity, risk, effects } = judgment;
        Self { record: view.record(), severity, risk, effects }
    }
}

impl Known {
    /// How serious an event is.
    fn judge(&mut self, view: &View<'_>) -> Judgment {
        let (effects, guarded) = self.stakes(view);
        let declared = view.rule.and_then(|it| self.declared.of(view.role, it));
        let risk = risk::level(effects).max(guarded).max(declared.unwrap_or(RiskLevel::Low));
        let severity = risk::severity(view.severity, view.event_type, view.decision, risk);
        Judgment { severity, risk, effects }
    }

    /// What is at stake, worked out once for commands and calls that are alike.
    fn stakes(&mut self, view: &View<'_>) -> Stakes {
        let call = view.mcp_server.zip(view.mcp_tool);
        let parts = match (view.event_type, call) {
            (EventType::CommandExecution, _) => {
                ["", view.binary.unwrap_or_default(), view.command.unwrap_or_default()]
            }
            (EventType::McpToolCall, Some((server, tool))) => {
                [server, tool, view.mcp_arguments.unwrap_or_default()]
            }
            _ => return (Effects::NONE, RiskLevel::Low),
        };
        self.key.clear();
        for part in parts {
            // Behind its length, so that none passes for two.
            self.key.extend((part.len() as u64).to_be_bytes());
            self.key.extend(part.as_bytes());
        }
        if let Some(stakes) = self.stakes.get(self.key.as_slice()) {
            return *stakes;
        }
        let stakes = if let (EventType::McpToolCall, Some((server, tool))) = (view.event_type, call)
        {
            let arguments = view.mcp_arguments.unwrap_or_default();
            (call_facts(server, tool, arguments).1, RiskLevel::Low)
        } else {
            let argv = view.argv();
            let reading = read(&argv);
            (reading_facts(&reading, None).2, guarded_level(&argv, &reading))
        };
        if self.key.len() <= MAX_KNOWN_BYTES {
            if self.stakes.len() >= MAX_KNOWN {
                self.stakes.clear();
            }
            self.stakes.insert(self.key.as_slice().into(), stakes);
        }
        stakes
    }
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
fn values(view: &View<'_>, judgment: Judgment, by: CountBy) -> Vec<Option<String>> {
    let text = |it: &str| Some(it.to_owned());
    let maybe = |it: Option<&str>| it.map(ToOwned::to_owned);
    let one = match by {
        CountBy::Effect => {
            let effects = judgment.effects.iter().map(|it| text(it.as_str()));
            let effects: Vec<_> = effects.collect();
            return if effects.is_empty() { vec![None] } else { effects };
        }
        CountBy::Severity => text(judgment.severity.as_str()),
        CountBy::Risk => text(judgment.risk.as_str()),
        CountBy::Day => Some(view.timestamp.day().to_string()),
        CountBy::EventType => text(view.event_type.as_str()),
        CountBy::Decision => text(view.decision.as_str()),
        CountBy::Hostname => text(view.hostname),
        CountBy::Binary => maybe(view.binary),
        CountBy::Command => maybe(view.command),
        CountBy::Role => maybe(view.role),
        CountBy::Agent => maybe(view.agent),
        CountBy::SessionId => maybe(view.session_id),
        CountBy::User => maybe(view.user),
        CountBy::Cwd => maybe(view.cwd),
        CountBy::Rule => maybe(view.rule),
        CountBy::McpServer => maybe(view.mcp_server),
        CountBy::McpTool => maybe(view.mcp_tool),
        CountBy::Endpoint => maybe(view.endpoint),
        CountBy::TrustScore => view.trust_score.map(|it| it.to_string()),
        CountBy::EventId => text(view.event_id),
        CountBy::Source => text(view.source),
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
