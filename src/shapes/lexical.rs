//! What a word is by its form alone.
use super::{
    ShapeWord,
    kind::{ArgumentType, is_host_char},
};
use crate::{
    events::{MARKER_CLOSE, MARKER_OPEN, markers},
    risk::{Place, place},
};

/// A word as a part of a shape: literal where it is one of a tool's own words, typed otherwise.
pub(super) fn classify(text: &str, cwd: Option<&str>) -> ShapeWord {
    classify_at(text, cwd, 0)
}

/// A word that is a placeholder, or holds the marker of a secret: these stay what they are.
pub(super) fn given(text: &str) -> Option<ShapeWord> {
    if let Some(kind) = markers(text).next().and_then(ArgumentType::redacted) {
        let (before, _) = text.split_once(MARKER_OPEN)?;
        let is_whole = text.len() == before.len() + marker_len(&kind) && is_prefix(before);
        // What begins like an option goes on doing so.
        let dashes = text.len() - text.trim_start_matches(['-', '+']).len();
        let before = if is_whole { before } else { text.get(..dashes)? };
        let before = before.to_owned();
        return Some(ShapeWord::Typed { before, kind, many: false });
    }
    let (before, rest) = text.split_at_checked(text.find('<')?)?;
    let many = rest.ends_with("...");
    let kind = ArgumentType::parse(rest.strip_suffix("...").unwrap_or(rest));
    let kind = kind.filter(|_| is_prefix(before))?;
    Some(ShapeWord::Typed { before: before.to_owned(), kind, many })
}

/// How long the marker of a kind of secret is.
fn marker_len(kind: &ArgumentType) -> usize {
    match kind {
        ArgumentType::Redacted(kind) => MARKER_OPEN.len() + kind.len() + MARKER_CLOSE.len(),
        _ => 0,
    }
}

/// What may stand before a placeholder in one word, `key=` or `--name=`: nothing that needs quotes.
fn is_prefix(text: &str) -> bool {
    text.chars().all(|ch| ch.is_ascii_alphanumeric() || "_@%+=:,./-".contains(ch))
}

/// Longest key of `key=value`.
const MAX_KEY: usize = 40;

fn classify_at(text: &str, cwd: Option<&str>, depth: usize) -> ShapeWord {
    if let Some(word) = given(text) {
        return word;
    }
    if let Some(kind) = form(text) {
        return ShapeWord::typed(kind);
    }
    let pair = text.split_once('=').filter(|(key, value)| is_key(key) && !value.starts_with('='));
    if let Some((key, value)) = pair.filter(|_| depth < 2) {
        return classify_at(value, cwd, depth + 1).after(&format!("{key}="));
    }
    if let Some(path) = text.strip_prefix('@').filter(|it| is_path(it) && it.contains('.')) {
        return ShapeWord::typed(ArgumentType::Path(place(path, cwd))).after("@");
    }
    if is_path(text) {
        return path(text, cwd);
    }
    if is_plain(text) {
        return ShapeWord::Literal(text.to_owned());
    }
    let is_name = |ch: char| ch.is_alphanumeric() || "_.:@%+,^~-".contains(ch);
    let is_pattern = |ch: char| "|^$\\[]".contains(ch);
    ShapeWord::typed(if text.starts_with('%') {
        // A format.
        ArgumentType::Str
    } else if text.chars().all(is_name) {
        ArgumentType::Word
    } else if text.contains(['*', '?']) {
        ArgumentType::Glob
    } else if text.chars().all(|ch| is_name(ch) || is_pattern(ch)) && !text.starts_with('$') {
        ArgumentType::Regex
    } else {
        ArgumentType::Str
    })
}

/// A path, or a pattern of paths in the workspace.
pub(super) fn path(text: &str, cwd: Option<&str>) -> ShapeWord {
    if matches!(text, "/dev/null" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "-")
    {
        return ShapeWord::Literal(text.to_owned());
    }
    let place = place(text, cwd);
    let is_glob = place == Place::Workspace && text.contains(['*', '?', '{', '[']);
    ShapeWord::typed(if is_glob { ArgumentType::Glob } else { ArgumentType::Path(place) })
}

