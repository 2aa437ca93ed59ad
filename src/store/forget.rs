//! What goes: events by age, everything of one host or session, and the notes on files that are gone.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    By, IngestCommit, Store, StoreError,
    ingest::{advance, insert_staged},
    rollups,
    rows::{Columns as _, bigint, json, storable},
    trail,
};
use crate::{
    events::Timestamp,
    lake::{Dropped, Part, Subject},
};

impl Store {
    /// For how many days events are kept, by role; under an empty name for all other roles.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn retention_days(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let mut res = BTreeMap::from([(String::new(), self.settings(None).await?.retention_days)]);
        for role in self.roles().await? {
            let days = self.settings(Some(&role.name)).await?.retention_days;
            res.insert(role.name, days);
        }
        Ok(res)
    }

    /// Which parts are known to hold no more events of which roles.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn parts_without(&self) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
        let rows = sqlx::query("SELECT part, role FROM parts_without ORDER BY part, role")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        let mut res: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            res.entry(row.text("part")?).or_default().insert(row.text("role")?);
        }
        Ok(res)
    }

    /// Notes that parts hold no more events of these roles, and forgets notes on parts that are gone.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn note_without(
        &self,
        parts: &[Part],
        roles: &BTreeSet<String>,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for part in parts {
            for role in roles {
                sqlx::query(
                    "INSERT INTO parts_without (part, role) VALUES ($1, $2)
                     ON CONFLICT (part, role) DO NOTHING",
                )
                .bind(&part.name)
                .bind(storable(role))
                .execute(write.conn())
                .await?;
            }
        }
        sqlx::query("DELETE FROM parts_without WHERE part NOT IN (SELECT name FROM parts)")
            .execute(write.conn())
            .await?;
        write.commit().await
    }

    /// Makes the erasure of a host or session count: in the lake, among the lines in quarantine, in
    /// the lists of hosts and alerts, among the signals that are not written yet. Batches hold no names
    /// of hosts and sessions. The id index keeps its hashes, so that what comes again stays erased.
    ///
    /// Gives how many lines in quarantine went, and how many other rows.
    ///
    /// # Errors
    /// Where the database is away, or another writer has changed the lake meanwhile.
    pub async fn commit_forget(
        &self,
        chunk: &IngestCommit,
        subject: &Subject,
        counts: &BTreeMap<&str, u64>,
        by: &By,
    ) -> Result<(u64, u64), StoreError> {
        let mut write = self.begin().await?;
        advance(&mut write, chunk.generation).await?;
        insert_staged(&mut write, chunk).await?;
        rollups::make_due(write.conn(), chunk.staged.dropped.iter().map(|it| it.day)).await?;
        // Text in text, and never as a pattern: `%` in a name is a percent sign.
        let rejects = sqlx::query("DELETE FROM rejects WHERE replace(excerpt, $1, '') <> excerpt")
            .bind(storable(subject.name()))
            .execute(write.conn())
            .await?
            .rows_affected();
        // The rows stay, they count; what they say goes. In JSON a name may be written in escapes.
        let escaped = json(&subject.name())?;
        let mut rows = sqlx::query(
            "UPDATE outbox SET payload_json = '{}' WHERE replace(payload_json, $1, '') <> payload_json",
        )
        .bind(escaped.trim_matches('"'))
        .execute(write.conn())
        .await?
        .rows_affected();
        let kind = match subject {
            Subject::Host(host) => {
                for sql in [
                    "DELETE FROM assignments WHERE hostname = $1",
                    "DELETE FROM alerts WHERE hostname = $1",
                    "DELETE FROM hosts WHERE hostname = $1",
                ] {
                    let gone = sqlx::query(sql).bind(storable(host)).execute(write.conn()).await?;
                    rows += gone.rows_affected();
                }
                "lake.forget_host"
            }
            Subject::Session(_) => "lake.forget_session",
        };
        trail::append(write.conn(), by, kind, subject.name(), trail::NOTHING, Some(counts)).await?;
        write.commit().await?;
        Ok((rejects, rows))
    }

    /// Forgets parts whose files are gone.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn clear_dropped(&self, gone: &[Dropped]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let mut write = self.begin().await?;
        for part in gone {
            sqlx::query("DELETE FROM dropped_parts WHERE name = $1")
                .bind(&part.name)
                .execute(write.conn())
                .await?;
        }
        write.commit().await
    }

    /// Deletes lines in quarantine that are older than `before`; gives how many.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn forget_rejects(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM rejects WHERE rejected_us < $1")
            .bind(before.0)
            .execute(write.conn())
            .await?
            .rows_affected();
        write.commit().await?;
        Ok(deleted)
    }

    /// When each directory was last read to its end, by path.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn directories_read(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let rows = sqlx::query("SELECT * FROM directories_read ORDER BY path")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        rows.iter().map(|row| Ok((row.text("path")?, row.time("read_us")?))).collect()
    }

    /// Notes what the new lines of a directory were; gives how many in a row were no events by now,
    /// and since when. An event begins a new count.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn note_lines(
        &self,
        path: &str,
        events: u64,
        rejected: u64,
        at: Timestamp,
    ) -> Result<Option<(u64, Timestamp)>, StoreError> {
        let mut write = self.begin().await?;
        if events > 0 {
            sqlx::query("DELETE FROM directories_bad WHERE path = $1")
                .bind(storable(path))
                .execute(write.conn())
                .await?;
        } else if rejected > 0 {
            sqlx::query(
                "INSERT INTO directories_bad (path, row_count, since_us) VALUES ($1, $2, $3)
                 ON CONFLICT (path) DO UPDATE SET row_count = directories_bad.row_count + excluded.row_count",
            )
            .bind(storable(path))
            .bind(bigint(rejected))
            .bind(at.0)
            .execute(write.conn())
            .await?;
        }
        let row = sqlx::query("SELECT row_count, since_us FROM directories_bad WHERE path = $1")
            .bind(storable(path))
            .fetch_optional(write.conn())
            .await?;
        write.commit().await?;
        row.map(|row| Ok((row.count("row_count")?, row.time("since_us")?))).transpose()
    }

    /// Notes that directories were read to their end at `at`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn note_read(&self, paths: &[String], at: Timestamp) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for path in paths {
            sqlx::query(
                "INSERT INTO directories_read (path, read_us) VALUES ($1, $2)
                 ON CONFLICT (path) DO UPDATE SET read_us = excluded.read_us",
            )
            .bind(storable(path))
            .bind(at.0)
            .execute(write.conn())
            .await?;
        }
        write.commit().await
    }
}
