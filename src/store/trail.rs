//! Who did what, with before and after; rows are only ever appended.
use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Snapshot, Store, StoreError,
    rows::{Columns as _, json, storable},
};
use crate::events::Timestamp;

/// One act, as the trail holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrailEntry {
    /// Counts up from 1.
    pub sequence: u64,
    /// When.
    pub done_at: Timestamp,
    /// Who.
    pub done_by: String,
    /// What was done, such as `role.create`.
    pub act: String,
    /// To what.
    pub subject: String,
    /// What it was.
    pub before: Option<serde_json::Value>,
    /// What it became.
    pub after: Option<serde_json::Value>,
}

/// Appends an act to the trail.
pub(super) async fn append(
    conn: &mut AnyConnection,
    by: &By,
    act: &str,
    subject: &str,
    before: Option<&(impl Serialize + Sync)>,
    after: Option<&(impl Serialize + Sync)>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trail (sequence, done_us, done_by, act, subject, before_json, after_json)
         SELECT coalesce(max(sequence), 0) + 1, $1, $2, $3, $4, $5, $6 FROM trail",
    )
    .bind(by.at.0)
    .bind(storable(&by.actor))
    .bind(act)
    .bind(storable(subject))
    .bind(before.map(json).transpose()?)
    .bind(after.map(json).transpose()?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing, for an act without a before or an after.
pub(super) const NOTHING: Option<&()> = None;

impl Store {
    /// The newest `limit` acts, newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trail(&self, limit: u32) -> Result<Vec<TrailEntry>, StoreError> {
        let mut snapshot: Snapshot = self.snapshot().await?;
        let rows = sqlx::query("SELECT * FROM trail ORDER BY sequence DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(snapshot.conn())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(TrailEntry {
                    sequence: row.count("sequence")?,
                    done_at: row.time("done_us")?,
                    done_by: row.text("done_by")?,
                    act: row.text("act")?,
                    subject: row.text("subject")?,
                    before: row.maybe_json("before_json")?,
                    after: row.maybe_json("after_json")?,
                })
            })
            .collect()
    }
}
