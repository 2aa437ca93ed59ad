//! Reviews: verdicts on changes, batches applied and dismissed, and what is remembered of it all.
use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, alerts, batches,
    outbox::{self, SignalType},
    prefix::BATCHES,
    revisions::{self, Why},
    roles,
    rows::{Columns as _, bigint, json, storable},
    trail,
};
use crate::{
    batch::{BatchStatus, Change, ChangeState, PlacedRule, SuggestionBatch},
    events::{Timestamp, text_forms},
    policy::Role,
    review::{BadVerdict, Ruling, Verdict, merge, opened, rule_on},
};

/// What a reviewer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A change goes in as proposed.
    Accept,
    /// A change does not go in.
    Reject,
    /// A change goes in as the reviewer wrote it.
    Modify,
    /// A change went into the role.
    Apply,
    /// The whole batch was discarded.
    Dismiss,
}

text_forms!(Act {
    Accept = "accept",
    Reject = "reject",
    Modify = "modify",
    Apply = "apply",
    Dismiss = "dismiss",
});

/// One thing a reviewer did, the view `suggestion_feedback`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feedback {
    /// The batch.
    pub batch_id: String,
    /// Counts up from 1 within the batch.
    pub sequence: u64,
    /// The change, `None` where it is about the batch.
    pub change_id: Option<String>,
    /// What was done.
    pub verdict: Act,
    /// Why, in the reviewer's words.
    pub reason: Option<String>,
    /// The reviewer's own rules.
    pub modified_after: Option<Vec<PlacedRule>>,
    /// When.
    pub given_at: Timestamp,
    /// Who.
    pub given_by: String,
}

/// A batch that has become part of its role.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The batch, closed.
    pub batch: SuggestionBatch,
    /// The role, in its new revision.
    pub role: Role,
    /// How many changes went in.
    pub changes: u64,
}

impl Store {
    /// Takes a verdict on changes of a batch; what became of which change.
    ///
    /// # Errors
    /// Where the batch or a change is not there, the batch is closed, or a change requires a
    /// rejected one; or the database is away.
    pub async fn review(
        &self,
        batch_id: &str,
        verdict: &Verdict,
        by: &By,
    ) -> Result<(SuggestionBatch, Vec<Ruling>), StoreError> {
        let mut write = self.begin().await?;
        let conn = write.conn();
        let batch_id = BATCHES.resolve(conn, batch_id).await?;
        let mut batch = batches::load(conn, &batch_id).await?;
        let rulings = rule_on(&mut batch, verdict)?;
        // What was proposed is proved; what a reviewer wrote is not.
        let is_written = batch.changes.iter().any(|it| it.state == ChangeState::Modified);
        if is_written && !matches!(verdict, Verdict::Reject { .. }) {
            let base = base(conn, &batch).await?;
            // What does not fit is told when the batch is applied.
            if let Ok(after) = merge(&base, &base, &batch) {
                opens_nothing(&batch, &base, &after)?;
            }
        }
        for ruling in &rulings {
            let change = batch.changes.iter().find(|it| it.ordinal == ruling.ordinal);
            let Some(change) = change else { continue };
            let act = match change.state {
                ChangeState::Rejected => Act::Reject,
                ChangeState::Modified => Act::Modify,
                ChangeState::Accepted | ChangeState::Pending => Act::Accept,
            };
            set_state(conn, &batch_id, change).await?;
            let said = Said { act, reason: ruling.reason.as_deref(), follows: ruling.follows };
            remember(conn, &batch, Some(change), said, by).await?;
        }
        trail::append(conn, by, "batch.review", &batch_id, trail::NOTHING, Some(&rulings)).await?;
        write.commit().await?;
        Ok((batch, rulings))
    }

    /// Puts the accepted and modified changes of a batch into its role, as one new revision.
    ///
    /// # Errors
    /// Where there is no such batch or role, the batch is closed, nothing is accepted, or the role
    /// has moved on so that a change does not fit; or the database is away.
    pub async fn apply_batch(&self, batch_id: &str, by: &By) -> Result<Applied, StoreError> {
        let mut write = self.begin().await?;
        let conn = write.conn();
        let batch_id = BATCHES.resolve(conn, batch_id).await?;
        let mut batch = batches::load(conn, &batch_id).await?;
        still_open(&batch)?;
        let changes = batch.changes.iter().filter(|it| it.state.goes_in());
        let changes: Vec<Change> = changes.cloned().collect();
        if changes.is_empty() {
            return Err(StoreError::Refused(format!(
                "no change of batch `{batch_id}` is accepted\n\
                 hint: `advisor review accept {batch_id}` accepts all of it, `--change N` one"
            )));
        }
        let current = roles::need(conn, &batch.role).await?;
        let base = base(conn, &batch).await?;
        let mut merged =
            merge(&base, &current, &batch).map_err(|conflicts| StoreError::Conflicts {
                batch_id: batch_id.clone(),
                role: batch.role.clone(),
                made_for: base.revision,
                now: current.revision,
                conflicts,
            })?;
        opens_nothing(&batch, &current, &merged)?;
        alerts::note_blocked(conn, &mut merged).await?;
        let why = Why { reason: format!("applied {batch_id}"), batch_id: Some(batch_id.clone()) };
        let (role, _) = roles::save(conn, merged, &why, by).await?;
        let is_whole = changes.len() == batch.changes.len();
        batch.status = if is_whole { BatchStatus::Applied } else { BatchStatus::PartiallyApplied };
        close(conn, &batch, Some(role.revision), None, by).await?;
        for change in &changes {
            remember(conn, &batch, Some(change), Said::of(Act::Apply, None), by).await?;
        }
        let after = (batch.status, role.revision);
        trail::append(conn, by, "batch.apply", &batch_id, Some(&current.revision), Some(&after))
            .await?;
        write.commit().await?;
        Ok(Applied { batch, role, changes: changes.len() as u64 })
    }

