//! What an event ran, command by command: what its shell and wrappers run, as decisions read it.
use std::collections::BTreeSet;

use crate::{
    commands::{Command, Origin, base_name, canonical, grammar, is_free_builtin, read},
    events::{Event, EventType},
    policy::Pattern,
};

/// Most commands of one event that are told apart; what is more is told by the outer line.
///
/// # Source
/// Our choice: scripts of agents have a few commands, and whoever writes a script must not choose how
/// much there is to read.
const MAX_COMMANDS: usize = 50;

/// One command or call that ran, or was to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// Names of what ran: the wrappers, then the program; a call is `server/tool`.
    pub(super) tools: Vec<String>,
    /// Program and subcommand, or the call.
    pub(super) stem: String,
    /// The canonical line, then the lines of the wrappers around it.
    pub(super) lines: Vec<String>,
    /// Whether the program is a word of the shell, or a redirection: no tool of the agent's.
    pub(super) is_of_shell: bool,
}

impl Ran {
    /// Its own line.
    pub(super) fn line(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    fn of(command: &Command) -> Self {
        let layers = command.layers.iter().map(|it| canonical(it));
        let name = command.name().to_owned();
        Self {
            stem: stem(&command.argv),
            lines: std::iter::once(command.line()).chain(layers).collect(),
            is_of_shell: command.origin == Origin::Redirect || is_free_builtin(&name),
            tools: command.wrappers.iter().cloned().chain([name]).collect(),
        }
    }

    /// The event as it stands, for what cannot be taken apart.
    fn outer(event: &Event, line: &str) -> Self {
        let stem = stem(&event.argv);
        let name = event.binary.as_deref().map_or(line, base_name).to_owned();
        Self {
            stem: if stem.is_empty() { name.clone() } else { stem },
            tools: vec![name],
            lines: vec![line.to_owned()],
            is_of_shell: false,
        }
    }
}

/// Program and subcommand.
fn stem(argv: &[String]) -> String {
    let Some(first) = argv.first() else { return String::new() };
    let mut words = vec![base_name(first).to_owned()];
    words.extend(grammar::subcommand(argv));
    words.join(" ")
}

/// What an event ran, in order; `line` is its command line or `server/tool`. Where not all of it can be
/// known, the outer line stands for the rest.
pub(super) fn ran(event: &Event, line: &str) -> Vec<Ran> {
    if event.event_type == EventType::McpToolCall {
        let call = line.to_owned();
        return vec![Ran {
            tools: vec![call.clone()],
            stem: call.clone(),
            lines: vec![call],
            is_of_shell: false,
        }];
    }
    let reading = read(&event.argv);
    let mut res: Vec<Ran> = reading.commands.iter().take(MAX_COMMANDS).map(Ran::of).collect();
    let is_all = reading.unresolved.is_empty() && reading.commands.len() <= MAX_COMMANDS;
    if !is_all || res.is_empty() {
        res.push(Ran::outer(event, line));
    }
    res
}

/// Of what an event ran that was stopped, what the rule is about: where the rule matches none by itself,
/// or the default stopped it, all but the shell's own words. Each program and subcommand once.
pub(super) fn stopped<'r>(ran: &'r [Ran], rule: Option<&str>) -> Vec<&'r Ran> {
    let pattern = rule.map(Pattern::new);
    let is_meant = |it: &&Ran| {
        pattern.as_ref().is_some_and(|pattern| it.lines.iter().any(|line| pattern.matches(line)))
    };
    let mut res: Vec<&Ran> = ran.iter().filter(is_meant).collect();
    if res.is_empty() {
        res = ran.iter().filter(|it| !it.is_of_shell).collect();
    }
    if res.is_empty() {
        res = ran.iter().collect();
    }
    let mut stems = BTreeSet::new();
    res.retain(|it| stems.insert(it.stem.as_str()));
    res
}
