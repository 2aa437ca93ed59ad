//! Flags over environment (`ADVISOR_*`) over `advisor.toml` over defaults; the only reader of the
//! environment besides clap, which reads the flags' own variables.
#![expect(
    clippy::disallowed_methods,
    reason = "the environment and the configuration are read here"
)]
use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use serde::Deserialize;

use crate::{
    alerts::Rules,
    inputs::{Format, INPUTS},
    store::Place,
};

/// The name of the configuration file in the data directory.
pub const FILE_NAME: &str = "advisor.toml";

/// The configuration file that `advisor init` writes.
pub const TEMPLATE: &str = include_str!("config.toml");

/// What the command line (or the flags' environment) says; `None` leaves it to the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--read-only`.
    pub read_only: bool,
}

/// How this process is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Store (where it is SQLite) and lake.
    pub data_dir: PathBuf,
    /// Where the store is.
    pub place: Place,
    /// Nothing is to be written, neither to the store nor to the lake.
    pub read_only: bool,
    /// Directories that `advisor run` reads.
    pub directories: Vec<SignalDirectory>,
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
    /// What alerts are raised.
    pub alerts: Rules,
    /// Where a run tells other systems what is new; `None`: nowhere.
    pub signals: Option<SignalsOut>,
    /// `NO_COLOR` is set.
    pub no_color: bool,
}

/// A directory into which signals are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalDirectory {
    /// The directory.
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
    time_zone: Option<String>,
    #[serde(default)]
    directories: Vec<SignalDirectory>,
    log: Option<String>,
    #[serde(default)]
    log_json: bool,
    metrics_file: Option<PathBuf>,
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
        let (file, path) = if let Some(path) = &flags.config {
            (read(path)?, path.clone())
        } else {
            let path = data_dir(flags.data_dir.as_deref(), None)?.join(FILE_NAME);
            let file = if path.exists() { read(&path)? } else { File::default() };
            if let Some(other) = &file.data_dir {
                let what = format!(
                    "data_dir `{}` in the data directory itself\n\
                     hint: give it by `--data-dir`, or this file by `--config`",
                    other.display()
                );
                return Err(ConfigError::Value { path, what });
            }
            (file, path)
        };
        if let Some(what) = file.directories.iter().find_map(SignalDirectory::problem) {
            return Err(ConfigError::Value { path, what });
        }
        let data_dir = data_dir(flags.data_dir.as_deref(), file.data_dir.as_deref())?;
        let place = match flags.database_url.clone().or(file.database_url) {
            Some(url) => Place::Url(url),
            None => Place::File(data_dir.join("advisor.db")),
        };
        let zone = text("ADVISOR_TIME_ZONE").or(file.time_zone).unwrap_or_else(|| "UTC".to_owned());
        let time_zone = zone.parse().map_err(|_| ConfigError::Value {
            path,
            what: format!("time_zone `{zone}` is not a zone such as `UTC` or `Europe/Berlin`"),
        })?;
        Ok(Self {
            data_dir,
            place,
            read_only: flags.read_only,
            directories: file.directories,
            time_zone,
            actor: ["ADVISOR_ACTOR", "USER", "LOGNAME"]
                .into_iter()
                .find_map(text)
                .unwrap_or_else(user_id),
            log: text("ADVISOR_LOG").or(file.log),
            log_json: text("ADVISOR_LOG_JSON").map_or(file.log_json, |it| it != "0"),
            metrics_file: file.metrics_file,
            alerts: file.alerts,
            signals: file.signals,
            no_color: text("NO_COLOR").is_some(),
        })
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

    /// Writes [`TEMPLATE`] into the data directory where there is no configuration; whether it did.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_template(&self) -> Result<bool, ConfigError> {
        let path = self.data_dir.join(FILE_NAME);
        if path.exists() {
            return Ok(false);
        }
        let written = fs::write(&path, TEMPLATE);
        written.map_err(|source| ConfigError::DataDir { path, source })?;
        Ok(true)
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
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
        assert!(file.directories.is_empty() && file.time_zone.is_none());
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
