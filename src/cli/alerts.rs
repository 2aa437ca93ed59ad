//! `advisor alerts`: what a person should look at, and what they did about it.
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, Output, Rows, words::one_of};
use crate::{
    alerts::{Alert, AlertKind, AlertState, Resolution, Step, TakenStep, calls_of},
    commands::quote,
    events::{Severity, visible},
    store::Stepped,
};

/// `advisor alerts`.
#[derive(Debug, Args)]
#[command(after_help = "\
Alerts come from events as they are ingested (tampering, changed configurations, stopped commands, tools
that an agent does not declare, new MCP servers and plugins, endpoints below the trust that a role asks for), and
from the anomalies of batches. What is alike is one alert and counts up while it is not resolved. `[[alerts.rules]]`
of advisor.toml says which are raised and how serious they are. ID is an alert's id, or its beginning;
for `approve`, `block` and `dismiss` also the name of the server or plugin. These three can be taken again: a
server that is blocked after it was approved is denied, one that is approved after it was blocked is denied no
more. One that is blocked and used again is a new alert; so is one that was dismissed, when it is configured.

Examples:
  advisor alerts list --severity critical
  advisor alerts show 3f2a
  advisor alerts acknowledge 3f2a --note 'on it'
  advisor alerts block 9c0d --note 'not ours'
  advisor alerts approve github --note 'reviewed'
  advisor alerts list --all --output ndjson | jq 'select(.kind == \"new_server\")'")]
pub(super) struct Alerts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What is not resolved, the most serious first
    List {
        /// Only this state
        #[arg(long, conflicts_with = "all", value_parser = one_of(AlertState::ALL, AlertState::as_str))]
        state: Option<AlertState>,
        /// Resolved ones, too
        #[arg(long)]
        all: bool,
        /// Only this kind
        #[arg(long, value_parser = one_of(AlertKind::ALL, AlertKind::as_str))]
        kind: Option<AlertKind>,
        /// Only this severity
        #[arg(long, value_parser = one_of(Severity::ALL, Severity::as_str))]
        severity: Option<Severity>,
        /// Only of this role
        #[arg(long)]
        role: Option<String>,
        /// Only of this host
        #[arg(long, value_name = "HOSTNAME")]
        host: Option<String>,
    },
    /// One alert in full
    Show {
        /// The alert
        id: String,
    },
    /// You have it in hand
    Acknowledge(Named),
    /// Somebody else has to see to it
    Escalate(Named),
    /// It is over
    Resolve(Named),
    /// A new MCP server or plugin may be used: what an earlier block denied is denied no more
    Approve(Named),
    /// A new MCP server or plugin may not be used: every role denies its tools from now on; again for roles
    /// that were made since
    Block(Named),
    /// No decision about a new MCP server or plugin: the next change of its configuration is an alert again
    Dismiss(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The alerts
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// What there is to say about it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(super) async fn run(args: Alerts, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    let (step, named) = match args.verb {
        Verb::List { state, all, kind, severity, role, host } => {
            let wanted = |it: &Alert| {
                let is_state = match state {
                    Some(state) => it.state == state,
                    None => all || it.state != AlertState::Resolved,
                };
                is_state
                    && kind.is_none_or(|kind| it.kind == kind)
                    && severity.is_none_or(|severity| it.severity == severity)
                    && (role.is_none() || it.role == role)
                    && (host.is_none() || it.hostname == host)
            };
            let alerts: Vec<Alert> = store.alerts().await?.into_iter().filter(wanted).collect();
            context.printer.list(&alerts, || rows(&alerts))?;
            return Ok(Exit::Done);
        }
        Verb::Show { id } => {
            let alert = store.alert(&id).await?;
            let steps = store.alert_steps(&alert.alert_id).await?;
            let shown = Shown { alert, steps };
            context.printer.document(&shown, || page(&shown))?;
            return Ok(Exit::Done);
        }
        Verb::Acknowledge(named) => (Step::Acknowledge, named),
        Verb::Escalate(named) => (Step::Escalate, named),
        Verb::Resolve(named) => (Step::Resolve(Resolution::Handled), named),
        Verb::Approve(named) => (Step::Resolve(Resolution::Approved), named),
        Verb::Block(named) => (Step::Resolve(Resolution::Blocked), named),
        Verb::Dismiss(named) => (Step::Resolve(Resolution::Dismissed), named),
    };
    let mut taken = Vec::new();
    let mut failed = None;
    for id in &named.ids {
        match store.step_alert(id, step, named.note.as_deref(), &context.by()).await {
            Ok(stepped) => taken.push(stepped),
            Err(err) => {
                failed = Some(err);
                break;
            }
        }
    }
    // What was done is told, whatever came after it.
    if !taken.is_empty() {
        show(&taken, context)?;
        taken.iter().filter_map(left_over).for_each(|it| context.printer.note(&it));
    }
    failed.map_or(Ok(Exit::Done), |err| Err(err.into()))
}

