//! Revisions: every state that a role's rules have had, never changed once written.
use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, roles,
    roles::Saved,
    rows::{Columns as _, bigint, json, storable},
    rule_ids,
};
use crate::{
    batch::Target,
    events::Timestamp,
    policy::{Evaluation, Input, Matching, RiskLevel, RiskPolicy, Role, Rule, RuleAction},
};

/// Why a role changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The command, or a person's own words.
    pub reason: String,
    /// The batch that was applied.
    pub batch_id: Option<String>,
}

/// One revision, as the history shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Counts up from 1.
    pub revision: u64,
    /// When.
    pub made_at: Timestamp,
    /// Who.
    pub made_by: String,
    /// Why.
    pub reason: String,
    /// The batch that was applied, where one was.
    pub batch_id: Option<String>,
    /// Command and MCP rules.
    pub rules: u64,
}

impl Why {
    /// A change by a command of ours, or with a reason in a person's own words.
    pub fn command(reason: &str) -> Self {
        Self { reason: reason.to_owned(), batch_id: None }
    }
}

impl Store {
    /// Every revision of a role, newest first; those before a deletion of the name included.
    ///
    /// # Errors
    /// Where there is no such role, or the database is away.
    pub async fn history(&self, role: &str) -> Result<Vec<Revision>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let conn = snapshot.conn();
        roles::row(conn, role).await?.ok_or_else(|| StoreError::role(role))?;
        let rows = sqlx::query(
            "SELECT v.revision, v.made_us, v.made_by, v.reason, v.batch_id,
                 (SELECT count(*) FROM rules u WHERE u.role = v.role AND u.revision = v.revision) AS rules
             FROM revisions v WHERE v.role = $1 ORDER BY v.revision DESC",
        )
        .bind(role)
        .fetch_all(conn)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Revision {
                    revision: row.count("revision")?,
                    made_at: row.time("made_us")?,
                    made_by: row.text("made_by")?,
                    reason: row.text("reason")?,
                    batch_id: row.maybe_text("batch_id")?,
                    rules: row.count("rules")?,
                })
            })
            .collect()
    }

    /// A role as a revision had it; mode and description are today's.
    ///
    /// # Errors
    /// Where there is no such role or revision, or the database is away.
    pub async fn role_at(&self, role: &str, revision: u64) -> Result<Role, StoreError> {
        at(self.snapshot().await?.conn(), role, revision).await
    }

    /// Gives a role the rules of an earlier revision, as a new one. Its mode stays as it is.
    ///
    /// # Errors
    /// Where there is no such role or revision, or the database is away.
    pub async fn rollback_role(
        &self,
        role: &str,
        revision: u64,
        why: &Why,
        by: &By,
    ) -> Result<(Role, Saved), StoreError> {
        let mut write = self.begin().await?;
        let old = at(write.conn(), role, revision).await?;
        let saved = roles::save(write.conn(), old, why, by).await?;
        write.commit().await?;
        Ok(saved)
    }
}

async fn at(conn: &mut AnyConnection, name: &str, revision: u64) -> Result<Role, StoreError> {
    let now = roles::need(conn, name).await?;
    let role = load(conn, name, revision).await?.ok_or_else(|| StoreError::Unknown {
        what: "revision",
        name: format!("{name} {revision}"),
        list: "roles history",
    })?;
    Ok(Role { mode: now.mode, description: now.description, ..role })
}

/// Whether two states of a role decide every event alike, and name the same rules as reasons.
pub(super) fn decides_alike(a: &Role, b: &Role) -> bool {
    let decides = |it: &Role| (it.default_action, it.evaluation, it.matching, it.risk_policy);
    decides(a) == decides(b) && a.rules == b.rules && a.mcp_rules == b.mcp_rules
}

/// Gives ids to the rules without one; returns how many the role has given out then.
pub(super) async fn give_ids(
    conn: &mut AnyConnection,
    role: &mut Role,
    previous: Option<&Role>,
    given: u64,
) -> Result<u64, StoreError> {
    let rows = sqlx::query("SELECT DISTINCT rule_id FROM rules WHERE role = $1")
        .bind(&role.name)
        .fetch_all(conn)
        .await?;
    let used: Result<BTreeSet<String>, StoreError> =
        rows.iter().map(|row| row.text("rule_id")).collect();
    rule_ids::give(role, previous, &used?, given)
}

