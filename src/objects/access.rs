//! How buckets are reached: what the environment says (`AWS_*`), and never shown.
use std::{collections::BTreeMap, fmt};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

/// The variables that are taken.
const PREFIX: &str = "AWS_";

/// The region where none is named, as other clients of S3 have it.
const DEFAULT_REGION: &str = "us-east-1";

/// How buckets are reached.
#[derive(Clone, Default)]
pub struct Access {
    /// Variables of the environment, by name.
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: values are secrets.
        f.debug_tuple("Access").field(&self.variables.keys()).finish()
    }
}

impl Access {
    /// Takes the variables that speak of buckets out of an environment.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter();
        let wanted =
            |(name, value): &(String, String)| name.starts_with(PREFIX) && !value.is_empty();
        Self { variables: variables.filter(wanted).collect() }
    }

    /// Endpoint, credentials and region, for any bucket.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(super) fn builder(&self) -> Result<AmazonS3Builder, String> {
        let get = |name: &str| self.variables.get(name).map(String::as_str);
        let may_be_plain = get("AWS_ALLOW_HTTP").is_some_and(|it| matches!(it, "1" | "true"));
        for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"] {
            let Some(endpoint) = get(name) else { continue };
            let Some((scheme, rest)) = endpoint.split_once("://") else {
                return Err(format!("{name} is no URL such as `https://storage.example`"));
            };
            let authority = rest.split('/').next().unwrap_or_default();
            if authority.contains('@') {
                return Err(format!(
                    "{name} holds a user; credentials belong into AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY"
                ));
            }
            if scheme != "https" && !may_be_plain {
                return Err(format!(
                    "{name} is not https, and secrets would go over the network in plain sight; \
                     AWS_ALLOW_HTTP=true permits it"
                ));
            }
        }
        let mut builder = AmazonS3Builder::new().with_region(DEFAULT_REGION);
        // The region goes before the default region, whatever the order of names.
        for name in ["AWS_DEFAULT_REGION", "AWS_REGION"] {
            if let Some(region) = get(name) {
                builder = builder.with_region(region);
            }
        }
        for (name, value) in &self.variables {
            // Of the many variables of other programs, those that are not known mean nothing here.
            let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
            if !matches!(key, AmazonS3ConfigKey::Region | AmazonS3ConfigKey::DefaultRegion) {
                builder = builder.with_config(key, value);
            }
        }
        Ok(builder.with_allow_http(may_be_plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(variables: &[(&str, &str)]) -> Access {
        Access::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn an_endpoint_without_tls_has_to_be_asked_for() {
        let plain = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000");
        let refused = access(&[plain]).builder().unwrap_err();
        assert!(refused.contains("AWS_ALLOW_HTTP=true"), "{refused}");
        assert!(access(&[plain, ("AWS_ALLOW_HTTP", "true")]).builder().is_ok());
        assert!(access(&[("AWS_ENDPOINT_URL", "https://storage.example")]).builder().is_ok());
        let user = ("AWS_ENDPOINT_URL", "https://ana:hunter2@storage.example");
        let refused = access(&[user]).builder().unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn values_are_never_shown() {
        let access = access(&[("AWS_SECRET_ACCESS_KEY", "hunter2"), ("HOME", "/root")]);
        let shown = format!("{access:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("HOME"), "{shown}");
    }
}
