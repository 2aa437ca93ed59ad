//! Looks at events that nobody has looked at for alerts yet, each once.
use std::{cell::RefCell, collections::BTreeMap};

use super::audit::{Auditor, Entry};
use crate::{
    alerts::{Noticed, Rules, Watch, may_install, of_anomaly},
    batch::SuggestionBatch,
    events::{EventType, Outcome, Timestamp},
    lake::{Column, Filter, Lake, Part, Test, View, Window},
    risk::DeclaredRisks,
    store::{AlertsRaised, Store},
};

/// Raises the alerts of what has come into the lake since the last time. Waits for the lake.
///
/// # Errors
/// Where store or lake fail; then nothing was looked at.
pub async fn watch(
    store: &Store,
    lake: &Lake,
    rules: &Rules,
    now: Timestamp,
    waiting: &(dyn Fn() + Sync),
) -> anyhow::Result<AlertsRaised> {
    let _lock = tokio::task::block_in_place(|| lake.lock(waiting))?;
    let names = store.unwatched_parts().await?;
    if names.is_empty() {
        return Ok(AlertsRaised::default());
    }
    let mut thresholds = BTreeMap::new();
    for role in store.roles().await? {
        let role = store.role(&role.name).await?;
        thresholds.extend(role.risk_policy.trust_threshold.map(|it| (role.name, it)));
    }
    let mut parts = store.manifest().await?.parts;
    parts.retain(|part| names.binary_search(&part.name).is_ok());
    let declared = store.declared_risks().await?;
    let noticed = tokio::task::block_in_place(|| look(lake, &parts, rules, declared, &thresholds))?;
    let res = store.raise_alerts(&noticed, &parts, now).await?;
    tracing::info!(parts = parts.len(), raised = res.raised, repeated = res.repeated, "watched");
    Ok(res)
}

fn look(
    lake: &Lake,
    parts: &[Part],
    rules: &Rules,
    declared: DeclaredRisks,
    thresholds: &BTreeMap<String, u8>,
) -> anyhow::Result<Vec<Noticed>> {
    let watch = RefCell::new(Watch::new(rules, thresholds));
    let mut auditor = Auditor::new(lake, declared);
    let mut see = |entry: Entry| {
        let event = &entry.record.event;
        let call = match (&event.mcp_server, &event.mcp_tool) {
            (Some(server), Some(tool)) => format!("{server}/{tool}"),
            (server, _) => server.clone().unwrap_or_default(),
        };
        let line = entry.record.command.as_ref().unwrap_or(&call);
        watch.borrow_mut().see(event, line, entry.severity);
    };
    // One at a time, since lines may be long: a part has as many bytes as an ingest holds.
    let mut newest_first: Vec<&Part> = parts.iter().collect();
    newest_first.sort_by(|one, other| other.last.cmp(&one.last).then(one.cmp(other)));
    for part in newest_first {
        let part = std::slice::from_ref(part);
        auditor.each(part, &wanted(rules), &|_| true, &mut see)?;
        // Few lines are about plugins: where a part has none, no other column is read for them.
        if lake.has_text(part, Column::Command, &may_install)? {
            let commands = one_of(Column::EventType, &[EventType::CommandExecution.as_str()]);
            let filter = of_tests(vec![commands]);
            let is_wanted = |view: &View<'_>| view.command.is_some_and(may_install);
            auditor.each(part, &filter, &is_wanted, &mut |entry| {
                watch.borrow_mut().see_installed(&entry.record.event, entry.severity);
            })?;
        }
    }
    Ok(watch.into_inner().finish())
}

/// What may be an alert, as far as columns tell.
fn wanted(rules: &Rules) -> Filter {
    let kinds = [EventType::McpToolCall, EventType::ConfigChange, EventType::PolicyIntegrity];
    let outcomes = [Outcome::Blocked, Outcome::WouldBlock];
    let agents: Vec<&str> = rules.declared_tools.keys().map(String::as_str).collect();
    let tests = vec![
        one_of(Column::EventType, &kinds.map(EventType::as_str)),
        one_of(Column::Decision, &outcomes.map(Outcome::as_str)),
        one_of(Column::Agent, &agents),
    ];
    of_tests(vec![Test::Any(tests)])
}

fn one_of(column: Column, values: &[&str]) -> Test {
    Test::OneOf(column, values.iter().map(|it| Some((*it).to_owned())).collect())
}

const fn of_tests(tests: Vec<Test>) -> Filter {
    Filter { window: Window::ALL, tests, binaries: Vec::new() }
}

/// Raises the alerts that the anomalies of a new batch are.
///
/// # Errors
/// Where the store fails.
pub async fn raise_anomalies(
    store: &Store,
    rules: &Rules,
    batch: &SuggestionBatch,
) -> anyhow::Result<AlertsRaised> {
    let anomalies = batch.findings.anomalies.iter();
    let noticed: Vec<Noticed> =
        anomalies.filter_map(|it| of_anomaly(rules, &batch.role, it)).collect();
    Ok(store.raise_alerts(&noticed, &[], batch.generated_at).await?)
}
