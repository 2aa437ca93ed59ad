//! Secrets out, typed markers in, before anything is written.
//!
//! One automaton over all literal beginnings and telling words finds the places worth a look; only
//! there a format's expression runs, anchored, or a name and its value are read. What ordinary text
//! costs is one pass of the automaton.
mod formats;
mod names;
mod samples;
mod tables;
mod values;

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

pub use self::samples::{Planted, planted};
use self::{formats::FORMATS, names::NAMES};

/// How every marker begins; after it the kind of secret, then [`MARKER_CLOSE`].
///
/// Only characters that no shell, no glob and no JSON treats specially, so that a script reads the
/// same with a marker in it as with the secret: in `X=<marker>` a shell would see redirections.
pub const MARKER_OPEN: &str = "%redacted:";

/// How every marker ends.
pub const MARKER_CLOSE: &str = "%";

/// Text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text, with a marker such as `%redacted:aws-access-key%` for each secret.
    pub text: Cow<'a, str>,
    /// How many secrets were replaced.
    pub n_secrets: usize,
}

/// Replaces every secret in `text` by a typed marker.
///
/// The same kind has the same marker everywhere, nothing of the secret is in it, and a marker is
/// never taken for a secret again.
pub fn redact(text: &str) -> Redacted<'_> {
    let mut res = Redacted { text: Cow::Borrowed(text), n_secrets: 0 };
    // What is gone brings together what stood too far apart to be seen.
    for _ in 0..n_rounds(text.len()) {
        let Some((text, n_secrets)) = redact_once(&res.text) else { break };
        res = Redacted { text: Cow::Owned(text), n_secrets: res.n_secrets + n_secrets };
    }
    res
}

/// How often a text is looked through at most; the last time finds nothing more.
///
/// What is longer than nearly all real commands is looked through fewer times: thousands of secrets take
/// time.
const fn n_rounds(n_bytes: usize) -> usize {
    match n_bytes {
        0..=8_192 => 8,
        8_193..=32_768 => 2,
        _ => 1,
    }
}

/// The text without the secrets found in one pass, and how many; `None` where there are none.
fn redact_once(text: &str) -> Option<(String, usize)> {
    let found = find(text);
    if found.is_empty() {
        return None;
    }
    let mut res = String::with_capacity(text.len());
    let mut at = 0;
    for secret in &found {
        res.push_str(text.get(at..secret.range.start).unwrap_or_default());
        push_marker(&mut res, secret.kind);
        at = secret.range.end;
    }
    res.push_str(text.get(at..).unwrap_or_default());
    Some((res, found.len()))
}

/// Replaces every secret in an argument vector, and how many there were.
///
/// Sees what one word alone does not tell: `--token X`, `sshpass -p X`, `curl -u user:X`.
pub fn redact_argv(argv: Vec<String>) -> (Vec<String>, usize) {
    let (mut argv, mut n_secrets) = (argv, 0);
    for _ in 0..n_rounds(argv.iter().map(String::len).sum()) {
        let (words, n_more) = redact_argv_once(argv);
        (argv, n_secrets) = (words, n_secrets + n_more);
        if n_more == 0 {
            break;
        }
    }
    (argv, n_secrets)
}

fn redact_argv_once(argv: Vec<String>) -> (Vec<String>, usize) {
    let line = argv.join(" ");
    let found = find(&line);
    if found.is_empty() {
        return (argv, 0);
    }
    let mut words = Vec::with_capacity(argv.len());
    let mut start = 0;
    let mut rest = found.as_slice();
    for word in argv {
        let end = start + word.len();
        let mut res = String::new();
        let mut at = start;
        while let Some((secret, after)) = rest.split_first()
            && secret.range.start < end
        {
            res.push_str(line.get(at..secret.range.start.max(at)).unwrap_or_default());
            push_marker(&mut res, secret.kind);
            at = secret.range.end.min(end);
            // A value of a word of its own goes to the end of the word, blanks and all.
            if secret.named && secret.range.start == start {
                at = end;
            }
            if secret.range.end > end + 1 {
                break; // It goes on in the next word.
            }
            rest = after;
        }
        res.push_str(line.get(at..end).unwrap_or_default());
        words.push(res);
        start = end + 1;
    }
    (words, found.len())
}

/// Replaces the secrets in a value that stands under a name, such as an argument of an MCP call:
/// the whole value where the name tells, else what [`redact`] finds in it, alone or as `name=value`.
pub fn redact_named<'a>(name: &str, value: &'a str) -> Redacted<'a> {
    if let Some(kind) = names::tells(name, value) {
        return Redacted { text: Cow::Owned(marker(kind)), n_secrets: 1 };
    }
    let alone = redact(value);
    if alone.n_secrets > 0 || name.is_empty() {
        return alone;
    }
    let pair = format!("{name}={value}");
    let redacted = redact(&pair);
    match redacted.text.strip_prefix(&format!("{name}=")) {
        Some(text) if redacted.n_secrets > 0 => {
            Redacted { text: Cow::Owned(text.to_owned()), n_secrets: redacted.n_secrets }
        }
        _ => alone,
    }
}

