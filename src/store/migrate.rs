//! One history of migrations for both databases, and the stable views on top of it.
use sha2::{Digest as _, Sha256};
use sqlx::{
    AnyConnection, Row as _, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{Backend, StoreError};

/// Forward only, in order; a file that has been released is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("migrations/0001_init.sql")),
    (2, "ingest", include_str!("migrations/0002_ingest.sql")),
    (3, "findings", include_str!("migrations/0003_findings.sql")),
    (4, "feedback", include_str!("migrations/0004_feedback.sql")),
    (6, "upkeep", include_str!("migrations/0006_upkeep.sql")),
    (7, "retention", include_str!("migrations/0007_retention.sql")),
    (8, "alerts", include_str!("migrations/0008_alerts.sql")),
    (9, "rollups", include_str!("migrations/0009_rollups.sql")),
    (10, "directories_bad", include_str!("migrations/0010_directories_bad.sql")),
    (11, "declared_risk", include_str!("migrations/0011_declared_risk.sql")),
    (12, "formats_of_files", include_str!("migrations/0012_formats_of_files.sql")),
];

/// The newest schema version this program knows.
pub fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, _, _)| *version)
}

/// Brings schema and views up to date. The caller's transaction holds the write lock, so two that
/// open a new store at once do not meet, and a migration that fails leaves nothing behind.
///
/// # Errors
/// Where the schema comes from a newer program, or a migration fails.
pub(super) async fn migrate(
    conn: &mut AnyConnection,
    backend: Backend,
    place: &str,
) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator.run_direct(None, conn, false).await.map_err(|err| match err {
        MigrateError::VersionMissing(found) => {
            StoreError::Newer { place: place.to_owned(), found, known: newest() }
        }
        source => StoreError::Migrate { place: place.to_owned(), source },
    })?;
    views(conn, backend).await
}

/// Makes the views again where their text has changed.
async fn views(conn: &mut AnyConnection, backend: Backend) -> Result<(), StoreError> {
    let text = match backend {
        Backend::Sqlite => include_str!("views/sqlite.sql"),
        Backend::Postgres => include_str!("views/postgres.sql"),
    };
    let digest = format!("{:x}", Sha256::digest(text));
    let known = sqlx::query("SELECT content FROM meta WHERE name = 'views'")
        .fetch_optional(&mut *conn)
        .await?
        .map(|row| row.try_get::<String, _>(0))
        .transpose()?;
    if known.as_ref() == Some(&digest) {
        return Ok(());
    }
    sqlx::raw_sql(text).execute(&mut *conn).await?;
    sqlx::query(
        "INSERT INTO meta (name, content) VALUES ('views', $1)
         ON CONFLICT (name) DO UPDATE SET content = excluded.content",
    )
    .bind(digest)
    .execute(conn)
    .await?;
    Ok(())
}

/// The schema version of an open store, 0 where there is none.
///
/// # Errors
/// Where the database cannot be asked.
pub(super) async fn version(conn: &mut AnyConnection) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(coalesce(max(version), 0) AS BIGINT) FROM _sqlx_migrations";
    match sqlx::query(sql).fetch_one(conn).await {
        Ok(row) => Ok(row.try_get(0)?),
        // Both databases name the table that is not there: nothing was ever made here.
        Err(sqlx::Error::Database(err)) if err.message().contains("_sqlx_migrations") => Ok(0),
        Err(err) => Err(err.into()),
    }
}
