//! Secrets known by their form: how a format is described, and where it is looked for.
use std::sync::{LazyLock, OnceLock};

use regex_automata::{Anchored, Input, meta::Regex};

use super::{
    Secret, tables,
    values::{is_mixed, is_no_word, stands_in},
};

/// What the value that an expression finds must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// The form is proof enough.
    Form,
    /// It must not stand in for a secret.
    Value,
    /// Nor be a plain word or a plain number.
    Strong,
}

/// One kind of secret.
#[derive(Debug)]
pub(super) struct Format {
    /// Kind of the marker.
    pub(super) kind: &'static str,
    /// Lower case; where one occurs, whatever the case, the expression is tried.
    pub(super) keywords: &'static [&'static str],
    /// How many bytes before the keyword the form begins.
    pub(super) back: usize,
    /// Linear time; anchored at the beginning of the form. Its group, where it has one, is the
    /// secret, else all of it is.
    pub(super) pattern: &'static str,
    /// What the secret must be.
    pub(super) check: Check,
    /// Texts with the secret in them, as templates: see `samples`.
    pub(super) hits: &'static [&'static str],
    /// Texts that only look like it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    pub(super) misses: &'static [&'static str],
}

impl Format {
    /// A secret that begins with a keyword.
    pub(super) const fn new(
        kind: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
        hits: &'static [&'static str],
        misses: &'static [&'static str],
    ) -> Self {
        Self { kind, keywords, back: 0, pattern, check: Check::Form, hits, misses }
    }

    pub(super) const fn back(mut self, back: usize) -> Self {
        self.back = back;
        self
    }

    pub(super) const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }
}

/// Every format, the more telling first.
pub(super) static FORMATS: LazyLock<Vec<&'static Format>> =
    LazyLock::new(|| tables::TABLES.iter().copied().flatten().collect());

/// Expressions, compiled when first needed.
static COMPILED: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| FORMATS.iter().map(|_| OnceLock::new()).collect());

/// Most bytes that an expression may look at from its beginning: bounds the work on hostile text.
const WINDOW: usize = 4_096;

/// Where a format that looks for an option of a command found none from `start` on, it finds none a
/// little further on in the same command, either: up to here, which keeps the work on hostile text
/// linear. `None` for other formats.
pub(super) fn looked_up_to(idx: usize, text: &str, start: usize) -> Option<usize> {
    const FAR: usize = 256;
    FORMATS.get(idx).filter(|format| format.pattern.contains(r"[^|;\n]*?"))?;
    let rest = text.as_bytes().get(start..)?;
    Some(start + rest.iter().take(FAR).take_while(|byte| !b"|;\n".contains(byte)).count())
}

/// The secret at a keyword, where the form is one.
pub(super) fn at(idx: usize, text: &str, keyword_start: usize) -> Option<Secret> {
    let format = FORMATS.get(idx)?;
    let start = keyword_start.checked_sub(format.back)?;
    let bytes = text.as_bytes();
    let first = bytes.get(start)?;
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if word(first) && before.is_some_and(word) && !is_escaped(bytes, start) {
        return None;
    }
    let regex = COMPILED.get(idx)?.get_or_init(|| Regex::new(format.pattern).ok()).as_ref()?;
    // A key is as long as it is; what lies inside it is not looked at again.
    let is_key = format.kind == "private-key";
    let end = if is_key { text.len() } else { (start + WINDOW).min(text.len()) };
    let end = (start..=end).rev().find(|at| text.is_char_boundary(*at))?;
    let input = Input::new(text).range(start..end).anchored(Anchored::Yes);
    let mut slots = [None; 4];
    regex.search_slots(&input, &mut slots)?;
    let [whole_start, whole_end, group_start, group_end] = slots;
    let span = group_start.or(whole_start)?.get()..group_end.or(whole_end)?.get();
    let value = text.get(span.clone())?;
    let passes = match format.check {
        Check::Form => !value.is_empty(),
        Check::Value => !value.is_empty() && !stands_in(value),
        Check::Strong => {
            value.len() >= 4 && !stands_in(value) && is_no_word(value) && has_letter(value)
        }
    };
    passes.then(|| Secret { range: span, kind: format.kind, named: format.check != Check::Form })
}

fn has_letter(value: &str) -> bool {
    is_mixed(value) || value.bytes().any(|byte| !byte.is_ascii_digit() && byte != b':')
}

/// Whether what stands before is an escape of JSON or of a URL: `\n`, `%3D`.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let byte = |back: usize| at.checked_sub(back).and_then(|it| bytes.get(it));
    byte(2) == Some(&b'\\') && matches!(byte(1), Some(b'n' | b't' | b'r')) || byte(3) == Some(&b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::redact::{marker, redact, samples::fill};

    #[test]
    fn every_format_finds_its_hits_and_not_its_misses() {
        let mut wrong = Vec::new();
        for format in FORMATS.iter() {
            assert!(
                !format.hits.is_empty() && !format.misses.is_empty(),
                "{}: examples",
                format.kind
            );
            if let Err(err) = Regex::new(format.pattern) {
                wrong.push(format!("{}: {err:?}", format.kind));
            }
            for (seed, hit) in (0..).zip(format.hits) {
                let text = fill(hit, seed);
                let clean = redact(&text).text;
                if !clean.contains(&marker(format.kind)) {
                    wrong.push(format!("{}: `{hit}` -> `{clean}`", format.kind));
                }
            }
            for (seed, miss) in (0..).zip(format.misses) {
                let text = fill(miss, seed);
                let clean = redact(&text).text;
                if clean.contains(&marker(format.kind)) {
                    wrong.push(format!("{}: `{miss}` -> `{clean}`", format.kind));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn there_are_enough_formats_and_keywords_are_lower_case() {
        let mut kinds: Vec<&str> = FORMATS.iter().map(|format| format.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert!(kinds.len() >= 60, "{}", kinds.len());
        for format in FORMATS.iter() {
            assert!(
                format.keywords.iter().all(|it| it.to_ascii_lowercase() == **it),
                "{}",
                format.kind
            );
        }
    }

    #[test]
    fn planted_secrets_are_gone() {
        let mut n_planted = 0;
        for format in FORMATS.iter() {
            for hit in format.hits {
                for seed in 100..116 {
                    let text = fill(hit, seed);
                    let secrets = crate::events::redact::samples::secrets(hit, seed);
                    for frame in
                        ["{}", "bash -lc 'cd x && {} | head'", "{\"a\":\"{}\"}", "x=1\n{}\ny=2"]
                    {
                        let framed = frame.replacen("{}", &text, 1);
                        let clean = redact(&framed).text.into_owned();
                        for secret in &secrets {
                            assert!(!clean.contains(secret.as_str()), "{}: {clean}", format.kind);
                            n_planted += 1;
                        }
                    }
                }
            }
        }
        assert!(n_planted > 2_000, "{n_planted}");
    }
}