/// The marker of a kind of secret.
pub fn marker(kind: &str) -> String {
    let mut res = String::with_capacity(kind.len() + 12);
    push_marker(&mut res, kind);
    res
}

/// The kinds of the markers in a text, in order, repetitions included.
pub fn markers(text: &str) -> impl Iterator<Item = &str> {
    text.split(MARKER_OPEN).skip(1).filter_map(|part| Some(part.split_once(MARKER_CLOSE)?.0))
}

fn push_marker(text: &mut String, kind: &str) {
    text.push_str(MARKER_OPEN);
    text.push_str(kind);
    text.push_str(MARKER_CLOSE);
}

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Secret {
    range: Range<usize>,
    kind: &'static str,
    /// Known by its name rather than by its form.
    named: bool,
}

/// Where the markers of a text are, without the first sign of each.
fn inside_markers(text: &str) -> Vec<Range<usize>> {
    let opens = text.match_indices(MARKER_OPEN).map(|(at, _)| at);
    let inside = opens.filter_map(|at| {
        let kind = text.get(at + MARKER_OPEN.len()..)?;
        Some(at + 1..at + MARKER_OPEN.len() + kind.find(MARKER_CLOSE)? + MARKER_CLOSE.len())
    });
    inside.collect()
}

/// What a keyword of the automaton points to.
#[derive(Clone, Copy, Debug)]
enum Target {
    Format(usize),
    Name(usize),
}

/// The automaton over all keywords, and what each of them points to.
struct Finder {
    automaton: Option<AhoCorasick>,
    targets: Vec<Target>,
}

static FINDER: LazyLock<Finder> = LazyLock::new(|| {
    let mut keywords: Vec<&str> = Vec::new();
    let mut targets = Vec::new();
    for (idx, format) in FORMATS.iter().enumerate() {
        for keyword in format.keywords {
            keywords.push(keyword);
            targets.push(Target::Format(idx));
        }
    }
    for (idx, name) in NAMES.iter().enumerate() {
        for keyword in name.words {
            keywords.push(keyword);
            targets.push(Target::Name(idx));
        }
    }
    let automaton = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(keywords);
    Finder { automaton: automaton.ok(), targets }
});

/// How often one target may be looked for in vain in runs of at least [`LONG_RUN`] bytes without a blank;
/// after that only once in [`STRIDE`] bytes. No real command comes near: it bounds the work on text that
/// is made of keywords.
const MAX_IN_VAIN: u32 = 64;
const LONG_RUN: usize = 1_024;
const STRIDE: usize = 256;

/// Whether a long run without a blank begins here.
fn in_long_run(text: &str, start: usize) -> bool {
    let run = text.as_bytes().get(start..start + LONG_RUN);
    run.is_some_and(|run| !run.iter().any(u8::is_ascii_whitespace))
}

