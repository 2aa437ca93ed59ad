//! What the lake holds and what ingest has read, changed in one transaction a chunk of events.
use std::{collections::BTreeMap, fmt::Write as _};

use sqlx::{Any, AnyConnection, AssertSqlSafe, any::AnyArguments, query::Query};

use super::{
    Store, StoreError, Write, rollups,
    rows::{Columns as _, bigint, storable},
};
use crate::{
    events::{Day, Timestamp},
    inputs::{Checkpoint, Digest, Position, Reason, Reject, Signature},
    lake::{Dropped, IdRun, Manifest, Part, Staged},
};

/// A file as it was when it was last read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFile {
    /// As it was named.
    pub path: String,
    /// Name of the format in which it was read.
    pub format: String,
    /// What the file system said of it.
    pub signature: Signature,
    /// Bytes of an unfinished last line, left for the next time.
    pub torn_bytes: u64,
}

/// What one chunk of events changes, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct IngestCommit {
    /// The generation that the writer knows; another one means that it was overtaken.
    pub generation: u64,
    /// Now.
    pub at: Timestamp,
    /// Parts and runs that are new, runs that go.
    pub staged: Staged,
    /// Until when those who read already may go on to read what the chunk drops.
    pub readable_until: Timestamp,
    /// How far files were read.
    pub reached: Vec<Checkpoint>,
    /// Checkpoints of earlier chunks of the same files and run, now behind.
    pub passed: Vec<Checkpoint>,
    /// Files that were read to their end, by path.
    pub seen: BTreeMap<String, SeenFile>,
    /// Lines to be kept in quarantine.
    pub rejects: Vec<Reject>,
}

/// A role that a host has for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// From when on.
    pub from: Timestamp,
    /// First instant after it; `None`: still.
    pub until: Option<Timestamp>,
    /// The role.
    pub role: String,
}

/// Rows to a statement: the databases take 32,766 values, the smallest row has two.
const ROWS_AT_A_TIME: usize = 256;

impl Store {
    /// What the lake holds.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn manifest(&self) -> Result<Manifest, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let state = sqlx::query("SELECT generation FROM lake_state WHERE id = 1")
            .fetch_one(snapshot.conn())
            .await?;
        let parts = sqlx::query("SELECT * FROM parts ORDER BY day, name")
            .fetch_all(snapshot.conn())
            .await?;
        let parts = parts.iter().map(|row| {
            Ok(Part {
                day: row.word("day", Day::parse)?,
                name: row.text("name")?,
                n_events: row.count("events")?,
                n_bytes: row.count("bytes")?,
                first: row.time("first_us")?,
                last: row.time("last_us")?,
            })
        });
        let runs = sqlx::query("SELECT * FROM id_runs ORDER BY ids, name")
            .fetch_all(snapshot.conn())
            .await?;
        let runs =
            runs.iter().map(|row| Ok(IdRun { name: row.text("name")?, n_ids: row.count("ids")? }));
        let dropped = sqlx::query("SELECT * FROM dropped_parts ORDER BY day, name")
            .fetch_all(snapshot.conn())
            .await?;
        let dropped = dropped.iter().map(|row| {
            Ok(Dropped {
                day: row.word("day", Day::parse)?,
                name: row.text("name")?,
                readable_until: row.time("readable_until_us")?,
            })
        });
        let rollups = rollups::committed(snapshot.conn()).await?;
        Ok(Manifest {
            generation: state.count("generation")?,
            parts: parts.collect::<Result<_, StoreError>>()?,
            id_runs: runs.collect::<Result<_, StoreError>>()?,
            dropped: dropped.collect::<Result<_, StoreError>>()?,
            rollups,
        })
    }

    /// All content that was read.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let rows = sqlx::query("SELECT * FROM checkpoints ORDER BY byte_offset, prefix_sha256")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Checkpoint {
                    position: Position {
                        offset: row.count("byte_offset")?,
                        n_lines: row.count("lines")?,
                        prefix: row.word("prefix_sha256", digest)?,
                    },
                    head: row.word("head_sha256", digest)?,
                })
            })
            .collect()
    }

    /// Files that were read to their end, by path.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn seen_files(&self) -> Result<BTreeMap<String, SeenFile>, StoreError> {
        let rows = sqlx::query("SELECT * FROM seen_files ORDER BY path")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        rows.iter()
            .map(|row| {
                let path = row.text("path")?;
                let number = |text: &str| text.parse().ok();
                let signature = Signature {
                    device: row.word("device", number)?,
                    inode: row.word("inode", number)?,
                    n_bytes: row.count("bytes")?,
                    modified_ns: row.number("modified_ns")?,
                    changed_ns: row.number("changed_ns")?,
                };
                let torn_bytes = row.count("torn_bytes")?;
                let format = row.text("format")?;
                Ok((path.clone(), SeenFile { path, format, signature, torn_bytes }))
            })
            .collect()
    }

    /// The roles that hosts had and have, by host, in order of time.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn assignments(&self) -> Result<BTreeMap<String, Vec<Assignment>>, StoreError> {
        let rows = sqlx::query("SELECT * FROM assignments ORDER BY hostname, from_us")
            .fetch_all(self.snapshot().await?.conn())
            .await?;
        let mut res: BTreeMap<String, Vec<Assignment>> = BTreeMap::new();
        for row in &rows {
            res.entry(row.text("hostname")?).or_default().push(Assignment {
                from: row.time("from_us")?,
                until: row.maybe_time("until_us")?,
                role: row.text("role")?,
            });
        }
        Ok(res)
    }

    /// Makes a chunk count; gives the generation of the lake from now on.
    ///
    /// # Errors
    /// Where the database is away, or another writer has changed the lake meanwhile: then nothing
    /// of the chunk counts.
    pub async fn commit_ingest(&self, chunk: &IngestCommit) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        advance(&mut write, chunk.generation).await?;
        insert_staged(&mut write, chunk).await?;
        insert_reached(&mut write, chunk).await?;
        insert_rejects(&mut write, chunk).await?;
        insert_hosts(&mut write, chunk).await?;
        write.commit().await?;
        Ok(chunk.generation + 1)
    }

    /// Forgets checkpoints and files that were recorded before `before`. Their content, where it
    /// comes again, is read again, and its events are duplicates.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn forget_files(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for delete in [
            "DELETE FROM checkpoints WHERE reached_us < $1",
            "DELETE FROM seen_files WHERE seen_us < $1",
        ] {
            sqlx::query(delete).bind(before.0).execute(write.conn()).await?;
        }
        write.commit().await
    }

    /// The newest `limit` lines in quarantine, newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn rejects(&self, limit: u32) -> Result<Vec<Reject>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM rejects ORDER BY rejected_us DESC, source, line, reason LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.snapshot().await?.conn())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Reject {
                    source: row.text("source")?,
                    line: row.count("line")?,
                    byte_offset: row.count("byte_offset")?,
                    fault: crate::inputs::Fault {
                        reason: row.word("reason", Reason::parse)?,
                        detail: row.maybe_text("detail")?,
                    },
                    excerpt: row.text("excerpt")?,
                })
            })
            .collect()
    }
}

