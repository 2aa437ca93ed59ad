//! Where the URL of a database comes from: the command line, where it holds no password, the
//! environment, a file of secrets, or the configuration.
#![expect(clippy::disallowed_methods, reason = "a mounted secret is read here")]
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{ConfigError, File, text};
use crate::store::Place;

/// The variable with the URL itself.
const VARIABLE: &str = "ADVISOR_DATABASE_URL";

/// The variable that names a file with the URL, as secrets are mounted.
const FILE_VARIABLE: &str = "ADVISOR_DATABASE_URL_FILE";

/// The URL; `None` where the store is a file.
///
/// # Errors
/// Where a password is on the command line, `file`, which was read from `path`, says it twice, or the
/// file of the secret cannot be read.
pub(super) fn url(
    flag: Option<&str>,
    file: &File,
    path: &Path,
) -> Result<Option<String>, ConfigError> {
    if let Some(url) = flag {
        let has_password = Place::Url(url.to_owned()).has_password();
        return if has_password {
            Err(ConfigError::PasswordShown)
        } else {
            Ok(Some(url.to_owned()))
        };
    }
    if let Some(url) = text(VARIABLE) {
        return Ok(Some(url));
    }
    if let Some(secret) = text(FILE_VARIABLE) {
        return secret_of(&PathBuf::from(secret), FILE_VARIABLE).map(Some);
    }
    match (&file.database_url, &file.database_url_file) {
        (Some(_), Some(_)) => Err(ConfigError::Value {
            path: path.to_owned(),
            what: "there is both `database_url` and `database_url_file`\nhint: take one away"
                .to_owned(),
        }),
        (Some(url), None) => Ok(Some(url.clone())),
        (None, Some(secret)) => secret_of(secret, "`database_url_file`").map(Some),
        (None, None) => Ok(None),
    }
}

/// What a file holds, without the end of its line.
fn secret_of(path: &Path, named: &'static str) -> Result<String, ConfigError> {
    let secret = fs::read_to_string(path).map_err(|source| ConfigError::UrlFile {
        path: path.to_owned(),
        named,
        source,
    })?;
    Ok(secret.trim().to_owned())
}
