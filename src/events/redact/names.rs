//! Values known by the name in front of them: `PASSWORD=`, `--token `, `"secret":`, `api-key: `.
use std::ops::Range;

use super::{
    Secret,
    values::{entropy, is_code, is_mixed, is_no_word, is_random, stands_in},
};

/// How sure a name makes us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    /// Short and weak values, too: people choose passwords.
    Password,
    /// Values of at least eight characters that are no plain word.
    Token,
    /// Random values only: the name has other uses.
    Weak,
}

/// A telling word in the names of values.
#[derive(Debug)]
pub(super) struct Name {
    /// Kind of the marker.
    kind: &'static str,
    /// The words, lower case.
    pub(super) words: &'static [&'static str],
    strength: Strength,
}

const fn name(kind: &'static str, strength: Strength, words: &'static [&'static str]) -> Name {
    Name { kind, words, strength }
}

/// The telling words.
pub(super) const NAMES: &[Name] = &[
    name(
        "password",
        Strength::Password,
        &[
            "password",
            "passwd",
            "passphrase",
            "passcode",
            "_pwd",
            "-pwd",
            "pwd\"",
            "pwd=",
            "_pass",
            "-pass",
            "dbpass",
            "userpass",
            "sshpass=",
        ],
    ),
    name(
        "api-key",
        Strength::Token,
        &[
            "api_key",
            "apikey",
            "api-key",
            "access_key",
            "accesskey",
            "access-key",
            "app_key",
            "appkey",
            "auth_key",
            "authkey",
            "account_key",
            "accountkey",
            "subscription-key",
            "license_key",
        ],
    ),
    name(
        "secret",
        Strength::Token,
        &[
            "secret",
            "private_key",
            "privatekey",
            "private-key",
            "encryption_key",
            "encryptionkey",
            "signing_key",
            "master_key",
            "masterkey",
            "shared_key",
            "sharedkey",
            "service_key",
            "deploy_key",
            "client_key",
            "webhook_key",
            "sharedaccesskey",
        ],
    ),
    name("token", Strength::Token, &["token", "bearer_", "_pat=", "_pat:"]),
    name(
        "credential",
        Strength::Weak,
        &[
            "credential",
            "_auth",
            "auth=",
            "_key",
            "-key",
            "_sig",
            "sig=",
            "signature",
            "session_id",
            "sessionid",
            "_salt",
            "webhook",
        ],
    ),
];

/// Last words of a longer name that make its value something else: `TOKEN_FILE`, `password-prompt`.
const OTHER_THINGS: &[&str] = &[
    "account",
    "algorithm",
    "arn",
    "attempts",
    "balance",
    "budget",
    "cache",
    "check",
    "class",
    "command",
    "count",
    "dir",
    "enabled",
    "endpoint",
    "env",
    "error",
    "exists",
    "expires",
    "expiry",
    "field",
    "file",
    "filename",
    "format",
    "function",
    "hash",
    "header",
    "hint",
    "host",
    "id",
    "index",
    "input",
    "kind",
    "label",
    "len",
    "length",
    "limit",
    "list",
    "location",
    "manager",
    "max",
    "min",
    "mode",
    "name",
    "names",
    "parser",
    "path",
    "pattern",
    "policy",
    "port",
    "prefix",
    "prompt",
    "provider",
    "ref",
    "regex",
    "reset",
    "rotation",
    "rule",
    "scope",
    "service",
    "size",
    "source",
    "stdin",
    "store",
    "strength",
    "suffix",
    "timeout",
    "ttl",
    "type",
    "url",
    "uri",
    "usage",
    "validation",
    "validator",
    "version",
    "window",
];

/// How name and value stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `X=v`, `--x=v`, `?x=v`.
    Assign,
    /// `--x v`.
    Flag,
    /// `"x": "v"`, `<x>v</x>`.
    Pair,
    /// `x: v`, `x = v`, `x := v`.
    Loose,
}

