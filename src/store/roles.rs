//! Roles: what they are now, and every act that changes them.
use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, revisions,
    revisions::Why,
    rows::{Columns as _, storable},
    trail,
};
use crate::{
    policy::{Mode, RiskLevel, Role, validate},
    risk::DeclaredRisks,
};

/// The name of the default role that `advisor init` makes.
pub const DEFAULT_ROLE: &str = "default";

/// A role as lists show it, the view `policy_roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleSummary {
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Hosts that have it now; the default role's are all without one of their own, too.
    pub hosts: u64,
    /// Record or stop.
    pub mode: Mode,
    /// `active` where it has hosts, else `draft`.
    pub status: String,
    /// Command and MCP rules.
    pub rules: u64,
    /// The current revision.
    pub revision: u64,
}

/// What saving a role came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// There was none of that name.
    Created,
    /// It has a new revision.
    Revised,
    /// Its mode or description changed, its rules did not.
    Relabeled,
    /// It was just so.
    Unchanged,
}

/// The row of a role.
#[derive(Debug)]
pub(super) struct RoleRow {
    pub(super) revision: u64,
    pub(super) rules_given: u64,
    pub(super) is_default: bool,
    pub(super) deleted: bool,
    description: String,
    mode: Mode,
}

impl Store {
    /// Every role, by name.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn roles(&self) -> Result<Vec<RoleSummary>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(
            "SELECT name, description, hosts, mode, status, rules, revision FROM policy_roles ORDER BY name",
        )
        .fetch_all(snapshot.conn())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RoleSummary {
                    name: row.text("name")?,
                    description: row.text("description")?,
                    hosts: row.count("hosts")?,
                    mode: row.word("mode", Mode::parse)?,
                    status: row.text("status")?,
                    rules: row.count("rules")?,
                    revision: row.count("revision")?,
                })
            })
            .collect()
    }

    /// A role as it is now.
    ///
    /// # Errors
    /// Where there is none of that name, or the database is away.
    pub async fn role(&self, name: &str) -> Result<Role, StoreError> {
        need(self.snapshot().await?.conn(), name).await
    }

    /// What the rules of roles, as they are now, declare of the events that they decide on.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn declared_risks(&self) -> Result<DeclaredRisks, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let sql = "SELECT role, pattern, risk FROM policy_rules WHERE risk IS NOT NULL";
        let rows = sqlx::query(sql).fetch_all(snapshot.conn()).await?;
        let mut res = DeclaredRisks::default();
        for row in &rows {
            let risk = row.word("risk", RiskLevel::parse)?;
            res.add(&row.text("role")?, &row.text("pattern")?, risk);
        }
        Ok(res)
    }

    /// The organization's default role, `None` before `advisor init`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn default_role(&self) -> Result<Option<String>, StoreError> {
        default_role(self.snapshot().await?.conn()).await
    }

    /// Makes the organization's default role where there is none; gives its name.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn make_default_role(&self, by: &By) -> Result<String, StoreError> {
        let mut write = self.begin().await?;
        let name = if let Some(name) = default_role(write.conn()).await? {
            name
        } else {
            let mut role = Role::new(DEFAULT_ROLE);
            "What applies to hosts without a role of their own".clone_into(&mut role.description);
            save(write.conn(), role, &Why::command("init"), by).await?;
            sqlx::query("UPDATE roles SET is_default = 1 WHERE name = $1")
                .bind(DEFAULT_ROLE)
                .execute(write.conn())
                .await?;
            DEFAULT_ROLE.to_owned()
        };
        write.commit().await?;
        Ok(name)
    }

    /// Makes a role that is not there yet.
    ///
    /// # Errors
    /// Where it is there, is not valid, or the database is away.
    pub async fn create_role(&self, role: Role, why: &Why, by: &By) -> Result<Role, StoreError> {
        let mut write = self.begin().await?;
        if find(write.conn(), &role.name).await?.is_some() {
            return Err(exists(&role.name));
        }
        let (role, _) = save(write.conn(), role, why, by).await?;
        write.commit().await?;
        Ok(role)
    }

    /// Makes a role, or gives the one of that name a new revision where something has changed.
    /// Rules without an id get one.
    ///
    /// # Errors
    /// Where it is not valid, or the database is away.
    pub async fn save_role(
        &self,
        role: Role,
        why: &Why,
        by: &By,
    ) -> Result<(Role, Saved), StoreError> {
        let mut write = self.begin().await?;
        let saved = save(write.conn(), role, why, by).await?;
        write.commit().await?;
        Ok(saved)
    }

    /// Changes a role in one go: nobody else changes it between what `edit` sees and what is saved.
    ///
    /// # Errors
    /// What `edit` returns, or where there is no such role, the outcome is not valid, or the
    /// database is away.
    pub async fn edit_role(
        &self,
        name: &str,
        why: &Why,
        by: &By,
        edit: impl FnOnce(&mut Role) -> Result<(), String>,
    ) -> Result<(Role, Saved), StoreError> {
        let mut write = self.begin().await?;
        let mut role = need(write.conn(), name).await?;
        edit(&mut role).map_err(StoreError::Refused)?;
        name.clone_into(&mut role.name);
        let saved = save(write.conn(), role, why, by).await?;
        write.commit().await?;
        Ok(saved)
    }

    /// Makes `to` from `from`: the same rules, in monitor mode, with a history of its own.
    ///
    /// # Errors
    /// Where `from` is not there, `to` is, or the database is away.
    pub async fn clone_role(&self, from: &str, to: &str, by: &By) -> Result<Role, StoreError> {
        let mut write = self.begin().await?;
        let mut role = need(write.conn(), from).await?;
        if find(write.conn(), to).await?.is_some() {
            return Err(exists(to));
        }
        let why = Why::command(&format!("cloned from {from}, revision {}", role.revision));
        to.clone_into(&mut role.name);
        role.mode = Mode::Monitor;
        let (role, _) = save(write.conn(), role, &why, by).await?;
        write.commit().await?;
        Ok(role)
    }

    /// Removes a role; its hosts fall back to the default role. Its revisions and batches stay.
    /// Returns how many hosts fell back.
    ///
    /// # Errors
    /// Where there is no such role, it is the default role, or the database is away.
    pub async fn delete_role(&self, name: &str, by: &By) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        let role = need(write.conn(), name).await?;
        if row(write.conn(), name).await?.is_some_and(|row| row.is_default) {
            return Err(StoreError::Refused(format!(
                "`{name}` is the organization's default role, hosts without a role need it\n\
                 hint: edit it instead"
            )));
        }
        let freed = sqlx::query(
            "UPDATE assignments SET until_us = $2 WHERE role = $1 AND until_us IS NULL",
        )
        .bind(name)
        .bind(by.at.0)
        .execute(write.conn())
        .await?
        .rows_affected();
        sqlx::query("UPDATE roles SET deleted_us = $2 WHERE name = $1")
            .bind(name)
            .bind(by.at.0)
            .execute(write.conn())
            .await?;
        for statement in
            ["DELETE FROM settings WHERE scope = $1", "DELETE FROM variable_uses WHERE role = $1"]
        {
            sqlx::query(statement).bind(name).execute(write.conn()).await?;
        }
        trail::append(write.conn(), by, "role.delete", name, Some(&role), trail::NOTHING).await?;
        write.commit().await?;
        Ok(freed)
    }
}

