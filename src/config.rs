//! Flags over environment (`ADVISOR_*`) over `advisor.toml` over defaults; the only reader of the
//! environment besides clap, which reads the flags' own variables.
#![expect(
    clippy::disallowed_methods,
    reason = "the environment and the configuration are read here"
)]
mod server;

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use serde::Deserialize;

use crate::{
    alerts::Rules,
    inputs::{Format, INPUTS},
    lake::{Lake, LakeError},
    objects::{Access, Bucket, BucketUrl, ObjectError, is_url},
    store::Place,
    telemetry::otlp::Collector,
};

/// How much of a lake in a bucket is kept in the data directory where nothing is said, in MiB: an
/// analysis window of a large fleet.
const LAKE_CACHE_MIB: u64 = 4_096;

/// The name of the configuration file in the data directory.
pub const FILE_NAME: &str = "advisor.toml";

/// The store in the data directory, where it is a file.
pub const STORE_NAME: &str = "advisor.db";

/// The configuration file that `advisor init` writes.
pub const TEMPLATE: &str = include_str!("config.toml");

/// For how many days rollups are kept where the file says nothing: two years and a day, so that a month
/// can be held against the same month of the year before.
const ROLLUP_DAYS: u32 = 731;

/// Range of `rollup_days`: up to ten years.
const ROLLUP_DAYS_RANGE: std::ops::RangeInclusive<u32> = 1..=3_650;

/// What the command line (or the flags' environment) says; `None` leaves it to the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--database-url`; one with a password is refused, since a list of processes shows it.
    pub database_url: Option<String>,
    /// `--lake`.
    pub lake: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--read-only`.
    pub read_only: bool,
}

/// The configuration file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it says where the data directory is, which only one outside of it may.
    pub names_data_dir: bool,
}

/// How this process is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read; `None` where there is none.
    pub file: Option<ReadFile>,
    /// Store (where it is SQLite) and lake (where it is in no bucket).
    pub data_dir: PathBuf,
    /// The bucket of the lake, where it is in one.
    pub lake: Option<BucketUrl>,
    /// How much of a lake in a bucket is kept in the data directory, in bytes.
    pub lake_cache_bytes: u64,
    /// Where the store is.
    pub place: Place,
    /// Nothing is to be written, neither to the store nor to the lake.
    pub read_only: bool,
    /// Directories and prefixes of buckets that `advisor run` reads.
    pub directories: Vec<SignalDirectory>,
    /// How buckets are reached.
    pub buckets: Access,
    /// In which schedules are read.
    pub time_zone: Tz,
    /// Under whose name acts are recorded.
    pub actor: String,
    /// `ADVISOR_LOG`, a filter such as `info` or `policy_advisor=debug`.
    pub log: Option<String>,
    /// Log lines as JSON.
    pub log_json: bool,
    /// Where a run leaves its gauges for Prometheus.
    pub metrics_file: Option<PathBuf>,
    /// Where a run sends its gauges, too; `None`: nowhere.
    pub collector: Option<Collector>,
    /// For how many days rollups are kept.
    pub rollup_days: u32,
    /// What alerts are raised.
    pub alerts: Rules,
    /// Where a run tells other systems what is new; `None`: nowhere.
    pub signals: Option<SignalsOut>,
    /// `NO_COLOR` is set.
    pub no_color: bool,
}

/// A directory, or a prefix of a bucket, into which signals are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalDirectory {
    /// The directory, or an address such as `s3://bucket/prefix`.
    pub path: PathBuf,
    /// Input format, the signal schema where empty.
    #[serde(default)]
    pub format: Option<String>,
    /// The host of all of it, for formats whose records name none.
    #[serde(default)]
    pub host: Option<String>,
    /// Role of events that name none.
    #[serde(default)]
    pub role: Option<String>,
    /// For how many days files are kept there; a week where empty.
    #[serde(default)]
    pub kept_days: Option<u32>,
}

