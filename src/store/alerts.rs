//! Alerts: raised once for what is alike, counted up while they are not resolved, kept for the record.
use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, any::AnyRow};

use super::{
    By, Store, StoreError,
    outbox::{self, SignalType},
    prefix::ALERTS,
    revisions::Why,
    roles,
    rows::{Columns as _, bigint, json, storable},
    trail,
};
use crate::{
    alerts::{
        Alert, AlertKind, AlertState, Detail, Noticed, Resolution, Step, TakenStep, calls_of,
    },
    events::{Severity, Timestamp},
    lake::Part,
    policy::{Role, Rule, RuleAction},
};

/// Most alerts of one kind that are not resolved; what is more becomes one that says so.
///
/// # Source
/// Our choice, as for one look: nobody reads a thousand of a kind.
const MAX_UNRESOLVED: u64 = 1_000;

/// What became of what was noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlertsRaised {
    /// Alerts that are new.
    pub raised: u64,
    /// Alerts that were there and count more events now.
    pub repeated: u64,
}

/// An alert after a step, and the roles that have changed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stepped {
    /// As it is now.
    #[serde(flatten)]
    pub alert: Alert,
    /// Roles that deny the tools of a blocked server or plugin from now on, or those of an approved one no
    /// more, each with its revision.
    pub roles: Vec<(String, u64)>,
}

/// The act of a step in the trail.
const STEP: &str = "alert.step";

/// The decisions that roles follow.
const DECIDES: &[Resolution] = &[Resolution::Blocked, Resolution::Approved];

/// Why a deny of a blocked server is in a role, so that it goes with the block and no other does.
const BLOCKED: &str = "an MCP server or plugin that was blocked (`advisor alerts block`)";

impl Store {
    /// Takes down what was noticed in `parts`, whose events are not looked at again: all or nothing.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn raise_alerts(
        &self,
        noticed: &[Noticed],
        parts: &[Part],
        at: Timestamp,
    ) -> Result<AlertsRaised, StoreError> {
        let mut write = self.begin().await?;
        let mut res = AlertsRaised::default();
        for it in noticed {
            raise(write.conn(), it.clone(), at, &mut res).await?;
        }
        for part in parts {
            sqlx::query("UPDATE parts SET watched_us = $1 WHERE name = $2 AND day = $3")
                .bind(at.0)
                .bind(&part.name)
                .bind(part.day.to_string())
                .execute(write.conn())
                .await?;
        }
        write.commit().await?;
        Ok(res)
    }

    /// Names of the parts whose events were not looked at for alerts yet.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn unwatched_parts(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT name FROM parts WHERE watched_us IS NULL ORDER BY name")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// Every alert, those not resolved first, then the most serious, then the newest.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM alerts").fetch_all(self.snapshot().await?.conn()).await?;
        let alerts: Result<Vec<Alert>, StoreError> = rows.iter().map(alert).collect();
        let mut alerts = alerts?;
        alerts.sort_by(|a, b| {
            let key = |it: &Alert| {
                let is_over = it.state == AlertState::Resolved;
                let newest = std::cmp::Reverse(it.last_seen_at);
                (is_over, std::cmp::Reverse(it.severity), newest, it.alert_id.clone())
            };
            key(a).cmp(&key(b))
        });
        Ok(alerts)
    }

    /// An alert by its id, or enough of its beginning.
    ///
    /// # Errors
    /// Where there is no such alert, or the database is away.
    pub async fn alert(&self, id: &str) -> Result<Alert, StoreError> {
        find(self.snapshot().await?.conn(), id).await
    }

    /// The steps that people took with an alert, in order.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn alert_steps(&self, alert_id: &str) -> Result<Vec<TakenStep>, StoreError> {
        let sql = "SELECT done_us, done_by, after_json FROM trail
                   WHERE act = $1 AND subject = $2 ORDER BY sequence";
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(sql).bind(STEP).bind(alert_id).fetch_all(snapshot.conn()).await?;
        let step = |row: &AnyRow| -> Result<TakenStep, StoreError> {
            let (state, resolution, note) = row.json("after_json")?;
            let (at, by) = (row.time("done_us")?, row.text("done_by")?);
            Ok(TakenStep { at, by, state, resolution, note })
        };
        rows.iter().map(step).collect()
    }

    /// The servers and plugins that are blocked, by the last decision about each.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn blocked_arrivals(&self) -> Result<Vec<(AlertKind, String)>, StoreError> {
        blocked(self.snapshot().await?.conn()).await
    }

    /// Takes a step with an alert, which is named by its id, the beginning of that, or, to approve, block or
    /// dismiss it, by the name of the server or plugin. One that is blocked is denied by every role from then on;
    /// one that is approved after that is denied no more by the rules that the block made.
    ///
    /// # Errors
    /// Where there is no such alert, the step is none for it, or the database is away.
    pub async fn step_alert(
        &self,
        id: &str,
        step: Step,
        note: Option<&str>,
        by: &By,
    ) -> Result<Stepped, StoreError> {
        let mut write = self.begin().await?;
        let conn = write.conn();
        let before = meant(conn, id, step).await?;
        let (state, resolution) = before.after(step)?;
        sqlx::query(
            "UPDATE alerts SET state = $1, resolution = $2, note = $3, changed_us = $4, changed_by = $5
             WHERE alert_id = $6",
        )
        .bind(state.as_str())
        .bind(resolution.map(Resolution::as_str))
        .bind(note.map(storable))
        .bind(by.at.0)
        .bind(storable(&by.actor))
        .bind(&before.alert_id)
        .execute(&mut *conn)
        .await?;
        let mut roles = Vec::new();
        if let Some(it) = resolution.filter(|it| DECIDES.contains(it)) {
            roles = decide_calls(conn, &before, it == Resolution::Blocked, by).await?;
        }
        let after = find(conn, &before.alert_id).await?;
        let standing = |it: &Alert| (it.state, it.resolution, it.note.clone());
        let (old, new) = (standing(&before), standing(&after));
        trail::append(conn, by, STEP, &before.alert_id, Some(&old), Some(&new)).await?;
        outbox::append(conn, by.at, SignalType::Alert, &after).await?;
        write.commit().await?;
        Ok(Stepped { alert: after, roles })
    }
}

