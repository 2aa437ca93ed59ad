//! What other systems are to be told: taken down in the transaction that made it so, written by a run.
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

use super::{
    Store, StoreError,
    rows::{Columns as _, bigint, json},
};
use crate::events::{Day, Timestamp, text_forms};

/// What a signal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalType {
    /// A batch was written.
    Suggestion,
    /// A reviewer decided on a change or a batch.
    Review,
    /// An alert was raised, or somebody took a step with it.
    Alert,
}

text_forms!(SignalType { Suggestion = "suggestion", Review = "review", Alert = "alert" });

/// One signal for other systems.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// `1.0`; keys are only ever added.
    pub schema_version: &'static str,
    /// Unique; a line that comes twice has it twice.
    pub signal_id: String,
    /// What it is about; the key of the payload.
    pub signal_type: SignalType,
    /// When it came to be so.
    pub timestamp: Timestamp,
    /// What is said.
    pub payload: serde_json::Value,
    /// Its place in the order.
    #[serde(skip)]
    pub sequence: u64,
}

/// How far signals are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalCursor {
    /// The last one.
    pub sequence: u64,
    /// The day of its file.
    pub day: Option<String>,
    /// Bytes of that file, this one included.
    pub bytes: u64,
}

/// The version of signals.
const SCHEMA_VERSION: &str = "1.0";

/// Where the cursor is kept.
const CURSOR: &str = "signals";

/// Takes a signal down.
pub(super) async fn append(
    conn: &mut AnyConnection,
    at: Timestamp,
    kind: SignalType,
    payload: &(impl Serialize + Sync),
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (sequence, made_us, kind, payload_json)
         SELECT coalesce(max(sequence), 0) + 1, $1, $2, $3 FROM outbox",
    )
    .bind(at.0)
    .bind(kind.as_str())
    .bind(json(payload)?)
    .execute(conn)
    .await?;
    Ok(())
}

impl Store {
    /// The first `limit` signals behind a place in the order.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn signals(&self, behind: u64, limit: u32) -> Result<Vec<Signal>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM outbox WHERE sequence > $1 ORDER BY sequence LIMIT $2")
                .bind(bigint(behind))
                .bind(i64::from(limit))
                .fetch_all(self.snapshot().await?.conn())
                .await?;
        rows.iter()
            .map(|row| {
                let (sequence, timestamp) = (row.count("sequence")?, row.time("made_us")?);
                Ok(Signal {
                    schema_version: SCHEMA_VERSION,
                    signal_id: format!("{:x}-{sequence:x}", timestamp.0),
                    signal_type: row.word("kind", SignalType::parse)?,
                    timestamp,
                    payload: row.json("payload_json")?,
                    sequence,
                })
            })
            .collect()
    }

    /// How far signals are written.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn signal_cursor(&self) -> Result<SignalCursor, StoreError> {
        let row = sqlx::query("SELECT content FROM meta WHERE name = $1")
            .bind(CURSOR)
            .fetch_optional(self.snapshot().await?.conn())
            .await?;
        row.map_or_else(|| Ok(SignalCursor::default()), |row| row.json("content"))
    }

    /// Notes how far signals are written, and forgets those before.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn set_signal_cursor(&self, cursor: &SignalCursor) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO meta (name, content) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET content = excluded.content",
        )
        .bind(CURSOR)
        .bind(json(cursor)?)
        .execute(write.conn())
        .await?;
        // The newest stays: the next one counts on from it.
        sqlx::query("DELETE FROM outbox WHERE sequence < $1")
            .bind(bigint(cursor.sequence))
            .execute(write.conn())
            .await?;
        write.commit().await
    }

    /// Forgets signals of before `day` that nobody writes anywhere.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn forget_signals(&self, day: Day) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "DELETE FROM outbox WHERE made_us < $1 AND sequence < (SELECT max(sequence) FROM outbox)",
        )
        .bind(day.start().0)
        .execute(write.conn())
        .await?;
        write.commit().await
    }
}
