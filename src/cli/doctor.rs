//! `advisor doctor`: is everything in place, and if not, what to do.
use super::{Color, Context, Exit, Output, Rows};
use crate::{
    clock,
    events::visible,
    pipeline::doctor::{Check, Health, examine},
};

/// What `advisor doctor --help` says at its end.
pub(super) const HELP: &str = "\
Each line is ok, warn or fail, with what to do. Ends with exit code 1 where something fails; a warning
is for people and ends with 0.

Examples:
  advisor doctor
  advisor doctor --output json | jq '.[] | select(.health != \"ok\")'";

pub(super) async fn run(context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let checks = examine(&context.config, clock::now()).await;
    if printer.output == Output::Table {
        for it in &checks {
            let color = match it.health {
                Health::Ok => Color::Green,
                Health::Warn => Color::Yellow,
                Health::Fail => Color::Red,
            };
            let health = printer.paint(color, &format!("{:<4}", it.health.as_str()));
            printer.line(&format!("{health}  {:<14}  {}", it.name, visible(&it.found)));
            if !it.hint.is_empty() {
                printer.line(&format!("{:22}hint: {}", "", visible(&it.hint)));
            }
        }
    } else {
        printer.list(&checks, || rows(&checks))?;
    }
    let has_failed = checks.iter().any(|it| it.health == Health::Fail);
    Ok(if has_failed { Exit::Failed } else { Exit::Done })
}

fn rows(checks: &[Check]) -> Rows {
    let cells = checks.iter().map(|it| {
        vec![it.name.to_owned(), it.health.to_string(), it.found.clone(), it.hint.clone()]
    });
    Rows { columns: vec!["name", "health", "found", "hint"], cells: cells.collect() }
}