/// The servers and plugins that are blocked, by the last decision about each.
pub(super) async fn blocked(
    conn: &mut AnyConnection,
) -> Result<Vec<(AlertKind, String)>, StoreError> {
    let mut alerts = arrivals(conn).await?;
    alerts.retain(|it| it.resolution.is_some());
    newest_decisions(&mut alerts);
    alerts.retain(|it| it.resolution == Some(Resolution::Blocked));
    Ok(alerts.into_iter().map(|it| (it.kind, it.detail.subject)).collect())
}

/// Notes on the rules of a role that are new and deny calls of what is blocked why they are there, so that they
/// go with the block.
pub(super) async fn note_blocked(
    conn: &mut AnyConnection,
    role: &mut Role,
) -> Result<(), StoreError> {
    let blocked = blocked(conn).await?;
    let calls: Vec<String> =
        blocked.iter().flat_map(|(kind, name)| calls_of(*kind, name)).collect();
    for rule in role.mcp_rules.iter_mut().filter(|it| it.rule_id.is_empty()) {
        let is_block = rule.action == RuleAction::Deny && rule.when.is_empty();
        if is_block && calls.contains(&rule.pattern) {
            rule.rationale = Some(BLOCKED.to_owned());
        }
    }
    Ok(())
}

/// Counts up the alert that is there, or makes one.
async fn raise(
    conn: &mut AnyConnection,
    mut noticed: Noticed,
    at: Timestamp,
    res: &mut AlertsRaised,
) -> Result<(), StoreError> {
    let mut known = alike(conn, &noticed).await?;
    let unresolved = |it: &&Alert| it.state != AlertState::Resolved;
    let is_new = known.iter().all(|it| it.state == AlertState::Resolved);
    if is_new && is_settled(&noticed, &known) {
        return Ok(());
    }
    if is_new && decided(&known).is_some_and(|it| it.resolution == Some(Resolution::Blocked)) {
        let what = if noticed.kind == AlertKind::NewPlugin { "plugin" } else { "MCP server" };
        let name = &noticed.detail.subject;
        noticed.message = format!("{what} `{name}` was blocked, and is used or configured again");
    }
    if is_new && n_unresolved(conn, noticed.kind).await? >= MAX_UNRESOLVED {
        noticed = noticed.more();
        known = alike(conn, &noticed).await?;
    }
    if let Some(alert) = known.iter().find(unresolved) {
        res.repeated += 1;
        return repeat(conn, alert, &noticed).await;
    }
    res.raised += 1;
    let id = id_of(&noticed, known.len());
    sqlx::query(
        "INSERT INTO alerts (alert_id, raised_us, kind, severity, role, hostname, message, detail_json,
             state, alert_key, events, last_seen_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11)",
    )
    .bind(&id)
    .bind(at.0)
    .bind(noticed.kind.as_str())
    .bind(noticed.severity.as_str())
    .bind(noticed.role.as_deref().map(storable))
    .bind(noticed.hostname.as_deref().map(storable))
    .bind(storable(&noticed.message))
    .bind(json(&noticed.detail)?)
    .bind(storable(&indexed(&noticed.key)))
    .bind(bigint(noticed.events))
    .bind(noticed.last.0)
    .execute(&mut *conn)
    .await?;
    let alert = find(conn, &id).await?;
    outbox::append(conn, at, SignalType::Alert, &alert).await
}