/// An alert with what people did about it.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    alert: Alert,
    steps: Vec<TakenStep>,
}

/// Prints the alerts with which a step was taken.
fn show(taken: &[Stepped], context: &Context) -> anyhow::Result<()> {
    if context.printer.output == Output::Table {
        for it in taken {
            context.printer.line(&sentence(it));
        }
        return Ok(());
    }
    let alerts: Vec<Alert> = taken.iter().map(|it| it.alert.clone()).collect();
    context.printer.list(taken, || rows(&alerts))
}

/// What a block leaves to somebody else.
fn left_over(stepped: &Stepped) -> Option<String> {
    let alert = &stepped.alert;
    let is_blocked = alert.resolution == Some(Resolution::Blocked);
    (is_blocked && alert.kind == AlertKind::NewPlugin).then(|| {
        let name = visible(&alert.detail.subject);
        let word = quote(&alert.detail.subject);
        format!(
            "rules deny the MCP servers of plugin `{name}`; its hooks, commands and skills are the agent's own: \
             `claude plugin uninstall {}` on the hosts takes them away",
            visible(&word),
        )
    })
}

fn rows(alerts: &[Alert]) -> Rows {
    let cells = alerts.iter().map(|it| {
        vec![
            it.alert_id.clone(),
            it.severity.to_string(),
            it.kind.to_string(),
            it.state.to_string(),
            it.events.to_string(),
            it.last_seen_at.to_string(),
            it.role.clone().unwrap_or_default(),
            it.hostname.clone().unwrap_or_default(),
            it.message.clone(),
        ]
    });
    let columns = vec![
        "alert_id",
        "severity",
        "kind",
        "state",
        "events",
        "last_seen_at",
        "role",
        "hostname",
        "message",
    ];
    Rows { columns, cells: cells.collect() }
}

fn page(shown: &Shown) -> String {
    let alert = &shown.alert;
    let mut lines = vec![
        format!("{} {} {}, {}", alert.alert_id, alert.severity, alert.kind, state(alert)),
        visible(&alert.message).into_owned(),
        format!(
            "{} event{}, raised at {}, last at {}",
            alert.events,
            if alert.events == 1 { "" } else { "s" },
            alert.raised_at,
            alert.last_seen_at
        ),
    ];
    let part = |name: &str, text: &str| format!("  {name:<8} {}", visible(text));
    lines.extend(alert.role.iter().map(|it| part("role", it)));
    lines.extend(alert.hostname.iter().map(|it| part("host", it)));
    lines.extend(alert.detail.examples.iter().map(|it| part("example", it)));
    lines.extend(alert.detail.event_ids.iter().map(|it| part("event", it)));
    for step in &shown.steps {
        let what = step.resolution.map_or_else(|| step.state.to_string(), |it| it.to_string());
        let note = step.note.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        lines.push(part("step", &format!("{} {what} by {}{note}", step.at, step.by)));
    }
    lines.join("\n")
}

fn state(alert: &Alert) -> String {
    alert.resolution.map_or_else(|| alert.state.to_string(), |it| format!("{}, {it}", alert.state))
}

fn sentence(stepped: &Stepped) -> String {
    let alert = &stepped.alert;
    let mut lines = vec![format!("{}: {}", alert.alert_id, state(alert))];
    let calls: Vec<String> = calls_of(alert.kind, &alert.detail.subject)
        .iter()
        .map(|it| format!("`{}`", visible(it)))
        .collect();
    lines.extend(stepped.roles.iter().map(|(role, revision)| {
        let denies = match alert.resolution {
            Some(Resolution::Approved) => "no longer denies",
            _ => "denies",
        };
        format!("role `{}` {denies} {} as of revision {revision}", visible(role), calls.join(", "))
    }));
    lines.join("\n")
}
