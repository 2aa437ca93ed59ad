//! Suggestion batches: saved once, listed, read back as they were printed.
use serde::Serialize;
use sqlx::{AnyConnection, any::AnyRow};

use super::{
    Store, StoreError,
    outbox::{self, SignalType},
    prefix::BATCHES,
    rows::{Columns as _, bigint, json, storable},
};
use crate::{
    batch::{
        BatchStatus, Change, ChangeKind, ChangeState, SuggestionBatch, Summary, Target, Window,
    },
    events::Timestamp,
    risk::RiskLevel,
};

/// A batch as lists show it, the view `suggestions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchSummary {
    /// The batch.
    pub batch_id: String,
    /// Its role.
    pub role: String,
    /// Hosts whose activity was analyzed.
    pub hosts: u64,
    /// New rules.
    pub changes_add: u64,
    /// Rules narrowed, reordered or split.
    pub changes_modify: u64,
    /// Rules taken away.
    pub changes_remove: u64,
    /// 0 to 1.
    pub confidence: f64,
    /// The highest risk of a change.
    pub risk: RiskLevel,
    /// When it was made.
    pub generated_at: Timestamp,
    /// What became of it.
    pub status: BatchStatus,
    /// The revision that was analyzed.
    pub role_revision: u64,
    /// A newer batch of the same role, where this one is still pending.
    pub superseded_by: Option<String>,
}

impl Store {
    /// Saves a batch; whether it was new. The same analysis has the same id and is stored once:
    /// what reviewers made of the first one stays.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn save_batch(&self, batch: &SuggestionBatch) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let is_new = insert(write.conn(), batch).await?;
        if is_new {
            let payload = serde_json::json!({
                "batch_id": batch.batch_id,
                "role": batch.role,
                "role_revision": batch.role_revision,
                "window": batch.window,
                "hosts": batch.hosts,
                "sessions": batch.sessions,
                "events": batch.events,
                "confidence": batch.confidence,
                "risk": batch.risk,
                "summary": batch.summary,
                "anomalies": batch.findings.anomalies.len(),
            });
            outbox::append(write.conn(), batch.generated_at, SignalType::Suggestion, &payload)
                .await?;
        }
        write.commit().await?;
        Ok(is_new)
    }

    /// The batch with this id, or the only one whose id begins with it.
    ///
    /// # Errors
    /// Where there is none, or more than one; or the database is away.
    pub async fn batch(&self, id: &str) -> Result<SuggestionBatch, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let id = BATCHES.resolve(snapshot.conn(), id).await?;
        load(snapshot.conn(), &id).await
    }

    /// Batches, newest first: of one role, with one status, or all.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn batches(
        &self,
        role: Option<&str>,
        status: Option<BatchStatus>,
    ) -> Result<Vec<BatchSummary>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT b.*, v.superseded_by FROM batches b JOIN suggestions v ON v.batch_id = b.batch_id
             WHERE (b.role = $1 OR $2 = 0) AND (b.status = $3 OR $4 = 0)
             ORDER BY b.generated_us DESC, b.batch_id DESC",
        )
        .bind(role.unwrap_or_default())
        .bind(i64::from(role.is_some()))
        .bind(status.map_or("", BatchStatus::as_str))
        .bind(i64::from(status.is_some()))
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(BatchSummary {
                    batch_id: row.text("batch_id")?,
                    role: row.text("role")?,
                    hosts: row.count("hosts")?,
                    changes_add: row.count("changes_add")?,
                    changes_modify: row.count("changes_modify")?,
                    changes_remove: row.count("changes_remove")?,
                    confidence: row.real("confidence")?,
                    risk: row.word("risk", RiskLevel::parse)?,
                    generated_at: row.time("generated_us")?,
                    status: row.word("status", BatchStatus::parse)?,
                    role_revision: row.count("role_revision")?,
                    superseded_by: row.maybe_text("superseded_by")?,
                })
            })
            .collect()
    }
}