/// The value at a telling word, where it is a secret.
pub(super) fn at(idx: usize, text: &str, word: Range<usize>) -> Option<Secret> {
    let name = NAMES.get(idx)?;
    let bytes = text.as_bytes();
    let ends_in_sign = bytes.get(word.end - 1).is_some_and(|it| matches!(it, b'=' | b':' | b'"'));
    let word_end = if ends_in_sign { word.end - 1 } else { word.end };
    let tail_end =
        run(bytes, word_end, 40, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let tail = text.get(word_end..tail_end)?;
    let start = run_back(bytes, word.start, 48);
    let head = text.get(start..word.start)?;
    if !tail_fits(tail) {
        return None;
    }
    let flag =
        head.starts_with('-') || (head.is_empty() && text.get(word.start..)?.starts_with('-'));
    let (form, value, quoted) = value(text, tail_end, flag)?;
    let upper = !text.get(start..tail_end)?.bytes().any(|byte| byte.is_ascii_lowercase());
    let inner = text.get(value.clone())?;
    if name.strength == Strength::Password
        && text.get(start..word.end)?.eq_ignore_ascii_case("pwd=")
        && (inner.starts_with('/') || inner.contains(' '))
    {
        return None;
    }
    let before = start.checked_sub(1).and_then(|it| bytes.get(it));
    let in_query = before.is_some_and(|it| b"?&;".contains(it));
    is_secret(inner, name.strength, form, quoted, upper || flag || in_query).then_some(Secret {
        range: value,
        kind: name.kind,
        named: true,
    })
}

/// The kind of secret that a value under a name is, where it is one.
pub(super) fn tells(name: &str, value: &str) -> Option<&'static str> {
    let lower: String = name.to_ascii_lowercase();
    let known = NAMES.iter().find(|known| {
        known.words.iter().any(|whole| {
            let word = whole.trim_end_matches(['=', ':', '"']);
            // A word with a sign behind it is the last of its name: `_pat=` is not in `file_path`.
            let is_last = word.len() < whole.len();
            let tail = lower.rfind(word).and_then(|at| lower.get(at + word.len()..));
            tail.is_some_and(|tail| tail.is_empty() || !is_last && tail_fits(tail))
        }) || (known.strength == Strength::Password && matches!(lower.as_str(), "pwd" | "pass"))
    })?;
    is_secret(value, known.strength, Form::Pair, true, true).then_some(known.kind)
}

/// Whether what follows the telling word in the name leaves it telling.
fn tail_fits(tail: &str) -> bool {
    let tail = tail.trim_matches(['_', '-']);
    if tail.is_empty() {
        return true;
    }
    if tail.starts_with('s') && tail.len() == 1 {
        return false; // `tokens=`: a number of them.
    }
    let lower = tail.to_ascii_lowercase();
    !OTHER_THINGS.iter().any(|it| lower.ends_with(it))
        && !lower.starts_with("s_")
        && lower != "less"
        && lower != "ize"
        && !lower.starts_with("izer")
        && !lower.starts_with("ized")
        && !lower.starts_with("ize")
}

/// The value after a name: how it stands there, where it is, whether it is quoted.
fn value(text: &str, name_end: usize, flag: bool) -> Option<(Form, Range<usize>, bool)> {
    let bytes = text.as_bytes();
    let key_end = closing_quotes(bytes, name_end);
    let quoted_key = key_end > name_end;
    let blanks_end = run(bytes, key_end, 3, |byte| byte == b' ' || byte == b'\t');
    let spaced = blanks_end > key_end;
    let rest = text.get(blanks_end..)?;
    let (form, at) = if flag && spaced && !rest.starts_with(['=', ':', '-']) {
        (Form::Flag, blanks_end)
    } else if rest.starts_with("==") || rest.starts_with("::") || rest.starts_with("=~") {
        return None;
    } else if rest.starts_with(":=") || rest.starts_with("=>") {
        (if quoted_key { Form::Pair } else { Form::Loose }, blanks_end + 2)
    } else if rest.starts_with('=') {
        (if spaced { Form::Loose } else { Form::Assign }, blanks_end + 1)
    } else if rest.starts_with(':') || (quoted_key && rest.starts_with(',')) {
        (if quoted_key { Form::Pair } else { Form::Loose }, blanks_end + 1)
    } else if rest.starts_with('>') && !spaced {
        (Form::Pair, blanks_end + 1)
    } else {
        return None;
    };
    let start = run(bytes, at, 3, |byte| byte == b' ' || byte == b'\t');
    let form = if form == Form::Assign && start > at { Form::Loose } else { form };
    let opened = closing_quotes(bytes, start);
    let (range, quoted) = if opened > start {
        let quote = text.get(start..opened)?;
        let inner = text.get(opened..)?;
        let len = inner.find(quote).or_else(|| inner.find('\n')).unwrap_or(inner.len());
        (opened..opened + len, true)
    } else {
        let stops = |byte: u8| byte.is_ascii_whitespace() || b"\"'`;&|<>,".contains(&byte);
        let end = run(bytes, start, 4_096, |byte| !stops(byte));
        (start..end, false)
    };
    let range = char_ends(text, range);
    (!range.is_empty()).then_some((form, range, quoted))
}

