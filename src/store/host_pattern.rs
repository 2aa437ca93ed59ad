//! Patterns over host names: regular expressions of bounded size, many of them matched in one pass.
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

/// Longest pattern, in bytes.
pub(super) const MAX_PATTERN_BYTES: usize = 1_000;

/// Most steps of a pattern when its repetitions are written out: what is longer is written to be
/// slow. The longest host name has 253 characters (RFC 1035), so that no honest pattern comes near.
pub(super) const MAX_STEPS: u64 = 20_000;

/// Largest compiled pattern, in bytes, should the steps be worse than they were counted.
const MAX_REGEX_BYTES: usize = 4 << 20;

/// Room for the states of a set that matching has met so far, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Patterns of one variable, in order.
#[derive(Clone, Debug)]
pub(super) enum HostPatterns {
    /// All in one automaton.
    Together(RegexSet),
    /// One by one, where they are too large together.
    Single(Vec<Regex>),
}

impl HostPatterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// The first pattern that will not do, and why.
    pub(super) fn new(patterns: &[&str]) -> Result<Self, String> {
        let single: Result<Vec<Regex>, String> = patterns.iter().map(|it| compile(it)).collect();
        let single = single?;
        let set = RegexSetBuilder::new(patterns)
            .size_limit(MAX_REGEX_BYTES.saturating_mul(4))
            .dfa_size_limit(CACHE_BYTES)
            .build();
        Ok(set.map_or(Self::Single(single), Self::Together))
    }

    /// The place of the first pattern that matches.
    pub(super) fn first(&self, hostname: &str) -> Option<usize> {
        match self {
            Self::Together(set) => set.matches(hostname).into_iter().next(),
            Self::Single(patterns) => patterns.iter().position(|it| it.is_match(hostname)),
        }
    }
}

/// Compiles a pattern within bounds; matching is linear in the host name, whatever the pattern.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let n_bytes = pattern.len();
    if n_bytes > MAX_PATTERN_BYTES {
        return Err(format!("a pattern is {n_bytes} bytes long, {MAX_PATTERN_BYTES} are the most"));
    }
    // Parsing writes nothing out: what is too large is known before any of it is made.
    let parsed = regex_syntax::parse(pattern).map_err(|err| wrong(pattern, &err.to_string()))?;
    let n_steps = steps(&parsed);
    if n_steps > MAX_STEPS {
        return Err(format!(
            "`{pattern}` is {n_steps} steps long when its repetitions are written out, {MAX_STEPS} are the most\n\
             hint: `*` and `+` cost nothing, counts such as `{{1000}}` cost as much as they count"
        ));
    }
    let compiled = RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build();
    compiled.map_err(|err| wrong(pattern, &err.to_string()))
}

fn wrong(pattern: &str, err: &str) -> String {
    let why = err.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("`{pattern}` is no regular expression: {why}")
}

/// How many steps an expression has with its repetitions written out: a byte each for literals, a
/// range each for classes of characters.
fn steps(expression: &Hir) -> u64 {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Repetition(repetition) => {
            let least = u64::from(repetition.min);
            // Without an upper end the last round is a loop.
            let times = repetition.max.map_or(least.saturating_add(1), u64::from);
            steps(&repetition.sub).saturating_mul(times.max(1))
        }
        HirKind::Capture(capture) => steps(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(steps).fold(0, u64::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_would_blow_up_is_refused_with_its_size() {
        assert!(compile("^prod-.*").is_ok());
        assert!(compile(r"^(web|db)-[0-9]{1,4}\.(eu|us)-[a-z]+-[0-9]$").is_ok());
        for (pattern, complaint) in [
            ("(", "is no regular expression"),
            ("a{20001}", "is 20001 steps long"),
            ("(a{1000}){1000}", "is 1000000 steps long"),
            ("((a{1000}){1000}){1000}", "is 1000000000 steps long"),
            ("((((a{999}b{1,99}){999}){999}){999}){999}", "steps long"),
            (r"(\w{60}){60}", "steps long"),
            (&"x".repeat(MAX_PATTERN_BYTES + 1), "is 1001 bytes long, 1000 are the most"),
        ] {
            let err = compile(pattern).unwrap_err();
            assert!(err.contains(complaint), "{err}");
        }
    }

    #[test]
    fn the_set_finds_what_one_by_one_finds() {
        let patterns =
            ["^prod-", "-eu-", "^[a-z]+-mbp", r"\.example\.com$", ".*db.*", "^$", "(?i)^PROD"];
        let together = HostPatterns::new(&patterns).unwrap();
        assert!(matches!(together, HostPatterns::Together(_)));
        let single: Result<Vec<Regex>, String> = patterns.iter().map(|it| compile(it)).collect();
        let single = HostPatterns::Single(single.unwrap());
        for host in
            ["prod-1", "a-eu-1", "ana-mbp-14", "x.example.com", "mydb", "", "Prod", "nothing"]
        {
            assert_eq!(together.first(host), single.first(host), "{host}");
        }
    }
}