fn is_key(key: &str) -> bool {
    let starts = key.starts_with(|ch: char| ch.is_ascii_alphabetic() || ch == '_');
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "_.-".contains(ch);
    starts && key.len() <= MAX_KEY && key.chars().all(plain)
}

/// A word of the tool rather than of its user: lower case, or short and upper case (`POST`).
fn is_plain(text: &str) -> bool {
    let lower = |ch: char| ch.is_ascii_lowercase() || "-_:,".contains(ch);
    let is_lower = text.len() <= 24 && text.chars().all(lower);
    let is_upper = text.len() <= 8 && text.bytes().all(|it| it.is_ascii_uppercase());
    let is_symbol = matches!(
        text,
        "{}" | "+" | ";" | "!" | "(" | ")" | "[" | "]" | "[[" | "]]" | "=" | "==" | "!="
    );
    !text.is_empty() && (is_lower || is_upper || is_symbol)
}

/// A type, and the test for it.
type Form = (fn(&str) -> bool, ArgumentType);

/// Types that are mostly digits, the most particular first.
const DIGITAL: &[Form] = &[
    (is_number, ArgumentType::Number),
    (is_duration, ArgumentType::Duration),
    (is_date, ArgumentType::Date),
    (is_ip, ArgumentType::Ip),
    (is_uuid, ArgumentType::Uuid),
    (is_hash, ArgumentType::Hash),
    (is_version, ArgumentType::Version),
    (is_ports, ArgumentType::Port),
];

/// Types that show in the form.
fn form(text: &str) -> Option<ArgumentType> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Some(ArgumentType::Str);
    }
    if let Some(host) = url(text) {
        return Some(ArgumentType::Url(host));
    }
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let is_digital = first.is_ascii_hexdigit() || b"v:+-[^~<>=".contains(&first);
    if is_digital || text.starts_with("sha") {
        let found = DIGITAL.iter().find(|(is, _)| is(text));
        if let Some((_, kind)) = found {
            return Some(kind.clone());
        }
    }
    if is_email(text) {
        return Some(ArgumentType::Email);
    }
    if is_host(text) {
        return Some(ArgumentType::Host);
    }
    is_image(text).then_some(ArgumentType::Image)
}

/// The host of a URL or of `user@host:path`, empty where it has none.
fn url(text: &str) -> Option<String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let plain = |ch: char| ch.is_ascii_alphanumeric() || "+.-".contains(ch);
        if scheme.is_empty() || scheme == "file" || !scheme.chars().all(plain) {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Some(host(authority));
    }
    let (remote, path) = text.split_once(':')?;
    let (user, name) = remote.split_once('@').unwrap_or(("", remote));
    let is_name =
        !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || ".-".contains(it));
    let is_remote = !user.is_empty() || (name.contains('.') && path.starts_with(['/', '~']));
    let is_plain = !user.contains('/') && !path.is_empty() && !path.starts_with("//");
    (is_name && is_remote && is_plain && !name.starts_with('.')).then(|| host(name))
}

/// The name in `user:password@name:port`; empty where it is not plainly one.
pub(super) fn host(authority: &str) -> String {
    let name = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    let port = name.rsplit_once(':').filter(|(_, it)| it.bytes().all(|it| it.is_ascii_digit()));
    let name = port.map_or(name, |(it, _)| it).to_ascii_lowercase();
    if name.chars().all(is_host_char) { name } else { String::new() }
}

fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let unit = rest.trim_start_matches(|ch: char| ch.is_ascii_digit());
    let unit = unit
        .strip_prefix('.')
        .map_or(unit, |it| it.trim_start_matches(|ch: char| ch.is_ascii_digit()));
    let units = [
        "", "%", "k", "K", "M", "G", "T", "Ki", "Mi", "Gi", "KB", "MB", "GB", "kb", "mb", "gb",
        "px", "c", "x",
    ];
    rest.starts_with(|ch: char| ch.is_ascii_digit()) && units.contains(&unit)
}

fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|ch: char| ch.is_ascii_digit() || ch == '.');
        let units = ["min", "sec", "ms", "us", "ns", "s", "m", "h", "d", "w"];
        let Some(unit) = units.iter().find(|it| after.starts_with(**it)) else { return false };
        if after.len() == rest.len() {
            return false;
        }
        rest = after.strip_prefix(unit).unwrap_or_default();
    }
    true
}

fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, len: usize| {
        part.is_some_and(|it| it.len() == len && it.bytes().all(|it| it.is_ascii_digit()))
    };
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let plain = |ch: char| ch.is_ascii_digit() || "T:.Z+- ".contains(ch);
    digits(year, 4)
        && digits(month, 2)
        && day.is_some_and(|it| digits(it.get(..2), 2) && it.chars().all(plain))
}

fn is_ip(text: &str) -> bool {
    let bare = text.split_once('/').map_or(text, |(it, len)| {
        if len.parse::<u8>().is_ok_and(|it| it <= 128) { it } else { "" }
    });
    let no_port = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let v4 = no_port.map_or(bare, |(it, _)| it);
    v4.parse::<std::net::Ipv4Addr>().is_ok()
        || bare.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_uuid(text: &str) -> bool {
    let lens = text.split('-').map(str::len);
    text.len() == 36
        && lens.eq([8, 4, 4, 4, 12])
        && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

fn is_hash(text: &str) -> bool {
    let hex = ["sha1:", "sha256:", "sha384:", "sha512:", "sha256-"]
        .iter()
        .find_map(|it| text.strip_prefix(it));
    let hex = hex.unwrap_or(text);
    let has_both =
        hex.bytes().any(|it| it.is_ascii_digit()) && hex.bytes().any(|it| it.is_ascii_alphabetic());
    (7..=128).contains(&hex.len())
        && hex.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        && (has_both || hex.len() >= 32)
}

fn is_version(text: &str) -> bool {
    let bare = text.trim_start_matches(['^', '~', '>', '<', '=']);
    let (number, is_tag) = bare.strip_prefix('v').map_or((bare, false), |it| (it, true));
    let mut parts = number.splitn(3, '.');
    let is_digits = |it: Option<&str>| {
        it.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
    };
    let (major, minor) = (parts.next(), parts.next());
    let rest = parts.next();
    let plain = |ch: char| ch.is_ascii_alphanumeric() || ".-+*".contains(ch);
    match minor {
        None => is_tag && is_digits(major),
        Some(minor) => {
            let minor_head = minor.split(['-', '+']).next();
            is_digits(major)
                && (is_digits(minor_head) || matches!(minor, "x" | "*"))
                && minor.chars().all(plain)
                && rest.is_none_or(|it| {
                    it.starts_with(|ch: char| ch.is_ascii_digit() || "*x".contains(ch))
                        && it.chars().all(plain)
                })
        }
    }
}

fn is_ports(text: &str) -> bool {
    let bare = text
        .split_once('/')
        .map_or(text, |(it, proto)| if matches!(proto, "tcp" | "udp") { it } else { "" });
    bare.contains(':')
        && bare.bytes().any(|it| it.is_ascii_digit())
        && bare.split(':').filter(|it| !it.is_empty()).all(|it| it.parse::<u16>().is_ok())
}

fn is_email(text: &str) -> bool {
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "._%+-".contains(ch);
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && user.chars().all(plain)
            && is_dotted(host)
            && !host.contains(':')
            && host
                .rsplit('.')
                .next()
                .is_some_and(|it| it.bytes().all(|it| it.is_ascii_alphabetic()))
    })
}

