//! What can go wrong with the store, in words for people.
use std::fmt;

use sqlx::migrate::MigrateError;

use super::{Backend, Place};
use crate::{
    alerts::BadStep,
    review::{BadVerdict, Conflict, Opened},
};

/// Why the store did not do what it was asked.
///
/// A message may end with a line `hint: ...`; the printer sets it apart.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing at the place yet.
    #[error("no store at `{place}`\nhint: `advisor init` makes one")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// A path or URL that no database can be opened with.
    #[error("`{place}` is no place for a store: {why}\nhint: give `postgres://user@host/database`")]
    BadPlace {
        /// What was given, without its password.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database could not be reached, or refused us.
    #[error("cannot open the store at `{place}`\nhint: {hint}")]
    Open {
        /// Where it is.
        place: String,
        /// What to do.
        hint: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The file cannot be made.
    #[error("cannot make `{path}`\nhint: name a directory of yours with `--data-dir`")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The schema comes from a newer program.
    #[error(
        "the store at `{place}` has schema version {found}, this program knows {known}\n\
         hint: a newer advisor has written to it, use that one"
    )]
    Newer {
        /// Where it is.
        place: String,
        /// Version of the schema found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The schema comes from an older program, and the store was opened to look at it only.
    #[error(
        "the store at `{place}` has schema version {found}, this program has {known}\n\
         hint: whoever may write brings it up to date with any call, such as `advisor init`; there is \
         no way back, so `advisor backup DIR` first"
    )]
    Older {
        /// Where it is.
        place: String,
        /// Version of the schema found.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// Something would write, and the store was opened to look at it only.
    #[error(
        "this writes, and the store is open read-only\nhint: leave `--read-only` away (ADVISOR_READ_ONLY)"
    )]
    ReadOnly,
    /// A migration did not run; nothing of it remains.
    #[error(
        "cannot bring the store at `{place}` up to date; it is as it was\n\
         hint: is the disk full or failing, or the database not yours to change? the next call tries again"
    )]
    Migrate {
        /// Where it is.
        place: String,
        /// What went wrong.
        source: MigrateError,
    },
    /// A query failed.
    #[error("the store failed{}", Hint(.0))]
    Sql(#[from] sqlx::Error),
    /// A row holds what it never should.
    #[error("the store holds `{text}` as {what}\nhint: `advisor doctor` checks the store")]
    Corrupt {
        /// What the text should be.
        what: &'static str,
        /// The text found.
        text: String,
    },
    /// What was asked for is not there.
    #[error("no {what} `{name}`\nhint: `advisor {list}` shows what there is")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// What it was called.
        name: String,
        /// The command that lists them.
        list: &'static str,
    },
    /// A step with an alert that cannot be taken.
    #[error(transparent)]
    Step(#[from] BadStep),
    /// A verdict that cannot be taken.
    #[error(transparent)]
    Verdict(#[from] BadVerdict),
    /// The role has moved on from the revision that a batch was made for.
    #[error(
        "batch `{batch_id}` was made for revision {made_for} of `{role}`, which is at {now}: {}\n\
         hint: reject what does not fit with `advisor review reject {batch_id} --change N`, or look \
         again with `advisor suggest --role {role}`",
        sentence(conflicts)
    )]
    Conflicts {
        /// The batch.
        batch_id: String,
        /// Its role.
        role: String,
        /// The revision it was made for.
        made_for: u64,
        /// The revision of the role now.
        now: u64,
        /// What does not fit.
        conflicts: Vec<Conflict>,
    },
    /// The role that follows would let through what no role should, and what it stops now.
    #[error(
        "with these changes of batch `{batch_id}` role `{role}` would let through what it stops now: {}\n\
         hint: narrow them with `advisor review modify`, reject them, or look again with `advisor \
         suggest --role {role}`; what is meant all the same is written by hand with `advisor roles \
         edit {role}`",
        sentence(opened)
    )]
    Opens {
        /// The batch.
        batch_id: String,
        /// Its role.
        role: String,
        /// What would pass.
        opened: Vec<Opened>,
    },
    /// The thing is there, and the rules of the house forbid what was asked.
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    pub(super) fn role(name: &str) -> Self {
        Self::Unknown { what: "role", name: name.to_owned(), list: "roles list" }
    }

    /// A database that could not be reached, or refused us, with what to do about it.
    pub(super) fn opened(place: &Place, backend: Backend, source: sqlx::Error) -> Self {
        let hint = match (backend, &source) {
            (Backend::Sqlite, _) => {
                "is the file a SQLite database, yours to read and write, with room on its disk?"
            }
            (Backend::Postgres, sqlx::Error::Tls(_)) => {
                "another machine is asked for TLS; where the network in between is trusted, end the \
                 URL in `?sslmode=disable`"
            }
            (Backend::Postgres, _) => {
                "is the server up, and are user, password and database right?"
            }
        };
        Self::Open { place: place.to_string(), hint, source }
    }

    pub(super) fn batch(name: &str) -> Self {
        Self::Unknown { what: "batch", name: name.to_owned(), list: "suggestions list" }
    }
}

fn sentence(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<String>>().join("; ")
}

/// What to do, by the database's code: SQLite has numbers, the cause in their last byte; PostgreSQL has
/// texts of five characters.
fn of_code(code: &str) -> &'static str {
    let number = code.parse::<u32>().ok().filter(|_| code.len() != 5);
    match (number.map(|it| it & 0xff), code) {
        (Some(5 | 6), _) | (_, "55P03") => {
            "another process holds the store; try again, or look for one that hangs"
        }
        (Some(13), _) | (_, "53100") => "the disk is full; make room and try again",
        (Some(8), _) | (_, "25006") => "the store is read-only for this user",
        (Some(10 | 14), _) => {
            "is the disk failing or full? nothing was half done, the next run tries again"
        }
        (Some(11 | 26), _) => "the store is damaged: put it back from a backup",
        (_, "57P01" | "57P02" | "57P03") => {
            "the database went away; nothing was half done, try again once it is back"
        }
        _ => "`advisor doctor` checks the store; nothing was half done, the next run tries again",
    }
}

/// The hint that goes with a failed query, where there is one.
struct Hint<'a>(&'a sqlx::Error);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self.0 {
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                "the database went away; nothing was half done, try again once it is back"
            }
            sqlx::Error::PoolTimedOut => {
                "another process holds the store; try again, or look for one that hangs"
            }
            sqlx::Error::Database(err) => of_code(err.code().as_deref().unwrap_or_default()),
            _ => {
                "`advisor doctor` checks the store; nothing was half done, the next run tries again"
            }
        };
        write!(f, "\nhint: {hint}")
    }
}
