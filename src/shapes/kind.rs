//! Types of arguments, and how they are written as placeholders.
use std::fmt;

use crate::{events::markers, risk::Place};

/// What a variable argument is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArgumentType {
    /// A file or folder, by where it lies.
    Path(Place),
    /// A URL, or a remote place such as `git@host:repo`; its host where there is one, lower case.
    Url(String),
    /// The name of a machine.
    Host,
    /// An IPv4 or IPv6 address, perhaps with a port or a prefix length.
    Ip,
    /// A port, or a pair of ports.
    Port,
    /// A number, perhaps with a unit of size.
    Number,
    /// A digest, or the abbreviation of one.
    Hash,
    /// A UUID.
    Uuid,
    /// A version, perhaps a range.
    Version,
    /// A name of a commit: branch, tag, `HEAD~1`, a range.
    Ref,
    /// A container image.
    Image,
    /// A mail address.
    Email,
    /// A pattern of file names inside the workspace.
    Glob,
    /// A pattern of text.
    Regex,
    /// A span of time.
    Duration,
    /// A date, perhaps with a time.
    Date,
    /// Prose, data: anything with blanks in it that is not code.
    Str,
    /// A program in the command line.
    Code,
    /// A name that somebody chose.
    Word,
    /// A secret that was taken out: what kind it was.
    Redacted(String),
}

/// Types without more to say, by their placeholder.
const SIMPLE: &[(&str, ArgumentType)] = &[
    ("host", ArgumentType::Host),
    ("ip", ArgumentType::Ip),
    ("port", ArgumentType::Port),
    ("number", ArgumentType::Number),
    ("hash", ArgumentType::Hash),
    ("uuid", ArgumentType::Uuid),
    ("version", ArgumentType::Version),
    ("ref", ArgumentType::Ref),
    ("image", ArgumentType::Image),
    ("email", ArgumentType::Email),
    ("glob", ArgumentType::Glob),
    ("regex", ArgumentType::Regex),
    ("duration", ArgumentType::Duration),
    ("date", ArgumentType::Date),
    ("str", ArgumentType::Str),
    ("code", ArgumentType::Code),
    ("word", ArgumentType::Word),
];

impl ArgumentType {
    /// The type that a placeholder stands for; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('<')?.strip_suffix('>')?;
        if let Some((_, kind)) = SIMPLE.iter().find(|(it, _)| *it == name) {
            return Some(kind.clone());
        }
        if let Some(place) = Place::ALL.iter().find(|it| it.as_str() == name) {
            return Some(Self::Path(*place));
        }
        if name == "url" {
            return Some(Self::Url(String::new()));
        }
        let (head, rest) = name.split_once(':')?;
        match head {
            "url" if !rest.is_empty() && rest.chars().all(is_host_char) => {
                Some(Self::Url(rest.to_owned()))
            }
            "redacted" => Self::redacted(rest),
            _ => None,
        }
    }

    /// A secret that was taken out, by its kind; `None` where that is no name of one.
    pub(super) fn redacted(kind: &str) -> Option<Self> {
        let is_kind = !kind.is_empty() && kind.chars().all(is_marker_char);
        is_kind.then(|| Self::Redacted(kind.to_owned()))
    }

    /// Whether a word can be of this type, judged by its form alone.
    ///
    /// A path, a name or a text may look like anything; an address may not.
    pub fn accepts(&self, text: &str) -> bool {
        if Self::parse(text).as_ref() == Some(self) {
            return true;
        }
        let has_digit = || text.bytes().any(|it| it.is_ascii_digit());
        match self {
            Self::Url(host) => text.to_ascii_lowercase().contains(host.as_str()),
            Self::Ip => has_digit() || text.contains(':'),
            Self::Port | Self::Number | Self::Duration | Self::Date | Self::Version => has_digit(),
            Self::Hash => text.chars().any(|it| it.is_ascii_hexdigit()),
            Self::Uuid => has_digit() && text.contains('-'),
            Self::Email => text.contains('@'),
            Self::Redacted(kind) => markers(text).any(|it| it == kind),
            _ => true,
        }
    }
}

/// Characters of the host in `<url:host>`.
pub(super) fn is_host_char(ch: char) -> bool {
    ch.is_ascii_lowercase() || ch.is_ascii_digit() || "-._[]:".contains(ch)
}

fn is_marker_char(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || "-._#:".contains(ch)
}

impl fmt::Display for ArgumentType {
    /// The placeholder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(place) => write!(f, "<{place}>"),
            Self::Url(host) if host.is_empty() => f.write_str("<url>"),
            Self::Url(host) => write!(f, "<url:{host}>"),
            Self::Redacted(marker) => write!(f, "<redacted:{marker}>"),
            simple => {
                let name = SIMPLE.iter().find(|(_, it)| it == simple).map_or("", |(it, _)| it);
                write!(f, "<{name}>")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_reads_back() {
        let places = Place::ALL.iter().map(|it| ArgumentType::Path(*it));
        let others = ["", "github.com", "[::1]:80"].map(|it| ArgumentType::Url(it.to_owned()));
        let marker = ArgumentType::Redacted("aws-access-key".to_owned());
        let simple = SIMPLE.iter().map(|(_, kind)| kind.clone());
        for kind in simple.chain(places).chain(others).chain([marker]) {
            let text = kind.to_string();
            assert_eq!(ArgumentType::parse(&text), Some(kind.clone()), "{text}");
            assert!(kind.accepts(&text), "{text}");
        }
        for text in ["<>", "<paths>", "path", "<url:Git Hub>", "<redacted:>", "<str", "<a b>"] {
            assert_eq!(ArgumentType::parse(text), None, "{text}");
        }
    }
}