/// The state of a role in a revision, with no description and in monitor mode.
pub(super) async fn load(
    conn: &mut AnyConnection,
    name: &str,
    revision: u64,
) -> Result<Option<Role>, StoreError> {
    let row = sqlx::query("SELECT * FROM revisions WHERE role = $1 AND revision = $2")
        .bind(storable(name))
        .bind(bigint(revision))
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let trust_threshold = row.maybe_number("trust_threshold")?;
    let mut role = Role {
        default_action: row.word("default_action", RuleAction::parse)?,
        evaluation: row.word("evaluation", Evaluation::parse)?,
        matching: row.word("matching", Matching::parse)?,
        risk_policy: RiskPolicy {
            trust_threshold: trust_threshold.and_then(|it| u8::try_from(it).ok()),
        },
        revision,
        ..Role::new(name)
    };
    let rows = sqlx::query(
        "SELECT * FROM rules WHERE role = $1 AND revision = $2 ORDER BY target, position",
    )
    .bind(name)
    .bind(bigint(revision))
    .fetch_all(conn)
    .await?;
    for row in &rows {
        let rule = Rule {
            rule_id: row.text("rule_id")?,
            pattern: row.text("pattern")?,
            action: row.word("action", RuleAction::parse)?,
            when: row.json("when_json")?,
            risk: row.maybe_word("risk", RiskLevel::parse)?,
            rationale: row.maybe_text("rationale")?,
        };
        match row.word("target", Target::parse)? {
            Target::Command => role.rules.push(rule),
            Target::Mcp => role.mcp_rules.push(rule),
        }
    }
    Ok(Some(role))
}

/// Writes `role` as its revision, and which variables it names.
pub(super) async fn insert(
    conn: &mut AnyConnection,
    role: &Role,
    why: &Why,
    by: &By,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO revisions
             (role, revision, default_action, evaluation, matching, trust_threshold, made_us, made_by, reason, batch_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&role.name)
    .bind(bigint(role.revision))
    .bind(role.default_action.as_str())
    .bind(role.evaluation.as_str())
    .bind(role.matching.as_str())
    .bind(role.risk_policy.trust_threshold.map(i64::from))
    .bind(by.at.0)
    .bind(storable(&by.actor))
    .bind(storable(&why.reason))
    .bind(&why.batch_id)
    .execute(&mut *conn)
    .await?;
    for (target, rules) in [(Target::Command, &role.rules), (Target::Mcp, &role.mcp_rules)] {
        for (position, rule) in (1_i64..).zip(rules) {
            sqlx::query(
                "INSERT INTO rules
                     (role, revision, target, position, rule_id, pattern, action, when_json, rationale, risk)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(&role.name)
            .bind(bigint(role.revision))
            .bind(target.as_str())
            .bind(position)
            .bind(storable(&rule.rule_id))
            .bind(storable(&rule.pattern))
            .bind(rule.action.as_str())
            .bind(json(&rule.when)?)
            .bind(rule.rationale.as_deref().map(storable))
            .bind(rule.risk.map(RiskLevel::as_str))
            .execute(&mut *conn)
            .await?;
        }
    }
    sqlx::query("DELETE FROM variable_uses WHERE role = $1")
        .bind(&role.name)
        .execute(&mut *conn)
        .await?;
    for variable in variables_of(role) {
        sqlx::query("INSERT INTO variable_uses (role, variable) VALUES ($1, $2)")
            .bind(&role.name)
            .bind(storable(&variable))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Names of the variables that a role's rules refer to, in patterns and conditions.
fn variables_of(role: &Role) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rule in role.rules.iter().chain(&role.mcp_rules) {
        let of_key = |key: &String| Input::parse(key).and_then(Input::variable).map(str::to_owned);
        names.extend(rule.when.keys().map(|key| of_key(key).unwrap_or_else(|| key.clone())));
        for opened in rule.pattern.split("{{").skip(1) {
            names.extend(opened.split_once("}}").map(|(name, _)| name.trim().to_owned()));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_patterns_and_conditions() {
        let role: Role = serde_json::from_str(
            r#"{"name":"r","rules":[
                {"pattern":"deploy {{env}} {{ region }} {{","action":"deny"},
                {"pattern":"ls","action":"allow","when":{"tier":["gold"]}},
                {"pattern":"pwd","action":"allow","when":{"environment":["dev"],"team":["web"]}}]}"#,
        )
        .unwrap();
        let names: Vec<String> = variables_of(&role).into_iter().collect();
        assert_eq!(names, ["env", "region", "team", "tier"]);
    }
}