impl SignalDirectory {
    /// How its files are read; `None` where there is no format of that name.
    pub fn input(&self) -> Option<&'static Format> {
        self.format.as_deref().map_or(Some(Format::default_format()), Format::named)
    }

    /// Why it cannot be read, whatever is in it.
    fn problem(&self) -> Option<String> {
        let path = self.path.display();
        let Some(format) = self.input() else {
            let names: Vec<&str> = INPUTS.iter().map(|it| it.name).collect();
            let format = self.format.as_deref().unwrap_or_default();
            return Some(format!(
                "`format = \"{format}\"` of directory `{path}` is none of {}",
                names.join(", ")
            ));
        };
        if self.host.as_deref().is_some_and(|it| it.trim().is_empty()) {
            return Some(format!("`host` of directory `{path}` is empty"));
        }
        (format.names_no_host && self.host.is_none()).then(|| {
            format!(
                "directory `{path}` is read as `{}`, which names no host\n\
                 hint: say whose it is with `host = \"...\"`",
                format.name
            )
        })
    }
}

/// Where signals for other systems go: `[signals]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalsOut {
    /// One file a day is written there.
    pub directory: PathBuf,
    /// For how many days files are kept; a week where empty.
    #[serde(default)]
    pub kept_days: Option<u32>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is nowhere to put things.
    #[error("neither `XDG_DATA_HOME` nor `HOME` is set\nhint: name a directory with `--data-dir`")]
    NoHome,
    /// The file cannot be read.
    #[error("cannot read `{}`\nhint: name another with `--config`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("`{}` is not a configuration", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and key.
        source: Box<toml::de::Error>,
    },
    /// A value means nothing.
    #[error("`{}`: {what}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Key, value and what would be right.
        what: String,
    },
    /// The lake has an address that means nothing.
    #[error("the lake cannot be there")]
    Lake(#[from] ObjectError),
    /// A variable of the environment means nothing.
    #[error("{what}")]
    Variable {
        /// Its name, and what would be right.
        what: String,
    },
    /// A password stands where everybody can read it.
    #[error(
        "`--database-url` holds a password, which every list of processes shows\n\
         hint: give the URL by ADVISOR_DATABASE_URL, by ADVISOR_DATABASE_URL_FILE, or by `database_url` \
         in advisor.toml"
    )]
    PasswordShown,
    /// The file that holds the URL of the database cannot be read.
    #[error(
        "cannot read `{}`, which {named} names\nhint: it holds the URL of the database, and this user \
         must be able to read it",
        path.display()
    )]
    UrlFile {
        /// The file.
        path: PathBuf,
        /// The variable or key that names it.
        named: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The data directory cannot be made.
    #[error("cannot make `{}`\nhint: name a directory of yours with `--data-dir`", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// `advisor.toml`.
#[expect(clippy::struct_field_names, reason = "`metrics_file` is the key's name")]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    database_url_file: Option<PathBuf>,
    lake: Option<String>,
    lake_cache_mib: Option<u64>,
    time_zone: Option<String>,
    #[serde(default)]
    directories: Vec<SignalDirectory>,
    log: Option<String>,
    #[serde(default)]
    log_json: bool,
    metrics_file: Option<PathBuf>,
    rollup_days: Option<u32>,
    #[serde(default)]
    alerts: Rules,
    signals: Option<SignalsOut>,
}

