//! Ids as people type them: enough of the beginning stands for the whole.
use sqlx::AnyConnection;

use super::{
    StoreError,
    rows::{Columns as _, bigint, storable},
};

/// Shortest beginning that stands for an id.
const MIN_PREFIX: usize = 4;

/// Ids of one kind of thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    /// One of them, in words.
    one: &'static str,
    /// The same without an article.
    what: &'static str,
    /// The command that lists them.
    list: &'static str,
    /// The first few that begin with a text: its length and the text are bound. No LIKE, what a user
    /// types is no pattern.
    query: &'static str,
}

/// Those of batches.
pub(super) const BATCHES: Ids = Ids {
    one: "a batch",
    what: "batch",
    list: "suggestions list",
    query: "SELECT batch_id AS id FROM batches
            WHERE substr(batch_id, 1, CAST($1 AS INTEGER)) = $2 ORDER BY batch_id LIMIT 3",
};

/// Those of alerts.
pub(super) const ALERTS: Ids = Ids {
    one: "an alert",
    what: "alert",
    list: "alerts list",
    query: "SELECT alert_id AS id FROM alerts
            WHERE substr(alert_id, 1, CAST($1 AS INTEGER)) = $2 ORDER BY alert_id LIMIT 3",
};

impl Ids {
    /// The full id that `id`, or a beginning of it, stands for.
    pub(super) async fn resolve(
        &self,
        conn: &mut AnyConnection,
        id: &str,
    ) -> Result<String, StoreError> {
        let Self { one, what, list, query } = *self;
        let rows = sqlx::query(query)
            .bind(bigint(id.chars().count() as u64))
            .bind(storable(id))
            .fetch_all(conn)
            .await?;
        let ids: Vec<String> = rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        match ids.as_slice() {
            [first, ..] if first == id => Ok(first.clone()),
            [only] if id.len() >= MIN_PREFIX => Ok(only.clone()),
            [] => Err(StoreError::Unknown { what, name: id.to_owned(), list }),
            [_] => Err(StoreError::Refused(format!(
                "`{id}` is too short for {one}\nhint: give at least {MIN_PREFIX} characters of its id"
            ))),
            [first, second, ..] => Err(StoreError::Refused(format!(
                "`{id}` stands for more than one {what}, `{first}` and `{second}` among them\n\
                 hint: give more of the id"
            ))),
        }
    }
}