/// Longest key that is kept as it is, in bytes: a row of an index of PostgreSQL has room for 2,704.
const MAX_KEY_BYTES: usize = 600;

/// A key as it is kept: one that is longer, as command lines may be, by its begin and its hash.
fn indexed(key: &str) -> Cow<'_, str> {
    if key.len() <= MAX_KEY_BYTES {
        return Cow::Borrowed(key);
    }
    let begin: String = key.chars().take(MAX_KEY_BYTES / 8).collect();
    Cow::Owned(format!("{begin} {:x}", Sha256::digest(key)))
}

/// The id of an alert that was one `n_before` times before.
fn id_of(noticed: &Noticed, n_before: usize) -> String {
    let mut id = Sha256::new();
    for part in [noticed.kind.as_str(), &noticed.key, &n_before.to_string()] {
        id.update((part.len() as u64).to_be_bytes());
        id.update(part);
    }
    format!("{:x}", id.finalize()).chars().take(16).collect()
}

/// The alert with the last decision.
fn decided(known: &[Alert]) -> Option<&Alert> {
    known.iter().filter(|it| it.resolution.is_some()).max_by_key(|it| it.changed_at)
}

/// Whether a person has said what there is to say: a server or plugin was approved, one that was blocked has
/// not been used since, one that was dismissed has not been configured, an anomaly has not come again.
fn is_settled(noticed: &Noticed, known: &[Alert]) -> bool {
    let since = known.iter().filter_map(|it| it.changed_at).max();
    match noticed.kind {
        AlertKind::NewServer | AlertKind::NewPlugin => {
            match decided(known).and_then(|it| it.resolution) {
                None => !known.is_empty(),
                Some(Resolution::Approved | Resolution::Handled) => true,
                Some(Resolution::Blocked) => since.is_some_and(|it| noticed.last <= it),
                Some(Resolution::Dismissed) => {
                    noticed.changed.is_none_or(|at| since.is_some_and(|it| at <= it))
                }
            }
        }
        AlertKind::Anomaly => since.is_some_and(|it| noticed.last <= it),
        _ => false,
    }
}

async fn repeat(
    conn: &mut AnyConnection,
    alert: &Alert,
    noticed: &Noticed,
) -> Result<(), StoreError> {
    // Batches over one window name the same events again.
    let events = match noticed.kind {
        AlertKind::Anomaly => alert.events.max(noticed.events),
        _ => alert.events.saturating_add(noticed.events),
    };
    sqlx::query(
        "UPDATE alerts SET events = $1, severity = $2, last_seen_us = $3 WHERE alert_id = $4",
    )
    .bind(bigint(events))
    .bind(alert.severity.max(noticed.severity).as_str())
    .bind(alert.last_seen_at.max(noticed.last).0)
    .bind(&alert.alert_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// The alerts of the same kind and key.
async fn alike(conn: &mut AnyConnection, noticed: &Noticed) -> Result<Vec<Alert>, StoreError> {
    let rows = sqlx::query("SELECT * FROM alerts WHERE kind = $1 AND alert_key = $2")
        .bind(noticed.kind.as_str())
        .bind(storable(&indexed(&noticed.key)))
        .fetch_all(conn)
        .await?;
    rows.iter().map(alert).collect()
}

async fn n_unresolved(conn: &mut AnyConnection, kind: AlertKind) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) AS n FROM alerts WHERE kind = $1 AND state <> 'resolved'";
    sqlx::query(sql).bind(kind.as_str()).fetch_one(conn).await?.count("n")
}