impl Config {
    /// Reads environment and file, and puts `flags` over them.
    ///
    /// # Errors
    /// Where the file cannot be read, says something unknown, or a value means nothing.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let (file, path, is_read) = if let Some(path) = &flags.config {
            (read(path)?, path.clone(), true)
        } else {
            let path = data_dir(flags.data_dir.as_deref(), None)?.join(FILE_NAME);
            let is_there = path.exists();
            let file = if is_there { read(&path)? } else { File::default() };
            if let Some(other) = &file.data_dir {
                let what = format!(
                    "data_dir `{}` in the data directory itself\n\
                     hint: give it by `--data-dir`, or this file by `--config`",
                    other.display()
                );
                return Err(ConfigError::Value { path, what });
            }
            (file, path, is_there)
        };
        let read_file = is_read
            .then(|| ReadFile { path: path.clone(), names_data_dir: file.data_dir.is_some() });
        if let Some(what) = file.directories.iter().find_map(SignalDirectory::problem) {
            return Err(ConfigError::Value { path, what });
        }
        let data_dir = data_dir(flags.data_dir.as_deref(), file.data_dir.as_deref())?;
        let url = server::url(flags.database_url.as_deref(), &file, &path)?;
        let place = match url {
            Some(url) => Place::server(&url, text),
            None => Place::File(data_dir.join(STORE_NAME)),
        };
        let lake = flags.lake.as_deref().or(file.lake.as_deref());
        let lake = lake.map(BucketUrl::parse).transpose()?;
        let cache_mib = match text("ADVISOR_LAKE_CACHE_MIB") {
            Some(text) => text.parse().map_err(|_| ConfigError::Variable {
                what: format!(
                    "ADVISOR_LAKE_CACHE_MIB cannot be `{text}`\nhint: give a number of MiB, such as 4096"
                ),
            })?,
            None => file.lake_cache_mib.unwrap_or(LAKE_CACHE_MIB),
        };
        for directory in file.directories.iter().filter(|it| is_url(&it.path)) {
            bucket_url(&path, "directories.path", &directory.path.to_string_lossy())?;
        }
        let time_zone = time_zone(text("ADVISOR_TIME_ZONE"), file.time_zone, &path)?;
        let rollup_days = file.rollup_days.unwrap_or(ROLLUP_DAYS);
        if !ROLLUP_DAYS_RANGE.contains(&rollup_days) {
            let what = format!("rollup_days cannot be {rollup_days}: the range is 1 to 3650 days");
            return Err(ConfigError::Value { path, what });
        }
        Ok(Self {
            file: read_file,
            data_dir,
            lake,
            lake_cache_bytes: cache_mib.saturating_mul(1024 * 1024),
            place,
            read_only: flags.read_only,
            directories: file.directories,
            buckets: Access::new(variables()),
            time_zone,
            actor: ["ADVISOR_ACTOR", "USER", "LOGNAME"]
                .into_iter()
                .find_map(text)
                .unwrap_or_else(user_id),
            log: text("ADVISOR_LOG").or(file.log),
            log_json: text("ADVISOR_LOG_JSON").map_or(file.log_json, |it| it != "0"),
            metrics_file: file.metrics_file,
            collector: Collector::named(variables())
                .map_err(|what| ConfigError::Variable { what })?,
            rollup_days,
            alerts: file.alerts,
            signals: file.signals,
            no_color: text("NO_COLOR").is_some(),
        })
    }

    /// The lake, to read from.
    ///
    /// # Errors
    /// Where it is in a bucket and the environment says something that means nothing.
    pub fn lake_to_read(&self) -> Result<Lake, LakeError> {
        let Some(url) = &self.lake else { return Ok(Lake::at(&self.data_dir)) };
        let bucket = Bucket::open(url, &self.buckets)?;
        Ok(Lake::in_bucket(&self.data_dir, bucket, url, self.lake_cache_bytes))
    }

    /// Makes the data directory, private to its owner, where there is none.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn make_data_dir(&self) -> Result<(), ConfigError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir);
        made.map_err(|source| ConfigError::DataDir { path: self.data_dir.clone(), source })
    }

    /// The permissions of the data directory.
    ///
    /// # Errors
    /// Where there is none.
    pub fn data_dir_mode(&self) -> io::Result<u32> {
        Ok(fs::metadata(&self.data_dir)?.mode())
    }

    /// Writes [`TEMPLATE`] into the data directory where there is no configuration, private to its
    /// owner, since the URL of a database may come into it; whether it did.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_template(&self) -> Result<bool, ConfigError> {
        let path = self.data_dir.join(FILE_NAME);
        if path.exists() {
            return Ok(false);
        }
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut it| it.write_all(TEMPLATE.as_bytes()));
        written.map_err(|source| ConfigError::DataDir { path, source })?;
        Ok(true)
    }
}

/// Whether the environment asks for log lines as JSON, for what fails before there is a [`Config`].
pub fn asks_for_json_log() -> bool {
    text("ADVISOR_LOG_JSON").is_some_and(|it| it != "0")
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(failed)?;
    let mut file: File = toml::from_str(&text)
        .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
    file.resolve(&std::path::absolute(path).map_err(failed)?);
    Ok(file)
}

