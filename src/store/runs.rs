//! Runs: what each scheduled run did for each role, and the lock that keeps two from meeting.
#![expect(clippy::disallowed_types, reason = "the lock of a file store is a locked file")]
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::Serialize;
use sqlx::{Any, Row as _, Transaction};

use super::{
    Place, Store, StoreError,
    rows::{Columns as _, bigint, json, storable},
};
use crate::events::{Timestamp, text_forms};

/// How a run ended, as a whole or for one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It has not ended; or it died.
    Running,
    /// The run as a whole got to its end.
    Done,
    /// A batch was written.
    Suggested,
    /// Analyzed, and there was nothing to suggest.
    Nothing,
    /// Too little activity yet; the next run looks again.
    Waiting,
    /// Not its time.
    NotDue,
    /// Switched off.
    Disabled,
    /// It failed; the next run tries again.
    Failed,
    /// It was asked to stop; the next run does the rest.
    Stopped,
}

text_forms!(RunOutcome {
    Running = "running",
    Done = "done",
    Suggested = "suggested",
    Nothing = "nothing",
    Waiting = "waiting",
    NotDue = "not_due",
    Disabled = "disabled",
    Failed = "failed",
    Stopped = "stopped",
});

/// One row of the view `advisor_runs`: what a run did, as a whole or for one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// The run.
    pub run_id: String,
    /// The role, `None` for the run as a whole.
    pub role: Option<String>,
    /// Its begin.
    pub started_at: Timestamp,
    /// Its end, `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// One sentence.
    pub reason: String,
    /// The batch that was written.
    pub batch_id: Option<String>,
    /// What was counted, such as `events` or `rejected`.
    pub counts: BTreeMap<String, u64>,
}

/// Held by the one run that is under way; let go when dropped, also by a process that dies.
#[derive(Debug)]
pub struct RunLock {
    #[expect(dead_code, reason = "held, not read")]
    held: Held,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
enum Held {
    File(File),
    Transaction(Transaction<'static, Any>),
}

impl Store {
    /// The lock of runs, `None` where another run has it, on this machine or, with a server, any.
    ///
    /// # Errors
    /// Where the lock file cannot be made, or the database is away.
    pub async fn try_run_lock(&self) -> Result<Option<RunLock>, StoreError> {
        if self.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        let held = match self.place() {
            Place::File(path) => lock_file(&path.with_file_name("run.lock"))?.map(Held::File),
            Place::Url(_) => {
                // Bound to a transaction that stays open, so that a transaction pooler keeps it.
                let begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0";
                let mut tx = self.writer.begin_with(begin).await?;
                let row = sqlx::query("SELECT pg_try_advisory_xact_lock(7305808869229539)")
                    .fetch_one(&mut *tx)
                    .await?;
                row.try_get::<bool, _>(0)?.then_some(Held::Transaction(tx))
            }
        };
        Ok(held.map(|held| RunLock { held }))
    }

    /// Writes a row of a run, or writes it again with how it ended.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn record_run(&self, row: &RunRow) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO runs (run_id, role, started_us, finished_us, outcome, reason, batch_id, counts_json)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (run_id, role) DO UPDATE SET finished_us = excluded.finished_us,
                 outcome = excluded.outcome, reason = excluded.reason,
                 batch_id = excluded.batch_id, counts_json = excluded.counts_json",
        )
        .bind(&row.run_id)
        .bind(row.role.as_deref().unwrap_or_default())
        .bind(row.started_at.0)
        .bind(row.finished_at.map(|it| it.0))
        .bind(row.outcome.as_str())
        .bind(storable(&row.reason))
        .bind(&row.batch_id)
        .bind(json(&row.counts)?)
        .execute(write.conn())
        .await?;
        write.commit().await
    }

    /// Ends the rows of runs that never ended themselves: they were killed. Needs the lock of runs, so
    /// that none of them is under way. Gives the roles that were being analyzed.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn end_dead_runs(&self, at: Timestamp) -> Result<BTreeSet<String>, StoreError> {
        let mut write = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE runs SET outcome = $1, reason = $2, finished_us = $3
             WHERE outcome = $4 AND finished_us IS NULL RETURNING role",
        )
        .bind(RunOutcome::Failed.as_str())
        .bind("it was killed before its end; the next run went on where it was")
        .bind(at.0)
        .bind(RunOutcome::Running.as_str())
        .fetch_all(write.conn())
        .await?;
        write.commit().await?;
        let mut roles = BTreeSet::new();
        for row in &ended {
            roles.extend(Some(row.text("role")?).filter(|it| !it.is_empty()));
        }
        Ok(roles)
    }

    /// The newest `limit` rows of runs, newest first: of one role, or all.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn runs(&self, role: Option<&str>, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE role = $1 OR $2 = 0
             ORDER BY started_us DESC, run_id DESC, role LIMIT $3",
        )
        .bind(role.unwrap_or_default())
        .bind(i64::from(role.is_some()))
        .bind(bigint(u64::from(limit)))
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RunRow {
                    run_id: row.text("run_id")?,
                    role: Some(row.text("role")?).filter(|it| !it.is_empty()),
                    started_at: row.time("started_us")?,
                    finished_at: row.maybe_time("finished_us")?,
                    outcome: row.word("outcome", RunOutcome::parse)?,
                    reason: row.text("reason")?,
                    batch_id: row.maybe_text("batch_id")?,
                    counts: row.json("counts_json")?,
                })
            })
            .collect()
    }

    /// When each role was last analyzed to the end, whether or not there was something to suggest.
    /// What a wrong clock dated after `now` does not count.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn last_analyses(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT role, max(started_us) AS started_us FROM runs
             WHERE role <> '' AND outcome IN ('suggested', 'nothing') AND started_us <= $1
             GROUP BY role",
        )
        .bind(now.0)
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter().map(|row| Ok((row.text("role")?, row.time("started_us")?))).collect()
    }
}

fn lock_file(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |source| StoreError::File { path: path.display().to_string(), source };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