/// Puts denies for all tools of a server or plugin in front of the MCP rules of every role, or takes those away
/// that were put there so.
async fn decide_calls(
    conn: &mut AnyConnection,
    alert: &Alert,
    is_blocked: bool,
    by: &By,
) -> Result<Vec<(String, u64)>, StoreError> {
    let patterns = calls_of(alert.kind, &alert.detail.subject);
    let rows = sqlx::query("SELECT name FROM roles WHERE deleted_us IS NULL ORDER BY name")
        .fetch_all(&mut *conn)
        .await?;
    let mut changed = Vec::new();
    for row in rows {
        let mut role = roles::need(conn, &row.text("name")?).await?;
        let n_before = role.mcp_rules.len();
        if is_blocked {
            let leading = role.mcp_rules.iter().take_while(|it| it.action == RuleAction::Deny);
            let denied: Vec<String> =
                leading.filter(|it| it.when.is_empty()).map(|it| it.pattern.clone()).collect();
            let missing = patterns.iter().filter(|it| !denied.contains(it));
            let rules: Vec<Rule> = missing
                .map(|it| Rule {
                    rationale: Some(BLOCKED.to_owned()),
                    ..Rule::new(it, RuleAction::Deny)
                })
                .collect();
            role.mcp_rules.splice(0..0, rules);
        } else {
            role.mcp_rules.retain(|it| {
                it.rationale.as_deref() != Some(BLOCKED) || !patterns.contains(&it.pattern)
            });
        }
        if role.mcp_rules.len() == n_before {
            continue;
        }
        let verb = if is_blocked { "block" } else { "approve" };
        let why = Why::command(&format!("alerts {verb} {}", alert.alert_id));
        let (role, _) = roles::save(conn, role, &why, by).await?;
        changed.push((role.name, role.revision));
    }
    Ok(changed)
}

/// The alerts about servers and plugins.
async fn arrivals(conn: &mut AnyConnection) -> Result<Vec<Alert>, StoreError> {
    let rows = sqlx::query("SELECT * FROM alerts WHERE kind IN ($1, $2) ORDER BY alert_id")
        .bind(AlertKind::NewServer.as_str())
        .bind(AlertKind::NewPlugin.as_str())
        .fetch_all(conn)
        .await?;
    rows.iter().map(alert).collect()
}

/// Leaves of every server and plugin the alert that was decided about last.
fn newest_decisions(alerts: &mut Vec<Alert>) {
    alerts.sort_by(|a, b| {
        let key = |it: &Alert| (it.kind, it.detail.subject.clone());
        key(a).cmp(&key(b)).then(b.changed_at.cmp(&a.changed_at))
    });
    alerts.dedup_by(|a, b| a.kind == b.kind && a.detail.subject == b.detail.subject);
}

/// The alert that a step is for, by its id, enough of the id's beginning, or, where the step decides
/// about something new, the name of that.
async fn meant(conn: &mut AnyConnection, named: &str, step: Step) -> Result<Alert, StoreError> {
    let decides = matches!(step, Step::Resolve(it) if it != Resolution::Handled);
    let by_id = find(&mut *conn, named).await;
    if !decides {
        return by_id;
    }
    let mut by_name = arrivals(conn).await?;
    by_name.retain(|it| it.detail.subject == named);
    if by_name.iter().any(|it| it.state != AlertState::Resolved) {
        by_name.retain(|it| it.state != AlertState::Resolved);
    } else {
        // A decision that is taken again.
        newest_decisions(&mut by_name);
    }
    // Whoever names a server like an id, or like a plugin, must not choose what is meant.
    let found = by_id.as_ref().ok().filter(|it| !by_name.contains(it)).into_iter().chain(&by_name);
    let ids: Vec<&str> = found.map(|it| it.alert_id.as_str()).collect();
    if let [first, second, ..] = ids.as_slice() {
        return Err(StoreError::Refused(format!(
            "`{named}` stands for more than one alert, `{first}` and `{second}` among them\n\
             hint: name the alert by its id, `advisor alerts list` has it"
        )));
    }
    by_name.pop().map_or(by_id, Ok)
}

async fn find(conn: &mut AnyConnection, id: &str) -> Result<Alert, StoreError> {
    let id = ALERTS.resolve(&mut *conn, id).await?;
    let sql = "SELECT * FROM alerts WHERE alert_id = $1";
    alert(&sqlx::query(sql).bind(id).fetch_one(conn).await?)
}

fn alert(row: &AnyRow) -> Result<Alert, StoreError> {
    let resolution = row.maybe_text("resolution")?;
    Ok(Alert {
        alert_id: row.text("alert_id")?,
        kind: row.word("kind", AlertKind::parse)?,
        severity: row.word("severity", Severity::parse)?,
        state: row.word("state", AlertState::parse)?,
        resolution: resolution.as_deref().and_then(Resolution::parse),
        role: row.maybe_text("role")?,
        hostname: row.maybe_text("hostname")?,
        message: row.text("message")?,
        events: row.count("events")?,
        raised_at: row.time("raised_us")?,
        last_seen_at: row.time("last_seen_us")?,
        detail: row.json::<Detail>("detail_json")?,
        changed_at: row.maybe_time("changed_us")?,
        changed_by: row.maybe_text("changed_by")?,
        note: row.maybe_text("note")?,
    })
}
