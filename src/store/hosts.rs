//! Hosts, and which role each had when.
use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, Write, roles,
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

/// Which role each host had when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// By host, in the order of time.
    by_host: BTreeMap<String, Vec<Assignment>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    from: Timestamp,
    /// Not included.
    until: Option<Timestamp>,
    role: String,
}

impl Assignments {
    /// The role that was assigned to a host at an instant, `None` where none was.
    pub fn role_at(&self, hostname: &str, at: Timestamp) -> Option<&str> {
        let held = self.by_host.get(hostname)?;
        let last = held.get(held.partition_point(|it| it.from <= at).checked_sub(1)?)?;
        last.until.is_none_or(|until| at < until).then_some(last.role.as_str())
    }
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

    /// Which role each host had when, for events that name none.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn assignments(&self) -> Result<Assignments, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query("SELECT * FROM assignments ORDER BY hostname, from_us")
            .fetch_all(snapshot.conn())
            .await?;
        let mut by_host: BTreeMap<String, Vec<Assignment>> = BTreeMap::new();
        for row in &rows {
            by_host.entry(row.text("hostname")?).or_default().push(Assignment {
                from: row.time("from_us")?,
                until: row.maybe_time("until_us")?,
                role: row.text("role")?,
            });
        }
        Ok(Assignments { by_host })
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

impl Write {
    /// Notes that hosts were seen: first and last event of each.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn saw_hosts(
        &mut self,
        seen: &BTreeMap<String, (Timestamp, Timestamp)>,
    ) -> Result<(), StoreError> {
        for (hostname, (first, last)) in seen {
            sqlx::query(
                "INSERT INTO hosts (hostname, first_seen_us, last_seen_us) VALUES ($1, $2, $3)
                 ON CONFLICT (hostname) DO UPDATE SET
                     first_seen_us = CASE WHEN hosts.first_seen_us < excluded.first_seen_us
                         THEN hosts.first_seen_us ELSE excluded.first_seen_us END,
                     last_seen_us = CASE WHEN hosts.last_seen_us > excluded.last_seen_us
                         THEN hosts.last_seen_us ELSE excluded.last_seen_us END",
            )
            .bind(storable(hostname))
            .bind(first.0)
            .bind(last.0)
            .execute(self.conn())
            .await?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_holds_from_its_first_instant_up_to_the_next() {
        let held = |from, until: Option<i64>, role: &str| Assignment {
            from: Timestamp(from),
            until: until.map(Timestamp),
            role: role.to_owned(),
        };
        let assignments = Assignments {
            by_host: [(
                "web-1".to_owned(),
                vec![held(10, Some(20), "a"), held(20, Some(30), "b"), held(40, None, "c")],
            )]
            .into(),
        };
        for (at, role) in [
            (9, None),
            (10, Some("a")),
            (19, Some("a")),
            (20, Some("b")),
            (30, None),
            (40, Some("c")),
            (i64::MAX, Some("c")),
        ] {
            assert_eq!(assignments.role_at("web-1", Timestamp(at)), role, "{at}");
        }
        assert_eq!(assignments.role_at("web-2", Timestamp(15)), None);
    }
}