fn exists(name: &str) -> StoreError {
    StoreError::Refused(format!(
        "there is a role `{name}` already\nhint: `advisor roles edit`, or choose another name"
    ))
}

async fn default_role(conn: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT name FROM roles WHERE is_default = 1 AND deleted_us IS NULL")
        .fetch_optional(conn)
        .await?;
    row.map(|row| row.text("name")).transpose()
}

/// The row of a role, deleted or not.
pub(super) async fn row(
    conn: &mut AnyConnection,
    name: &str,
) -> Result<Option<RoleRow>, StoreError> {
    let row = sqlx::query("SELECT * FROM roles WHERE name = $1")
        .bind(storable(name))
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(RoleRow {
        revision: row.count("revision")?,
        rules_given: row.count("rules_given")?,
        is_default: row.number("is_default")? == 1,
        deleted: row.maybe_number("deleted_us")?.is_some(),
        description: row.text("description")?,
        mode: row.word("mode", Mode::parse)?,
    }))
}

/// A role as it is now, `None` where there is none.
pub(super) async fn find(conn: &mut AnyConnection, name: &str) -> Result<Option<Role>, StoreError> {
    let Some(row) = row(conn, name).await?.filter(|row| !row.deleted) else { return Ok(None) };
    let Some(mut role) = revisions::load(conn, name, row.revision).await? else { return Ok(None) };
    role.description = row.description;
    role.mode = row.mode;
    Ok(Some(role))
}

/// A role as it is now.
pub(super) async fn need(conn: &mut AnyConnection, name: &str) -> Result<Role, StoreError> {
    find(conn, name).await?.ok_or_else(|| StoreError::role(name))
}

/// Makes a role or changes it; a new revision only where something that decides has changed.
pub(super) async fn save(
    conn: &mut AnyConnection,
    mut role: Role,
    why: &Why,
    by: &By,
) -> Result<(Role, Saved), StoreError> {
    if let Some(problem) = validate(&role).into_iter().next() {
        return Err(StoreError::Refused(format!(
            "role `{}` is not valid: {} {}",
            role.name, problem.field, problem.message
        )));
    }
    let row = row(conn, &role.name).await?;
    let before = find(conn, &role.name).await?;
    let given = row.as_ref().map_or(0, |row| row.rules_given);
    let given = revisions::give_ids(conn, &mut role, before.as_ref(), given).await?;
    let saved = match &before {
        None => Saved::Created,
        Some(before) if !revisions::decides_alike(before, &role) => Saved::Revised,
        Some(before) if (&before.description, before.mode) != (&role.description, role.mode) => {
            Saved::Relabeled
        }
        Some(_) => Saved::Unchanged,
    };
    let last = row.as_ref().map_or(0, |row| row.revision);
    role.revision = match saved {
        // A name that was deleted counts on: a revision never means two things.
        Saved::Created | Saved::Revised => last + 1,
        Saved::Relabeled | Saved::Unchanged => last,
    };
    if saved == Saved::Unchanged {
        return Ok((role, saved));
    }
    sqlx::query(
        "INSERT INTO roles (name, description, mode, revision, rules_given, is_default, created_us)
         VALUES ($1, $2, $3, $4, $5, 0, $6)
         ON CONFLICT (name) DO UPDATE SET description = excluded.description, mode = excluded.mode,
             revision = excluded.revision, rules_given = excluded.rules_given, deleted_us = NULL",
    )
    .bind(&role.name)
    .bind(storable(&role.description))
    .bind(role.mode.as_str())
    .bind(super::rows::bigint(role.revision))
    .bind(super::rows::bigint(given))
    .bind(by.at.0)
    .execute(&mut *conn)
    .await?;
    if matches!(saved, Saved::Created | Saved::Revised) {
        revisions::insert(conn, &role, why, by).await?;
    }
    let act = if saved == Saved::Created { "role.create" } else { "role.edit" };
    trail::append(conn, by, act, &role.name, before.as_ref(), Some(&role)).await?;
    Ok((role, saved))
}