/// The secrets in a text, in order, none overlapping another.
fn find(text: &str) -> Vec<Secret> {
    let Finder { automaton: Some(automaton), targets } = &*FINDER else { return Vec::new() };
    let mut found: Vec<(Secret, usize)> = Vec::new();
    // Up to where there is nothing more for each target, told by its rank; few are met in one text.
    let mut done: BTreeMap<usize, usize> = BTreeMap::new();
    let mut in_vain: BTreeMap<usize, u32> = BTreeMap::new();
    for hit in automaton.find_overlapping_iter(text) {
        let Some(target) = targets.get(hit.pattern().as_usize()) else { continue };
        let rank = match *target {
            Target::Format(idx) => idx,
            Target::Name(idx) => FORMATS.len() + idx,
        };
        if done.get(&rank).is_some_and(|end| hit.start() < *end) {
            continue;
        }
        let secret = match *target {
            Target::Format(idx) => formats::at(idx, text, hit.start()),
            Target::Name(idx) => names::at(idx, text, hit.range()),
        };
        if let Some(secret) = secret {
            done.insert(rank, secret.range.end);
            found.push((secret, rank));
            continue;
        }
        let n_in_vain = in_vain.entry(rank).or_default();
        *n_in_vain += u32::from(in_long_run(text, hit.start()));
        let is_hostile = *n_in_vain > MAX_IN_VAIN;
        let looked_up_to = formats::looked_up_to(rank, text, hit.start())
            .or_else(|| is_hostile.then_some(hit.start() + STRIDE));
        if let Some(end) = looked_up_to {
            done.insert(rank, end);
        }
    }
    if text.contains(MARKER_OPEN) {
        // The colon of a marker is none of a name or a URL.
        let inside = inside_markers(text);
        found.retain(|(it, _)| !inside.iter().any(|marker| marker.contains(&it.range.start)));
    }
    found.sort_by_key(|(secret, rank)| (secret.range.start, *rank));
    let mut res: Vec<Secret> = Vec::with_capacity(found.len());
    for (secret, _) in found {
        match res.last_mut() {
            // What overlaps is one secret: the kind of the larger part, of the former where equal.
            Some(last) if secret.range.start < last.range.end => {
                if secret.range.len() > last.range.len() {
                    last.kind = secret.kind;
                }
                last.named |= secret.named;
                last.range.end = last.range.end.max(secret.range.end);
            }
            _ => res.push(secret),
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{samples::fill, *};

    #[test]
    fn vectors_are_read_across_their_words() {
        for (argv, clean, n_secrets) in [
            (&["git", "status"][..], &["git", "status"][..], 0),
            (&["x", "--token", "k3yk3yk3yk3y"], &["x", "--token", "%redacted:token%"], 1),
            (
                &["sshpass", "-p", "my pass", "ssh", "h"],
                &["sshpass", "-p", "%redacted:password%", "ssh", "h"],
                1,
            ),
            (
                &["mysql", "-u", "root", "-ps3cret!"],
                &["mysql", "-u", "root", "-p%redacted:password%"],
                1,
            ),
            (
                &["curl", "-u", "me:s3cret", "https://x"],
                &["curl", "-u", "me:%redacted:password%", "https://x"],
                1,
            ),
            (
                &["curl", "-H", "Authorization: Bearer abcdef0123456789xyz", "u"],
                &["curl", "-H", "Authorization: Bearer %redacted:authorization%", "u"],
                1,
            ),
            (
                &["bash", "-lc", "export DB_PASSWORD=s3cret; ls"],
                &["bash", "-lc", "export DB_PASSWORD=%redacted:password%; ls"],
                1,
            ),
            (&["x", "--password", "$PW"], &["x", "--password", "$PW"], 0),
            (
                &["docker", "run", "-u", "1000:1000", "x"],
                &["docker", "run", "-u", "1000:1000", "x"],
                0,
            ),
        ] {
            let argv: Vec<String> = argv.iter().map(|&it| it.to_owned()).collect();
            let (words, found) = redact_argv(argv.clone());
            assert_eq!(words, clean);
            assert_eq!(found, n_secrets, "{argv:?}");
        }
    }

    #[test]
    fn named_values_go_as_a_whole() {
        assert_eq!(redact_named("password", "my pass phrase").text, "%redacted:password%");
        assert_eq!(redact_named("path", "src/main.rs").text, "src/main.rs");
        assert_eq!(redact_named("apiKey", "a1b2c3d4e5f6").text, "%redacted:api-key%");
        assert_eq!(redact_named("password", "%redacted:password%").n_secrets, 0);
        assert_eq!(redact("curl http://j%redacted:private-key%@h/").n_secrets, 0);
        assert_eq!(
            redact_named("Authorization", "Bearer abcdef0123456789xyz").text,
            "Bearer %redacted:authorization%"
        );
    }

    #[test]
    fn markers_are_found_again() {
        let text = format!("a {} b {}", marker("jwt"), marker("password"));
        assert_eq!(markers(&text).collect::<Vec<_>>(), ["jwt", "password"]);
        assert_eq!(markers("100%").count(), 0);
    }

    #[test]
    fn a_secret_is_found_after_a_command_without_one() {
        for text in [
            "curl -s x; curl -u me:s3cret9 y",
            "mysql -h a\nmysql -ps3cret9",
            "curl x | curl -u a:s3cret9 -",
        ] {
            assert!(redact(text).text.contains("%redacted:password%"), "{text}");
        }
    }

    #[test]
    fn a_secret_in_a_script_leaves_the_script_readable() {
        let secret = fill("gh\u{0}p_{a36}", 7);
        let script = format!("export GITHUB_TOKEN={secret} && gh pr list");
        assert_eq!(
            redact(&script).text,
            "export GITHUB_TOKEN=%redacted:github-token% && gh pr list"
        );
    }

    proptest! {
        #[test]
        fn redacting_twice_changes_nothing_more(
            parts in prop::collection::vec(
                prop_oneof![
                    "[ -~]{0,12}",
                    Just("password=".to_owned()), Just("--token ".to_owned()), Just("s3cr3t-Value9".to_owned()),
                    Just("Authorization: Bearer ".to_owned()), Just("://u:p9w@h/".to_owned()), Just("\"secret\":\"".to_owned()),
                    Just("mysql -p".to_owned()), Just("curl -u a:b1 ".to_owned()), Just(" ".to_owned()), Just("'".to_owned()),
                ],
                0..8,
            )
        ) {
            let once = redact(&parts.concat()).text.into_owned();
            let twice = redact(&once);
            prop_assert_eq!(twice.n_secrets, 0, "{}", once);
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}") {
            let _ = redact(&text);
            let _ = redact_argv(vec![text.clone(), text]);
        }
    }
}
