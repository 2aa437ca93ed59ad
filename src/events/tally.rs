//! What the analysis stands on: how often one unit (session, host, day) did one distinct action.
use std::sync::Arc;

use super::{Day, Outcome, Timestamp};

/// One distinct action, whoever did it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A command line.
    Command {
        /// The whole argument vector, `argv[0]` included, never empty.
        argv: Vec<String>,
        /// Working directory.
        cwd: Option<String>,
    },
    /// A call of an MCP tool.
    McpCall {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// Names of the arguments, sorted.
        argument_names: Vec<String>,
    },
}

/// Session, host and day: repetition inside one unit adds nothing to the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The host.
    pub hostname: Arc<str>,
    /// The session; events without one share the empty session of their host.
    pub session_id: Arc<str>,
    /// The UTC day.
    pub day: Day,
}

/// How often one unit did one action with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// What was done.
    pub action: Arc<Action>,
    /// Who did it, and on which day.
    pub unit: Unit,
    /// What became of it.
    pub outcome: Outcome,
    /// How many events.
    pub n_events: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// One of their ids, the smallest, as a reference for people.
    pub event_id: Arc<str>,
}
