//! Log lines on stderr, with nothing hidden in them, gauges in a file and for a collector, for
//! operators; what a command has to say goes through `cli::printer`.
pub mod metrics;
pub mod otlp;

use std::io;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::events::{visible, visible_json};

/// Starts logging. `filter` wins over `verbose`: 0 shows warnings of ours where lines are JSON, and
/// errors for people, to whom a run's report says what it warned of; 1 info, 2 debug, 3 all.
///
/// A filter that cannot be read is answered with a sentence; logging then follows `verbose`.
pub fn start(filter: Option<&str>, verbose: u8, json: bool) -> Option<String> {
    let by_flag = match verbose {
        0 if json => "error,policy_advisor=warn",
        0 => "error",
        1 => "warn,policy_advisor=info",
        2 => "info,policy_advisor=debug",
        _ => "trace",
    };
    let (chosen, complaint) = match filter.map(EnvFilter::try_new) {
        None => (EnvFilter::new(by_flag), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(err)) => (
            EnvFilter::new(by_flag),
            Some(format!("`ADVISOR_LOG` is not a log filter: {err}\nhint: such as `info`")),
        ),
    };
    let door = move || Door { is_json: json };
    let lines = fmt::layer().with_writer(door).with_ansi(false).with_target(verbose > 1);
    let registry = tracing_subscriber::registry().with(chosen);
    // A second start, as in tests that run the program in their own process, changes nothing.
    let _ =
        if json { registry.with(lines.json()).try_init() } else { registry.with(lines).try_init() };
    complaint
}

/// The way of log lines to stderr. Names of hosts, paths and commands in them were chosen by others.
#[derive(Clone, Copy, Debug)]
struct Door {
    is_json: bool,
}

impl Door {
    /// A line as it is shown: the same JSON, or one line of text, whatever is in it.
    fn shown(self, line: &str) -> String {
        if self.is_json {
            return visible_json(line.to_owned());
        }
        visible(line.strip_suffix('\n').unwrap_or(line)).into_owned() + "\n"
    }
}

impl io::Write for Door {
    /// Takes all of a line: the layer above writes each as a whole.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = self.shown(&String::from_utf8_lossy(bytes));
        io::stderr().lock().write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_log_line() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\u{e0041}z";
        let json = format!("{}\n", serde_json::json!({ "fields": { "message": hostile } }));
        let shown = Door { is_json: true }.shown(&json);
        assert!(shown.is_ascii() && shown.ends_with("}\n"), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["fields"]["message"], hostile);
        let text = Door { is_json: false }.shown(&format!("{hostile}\nERROR forged\n"));
        assert!(text.is_ascii() && text.lines().count() == 1, "{text}");
    }
}
