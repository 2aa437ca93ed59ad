//! Patterns over host names: regular expressions of bounded size, many of them matched in one pass.
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_automata::{
    Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    util::primitives::StateID,
};
use regex_syntax::hir::{Class, Hir, HirKind};

/// Longest pattern, in bytes.
pub(super) const MAX_PATTERN_BYTES: usize = 1_000;

/// Most steps of a pattern when its repetitions are written out: what is longer is written to be
/// slow. The longest host name has 253 characters (RFC 1035), so that no honest pattern comes near.
pub(super) const MAX_STEPS: u64 = 20_000;

/// Largest compiled pattern, in bytes, should the steps be worse than they were counted.
const MAX_REGEX_BYTES: usize = 4 << 20;

/// Largest set of compiled patterns, in bytes.
const MAX_SET_BYTES: usize = 64 << 20;

/// Largest table of states, in bytes: it stays in a processor's cache while hosts go by.
const MAX_TABLE_BYTES: usize = 256 << 10;

/// Room for the states of a set that matching has met so far, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Patterns of one variable, in order.
///
/// Most are tried together in one pass, whose states are made as hosts need them. What loops in its
/// middle, such as `a.*b`, goes on next to everything else, so that many of these together have more
/// states than can be kept: of them as many share a table as fit into one.
#[derive(Clone, Debug)]
pub(super) struct HostPatterns {
    together: RegexSet,
    /// The place of each pattern of the set.
    places: Vec<usize>,
    tables: Vec<Table>,
    /// Those for which one table is too small even alone.
    alone: Vec<(usize, Regex)>,
}

/// Patterns whose every state is known beforehand.
#[derive(Clone, Debug)]
struct Table {
    states: dense::DFA<Vec<u32>>,
    /// The place of each pattern, in order.
    places: Vec<usize>,
}

impl HostPatterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// The first pattern that will not do, and why.
    pub(super) fn new(patterns: &[&str]) -> Result<Self, String> {
        let (mut easy, mut places) = (Vec::new(), Vec::new());
        let (mut tables, mut alone) = (Vec::new(), Vec::new());
        for (place, pattern) in patterns.iter().enumerate() {
            let regex = compile(pattern)?;
            if !loops_inside(pattern) {
                easy.push(*pattern);
                places.push(place);
            } else if let Some(table) = Table::new(patterns, vec![place]) {
                tables.push(table);
            } else {
                alone.push((place, regex));
            }
        }
        let together = RegexSetBuilder::new(&easy)
            .size_limit(MAX_SET_BYTES)
            .dfa_size_limit(CACHE_BYTES)
            .build()
            .map_err(|_| {
                format!(
                    "{} patterns of one variable are more than {MAX_SET_BYTES} bytes compiled",
                    easy.len()
                )
            })?;
        Ok(Self { together, places, tables: merged(patterns, tables), alone })
    }

    /// The place of the first pattern that matches.
    pub(super) fn first(&self, hostname: &str) -> Option<usize> {
        let found = self.together.matches(hostname).into_iter().next();
        let mut first = found.and_then(|it| self.places.get(it)).copied();
        let comes_before = |place: usize, first: Option<usize>| first.is_none_or(|it| place < it);
        // Side by side: a step of one table need not wait for that of another.
        let useful = self
            .tables
            .iter()
            .filter(|table| table.places.first().is_some_and(|place| comes_before(*place, first)));
        let mut walks: Vec<Walk<'_>> =
            useful.filter_map(|table| Walk::new(table, hostname)).collect();
        // A match is known one step late, so that the end is a step, too.
        for byte in hostname.bytes().map(Some).chain([None]) {
            let mut is_over = false;
            for walk in &mut walks {
                is_over |= walk.step(byte, &mut first);
            }
            if is_over {
                walks.retain(|it| !it.is_over(first));
            }
        }
        let mut earlier = self.alone.iter().take_while(|(place, _)| comes_before(*place, first));
        earlier.find(|(_, it)| it.is_match(hostname)).map(|(place, _)| *place).or(first)
    }
}

/// Puts neighbors together, two by two, for as long as what comes of them is within the bound.
fn merged(patterns: &[&str], mut tables: Vec<Table>) -> Vec<Table> {
    let mut is_done = false;
    while !is_done {
        is_done = true;
        let mut left = tables.into_iter();
        tables = Vec::new();
        while let Some(one) = left.next() {
            let Some(other) = left.next() else {
                tables.push(one);
                break;
            };
            let places = one.places.iter().chain(&other.places).copied().collect();
            if let Some(both) = Table::new(patterns, places) {
                tables.push(both);
                is_done = false;
            } else {
                tables.extend([one, other]);
            }
        }
    }
    tables
}

