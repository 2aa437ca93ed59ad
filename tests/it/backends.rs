//! A fresh store on each database, for tests that must hold on both.
//!
//! PostgreSQL is the server at `ADVISOR_TEST_POSTGRES_URL`, see `tests/postgres.sh`; each test has a
//! database of its own there. Without it those tests say so and pass, unless
//! `ADVISOR_TEST_REQUIRE_POSTGRES` is 1: then they fail.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use policy_advisor::{
    events::Timestamp,
    store::{Backend, By, Missing, Place, Store},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// Databases made so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where a test's store is; what keeps it alive.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) place: Place,
    _dir: TempDir,
}

/// Runs a test on a fresh store of one kind.
pub(crate) fn on(backend: Backend, name: &str, test: impl AsyncFnOnce(&Store, &Home)) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = match backend {
            Backend::Sqlite => Place::File(dir.path().join("advisor.db")),
            Backend::Postgres => match postgres_database(name).await {
                Some(url) => Place::Url(url),
                None => return,
            },
        };
        let store = Store::open(&place, Missing::Create).await.unwrap();
        test(&store, &Home { place, _dir: dir }).await;
        store.close().await;
    });
}

/// URL of a new, empty database; `None` where there is no server, and none is required.
pub(crate) async fn postgres_database(name: &str) -> Option<String> {
    let Ok(server) = env::var("ADVISOR_TEST_POSTGRES_URL") else {
        let required = env::var("ADVISOR_TEST_REQUIRE_POSTGRES").is_ok_and(|it| it == "1");
        assert!(!required, "ADVISOR_TEST_POSTGRES_URL is not set, see tests/postgres.sh");
        eprintln!("{name}: no PostgreSQL, set ADVISOR_TEST_POSTGRES_URL (tests/postgres.sh)");
        return None;
    };
    // A name may have 63 bytes.
    let database = format!("t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        on_server(format!("{statement} {database}")).await;
    }
    let (login, parameters) = server.split_once("/postgres?").unwrap();
    Some(format!("{login}/{database}?{parameters}"))
}

/// The URL of a server, the name of the database in it, and what is said behind that.
fn parts(url: &str) -> (&str, &str, &str) {
    let (login, parameters) = url.split_once('?').unwrap();
    let (server, database) = login.rsplit_once('/').unwrap();
    (server, database, parameters)
}

async fn on_server(statement: String) {
    let url = env::var("ADVISOR_TEST_POSTGRES_URL").unwrap();
    let mut conn = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
}

/// URL of a copy of a database to which nobody is connected.
pub(crate) async fn postgres_copy(url: &str, name: &str) -> String {
    let (server, original, parameters) = parts(url);
    let copy = format!("{original}_{name}");
    on_server(format!("CREATE DATABASE {copy} TEMPLATE {original}")).await;
    format!("{server}/{copy}?{parameters}")
}

/// Removes a database, whoever is connected to it.
pub(crate) async fn postgres_drop(url: &str) {
    on_server(format!("DROP DATABASE {} WITH (FORCE)", parts(url).1)).await;
}

/// Ana, `minute` minutes after a fixed instant.
pub(crate) fn ana(minute: i64) -> By {
    By { actor: "ana".to_owned(), at: at(minute) }
}

/// `minute` minutes after a fixed instant.
pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp(Timestamp::parse("2026-01-05T09:00:00Z").unwrap().0 + minute * 60_000_000)
}

/// Makes each story a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $story() {
                let name = concat!(stringify!($story));
                crate::backends::on(policy_advisor::store::Backend::Sqlite, name, super::$story);
            })+
        }

        mod postgres {
            $(#[test]
            fn $story() {
                let name = concat!(stringify!($story));
                crate::backends::on(policy_advisor::store::Backend::Postgres, name, super::$story);
            })+
        }
    };
}
pub(crate) use on_both;