/// A batch with its changes.
pub(super) async fn load(
    conn: &mut AnyConnection,
    batch_id: &str,
) -> Result<SuggestionBatch, StoreError> {
    let row = sqlx::query("SELECT * FROM batches WHERE batch_id = $1")
        .bind(batch_id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(|| StoreError::batch(batch_id))?;
    let changes = sqlx::query("SELECT * FROM changes WHERE batch_id = $1 ORDER BY ordinal")
        .bind(batch_id)
        .fetch_all(conn)
        .await?;
    let changes: Result<Vec<Change>, StoreError> = changes.iter().map(change).collect();
    Ok(SuggestionBatch {
        schema_version: row.text("schema_version")?,
        batch_id: row.text("batch_id")?,
        role: row.text("role")?,
        role_revision: row.count("role_revision")?,
        status: row.word("status", BatchStatus::parse)?,
        generated_at: row.time("generated_us")?,
        window: Window {
            from: row.time("window_from_us")?,
            to: row.time("window_to_us")?,
            hours: row.real("window_hours")?,
        },
        hosts: row.count("hosts")?,
        sessions: row.count("sessions")?,
        events: row.count("events")?,
        confidence: row.real("confidence")?,
        risk: row.word("risk", RiskLevel::parse)?,
        summary: Summary {
            add: row.count("changes_add")?,
            modify: row.count("changes_modify")?,
            remove: row.count("changes_remove")?,
        },
        changes: changes?,
        findings: row.json("findings_json")?,
    })
}

fn change(row: &AnyRow) -> Result<Change, StoreError> {
    Ok(Change {
        change_id: row.text("change_id")?,
        ordinal: row.count("ordinal")?,
        kind: row.word("kind", ChangeKind::parse)?,
        target: row.word("target", Target::parse)?,
        before: row.json("before_json")?,
        after: row.json("after_json")?,
        confidence: row.real("confidence")?,
        risk: row.word("risk", RiskLevel::parse)?,
        reasoning: row.text("reasoning")?,
        risk_if_wrong: row.text("risk_if_wrong")?,
        evidence: row.json("evidence_json")?,
        effects: row.json("effects_json")?,
        techniques: row.json("techniques_json")?,
        requires: row.json("requires_json")?,
        factors: row.json("factors_json")?,
        scopes: row.json("scopes_json")?,
        state: row.word("state", ChangeState::parse)?,
        modified_after: row.maybe_json("modified_after_json")?,
    })
}

/// Writes a batch where its id is new; whether it was.
async fn insert(conn: &mut AnyConnection, batch: &SuggestionBatch) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO batches (batch_id, schema_version, role, role_revision, status, generated_us,
             window_from_us, window_to_us, window_hours, hosts, sessions, events, confidence, risk,
             changes_add, changes_modify, changes_remove, findings_json)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (batch_id) DO NOTHING",
    )
    .bind(&batch.batch_id)
    .bind(&batch.schema_version)
    .bind(&batch.role)
    .bind(bigint(batch.role_revision))
    .bind(batch.status.as_str())
    .bind(batch.generated_at.0)
    .bind(batch.window.from.0)
    .bind(batch.window.to.0)
    .bind(batch.window.hours)
    .bind(bigint(batch.hosts))
    .bind(bigint(batch.sessions))
    .bind(bigint(batch.events))
    .bind(batch.confidence)
    .bind(batch.risk.as_str())
    .bind(bigint(batch.summary.add))
    .bind(bigint(batch.summary.modify))
    .bind(bigint(batch.summary.remove))
    .bind(json(&batch.findings)?)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if inserted == 0 {
        return Ok(false);
    }
    for change in &batch.changes {
        sqlx::query(
            "INSERT INTO changes (batch_id, ordinal, change_id, kind, target, before_json, after_json,
                 confidence, risk, reasoning, risk_if_wrong, evidence_json, effects_json,
                 techniques_json, requires_json, factors_json, scopes_json, state,
                 modified_after_json)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        )
        .bind(&batch.batch_id)
        .bind(bigint(change.ordinal))
        .bind(&change.change_id)
        .bind(change.kind.as_str())
        .bind(change.target.as_str())
        .bind(json(&change.before)?)
        .bind(json(&change.after)?)
        .bind(change.confidence)
        .bind(change.risk.as_str())
        .bind(storable(&change.reasoning))
        .bind(storable(&change.risk_if_wrong))
        .bind(json(&change.evidence)?)
        .bind(json(&change.effects)?)
        .bind(json(&change.techniques)?)
        .bind(json(&change.requires)?)
        .bind(json(&change.factors)?)
        .bind(json(&change.scopes)?)
        .bind(change.state.as_str())
        .bind(change.modified_after.as_ref().map(json).transpose()?)
        .execute(&mut *conn)
        .await?;
    }
    Ok(true)
}