impl Table {
    /// The table of the patterns at these places; `None` where it is too large.
    fn new(patterns: &[&str], places: Vec<usize>) -> Option<Self> {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .match_kind(MatchKind::All)
            .dfa_size_limit(Some(MAX_TABLE_BYTES))
            .determinize_size_limit(Some(MAX_TABLE_BYTES));
        let texts: Vec<&str> = places.iter().filter_map(|it| patterns.get(*it)).copied().collect();
        let states = dense::Builder::new().configure(config).build_many(&texts).ok()?;
        Some(Self { states, places })
    }
}

/// How far a host name has led through a table.
#[derive(Debug)]
struct Walk<'a> {
    table: &'a Table,
    state: StateID,
}

impl<'a> Walk<'a> {
    /// At the start. A table can give up only on what it was told to, and it was told nothing.
    fn new(table: &'a Table, hostname: &str) -> Option<Self> {
        let state = table.states.start_state_forward(&Input::new(hostname)).ok()?;
        Some(Self { table, state })
    }

    /// Goes on by a byte, or to the end; a match makes `first` smaller. Whether the walk, or
    /// another one, may be over.
    fn step(&mut self, byte: Option<u8>, first: &mut Option<usize>) -> bool {
        let Table { states, places } = self.table;
        self.state = match byte {
            Some(byte) => states.next_state(self.state, byte),
            None => states.next_eoi_state(self.state),
        };
        if !states.is_special_state(self.state) {
            return false;
        }
        if states.is_match_state(self.state) {
            let found = (0..states.match_len(self.state))
                .filter_map(|it| places.get(states.match_pattern(self.state, it).as_usize()));
            *first = found.copied().chain(*first).min();
        }
        true
    }

    /// Whether nothing that comes can make a difference.
    fn is_over(&self, first: Option<usize>) -> bool {
        let earliest = self.table.places.first().copied();
        self.table.states.is_dead_state(self.state) || (first.is_some() && first <= earliest)
    }
}

/// Whether something without an upper end stands between other things.
fn loops_inside(pattern: &str) -> bool {
    fn consumes(part: &Hir) -> bool {
        part.properties().maximum_len() != Some(0)
    }
    fn loops(part: &Hir) -> bool {
        match part.kind() {
            HirKind::Repetition(it) => it.max.is_none() || loops(&it.sub),
            HirKind::Capture(it) => loops(&it.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(loops),
            HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => false,
        }
    }
    fn inside(part: &Hir) -> bool {
        match part.kind() {
            HirKind::Concat(parts) => parts.iter().enumerate().any(|(idx, it)| {
                let before = parts.iter().take(idx).any(consumes);
                let after = parts.iter().skip(idx + 1).any(consumes);
                inside(it) || (loops(it) && before && after)
            }),
            HirKind::Alternation(parts) => parts.iter().any(inside),
            HirKind::Capture(it) => inside(&it.sub),
            HirKind::Repetition(it) => loops(&it.sub) || inside(&it.sub),
            HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => false,
        }
    }
    regex_syntax::parse(pattern).is_ok_and(|it| inside(&it))
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
        let patterns = [
            "^prod-",
            "-eu-",
            "a.*b",
            "^[a-z]+-mbp",
            r"x.+\.example\.com$",
            ".*db.*",
            "^$",
            "(?i)^PROD",
            "^web(-[a-z]+)*-[0-9]",
        ];
        let together = HostPatterns::new(&patterns).unwrap();
        let in_tables: Vec<usize> =
            together.tables.iter().flat_map(|it| it.places.iter().copied()).collect();
        assert_eq!((together.places.len(), in_tables), (6, vec![2, 4, 8]));
        assert_eq!(together.tables.len(), 1);
        let single: Vec<Regex> = patterns.iter().map(|it| compile(it).unwrap()).collect();
        for host in [
            "prod-1",
            "a-eu-1",
            "ana-mbp-14",
            "xy.example.com",
            "mydb",
            "",
            "Prod",
            "nothing",
            "web-a-7",
            "aéb",
        ] {
            let first = single.iter().position(|it| it.is_match(host));
            assert_eq!(together.first(host), first, "{host}");
        }
    }
}
