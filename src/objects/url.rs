//! `s3://bucket/key`, and nothing beside it: no user, no password, no query.
use std::path::Path;

use super::ObjectError;

const SCHEME: &str = "s3://";

/// Longest name of a bucket.
const MAX_BUCKET_CHARS: usize = 63;

/// The address of a bucket, an object or a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// The bucket.
    pub bucket: String,
    /// A key, or the beginning of keys; empty for all of the bucket. It neither begins nor ends with
    /// a slash.
    pub key: String,
}

/// Whether a path as it was given is the address of a bucket.
pub fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|it| it.starts_with(SCHEME))
}

impl BucketUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// Where it is none, or says more than where: what is shown of it is never a password.
    pub fn parse(text: &str) -> Result<Self, ObjectError> {
        let rest = text.strip_prefix(SCHEME).ok_or(ObjectError::NoUrl)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains(['@', ':']) {
            return Err(ObjectError::UserInfo);
        }
        let is_name = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
        if bucket.is_empty() || bucket.len() > MAX_BUCKET_CHARS || !bucket.chars().all(is_name) {
            return Err(ObjectError::NoUrl);
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() })
    }

    /// What the keys below it begin with.
    pub fn prefix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("{}/", self.key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, bucket, key, prefix) in [
            ("s3://logs", "logs", "", ""),
            ("s3://logs/", "logs", "", ""),
            ("s3://logs/a/b.ndjson", "logs", "a/b.ndjson", "a/b.ndjson/"),
            ("s3://my.logs-1/a/", "my.logs-1", "a", "a/"),
            ("s3://logs/a?b#c@d:e", "logs", "a?b#c@d:e", "a?b#c@d:e/"),
        ] {
            let url = BucketUrl::parse(text).unwrap();
            assert_eq!((url.bucket.as_str(), url.key.as_str()), (bucket, key), "{text}");
            assert_eq!(url.prefix(), prefix, "{text}");
        }
        for text in ["", "s3:/logs", "s3://", "s3:///a", "s3://a b/c", "https://logs/a"] {
            assert!(matches!(BucketUrl::parse(text), Err(ObjectError::NoUrl)), "{text}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_shown() {
        for text in ["s3://AKIAX:hunter2@logs/a", "s3://AKIAX:hun/ter2@logs", "s3://hunter2@logs"] {
            let err = BucketUrl::parse(text).unwrap_err();
            assert!(matches!(err, ObjectError::UserInfo), "{text}");
            assert!(!err.to_string().contains("hunter2") && !err.to_string().contains("AKIAX"));
        }
    }
}
