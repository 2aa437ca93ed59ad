//! Which day has which rollup, and which days are due for one.
use std::collections::BTreeSet;

use sqlx::AnyConnection;

use super::{
    Store, StoreError,
    ingest::advance,
    rows::{Columns as _, bigint},
};
use crate::{events::Day, lake::Rollup};

impl Store {
    /// Days before `today` whose events have changed since they were rolled up.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn days_due(&self, today: Day) -> Result<Vec<Day>, StoreError> {
        let rows =
            sqlx::query("SELECT day FROM rollups WHERE is_due = 1 AND day < $1 ORDER BY day")
                .bind(today.to_string())
                .fetch_all(self.snapshot().await?.conn())
                .await?;
        rows.iter().map(|row| row.word("day", Day::parse)).collect()
    }

    /// Makes the rollup of a day count; `None` where there is nothing to tell of it. Gives the
    /// generation of the lake from now on.
    ///
    /// # Errors
    /// Where the database is away, or another writer has changed the lake meanwhile.
    pub async fn commit_rollup(
        &self,
        generation: u64,
        day: Day,
        rollup: Option<&Rollup>,
    ) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        advance(&mut write, generation).await?;
        sqlx::query(
            "UPDATE rollups SET name = $1, row_count = $2, bytes = $3, is_due = 0 WHERE day = $4",
        )
        .bind(rollup.map(|it| it.name.clone()))
        .bind(bigint(rollup.map_or(0, |it| it.n_rows)))
        .bind(bigint(rollup.map_or(0, |it| it.n_bytes)))
        .bind(day.to_string())
        .execute(write.conn())
        .await?;
        write.commit().await?;
        Ok(generation + 1)
    }

    /// Has days rolled up again, because their rollups are gone.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn roll_up_again(&self, lost: &[Rollup]) -> Result<(), StoreError> {
        if lost.is_empty() {
            return Ok(());
        }
        let mut write = self.begin().await?;
        make_due(write.conn(), lost.iter().map(|it| it.day)).await?;
        write.commit().await
    }

    /// Forgets the rollups of days before `first`; gives them.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn expire_rollups(&self, first: Day) -> Result<Vec<Rollup>, StoreError> {
        let mut write = self.begin().await?;
        let mut gone = committed(write.conn()).await?;
        gone.retain(|it| it.day < first);
        sqlx::query("DELETE FROM rollups WHERE day < $1")
            .bind(first.to_string())
            .execute(write.conn())
            .await?;
        write.commit().await?;
        Ok(gone)
    }
}

/// The rollups that count, by day.
pub(super) async fn committed(conn: &mut AnyConnection) -> Result<Vec<Rollup>, StoreError> {
    let rows = sqlx::query("SELECT * FROM rollups WHERE name IS NOT NULL ORDER BY day")
        .fetch_all(conn)
        .await?;
    let rollups = rows.iter().map(|row| {
        Ok(Rollup {
            day: row.word("day", Day::parse)?,
            name: row.text("name")?,
            n_rows: row.count("row_count")?,
            n_bytes: row.count("bytes")?,
        })
    });
    rollups.collect()
}

/// Marks days as due.
pub(super) async fn make_due(
    conn: &mut AnyConnection,
    days: impl Iterator<Item = Day>,
) -> Result<(), StoreError> {
    for day in days.collect::<BTreeSet<Day>>() {
        sqlx::query(
            "INSERT INTO rollups (day, is_due) VALUES ($1, 1)
             ON CONFLICT (day) DO UPDATE SET is_due = 1",
        )
        .bind(day.to_string())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
