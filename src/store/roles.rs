//! Roles and their revisions.
use sqlx::AnyConnection;

use super::{By, Store, StoreError, rows::Columns as _, trail};
use crate::policy::Role;

/// The name of the default role that `advisor init` makes.
pub const DEFAULT_ROLE: &str = "default";

impl Store {
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
            insert(write.conn(), &role, true, by).await?;
            role.name
        };
        write.commit().await?;
        Ok(name)
    }

    /// The organization's default role, `None` before `advisor init`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn default_role(&self) -> Result<Option<String>, StoreError> {
        default_role(self.snapshot().await?.conn()).await
    }
}

async fn default_role(conn: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT name FROM roles WHERE is_default = 1 AND deleted_us IS NULL")
        .fetch_optional(conn)
        .await?;
    row.map(|row| row.text("name")).transpose()
}

async fn insert(
    conn: &mut AnyConnection,
    role: &Role,
    is_default: bool,
    by: &By,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO roles (name, description, mode, revision, rules_given, is_default, created_us)
         VALUES ($1, $2, $3, 1, 0, $4, $5)",
    )
    .bind(&role.name)
    .bind(&role.description)
    .bind(role.mode.as_str())
    .bind(i64::from(is_default))
    .bind(by.at.0)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO revisions
             (role, revision, default_action, evaluation, matching, trust_threshold, made_us, made_by, reason)
         VALUES ($1, 1, $2, $3, $4, $5, $6, $7, 'created')",
    )
    .bind(&role.name)
    .bind(role.default_action.as_str())
    .bind(role.evaluation.as_str())
    .bind(role.matching.as_str())
    .bind(role.risk_policy.trust_threshold.map(i64::from))
    .bind(by.at.0)
    .bind(&by.actor)
    .execute(&mut *conn)
    .await?;
    trail::append(conn, by, "role.create", &role.name, trail::NOTHING, Some(role)).await
}
