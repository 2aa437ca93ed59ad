//! Settings of the organization, and what roles set for themselves.
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError, roles,
    rows::{Columns as _, storable},
    trail,
};
use crate::settings::{Key, Overrides, Schedule, Settings};

/// The scope of the organization in the table.
const ORGANIZATION: &str = "";

impl Store {
    /// The settings in force for a role, or for the organization.
    ///
    /// # Errors
    /// Where there is no such role, or the database is away.
    pub async fn settings(&self, role: Option<&str>) -> Result<Settings, StoreError> {
        Ok(self.overrides(role).await?.1)
    }

    /// What a role sets for itself, and the settings in force for it.
    ///
    /// # Errors
    /// Where there is no such role, or the database is away.
    pub async fn overrides(&self, role: Option<&str>) -> Result<(Overrides, Settings), StoreError> {
        let mut snapshot = self.snapshot().await?;
        let conn = snapshot.conn();
        let organization = load(conn, ORGANIZATION).await?;
        let in_force = organization.over(&Settings::default());
        let Some(role) = role else { return Ok((organization, in_force)) };
        roles::need(conn, role).await?;
        let own = load(conn, role).await?;
        let in_force = own.over(&in_force);
        Ok((own, in_force))
    }

    /// Sets `key` for a role or the organization; `None` takes it back to what is above: the
    /// organization's, or the default.
    ///
    /// # Errors
    /// Where the value is out of range, there is no such role, or the database is away.
    pub async fn set_setting(
        &self,
        role: Option<&str>,
        key: Key,
        value: Option<&str>,
        by: &By,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        if let Some(role) = role {
            roles::need(write.conn(), role).await?;
        }
        let scope = role.unwrap_or(ORGANIZATION);
        let before = load(write.conn(), scope).await?;
        let mut after = before.clone();
        match value {
            Some(value) => {
                after.set(key, value).map_err(|err| StoreError::Refused(err.to_string()))?;
            }
            None if role.is_some() => after.clear(key),
            None => after
                .set(key, &Settings::default().text(key))
                .map_err(|err| StoreError::Refused(err.to_string()))?,
        }
        save(write.conn(), scope, &after, by).await?;
        let subject = role.map_or_else(|| key.to_string(), |role| format!("{role}: {key}"));
        trail::append(write.conn(), by, "setting.set", &subject, Some(&before), Some(&after))
            .await?;
        write.commit().await
    }
}

async fn load(conn: &mut AnyConnection, scope: &str) -> Result<Overrides, StoreError> {
    let row = sqlx::query("SELECT * FROM settings WHERE scope = $1")
        .bind(storable(scope))
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(Overrides::default()) };
    let schedule = row.maybe_text("analysis_schedule")?;
    let schedule = schedule.map(|text| {
        Schedule::parse(&text).map_err(|_| StoreError::Corrupt { what: "a schedule", text })
    });
    Ok(Overrides {
        enabled: row.maybe_number("enabled")?.map(|it| it == 1),
        analysis_schedule: schedule.transpose()?,
        minimum_observation_window_hours: row.maybe_real("minimum_observation_window_hours")?,
        confidence_threshold: row.maybe_real("confidence_threshold")?,
        retention_days: row.maybe_number("retention_days")?.and_then(|it| u32::try_from(it).ok()),
    })
}

async fn save(
    conn: &mut AnyConnection,
    scope: &str,
    settings: &Overrides,
    by: &By,
) -> Result<(), StoreError> {
    // `Any` of sqlx 0.9 sends a missing f64 as a missing f32, and PostgreSQL keeps that type for the
    // prepared statement: numbers that may be missing travel as text.
    let number = |it: Option<f64>| it.map(|it| it.to_string());
    sqlx::query(
        "INSERT INTO settings (scope, enabled, analysis_schedule, minimum_observation_window_hours,
             confidence_threshold, retention_days, changed_us, changed_by)
         VALUES ($1, $2, $3, CAST($4 AS DOUBLE PRECISION), CAST($5 AS DOUBLE PRECISION), $6, $7, $8)
         ON CONFLICT (scope) DO UPDATE SET enabled = excluded.enabled,
             analysis_schedule = excluded.analysis_schedule,
             minimum_observation_window_hours = excluded.minimum_observation_window_hours,
             confidence_threshold = excluded.confidence_threshold,
             retention_days = excluded.retention_days,
             changed_us = excluded.changed_us, changed_by = excluded.changed_by",
    )
    .bind(scope)
    .bind(settings.enabled.map(i64::from))
    .bind(settings.analysis_schedule.as_ref().map(ToString::to_string))
    .bind(number(settings.minimum_observation_window_hours))
    .bind(number(settings.confidence_threshold))
    .bind(settings.retention_days.map(i64::from))
    .bind(by.at.0)
    .bind(storable(&by.actor))
    .execute(conn)
    .await?;
    Ok(())
}