impl File {
    /// Paths are relative to the file at `path` that names them: whoever calls, cron at home or
    /// systemd in `/`, means the same.
    fn resolve(&mut self, path: &Path) {
        let base = path.parent().unwrap_or(path);
        let options = [&mut self.data_dir, &mut self.database_url_file, &mut self.metrics_file];
        let directories = self.directories.iter_mut().map(|it| &mut it.path);
        let named = directories.filter(|it| !is_url(it));
        let signals = self.signals.iter_mut().map(|it| &mut it.directory);
        for it in options.into_iter().flatten().chain(named).chain(signals) {
            *it = base.join(&*it);
        }
    }
}

/// The zone of schedules: environment, file, UTC. What is no zone is told of whoever said it.
fn time_zone(
    variable: Option<String>,
    key: Option<String>,
    path: &Path,
) -> Result<Tz, ConfigError> {
    let is_variable = variable.is_some();
    let Some(zone) = variable.or(key) else { return Ok(Tz::UTC) };
    zone.parse().map_err(|_| {
        let what = format!("`{zone}` is not a zone such as `UTC` or `Europe/Berlin`");
        if is_variable {
            ConfigError::Variable { what: format!("ADVISOR_TIME_ZONE {what}") }
        } else {
            ConfigError::Value { path: path.to_owned(), what: format!("time_zone {what}") }
        }
    })
}

/// The data directory: flag, file, XDG.
fn data_dir(flag: Option<&Path>, file: Option<&Path>) -> Result<PathBuf, ConfigError> {
    if let Some(path) = flag.or(file) {
        return Ok(path.to_owned());
    }
    let xdg = text("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = xdg.or_else(|| Some(PathBuf::from(text("HOME")?).join(".local/share")));
    Ok(data.ok_or(ConfigError::NoHome)?.join("policy-advisor"))
}

/// The user's number, for services that run without a name.
fn user_id() -> String {
    fs::metadata("/proc/self")
        .map_or_else(|_| "unknown".to_owned(), |it| format!("uid {}", it.uid()))
}

/// The address of a bucket that the file names; what is wrong with it is told, and not the address,
/// which may hold a password.
fn bucket_url(file: &Path, key: &str, text: &str) -> Result<BucketUrl, ConfigError> {
    BucketUrl::parse(text)
        .map_err(|err| ConfigError::Value { path: file.to_owned(), what: format!("{key}: {err}") })
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// A variable of the environment, where it is set and not empty.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_configuration_and_changes_nothing() {
        let file: File = toml::from_str(TEMPLATE).unwrap();
        assert!(file.data_dir.is_none() && file.database_url.is_none() && file.log.is_none());
        assert!(file.directories.is_empty() && file.time_zone.is_none() && file.lake.is_none());
    }

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        let text = "data_dir = 'data'\nmetrics_file = 'a.prom'\ndatabase_url_file = '/run/url'\n\
                    [[directories]]\npath = 'in'\n[[directories]]\npath = 's3://in/hosts'\n\
                    [signals]\ndirectory = '../out'";
        let mut file: File = toml::from_str(text).unwrap();
        file.resolve(Path::new("/etc/advisor/a.toml"));
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(file.data_dir, path("/etc/advisor/data"));
        assert_eq!(file.metrics_file, path("/etc/advisor/a.prom"));
        assert_eq!(file.database_url_file, path("/run/url"));
        let read: Vec<&Path> = file.directories.iter().map(|it| it.path.as_path()).collect();
        assert_eq!(read, [Path::new("/etc/advisor/in"), Path::new("s3://in/hosts")]);
        assert_eq!(file.signals.map(|it| it.directory), path("/etc/advisor/../out"));
    }

    #[test]
    fn the_template_with_its_examples_switched_on_is_a_configuration() {
        let on: Vec<&str> =
            TEMPLATE.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
        let file: File = toml::from_str(&on.join("\n")).unwrap();
        assert_eq!(file.directories.len(), 2);
        assert!(file.directories.iter().all(|it| it.problem().is_none()));
        assert!(file.signals.is_some());
        assert_eq!(file.alerts.rules.len(), 1);
        assert_eq!(file.alerts.declared_tools.len(), 1);
        assert!(file.time_zone.unwrap().parse::<Tz>().is_ok());
    }
}