/// Whether a value that stands under a telling name is a secret.
///
/// `plain` says that the name stands where no code does: an environment variable or an option.
fn is_secret(value: &str, strength: Strength, form: Form, quoted: bool, plain: bool) -> bool {
    let value = value.trim();
    let len = value.len();
    if !(3..=4_096).contains(&len) || stands_in(value) || (!quoted && is_code(value)) {
        return false;
    }
    let sure = form != Form::Loose;
    match strength {
        Strength::Password if sure => {
            (quoted || !value.contains(' ')) && (plain || is_no_word(value))
        }
        Strength::Password => {
            quoted && len >= 6 && is_no_word(value) && !value.contains(' ') && !is_code(value)
                || is_random(value)
        }
        Strength::Token if sure => {
            len >= 8
                && !value.contains(' ')
                && is_no_word(value)
                && is_mixed(value)
                && (plain || quoted || len >= 16)
                && !is_count(value)
                || plain
                    && len >= 16
                    && !value.contains(' ')
                    && entropy(value) >= 3.0
                    && !value.contains(['-', '_', '.', '/'])
        }
        Strength::Token => {
            is_random(value)
                || len >= 24
                    && is_mixed(value)
                    && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        Strength::Weak => is_random(value) && len >= 20 && (sure || quoted),
    }
}

/// Digits with a unit or separators: `4096`, `10_000`, `30min`.
fn is_count(value: &str) -> bool {
    value.starts_with(|ch: char| ch.is_ascii_digit())
        && value.len() < 12
        && value.bytes().filter(u8::is_ascii_digit).count() * 2 >= value.len()
}

/// The end of a run of at most `max` bytes that satisfy `accept`.
fn run(bytes: &[u8], at: usize, max: usize, accept: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take(max).take_while(|byte| accept(**byte)).count()
}

/// Where the name that ends at `end` begins.
fn run_back(bytes: &[u8], end: usize, max: usize) -> usize {
    let before = bytes.get(..end).unwrap_or_default();
    let accept = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    end - before.iter().rev().take(max).take_while(accept).count()
}

/// The end of a quote at `at`, plain or escaped.
fn closing_quotes(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b'\\', b'"' | b'\'', ..] => at + 2,
        [b'"' | b'\'', ..] => at + 1,
        _ => at,
    }
}

/// A range moved inwards to ends of characters.
fn char_ends(text: &str, range: Range<usize>) -> Range<usize> {
    let start =
        (range.start..=range.end).find(|at| text.is_char_boundary(*at)).unwrap_or(range.end);
    let end = (start..=range.end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
    start..end
}

#[cfg(test)]
mod tests {
    use crate::events::redact;

    #[test]
    fn values_go_where_the_name_tells() {
        for (text, clean) in [
            ("DB_PASSWORD=s3cret!", "DB_PASSWORD=%redacted:password%"),
            ("export PGPASSWORD='my pass 1' x", "export PGPASSWORD='%redacted:password%' x"),
            ("MYSQL_ROOT_PASSWORD=rooty", "MYSQL_ROOT_PASSWORD=%redacted:password%"),
            ("x --password hunter2 y", "x --password %redacted:password% y"),
            ("x --password=hunter2 y", "x --password=%redacted:password% y"),
            (r#"{"password":"hunter2"}"#, r#"{"password":"%redacted:password%"}"#),
            (
                r#"-d "{\"password\": \"hunter2\"}""#,
                r#"-d "{\"password\": \"%redacted:password%\"}""#,
            ),
            ("API_KEY=a1b2c3d4e5 x", "API_KEY=%redacted:api-key% x"),
            ("--client-secret a1b2c3d4e5", "--client-secret %redacted:secret%"),
            ("MY_TOKEN='a1b2c3d4e5'", "MY_TOKEN='%redacted:token%'"),
            (
                "https://x/?access_token=a1b2c3d4e5&y=1",
                "https://x/?access_token=%redacted:token%&y=1",
            ),
            ("Server=h;Password=s3cret;Db=x", "Server=h;Password=%redacted:password%;Db=x"),
            ("X-Api-Key: kJ8s0dPq2LmX9vBn4TzR", "X-Api-Key: %redacted:api-key%"),
            ("const token = \"kJ8s0dPq2LmX9vBn4TzR\"", "const token = \"%redacted:token%\""),
            ("SSH_KEY=kJ8s0dPq2LmX9vBn4TzRkJ8s", "SSH_KEY=%redacted:credential%"),
        ] {
            assert_eq!(redact(text).text, clean);
        }
    }

    #[test]
    fn look_alikes_stay() {
        for text in [
            "TOKEN=$TOKEN",
            "export TOKEN=${X}",
            "TOKEN=$(gh auth token)",
            "--token YOUR_TOKEN",
            "--max-tokens 4096",
            "tokens=12345678",
            "token_count=123456789",
            "password: string",
            "password = getPassword()",
            "--password-file /run/x",
            "PWD=/home/x/p1",
            "grep -n 'token:' src",
            "SECRET_PATH=/a/b1",
            "key: value",
            "CACHE_KEY=node-modules-v18",
            "func token(x int)",
            "password=None",
            "tokenizer=bert-base-v2",
            "if token == expected1 {",
            "git log --grep='token=' x",
            "secret: true",
            "API_KEY=changeme",
            "--token=<token>",
            "api_key=xxxxxxxx1",
            "TOKEN_TTL=3600sec9",
            "password=password",
            "sessionKey := uuid.New()",
        ] {
            assert_eq!(redact(text).n_secrets, 0, "{text}");
        }
    }
}
