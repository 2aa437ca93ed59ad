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

    /// A server by its URL. One on another machine is asked for TLS where neither the URL nor
    /// PGSSLMODE says how it is to be: what driver and server agree on by themselves may be no
    /// encryption at all. `variable` gives variables of the environment.
    ///
    /// # Source
    /// PostgreSQL documentation, 34.19.3: `prefer`, the default of libpq and of our driver, is
    /// "not recommended in secure deployments".
    pub fn server(url: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let elsewhere = || variable("PGHOSTADDR").or_else(|| variable("PGHOST"));
        let host = host(url).or_else(elsewhere).unwrap_or_default();
        if is_local(&host) || ssl_mode(url).is_some() || url.contains('#') {
            return Self::Url(url.to_owned());
        }
        let mode = variable("PGSSLMODE").unwrap_or_else(|| "require".to_owned());
        let sign = if url.contains('?') { '&' } else { '?' };
        Self::Url(format!("{url}{sign}sslmode={mode}"))
    }

    /// Whether it is a URL with a password in it.
    pub fn has_password(&self) -> bool {
        let Self::Url(url) = self else { return false };
        let (before, _) = url.split_once(['?', '#']).unwrap_or((url, ""));
        let login = before.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        let in_login = login.and_then(|(login, _)| login.split_once(':'));
        in_login.is_some_and(|(_, password)| !password.is_empty())
            || parameter(url, &["password"]).is_some()
    }

    /// How a server on another machine is asked for TLS, where what is said to it may go in clear.
    pub fn in_clear(&self) -> Option<&str> {
        let Self::Url(url) = self else { return None };
        if host(url).is_some_and(|it| is_local(&it)) {
            return None;
        }
        ssl_mode(url).filter(|it| matches!(*it, "disable" | "allow" | "prefer"))
    }

    /// Whether who runs this may write to it, as far as files tell.
    pub fn is_writable(&self) -> bool {
        match self {
            Self::File(path) => rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok(),
            Self::Url(_) => true,
        }
    }

    fn bad(&self, why: &str) -> StoreError {
        StoreError::BadPlace { place: self.to_string(), why: why.to_owned() }
    }
}

/// A parameter of a URL by one of its names, the last one, which counts.
fn parameter<'a>(url: &'a str, names: &[&str]) -> Option<&'a str> {
    let (_, parameters) = url.split_once('?')?;
    let pairs = parameters.split('&').filter_map(|it| it.split_once('='));
    pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next_back()
}

fn ssl_mode(url: &str) -> Option<&str> {
    parameter(url, &["sslmode", "ssl-mode"])
}

/// The host that a URL names, as it is written there.
fn host(url: &str) -> Option<String> {
    if let Some(host) = parameter(url, &["host", "hostaddr"]) {
        return Some(host.to_owned());
    }
    let (_, rest) = url.split_once("://")?;
    let (rest, _) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => host.split(':').next(),
    };
    host.filter(|it| !it.is_empty()).map(ToOwned::to_owned)
}

/// Whether a host is this machine, reached without a network: nothing, a socket, a loopback address.
fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["", "localhost", "::1"].contains(&host.as_str())
        || ["/", "%2f", "127."].iter().any(|it| host.starts_with(it))
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
    fn another_machine_is_asked_for_tls_and_what_may_be_in_clear_is_known() {
        let nothing: &[(&str, &str)] = &[];
        for (url, variables, parameters, in_clear) in [
            ("postgres://ana@db.example/advisor", nothing, "?sslmode=require", None),
            ("postgres://ana:p@db.example:5432/advisor", nothing, "?sslmode=require", None),
            ("postgres://db.example/advisor?a=b", nothing, "&sslmode=require", None),
            ("postgres://db/advisor?sslmode=verify-full", nothing, "", None),
            ("postgres://db/advisor?sslmode=disable", nothing, "", Some("disable")),
            ("postgres://db/x", &[("PGSSLMODE", "verify-full")], "?sslmode=verify-full", None),
            ("postgres://db/x", &[("PGSSLMODE", "prefer")], "?sslmode=prefer", Some("prefer")),
            ("postgres:///advisor", &[("PGHOST", "db.example")], "?sslmode=require", None),
            ("postgres:///advisor", &[("PGHOST", "/run/postgresql")], "", None),
            ("postgres:///advisor", nothing, "", None),
            ("postgres://ana@localhost/advisor?sslmode=disable", nothing, "", None),
            ("postgres://127.0.0.1:5432/advisor", nothing, "", None),
            ("postgres://[::1]:5432/advisor", nothing, "", None),
            ("postgres://[2001:db8::1]/advisor", nothing, "?sslmode=require", None),
            ("postgres://%2Frun%2Fpostgresql/advisor", nothing, "", None),
            ("postgres://ana@localhost/advisor?host=/tmp/sockets", nothing, "", None),
            ("postgres://localhost/advisor?host=db.example", nothing, "&sslmode=require", None),
        ] {
            let variable = |name: &str| {
                variables.iter().find(|it| it.0 == name).map(|(_, value)| (*value).to_owned())
            };
            let place = Place::server(url, variable);
            assert_eq!(place, Place::Url(format!("{url}{parameters}")));
            assert_eq!(place.in_clear(), in_clear, "{url}");
        }
    }

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        for (url, has_password) in [
            ("postgres://ana:s3cret@db/advisor", true),
            ("postgres://ana:p@ss@db/advisor", true),
            ("postgres://ana@db/advisor?password=s3cret", true),
            ("postgres://ana@db:5432/advisor", false),
            ("postgres://ana:@db/advisor", false),
            ("postgres://db/advisor?application_name=a:b@c", false),
        ] {
            assert_eq!(Place::Url(url.to_owned()).has_password(), has_password, "{url}");
        }
    }

    #[test]
    fn a_path_cannot_end_its_url() {
        let url = sqlite_url(Path::new("/tmp/a b?mode=memory#%41/advisor.db")).unwrap();
        assert_eq!(url, "sqlite:///tmp/a%20b%3Fmode%3Dmemory%23%2541/advisor.db");
    }
}
