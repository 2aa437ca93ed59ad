//! The columns of the lake: one Arrow schema, and events put into it.
use std::sync::{Arc, LazyLock};

use arrow::{
    array::{
        ArrayRef, AsArray as _, Int32Builder, ListBuilder, RecordBatch, StringBuilder,
        TimestampMicrosecondBuilder,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};

use super::LakeError;
use crate::{
    commands::canonical,
    events::{Event, Severity, Timestamp},
    inputs::EventKey,
};

/// The one schema of all parts. New columns come last and may be null.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let words = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, false)));
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        text("event_id", false),
        Field::new("timestamp", instant, false),
        text("hostname", false),
        text("event_type", false),
        text("binary", true),
        Field::new("argv", words, true),
        text("command", true),
        text("decision", false),
        text("rule", true),
        text("agent", true),
        text("severity", true),
        text("role", false),
        text("session_id", true),
        text("cwd", true),
        text("user", true),
        text("mcp_server", true),
        text("mcp_tool", true),
        text("mcp_arguments", true),
        text("mcp_argument_names", true),
        text("endpoint", true),
        Field::new("trust_score", DataType::Int32, true),
        text("source", false),
    ]))
});

/// Events on their way into columns.
#[derive(Debug)]
pub struct Columns {
    event_id: StringBuilder,
    timestamp: TimestampMicrosecondBuilder,
    hostname: StringBuilder,
    event_type: StringBuilder,
    binary: StringBuilder,
    argv: ListBuilder<StringBuilder>,
    command: StringBuilder,
    decision: StringBuilder,
    rule: StringBuilder,
    agent: StringBuilder,
    severity: StringBuilder,
    role: StringBuilder,
    session_id: StringBuilder,
    cwd: StringBuilder,
    user: StringBuilder,
    mcp_server: StringBuilder,
    mcp_tool: StringBuilder,
    mcp_arguments: StringBuilder,
    mcp_argument_names: StringBuilder,
    endpoint: StringBuilder,
    trust_score: Int32Builder,
    source: StringBuilder,
    keys: Vec<(EventKey, Timestamp)>,
}

/// Events in columns, all from one file.
#[derive(Clone, Debug)]
pub struct Rows {
    pub(super) batch: RecordBatch,
    /// Key and time of each row.
    pub(super) keys: Vec<(EventKey, Timestamp)>,
}

impl Default for Columns {
    fn default() -> Self {
        let item = Field::new_list_field(DataType::Utf8, false);
        Self {
            event_id: StringBuilder::new(),
            timestamp: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            hostname: StringBuilder::new(),
            event_type: StringBuilder::new(),
            binary: StringBuilder::new(),
            argv: ListBuilder::new(StringBuilder::new()).with_field(item),
            command: StringBuilder::new(),
            decision: StringBuilder::new(),
            rule: StringBuilder::new(),
            agent: StringBuilder::new(),
            severity: StringBuilder::new(),
            role: StringBuilder::new(),
            session_id: StringBuilder::new(),
            cwd: StringBuilder::new(),
            user: StringBuilder::new(),
            mcp_server: StringBuilder::new(),
            mcp_tool: StringBuilder::new(),
            mcp_arguments: StringBuilder::new(),
            mcp_argument_names: StringBuilder::new(),
            endpoint: StringBuilder::new(),
            trust_score: Int32Builder::new(),
            source: StringBuilder::new(),
            keys: Vec::new(),
        }
    }
}

/// Columns of fewer events give the room back that they do not need.
const FEW_EVENTS: usize = 256;