    /// Discards a batch. Its changes are not rejected: the next analysis may propose them again.
    ///
    /// # Errors
    /// Where there is no such batch, it is closed, or the database is away.
    pub async fn dismiss_batch(
        &self,
        batch_id: &str,
        reason: &str,
        by: &By,
    ) -> Result<SuggestionBatch, StoreError> {
        let mut write = self.begin().await?;
        let conn = write.conn();
        let batch_id = BATCHES.resolve(conn, batch_id).await?;
        let mut batch = batches::load(conn, &batch_id).await?;
        still_open(&batch)?;
        batch.status = BatchStatus::Dismissed;
        close(conn, &batch, None, Some(reason), by).await?;
        remember(conn, &batch, None, Said::of(Act::Dismiss, Some(reason)), by).await?;
        trail::append(conn, by, "batch.dismiss", &batch_id, trail::NOTHING, Some(&reason)).await?;
        write.commit().await?;
        Ok(batch)
    }

    /// What reviewers did with the batches of a role, oldest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn feedback(&self, role: &str) -> Result<Vec<Feedback>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT * FROM feedback WHERE role = $1 ORDER BY given_us, batch_id, sequence",
        )
        .bind(role)
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Feedback {
                    batch_id: row.text("batch_id")?,
                    sequence: row.count("sequence")?,
                    change_id: row.maybe_text("change_id")?,
                    verdict: row.word("verdict", Act::parse)?,
                    reason: row.maybe_text("reason")?,
                    modified_after: row.maybe_json("modified_after_json")?,
                    given_at: row.time("given_us")?,
                    given_by: row.text("given_by")?,
                })
            })
            .collect()
    }
}

/// The revision that a batch was made for.
async fn base(conn: &mut AnyConnection, batch: &SuggestionBatch) -> Result<Role, StoreError> {
    let base = revisions::load(conn, &batch.role, batch.role_revision).await?;
    base.ok_or_else(|| StoreError::Corrupt {
        what: "the revision of a batch",
        text: format!("{} {}", batch.role, batch.role_revision),
    })
}

/// Refuses a revision that lets through what no role should and the one before stops.
fn opens_nothing(batch: &SuggestionBatch, before: &Role, after: &Role) -> Result<(), StoreError> {
    let opened = opened(before, after);
    if opened.is_empty() {
        return Ok(());
    }
    let (batch_id, role) = (batch.batch_id.clone(), batch.role.clone());
    Err(StoreError::Opens { batch_id, role, opened })
}

fn still_open(batch: &SuggestionBatch) -> Result<(), BadVerdict> {
    if batch.status == BatchStatus::Pending {
        return Ok(());
    }
    Err(BadVerdict::Closed {
        batch_id: batch.batch_id.clone(),
        status: batch.status,
        role: batch.role.clone(),
    })
}

async fn set_state(
    conn: &mut AnyConnection,
    batch_id: &str,
    change: &Change,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE changes SET state = $3, modified_after_json = $4 WHERE batch_id = $1 AND ordinal = $2",
    )
    .bind(batch_id)
    .bind(bigint(change.ordinal))
    .bind(change.state.as_str())
    .bind(change.modified_after.as_ref().map(json).transpose()?)
    .execute(conn)
    .await?;
    Ok(())
}

async fn close(
    conn: &mut AnyConnection,
    batch: &SuggestionBatch,
    revision: Option<u64>,
    reason: Option<&str>,
    by: &By,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE batches SET status = $2, applied_revision = $3, decided_us = $4, decided_by = $5,
             reason = $6 WHERE batch_id = $1",
    )
    .bind(&batch.batch_id)
    .bind(batch.status.as_str())
    .bind(revision.map(bigint))
    .bind(by.at.0)
    .bind(storable(&by.actor))
    .bind(reason.map(storable))
    .execute(conn)
    .await?;
    Ok(())
}

/// What is remembered of one act.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    act: Act,
    reason: Option<&'a str>,
    /// Whether it only followed from a verdict on another change.
    follows: bool,
}

impl<'a> Said<'a> {
    const fn of(act: Act, reason: Option<&'a str>) -> Self {
        Self { act, reason, follows: false }
    }
}

async fn remember(
    conn: &mut AnyConnection,
    batch: &SuggestionBatch,
    change: Option<&Change>,
    said: Said<'_>,
    by: &By,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO feedback (batch_id, sequence, role, change_id, verdict, reason, follows,
             mark_json, modified_after_json, given_us, given_by)
         SELECT $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         FROM feedback WHERE batch_id = $1",
    )
    .bind(&batch.batch_id)
    .bind(&batch.role)
    .bind(change.map(|it| it.change_id.clone()))
    .bind(said.act.as_str())
    .bind(said.reason.map(storable))
    .bind(i64::from(said.follows))
    .bind(change.map(|it| json(&it.evidence.mark())).transpose()?)
    .bind(change.and_then(|it| it.modified_after.as_ref()).map(json).transpose()?)
    .bind(by.at.0)
    .bind(storable(&by.actor))
    .execute(&mut *conn)
    .await?;
    let payload = serde_json::json!({
        "batch_id": batch.batch_id,
        "role": batch.role,
        "change_id": change.map(|it| &it.change_id),
        "verdict": said.act,
        "reason": said.reason,
        "follows": said.follows,
        "modified_after": change.and_then(|it| it.modified_after.as_ref()),
        "given_by": by.actor,
    });
    outbox::append(conn, by.at, SignalType::Review, &payload).await
}
