//! SQL: roles, batches, reviews, runs, and what ingest has read. SQLite or PostgreSQL, one history.
mod alerts;
mod background;
mod batches;
mod copy;
mod error;
mod forget;
mod host_pattern;
mod hosts;
mod ingest;
mod migrate;
mod outbox;
mod place;
mod prefix;
mod reviews;
mod revisions;
mod roles;
mod rollups;
mod rows;
mod rule_ids;
mod runs;
mod settings;
mod trail;
mod variables;

use std::time::Duration;

use sqlx::{
    Any, AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Transaction,
    any::AnyPoolOptions,
};

use crate::events::Timestamp;

pub use alerts::{AlertsRaised, Stepped};
pub use batches::BatchSummary;
pub use error::StoreError;
pub use hosts::Host;
pub use ingest::{Assignment, IngestCommit, SeenFile};
pub use migrate::newest as newest_schema;
pub use outbox::{Signal, SignalCursor, SignalType};
pub use place::Place;
pub use reviews::{Act, Applied, Feedback};
pub use revisions::{Revision, Why};
pub use roles::{DEFAULT_ROLE, RoleSummary, Saved};
pub use runs::{RunLock, RunOutcome, RunRow};
pub use trail::TrailEntry;
pub use variables::{HostVariables, VariableValue};

/// How long a writer waits for another before it gives up.
const WAIT: Duration = Duration::from_mins(1);

/// Which database is behind a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in the data directory.
    Sqlite,
    /// A server.
    Postgres,
}

/// Who does something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The person or service.
    pub actor: String,
    /// Now.
    pub at: Timestamp,
}

/// What to do where there is no store yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make one.
    Create,
    /// Say so.
    Refuse,
}

/// An open store, its schema up to date. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    place: Place,
    /// SQLite: one connection, so that writers of this process queue here. PostgreSQL: the same pool
    /// as `reader`.
    writer: AnyPool,
    reader: AnyPool,
    is_read_only: bool,
}

/// A transaction that writes. There is one at a time in a store, whatever the database: what it
/// reads stays true until it commits. Dropped without [`Write::commit`], nothing has happened.
#[derive(Debug)]
pub struct Write {
    tx: Transaction<'static, Any>,
}

/// A transaction that reads one consistent state, and waits for nobody.
#[derive(Debug)]
struct Snapshot {
    tx: Transaction<'static, Any>,
}

impl Store {
    /// Opens the store at `place` and brings its schema up to date.
    ///
    /// # Errors
    /// Where there is none and `missing` says so, where it cannot be reached, or where its schema is
    /// newer than this program.
    pub async fn open(place: &Place, missing: Missing) -> Result<Self, StoreError> {
        let (backend, options) = place.prepare(missing)?;
        let pool = |max| AnyPoolOptions::new().max_connections(max).acquire_timeout(WAIT);
        let opened = |source| StoreError::opened(place, backend, source);
        // A pool tries again and again; the first connection says at once what is wrong.
        let mut first = options.connect().await.map_err(opened)?;
        prepare(&mut first, backend).await.map_err(opened)?;
        first.close().await.map_err(opened)?;
        let (writer, reader) = match backend {
            Backend::Sqlite => {
                let pool = |max| {
                    pool(max).after_connect(|conn, _| Box::pin(prepare(conn, Backend::Sqlite)))
                };
                let writer = pool(1).connect_with(options.clone()).await.map_err(opened)?;
                (writer, pool(4).connect_lazy_with(options))
            }
            Backend::Postgres => {
                let pool = pool(8).connect_with(options).await.map_err(opened)?;
                (pool.clone(), pool)
            }
        };
        let store = Self { backend, place: place.clone(), writer, reader, is_read_only: false };
        let mut write = store.begin().await?;
        migrate::migrate(write.conn(), backend, &place.to_string()).await?;
        write.commit().await?;
        Ok(store)
    }

    /// Opens the store at `place` to look at it: the database itself refuses to write, and so does
    /// whatever begins to.
    ///
    /// # Errors
    /// Where there is none, it cannot be reached, or its schema is not that of this program: only who
    /// may write can bring it up to date.
    pub async fn open_read_only(place: &Place) -> Result<Self, StoreError> {
        let (backend, options) = place.prepare_read_only()?;
        let opened = |source| StoreError::opened(place, backend, source);
        let mut first = options.connect().await.map_err(opened)?;
        prepare_read_only(&mut first, backend).await.map_err(opened)?;
        let found = migrate::version(&mut first).await?;
        first.close().await.map_err(opened)?;
        let known = migrate::newest();
        match found {
            _ if found > known => {
                return Err(StoreError::Newer { place: place.to_string(), found, known });
            }
            _ if found < known => {
                return Err(StoreError::Older { place: place.to_string(), found, known });
            }
            _ => (),
        }
        let pool = AnyPoolOptions::new().max_connections(4).acquire_timeout(WAIT);
        let pool = pool
            .after_connect(move |conn, _| Box::pin(prepare_read_only(conn, backend)))
            .connect_lazy_with(options);
        Ok(Self {
            backend,
            place: place.clone(),
            writer: pool.clone(),
            reader: pool,
            is_read_only: true,
        })
    }

    /// Whether it was opened to look at it only.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Begins a transaction that writes, once every other writer is done.
    ///
    /// # Errors
    /// Where the database is away, another writer does not finish within a minute, or the store was
    /// opened read-only.
    pub async fn begin(&self) -> Result<Write, StoreError> {
        if self.is_read_only {
            return Err(StoreError::ReadOnly);
        }
        // SQLite: a deferred transaction that turns into a writer fails at once where another one
        // writes, an immediate one waits. PostgreSQL: one lock for all writers, bound to the
        // transaction, so that it holds behind a transaction pooler and ends with its holder.
        let statement = match self.backend {
            Backend::Sqlite => "BEGIN IMMEDIATE",
            Backend::Postgres => {
                "BEGIN; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(7305808869229538)"
            }
        };
        Ok(Write { tx: self.writer.begin_with(statement).await? })
    }

    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let statement = match self.backend {
            Backend::Sqlite => "BEGIN",
            Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(Snapshot { tx: self.reader.begin_with(statement).await? })
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        migrate::version(self.snapshot().await?.conn()).await
    }

    /// Waits until every connection is closed.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Sets a new connection up.
async fn prepare(conn: &mut AnyConnection, backend: Backend) -> Result<(), sqlx::Error> {
    let statements = match backend {
        // Order matters: the others may have to wait for a lock.
        Backend::Sqlite => {
            "PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON"
        }
        Backend::Postgres => "SELECT 1",
    };
    sqlx::raw_sql(statements).execute(conn).await.map(|_| ())
}

/// Sets a new connection up that never writes.
async fn prepare_read_only(conn: &mut AnyConnection, backend: Backend) -> Result<(), sqlx::Error> {
    let statements = match backend {
        Backend::Sqlite => "PRAGMA busy_timeout = 60000; PRAGMA query_only = ON",
        // Whatever is set for a session stays behind a transaction pooler, for whoever comes next:
        // `Store::snapshot` begins read-only transactions.
        Backend::Postgres => "SELECT 1",
    };
    sqlx::raw_sql(statements).execute(conn).await.map(|_| ())
}

impl Write {
    /// Makes all of it happen.
    ///
    /// # Errors
    /// Where the database is away; then nothing has happened, unless it went away during the commit
    /// itself.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }

    fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

impl Snapshot {
    fn conn(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}