/// Endings of host names that are not endings of file names.
const TOP_LEVELS: &[&str] = &[
    "com",
    "org",
    "net",
    "edu",
    "gov",
    "io",
    "dev",
    "app",
    "ai",
    "cloud",
    "local",
    "internal",
    "localhost",
    "localdomain",
    "corp",
    "lan",
    "uk",
    "de",
    "eu",
    "fr",
    "jp",
    "cn",
    "us",
    "ca",
];

fn is_host(text: &str) -> bool {
    let name = text.split_once(':').map_or(
        text,
        |(it, port)| {
            if port.parse::<u16>().is_ok() { it } else { "" }
        },
    );
    name == "localhost"
        || (is_dotted(name) && name.rsplit('.').next().is_some_and(|it| TOP_LEVELS.contains(&it)))
}

fn is_dotted(text: &str) -> bool {
    text.contains('.')
        && !text.starts_with('.')
        && !text.contains("..")
        && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "-.".contains(ch))
}

/// `registry.host/name:tag`
fn is_image(text: &str) -> bool {
    let Some((registry, rest)) = text.split_once('/') else { return false };
    let is_registry = is_host(registry) || (registry.contains(':') && is_host(registry));
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "._-/:@".contains(ch);
    is_registry && rest.contains([':', '@']) && rest.chars().all(plain)
}

/// Endings of file names without a slash in them, sorted.
const ENDINGS: &[&str] = &[
    "adoc", "bak", "bash", "bat", "bin", "bz2", "c", "cc", "cert", "cfg", "cjs", "class", "cmake",
    "conf", "cpp", "crt", "cs", "css", "csv", "cts", "dart", "db", "deb", "diff", "dll", "dmg",
    "env", "erb", "ex", "exs", "fish", "gif", "go", "gql", "gradle", "graphql", "gz", "h", "hcl",
    "hpp", "hs", "htm", "html", "ico", "img", "ini", "ipynb", "iso", "jar", "java", "jpeg", "jpg",
    "js", "json", "json5", "jsonc", "jsonl", "jsx", "key", "kt", "kts", "less", "lock", "log",
    "lua", "m", "map", "md", "mdx", "mjs", "ml", "mod", "mov", "mp3", "mp4", "mts", "ndjson",
    "nix", "o", "orig", "out", "parquet", "patch", "pdf", "pem", "php", "pl", "plist", "png",
    "prisma", "proto", "ps1", "py", "pyc", "pyi", "r", "rb", "rej", "rpm", "rs", "rst", "sass",
    "scala", "scss", "service", "sh", "so", "spec", "sql", "sqlite", "sqlite3", "sum", "svelte",
    "svg", "swift", "tar", "tex", "tf", "tfvars", "tgz", "timer", "tmp", "toml", "ts", "tsv",
    "tsx", "txt", "vue", "wasm", "wav", "webp", "whl", "xlsx", "xml", "xz", "yaml", "yml", "zig",
    "zip", "zsh", "zst",
];

fn is_ending(text: &str) -> bool {
    ENDINGS.binary_search(&text).is_ok()
}

/// File names without an ending.
const NAMES: &[&str] = &[
    "Makefile",
    "GNUmakefile",
    "makefile",
    "Dockerfile",
    "Containerfile",
    "Vagrantfile",
    "Jenkinsfile",
    "Procfile",
    "Gemfile",
    "Rakefile",
    "Justfile",
    "justfile",
    "Taskfile",
    "Caddyfile",
    "README",
    "LICENSE",
    "NOTICE",
    "CHANGELOG",
    "CODEOWNERS",
    "VERSION",
];

/// Whether a word names a file or folder by its form.
fn is_path(text: &str) -> bool {
    if text.contains(['|', ';', '&', '\\', '"', '\'', '`', '(', ')', '<', '>']) {
        return false;
    }
    // The name before what may follow it: `a.rs:12`, `test.py::case`.
    let name = text.split_once(':').map_or(text, |(it, _)| it);
    let ending = name.rsplit_once('.').map(|(_, it)| it);
    text.contains('/') && !text.starts_with("$(")
        || matches!(text, "." | ".." | "~")
        || text.starts_with('.')
            && text.chars().nth(1).is_some_and(|it| it.is_ascii_alphabetic() || it == '.')
        || ending.is_some_and(is_ending)
        || NAMES.contains(&name)
}