impl Columns {
    /// Adds an event under its key, with the role it counts for and the file it came from.
    pub fn push(&mut self, event: &Event, key: EventKey, role: &str, source: &str) {
        self.keys.push((key, event.timestamp));
        self.event_id.append_value(&event.event_id);
        self.timestamp.append_value(event.timestamp.0);
        self.hostname.append_value(&event.hostname);
        self.event_type.append_value(event.event_type.as_str());
        self.binary.append_option(event.binary.as_deref());
        if event.argv.is_empty() {
            self.argv.append_null();
            self.command.append_null();
        } else {
            self.argv.append_value(event.argv.iter().map(Some));
            self.command.append_value(canonical(&event.argv));
        }
        self.decision.append_value(event.decision.as_str());
        self.rule.append_option(event.rule.as_deref());
        self.agent.append_option(event.agent.as_deref());
        self.severity.append_option(event.severity.map(Severity::as_str));
        self.role.append_value(role);
        self.session_id.append_option(event.session_id.as_deref());
        self.cwd.append_option(event.cwd.as_deref());
        self.user.append_option(event.user.as_deref());
        self.mcp_server.append_option(event.mcp_server.as_deref());
        self.mcp_tool.append_option(event.mcp_tool.as_deref());
        self.mcp_arguments.append_option(event.mcp_arguments.as_deref());
        self.mcp_argument_names.append_option(event.mcp_arguments.as_deref().map(names));
        self.endpoint.append_option(event.endpoint.as_deref());
        self.trust_score.append_option(event.trust_score.map(i32::from));
        self.source.append_value(source);
    }

    /// The events so far, in order.
    ///
    /// # Errors
    /// Where the columns do not fit the schema, which the tests rule out.
    pub fn finish(mut self) -> Result<Rows, LakeError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.event_id.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.hostname.finish()),
            Arc::new(self.event_type.finish()),
            Arc::new(self.binary.finish()),
            Arc::new(self.argv.finish()),
            Arc::new(self.command.finish()),
            Arc::new(self.decision.finish()),
            Arc::new(self.rule.finish()),
            Arc::new(self.agent.finish()),
            Arc::new(self.severity.finish()),
            Arc::new(self.role.finish()),
            Arc::new(self.session_id.finish()),
            Arc::new(self.cwd.finish()),
            Arc::new(self.user.finish()),
            Arc::new(self.mcp_server.finish()),
            Arc::new(self.mcp_tool.finish()),
            Arc::new(self.mcp_arguments.finish()),
            Arc::new(self.mcp_argument_names.finish()),
            Arc::new(self.endpoint.finish()),
            Arc::new(self.trust_score.finish()),
            Arc::new(self.source.finish()),
        ];
        // Builders make room for a thousand events: of a file of one line that is nearly all.
        if self.keys.len() < FEW_EVENTS {
            for column in columns.iter_mut().filter_map(Arc::get_mut) {
                column.shrink_to_fit();
            }
        }
        let batch = RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?;
        Ok(Rows { batch, keys: self.keys })
    }
}

impl Rows {
    /// How many events.
    pub fn n_events(&self) -> usize {
        self.keys.len()
    }

    /// How much memory they take, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.batch.get_array_memory_size() + size_of_val(self.keys.as_slice())
    }
}

/// The sorted names of a JSON object's keys, as a JSON list.
fn names(object: &str) -> String {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(object).unwrap_or_default();
    let mut names: Vec<&String> = object.keys().collect();
    names.sort();
    serde_json::to_string(&names).unwrap_or_default()
}

/// The columns that the keys of events are made of.
pub(super) const KEY_COLUMNS: [&str; 2] = ["hostname", "event_id"];

/// The keys of the events of a batch, from what is kept of their names.
pub(super) fn keys_of(batch: &RecordBatch) -> Result<Vec<EventKey>, LakeError> {
    let [hosts, ids] = KEY_COLUMNS;
    let hosts = column(batch, hosts)?.as_string::<i32>().iter().flatten();
    let ids = column(batch, ids)?.as_string::<i32>().iter().flatten();
    Ok(hosts.zip(ids).map(|(host, id)| EventKey::of(host, id)).collect())
}

/// A column of a batch by its name.
pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| {
        LakeError::Columns(arrow::error::ArrowError::SchemaError(format!("no column `{name}`")))
    })
}
