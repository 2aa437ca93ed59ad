//! Where a store is: a file, or a server.
use std::{
    fmt::{self, Write as _},
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use sqlx::{
    ConnectOptions as _,
    any::{AnyConnectOptions, install_default_drivers},
};

use super::{Backend, Missing, StoreError};

/// Where a store is. Displays without a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// `postgres://user:password@host/database`.
    Url(String),
}

impl Place {
    /// Options to connect with; makes an empty file, private to its owner, where that is asked for.
    pub(super) fn prepare(
        &self,
        missing: Missing,
    ) -> Result<(Backend, AnyConnectOptions), StoreError> {
        if let Self::File(path) = self {
            make_file(path, missing)?;
        }
        self.options("")
    }

    /// Options to connect with where nothing is to be written.
    pub(super) fn prepare_read_only(&self) -> Result<(Backend, AnyConnectOptions), StoreError> {
        let Self::File(path) = self else { return self.options("") };
        make_file(path, Missing::Refuse)?;
        // A reader of a WAL database makes its index where there is none. Who may not write beside it
        // reads the file as it stands: without an index nobody has it open.
        let beside = path.with_file_name(format!(
            "{}-shm",
            path.file_name().unwrap_or_default().to_string_lossy()
        ));
        let dir = path.parent().unwrap_or(path);
        let may_write = rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok();
        self.options(if may_write || beside.exists() { "?mode=ro" } else { "?immutable=1" })
    }

    /// Options to connect with; `parameters` are those of SQLite.
    fn options(&self, parameters: &str) -> Result<(Backend, AnyConnectOptions), StoreError> {
        install_default_drivers();
        let (backend, url) = match self {
            Self::File(path) => (Backend::Sqlite, sqlite_url(path)? + parameters),
            Self::Url(url)
                if url.starts_with("postgres://") || url.starts_with("postgresql://") =>
            {
                (Backend::Postgres, url.clone())
            }
            Self::Url(_) => return Err(self.bad("it does not start with `postgres://`")),
        };
        let options = AnyConnectOptions::from_str(&url)
            .map_err(|err| self.bad(&err.to_string()))?
            .disable_statement_logging();
        Ok((backend, options))
    }

    fn bad(&self, why: &str) -> StoreError {
        StoreError::BadPlace { place: self.to_string(), why: why.to_owned() }
    }
}

fn make_file(path: &Path, missing: Missing) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    let shown = path.display().to_string();
    if missing == Missing::Refuse {
        return Err(StoreError::Missing { place: shown });
    }
    make_private(path).map_err(|source| StoreError::File { path: shown, source })
}

/// Makes an empty file that only its owner reads, where there is none.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// `sqlite:` and the path, with everything escaped that could end it.
fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let bad =
        |why: &str| StoreError::BadPlace { place: path.display().to_string(), why: why.to_owned() };
    let path = std::path::absolute(path).map_err(|err| bad(&err.to_string()))?;
    let text = path.to_str().ok_or_else(|| bad("it is not UTF-8"))?;
    let mut url = "sqlite://".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Ok(url)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.pad(&path.display().to_string()),
            Self::Url(url) => f.pad(&without_password(url)),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// The URL up to its parameters, with `***` for a password.
fn without_password(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    let Some((login, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://ana:s3cret@db/advisor", "postgres://ana:***@db/advisor"),
            ("postgres://ana:p@ss@db/advisor", "postgres://ana:***@db/advisor"),
            ("postgres://ana@db/advisor", "postgres://ana@db/advisor"),
            ("postgres://db/advisor?password=s3cret", "postgres://db/advisor"),
            ("postgres:/ana:s3cret@db", "***"),
        ] {
            let place = Place::Url(url.to_owned());
            assert_eq!(place.to_string(), shown);
            assert_eq!(format!("{place:?}"), format!("Place({shown})"));
        }
    }

    #[test]
    fn a_path_cannot_end_its_url() {
        let url = sqlite_url(Path::new("/tmp/a b?mode=memory#%41/advisor.db")).unwrap();
        assert_eq!(url, "sqlite:///tmp/a%20b%3Fmode%3Dmemory%23%2541/advisor.db");
    }
}
