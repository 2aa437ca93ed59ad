//! Hosts, and which role each had when.
use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, roles,
    rows::{Columns as _, storable},
    trail,
};
use crate::events::Timestamp;

/// Longest host name, in bytes (RFC 1035, 2.3.4, and room for what is no DNS name).
const MAX_HOSTNAME_BYTES: usize = 255;

/// A host as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Unique.
    pub hostname: String,
    /// The role it has now; the default role where it has none of its own.
    pub role: Option<String>,
    /// Whether the role is its own.
    pub assigned: bool,
    /// Since when it has a role of its own.
    pub since: Option<Timestamp>,
    /// Its first event.
    pub first_seen: Option<Timestamp>,
    /// Its last event.
    pub last_seen: Option<Timestamp>,
}

impl Store {
    /// Every host that was seen or assigned, by name.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn hosts(&self) -> Result<Vec<Host>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT h.hostname, h.first_seen_us, h.last_seen_us, a.role, a.from_us,
                 (SELECT r.name FROM roles r WHERE r.is_default = 1 AND r.deleted_us IS NULL) AS fallback
             FROM hosts h
             LEFT JOIN assignments a ON a.hostname = h.hostname AND a.until_us IS NULL
             ORDER BY h.hostname",
        )
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter()
            .map(|row| {
                let role = row.maybe_text("role")?;
                Ok(Host {
                    hostname: row.text("hostname")?,
                    assigned: role.is_some(),
                    role: role.map_or_else(|| row.maybe_text("fallback"), |it| Ok(Some(it)))?,
                    since: row.maybe_time("from_us")?,
                    first_seen: row.maybe_time("first_seen_us")?,
                    last_seen: row.maybe_time("last_seen_us")?,
                })
            })
            .collect()
    }

    /// Hosts whose last event is at or after `from` and before `until`; at most `most`, those that
    /// reported for longest first, so that names that somebody makes up push nobody out.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn hosts_last_seen(
        &self,
        from: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT hostname, last_seen_us FROM hosts
             WHERE last_seen_us >= $1 AND last_seen_us < $2 
             ORDER BY last_seen_us - first_seen_us DESC, hostname LIMIT $3",
        )
        .bind(from.0)
        .bind(until.0)
        .bind(i64::from(most))
        .fetch_all(self.snapshot().await?.conn())
        .await?;
        rows.iter().map(|row| Ok((row.text("hostname")?, row.time("last_seen_us")?))).collect()
    }

    /// Gives hosts a role from `since` on, whatever they had from then on; takes their role away
    /// where `role` is `None`. A host that was never seen is noted.
    ///
    /// # Errors
    /// Where there is no such role, a name is no host name, or the database is away.
    pub async fn assign(
        &self,
        hostnames: &[String],
        role: Option<&str>,
        since: Timestamp,
        by: &By,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        if let Some(role) = role {
            roles::need(write.conn(), role).await?;
        }
        for hostname in hostnames {
            check_hostname(hostname)?;
            let before = current(write.conn(), hostname).await?;
            sqlx::query(
                "INSERT INTO hosts (hostname) VALUES ($1) ON CONFLICT (hostname) DO NOTHING",
            )
            .bind(hostname)
            .execute(write.conn())
            .await?;
            sqlx::query("DELETE FROM assignments WHERE hostname = $1 AND from_us >= $2")
                .bind(hostname)
                .bind(since.0)
                .execute(write.conn())
                .await?;
            sqlx::query(
                "UPDATE assignments SET until_us = $2
                 WHERE hostname = $1 AND (until_us IS NULL OR until_us > $2)",
            )
            .bind(hostname)
            .bind(since.0)
            .execute(write.conn())
            .await?;
            if let Some(role) = role {
                sqlx::query(
                    "INSERT INTO assignments (hostname, from_us, role, assigned_by)
                     VALUES ($1, $2, $3, $4)",
                )
                .bind(hostname)
                .bind(since.0)
                .bind(role)
                .bind(storable(&by.actor))
                .execute(write.conn())
                .await?;
            }
            trail::append(
                write.conn(),
                by,
                "host.assign",
                hostname,
                before.as_ref(),
                role.as_ref(),
            )
            .await?;
        }
        write.commit().await
    }
}

async fn current(conn: &mut AnyConnection, hostname: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT role FROM assignments WHERE hostname = $1 AND until_us IS NULL")
        .bind(hostname)
        .fetch_optional(conn)
        .await?;
    row.map(|row| row.text("role")).transpose()
}

fn check_hostname(hostname: &str) -> Result<(), StoreError> {
    let plain = |ch: char| ch.is_alphanumeric() || "-_.:".contains(ch);
    if hostname.is_empty() || hostname.len() > MAX_HOSTNAME_BYTES || !hostname.chars().all(plain) {
        return Err(StoreError::Refused(format!(
            "`{hostname}` is no host name\nhint: letters, digits, and any of - _ . : up to 255 bytes"
        )));
    }
    Ok(())
}
