//! A copy of a store that is a file, as it is, whatever version its schema has.
use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _};

use super::{Place, Store, StoreError, migrate, place::make_private};

impl Store {
    /// Copies the store at `place`, a file, to `path` as it is at one moment, while others read and
    /// write. The store is opened to read only: what is copied before an upgrade has not seen it.
    /// Gives the version of the schema.
    ///
    /// # Errors
    /// Where there is no store, its schema comes from a newer program, or the copy cannot be written.
    pub async fn copy(place: &Place, path: &Path) -> Result<i64, StoreError> {
        let (backend, options) = place.prepare_read_only()?;
        let opened = |source| StoreError::opened(place, backend, source);
        let mut conn = options.connect().await.map_err(opened)?;
        sqlx::raw_sql("PRAGMA busy_timeout = 60000").execute(&mut conn).await?;
        let (found, known) = (migrate::version(&mut conn).await?, migrate::newest());
        if found > known {
            return Err(StoreError::Newer { place: place.to_string(), found, known });
        }
        let failed = |source| StoreError::File { path: path.display().to_string(), source };
        // Private before anything is in it; SQLite takes an empty file for a new database.
        make_private(path).map_err(failed)?;
        sqlx::query("VACUUM INTO $1")
            .bind(path.to_string_lossy().into_owned())
            .execute(&mut conn)
            .await?;
        conn.close().await?;
        Ok(found)
    }
}
