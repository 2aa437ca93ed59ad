//! What an analysis knows of a role besides its rules and activity: verdicts, what became of accepted
//! changes, and since when its rules are there.
use std::collections::BTreeMap;

use sqlx::{AnyConnection, any::AnyRow};

use super::{Store, StoreError, alerts, reviews::Act, rows::Columns as _};
use crate::{
    alerts::{AlertKind, calls_of},
    batch::{ChangeKind, ChangeState, Target},
    events::Timestamp,
    feedback::{Background, Blocked, Lesson, Lessons, Withdrawn},
    review::Said,
};

impl Store {
    /// What is known for a role at a time; the environments of hosts are left to the caller, who
    /// knows which hosts there are.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn background(&self, role: &str, now: Timestamp) -> Result<Background, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let conn = snapshot.conn();
        let blocked = alerts::blocked(conn).await?.into_iter().map(|(kind, name)| Blocked {
            calls: calls_of(kind, &name),
            is_plugin: kind == AlertKind::NewPlugin,
            name,
        });
        Ok(Background {
            lessons: Lessons::new(lessons(conn, role).await?, now),
            accepted_until: accepted_until(conn, role, now).await?,
            withdrawn: withdrawn(conn, role, now).await?,
            since: since(conn, role).await?,
            environments: BTreeMap::new(),
            blocked: blocked.collect(),
        })
    }
}

/// Verdicts with their changes, oldest first.
const SAID: &str = "SELECT f.role, f.batch_id, f.change_id, f.verdict, f.reason, f.mark_json,
         f.modified_after_json, f.follows, f.given_us,
         c.kind, c.target, c.before_json, c.after_json, c.effects_json
     FROM feedback f JOIN changes c ON c.batch_id = f.batch_id AND c.change_id = f.change_id";

async fn lessons(conn: &mut AnyConnection, role: &str) -> Result<Vec<Lesson>, StoreError> {
    let sql = format!(
        "{SAID} WHERE f.verdict IN ('accept', 'reject', 'modify')
         ORDER BY f.given_us, f.batch_id, f.sequence"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(conn).await?;
    let mut lessons = Vec::new();
    for row in &rows {
        let is_own = row.text("role")? == role;
        lessons.extend(said(row)?.lesson(is_own));
    }
    Ok(lessons)
}

async fn withdrawn(
    conn: &mut AnyConnection,
    role: &str,
    now: Timestamp,
) -> Result<Vec<Withdrawn>, StoreError> {
    let sql = format!(
        "{SAID} WHERE f.verdict = 'apply' AND f.role = $1 AND f.given_us <= $2
             AND c.kind IN ('modify', 'remove')
         ORDER BY f.given_us, f.batch_id, f.sequence"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(role).bind(now.0).fetch_all(conn).await?;
    let mut withdrawn = Vec::new();
    for row in &rows {
        withdrawn.extend(said(row)?.withdrawn());
    }
    Ok(withdrawn)
}

fn said(row: &AnyRow) -> Result<Said, StoreError> {
    Ok(Said {
        batch_id: row.text("batch_id")?,
        change_id: row.text("change_id")?,
        kind: row.word("kind", ChangeKind::parse)?,
        target: row.word("target", Target::parse)?,
        before: row.json("before_json")?,
        after: row.json("after_json")?,
        effects: row.json("effects_json")?,
        state: match row.word("verdict", Act::parse)? {
            Act::Accept | Act::Apply => ChangeState::Accepted,
            Act::Reject => ChangeState::Rejected,
            Act::Modify => ChangeState::Modified,
            Act::Dismiss => ChangeState::Pending,
        },
        modified_after: row.maybe_json("modified_after_json")?,
        follows: row.count("follows")? > 0,
        reason: row.maybe_text("reason")?,
        mark: row.maybe_json("mark_json")?.unwrap_or_default(),
        at: row.time("given_us")?,
    })
}

/// The end of the window of the last batch that went into the role.
async fn accepted_until(
    conn: &mut AnyConnection,
    role: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query(
        "SELECT window_to_us FROM batches
         WHERE role = $1 AND status IN ('applied', 'partially_applied') AND decided_us <= $2
         ORDER BY window_to_us DESC LIMIT 1",
    )
    .bind(role)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.time("window_to_us")).transpose()
}

/// Since when the role has the rules that it has.
async fn since(
    conn: &mut AnyConnection,
    role: &str,
) -> Result<BTreeMap<(Target, String), Timestamp>, StoreError> {
    let rows = sqlx::query(
        "SELECT r.target, r.pattern, min(v.made_us) AS since_us
         FROM rules r JOIN roles o ON o.name = r.role AND o.revision = r.revision
             JOIN rules e ON e.role = r.role AND e.target = r.target AND e.rule_id = r.rule_id
                 AND e.pattern = r.pattern
             JOIN revisions v ON v.role = e.role AND v.revision = e.revision
         WHERE r.role = $1
         GROUP BY r.target, r.pattern",
    )
    .bind(role)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let target = row.word("target", Target::parse)?;
            Ok(((target, row.text("pattern")?), row.time("since_us")?))
        })
        .collect()
}