/// Whether a word can be nothing but a file: where a name of a commit could stand, too.
pub(super) fn is_surely_path(text: &str) -> bool {
    let ending = text.rsplit_once('.').map(|(_, it)| it);
    text.starts_with(['/', '~', '.']) && !text.starts_with("..") && text.len() > 1
        || text == "."
        || text.starts_with("../")
        || text.ends_with('/')
        || ending.is_some_and(is_ending) && !text.contains("..")
        || NAMES.contains(&text)
        || text.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_sorted() {
        assert!(ENDINGS.is_sorted());
    }

    #[test]
    fn words_are_typed_by_their_form() {
        for (text, shown) in [
            ("status", "status"),
            ("POST", "POST"),
            ("", "<str>"),
            ("fix the bug", "<str>"),
            ("12", "<number>"),
            ("-3.5", "<number>"),
            ("10M", "<number>"),
            ("30s", "<duration>"),
            ("1h30m", "<duration>"),
            ("2026-01-02", "<date>"),
            ("2026-01-02T03:04:05Z", "<date>"),
            ("10.0.0.1", "<ip>"),
            ("10.0.0.0/8", "<ip>"),
            ("0.0.0.0:8080", "<ip>"),
            ("::1", "<ip>"),
            ("8080:80", "<port>"),
            (":3000", "<port>"),
            ("123e4567-e89b-12d3-a456-426614174000", "<uuid>"),
            ("a1b2c3d", "<hash>"),
            ("deadbeef", "deadbeef"),
            ("sha256:0123456789abcdef0123456789abcdef", "<hash>"),
            ("v1.2.3-rc.1", "<version>"),
            ("^1.2.0", "<version>"),
            ("v2", "<version>"),
            ("https://User:pw@GitHub.com:443/a?b=c", "<url:github.com>"),
            ("git@github.com:o/r.git", "<url:github.com>"),
            ("s3://bucket/key", "<url:bucket>"),
            ("http://$HOST/", "<url>"),
            ("a@b.org", "<email>"),
            ("example.com", "<host>"),
            ("localhost:8080", "<host>"),
            ("ghcr.io/o/i:1.2", "<image>"),
            ("src/*.rs", "<glob>"),
            ("/etc/*.conf", "<system-path>"),
            ("*", "<glob>"),
            ("main.rs", "<path>"),
            ("main.rs:12", "<path>"),
            ("tests/a.py::case[x]", "<glob>"),
            ("Makefile", "<path>"),
            ("..", "<parent-path>"),
            ("/dev/null", "/dev/null"),
            ("KEY=value", "KEY=value"),
            ("if=/dev/sda", "if=<system-path>"),
            ("a=b=12", "a=b=<number>"),
            ("@data.json", "@<path>"),
            ("lodash@4", "<word>"),
            ("MyClass", "<word>"),
            ("foo|bar", "<regex>"),
            ("$HOME/.config", "<home-path>"),
            ("$(date)", "<str>"),
            ("--token=%redacted:jwt%", "--token=<redacted:jwt>"),
            ("Token: %redacted:jwt%", "<redacted:jwt>"),
            ("%redacted:jwt%.%redacted:password%", "<redacted:jwt>"),
            ("%redacted:%", "<str>"),
            ("--%redacted:jwt%x", "--<redacted:jwt>"),
            ("--token=<redacted:jwt>", "--token=<redacted:jwt>"),
            ("Token: <redacted:jwt>", "<str>"),
            ("x=<path>...", "x=<path>..."),
            ("<nothing>", "<str>"),
        ] {
            let word = classify(text, None);
            assert_eq!(word.to_string(), shown, "{text}");
            assert_eq!(classify(&word.to_string(), None), word, "{text}");
        }
    }
}
