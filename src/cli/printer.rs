//! The only writer to stdout and stderr: data to the first, everything else to the second.
use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::told;
use crate::{
    clock,
    events::{visible, visible_json},
};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// Comma-separated, first row the names; formulas are defused.
    Csv,
}

/// Where output goes and in what form.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    /// The form of data.
    pub output: Output,
    /// Only data and errors.
    pub quiet: bool,
    /// Whether stdout is a terminal that takes color.
    pub color: bool,
    /// Whether stderr is read as log lines in JSON, so that nothing else may be on it.
    pub json_log: bool,
}

/// Rows of one kind, the same in every output form.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Column names, snake case.
    pub columns: Vec<&'static str>,
    /// One cell a column.
    pub cells: Vec<Vec<String>>,
}

/// An ANSI color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// What comes.
    Green,
    /// What goes.
    Red,
    /// What changes.
    Yellow,
    /// What matters less.
    Dim,
    /// What matters more.
    Bold,
}

impl Printer {
    /// A printer for this process's stdout; color only on a terminal without `NO_COLOR`.
    pub fn new(output: Output, quiet: bool, no_color: bool) -> Self {
        let color = !no_color && std::io::stdout().is_terminal();
        Self { output, quiet, color, json_log: false }
    }

    /// The same, for a stderr that is read as log lines in JSON or is not.
    #[must_use]
    pub fn with_json_log(self, json_log: bool) -> Self {
        Self { json_log, ..self }
    }

    /// A line of data. The text is trusted; pass foreign text through [`visible`] first.
    pub fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
    }

    /// A line of data, for output that goes on until somebody ends it: it fails where nobody reads
    /// any more.
    ///
    /// # Errors
    /// Where stdout does not take it.
    pub fn try_line(&self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Bytes of data as they are.
    pub fn raw(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
    }

    /// A message for people, on stderr, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.tell(text, "INFO", None);
        }
    }

    /// A message on stderr, always; whatever foreign text is in it shows on its lines.
    pub fn error(&self, text: &str) {
        self.tell(text, "WARN", None);
    }

    /// The same, of a run.
    pub fn error_of_run(&self, text: &str, run_id: &str) {
        self.tell(text, "WARN", Some(run_id));
    }

    fn tell(self, text: &str, level: &str, run_id: Option<&str>) {
        let shown = if self.json_log {
            told::line(text, level, run_id, clock::now())
        } else {
            text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
        };
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{shown}");
    }

    /// `text` in a color, where color is on.
    pub fn paint(&self, color: Color, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match color {
            Color::Green => "32",
            Color::Red => "31",
            Color::Yellow => "33",
            Color::Dim => "2",
            Color::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// One document: JSON in the JSON forms, `human` otherwise.
    ///
    /// # Errors
    /// Where `value` does not serialize.
    pub fn document(
        &self,
        value: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => self.line(&visible_json(serde_json::to_string_pretty(value)?)),
            Output::Ndjson => self.line(&visible_json(serde_json::to_string(value)?)),
            Output::Table | Output::Csv => self.line(&human()),
        }
        Ok(())
    }

    /// A list: values in the JSON forms, rows otherwise. Foreign text in cells is made visible here.
    ///
    /// # Errors
    /// Where a value does not serialize.
    pub fn list<T: Serialize>(
        &self,
        values: &[T],
        rows: impl FnOnce() -> Rows,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => self.line(&visible_json(serde_json::to_string_pretty(values)?)),
            Output::Ndjson => {
                for value in values {
                    self.line(&visible_json(serde_json::to_string(value)?));
                }
            }
            Output::Table => self.raw(&table(&rows())),
            Output::Csv => self.raw(&csv(&rows())),
        }
        Ok(())
    }
}

/// A plain table: header, no lines; columns shrink to the terminal's width.
pub(super) fn table(rows: &Rows) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(rows.columns.iter().map(|name| name.to_uppercase().replace('_', " ")));
    for row in &rows.cells {
        table.add_row(row.iter().map(|cell| visible(cell).into_owned()));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// RFC 4180, with a `'` before what a spreadsheet would take for a formula (ASVS 5, 1.2.10).
pub(super) fn csv(rows: &Rows) -> String {
    let mut text = rows.columns.join(",");
    text.push('\n');
    for row in &rows.cells {
        let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn csv_cell(cell: &str) -> String {
    let shown = visible(cell);
    let formula =
        shown.starts_with(['=', '+', '-', '@', '\t', '\0']) && cell.parse::<f64>().is_err();
    let text = if formula { format!("'{shown}") } else { shown.into_owned() };
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