/// Counts the generation of the lake up, where it is still the one that the writer knows.
pub(super) async fn advance(write: &mut Write, generation: u64) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE lake_state SET generation = generation + 1 WHERE id = 1 AND generation = $1",
    )
    .bind(bigint(generation))
    .execute(write.conn())
    .await?;
    if updated.rows_affected() != 1 {
        return Err(StoreError::Refused(
            "another advisor has written to the lake meanwhile, nothing was changed\n\
             hint: run it again"
                .to_owned(),
        ));
    }
    Ok(())
}

pub(super) async fn insert_staged(
    write: &mut Write,
    chunk: &IngestCommit,
) -> Result<(), StoreError> {
    const PARTS: &str = "INSERT INTO parts (name, day, events, bytes, first_us, last_us, committed_us, watched_us) VALUES ";
    let Staged { parts, id_runs, retired, dropped, .. } = &chunk.staged;
    // What is written again was looked at for alerts where all that it came from was.
    let mut is_watched = !dropped.is_empty();
    for part in dropped {
        let unwatched = sqlx::query(
            "SELECT name FROM parts WHERE name = $1 AND day = $2 AND watched_us IS NULL",
        )
        .bind(&part.name)
        .bind(part.day.to_string())
        .fetch_optional(write.conn())
        .await?;
        is_watched &= unwatched.is_none();
    }
    let watched_us = is_watched.then_some(chunk.at.0);
    insert(write.conn(), PARTS, 8, "", parts, |query, part| {
        query
            .bind(part.name.clone())
            .bind(part.day.to_string())
            .bind(bigint(part.n_events))
            .bind(bigint(part.n_bytes))
            .bind(part.first.0)
            .bind(part.last.0)
            .bind(chunk.at.0)
            .bind(watched_us)
    })
    .await?;
    for part in dropped {
        for sql in [
            "DELETE FROM parts WHERE name = $1 AND day = $2 AND $3 >= 0",
            "INSERT INTO dropped_parts (name, day, readable_until_us) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET readable_until_us = excluded.readable_until_us",
        ] {
            sqlx::query(sql)
                .bind(&part.name)
                .bind(part.day.to_string())
                .bind(chunk.readable_until.0)
                .execute(write.conn())
                .await?;
        }
    }
    if dropped.is_empty() {
        rollups::make_due(write.conn(), parts.iter().map(|it| it.day)).await?;
    }
    for run in retired {
        sqlx::query("DELETE FROM id_runs WHERE name = $1")
            .bind(&run.name)
            .execute(write.conn())
            .await?;
    }
    for run in id_runs {
        // A run that was made anew may be one that is there.
        sqlx::query(
            "INSERT INTO id_runs (name, ids) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(&run.name)
        .bind(bigint(run.n_ids))
        .execute(write.conn())
        .await?;
    }
    Ok(())
}

async fn insert_reached(write: &mut Write, chunk: &IngestCommit) -> Result<(), StoreError> {
    const CHECKPOINTS: &str = "INSERT INTO checkpoints (prefix_sha256, byte_offset, lines, head_sha256, reached_us) VALUES ";
    const SEEN: &str = "INSERT INTO seen_files
        (path, format, device, inode, bytes, modified_ns, changed_ns, torn_bytes, seen_us) VALUES ";
    for checkpoint in &chunk.passed {
        sqlx::query("DELETE FROM checkpoints WHERE prefix_sha256 = $1 AND byte_offset = $2")
            .bind(hex(&checkpoint.position.prefix))
            .bind(bigint(checkpoint.position.offset))
            .execute(write.conn())
            .await?;
    }
    // Two files may hold the same content: one checkpoint stands for both.
    let end = " ON CONFLICT (prefix_sha256, byte_offset) DO NOTHING";
    insert(write.conn(), CHECKPOINTS, 5, end, &chunk.reached, |query, checkpoint| {
        query
            .bind(hex(&checkpoint.position.prefix))
            .bind(bigint(checkpoint.position.offset))
            .bind(bigint(checkpoint.position.n_lines))
            .bind(hex(&checkpoint.head))
            .bind(chunk.at.0)
    })
    .await?;
    let end = " ON CONFLICT (path) DO UPDATE SET
        format = excluded.format, device = excluded.device, inode = excluded.inode, bytes = excluded.bytes,
        modified_ns = excluded.modified_ns, changed_ns = excluded.changed_ns,
        torn_bytes = excluded.torn_bytes, seen_us = excluded.seen_us";
    let seen: Vec<&SeenFile> = chunk.seen.values().collect();
    insert(write.conn(), SEEN, 9, end, &seen, |query, file| {
        query
            .bind(file.path.clone())
            .bind(file.format.clone())
            .bind(file.signature.device.to_string())
            .bind(file.signature.inode.to_string())
            .bind(bigint(file.signature.n_bytes))
            .bind(file.signature.modified_ns)
            .bind(file.signature.changed_ns)
            .bind(bigint(file.torn_bytes))
            .bind(chunk.at.0)
    })
    .await
}

async fn insert_rejects(write: &mut Write, chunk: &IngestCommit) -> Result<(), StoreError> {
    const REJECTS: &str = "INSERT INTO rejects
        (source, line, byte_offset, reason, detail, excerpt, rejected_us) VALUES ";
    insert(write.conn(), REJECTS, 7, "", &chunk.rejects, |query, reject| {
        query
            .bind(storable(&reject.source))
            .bind(bigint(reject.line))
            .bind(bigint(reject.byte_offset))
            .bind(reject.fault.reason.as_str())
            .bind(reject.fault.detail.as_deref().map(storable))
            .bind(storable(&reject.excerpt))
            .bind(chunk.at.0)
    })
    .await
}

async fn insert_hosts(write: &mut Write, chunk: &IngestCommit) -> Result<(), StoreError> {
    const HOSTS: &str = "INSERT INTO hosts (hostname, first_seen_us, last_seen_us) VALUES ";
    // Hostnames that become the same text become the same host.
    let mut hosts: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
    for (hostname, (first, last)) in &chunk.staged.hosts {
        let span = hosts.entry(storable(hostname)).or_insert((*first, *last));
        *span = (span.0.min(*first), span.1.max(*last));
    }
    let hosts: Vec<(String, (Timestamp, Timestamp))> = hosts.into_iter().collect();
    let end = " ON CONFLICT (hostname) DO UPDATE SET
        first_seen_us = CASE WHEN hosts.first_seen_us < excluded.first_seen_us
            THEN hosts.first_seen_us ELSE excluded.first_seen_us END,
        last_seen_us = CASE WHEN hosts.last_seen_us > excluded.last_seen_us
            THEN hosts.last_seen_us ELSE excluded.last_seen_us END";
    insert(write.conn(), HOSTS, 3, end, &hosts, |query, (hostname, (first, last))| {
        query.bind(hostname.clone()).bind(first.0).bind(last.0)
    })
    .await
}

/// Inserts rows, many to a statement: `begin`, placeholders for `n_columns` values a row, `end`.
async fn insert<T: Sync>(
    conn: &mut AnyConnection,
    begin: &'static str,
    n_columns: usize,
    end: &'static str,
    rows: &[T],
    bind: impl Fn(Query<'static, Any, AnyArguments>, &T) -> Query<'static, Any, AnyArguments>,
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_AT_A_TIME) {
        let mut sql = begin.to_owned();
        for row in 0..rows.len() {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=n_columns {
                let comma = if column == 1 { "" } else { ", " };
                let _ = write!(sql, "{comma}${}", row * n_columns + column);
            }
            sql.push(')');
        }
        sql.push_str(end);
        // Nothing but placeholders is added to text that stands in this file.
        let query = rows.iter().fold(sqlx::query(AssertSqlSafe(sql)), &bind);
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest(text: &str) -> Option<Digest> {
    let mut res = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in res.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(res)
}
