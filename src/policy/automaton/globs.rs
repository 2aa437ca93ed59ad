//! Many patterns in one table of states: where each one stands after every byte of a line.
use super::super::pattern::Pattern;

/// A place in one of the patterns of a [`Globs`]; places of a later pattern are greater.
pub type Place = u32;

/// No place: the pattern can no longer match.
const DEAD: Place = Place::MAX;

/// Patterns, compiled so that each one stands at no more than one place at a time.
///
/// A pattern is literal parts with stars between them. A part is best taken where it first occurs,
/// since a later place leaves less room; so after any text one number says it all: how many parts
/// are behind, and how much of the next one the text ends with. Falling back inside a part goes by
/// its borders.
///
/// # Source
/// Knuth, Morris, Pratt: Fast pattern matching in strings, 1977.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    spots: Vec<Spot>,
    /// The first place of each pattern.
    starts: Vec<Place>,
    /// Bytes that some pattern names.
    named: Vec<bool>,
}

/// One place.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// The byte that leads on; `None` at the end of the last part.
    next: Option<u8>,
    /// Where it leads.
    to: Place,
    /// Where to try again on any other byte: itself behind a star with nothing of the part read,
    /// `DEAD` before the first star.
    back: Place,
    /// The pattern's number.
    owner: u32,
    /// How many stars are behind.
    stage: u32,
    /// Whether the pattern matches where the line ends here.
    accepts: bool,
    /// Whether it matches whatever follows.
    is_open: bool,
}

impl Globs {
    /// Compiles patterns; their numbers are their places in the slice.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        let mut globs = Self { spots: Vec::new(), starts: Vec::new(), named: vec![false; 256] };
        for pattern in patterns {
            globs.add(pattern);
        }
        globs
    }

    fn add(&mut self, pattern: &Pattern) {
        let owner = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        let parts = pattern.parts();
        let last = parts.len().saturating_sub(1);
        let mut bases = Vec::with_capacity(parts.len());
        let mut at = self.next_place();
        for part in parts {
            bases.push(at);
            at += u32::try_from(part.len()).unwrap_or(0) + 1;
        }
        // Two stars in a row are one: an empty part is behind as soon as it is reached.
        let entry = |stage: usize| {
            let skipped = parts.iter().enumerate().skip(stage);
            let mut stops = skipped.filter(|(idx, part)| *idx == last || !part.is_empty());
            stops.next().and_then(|(idx, _)| bases.get(idx).copied()).unwrap_or(DEAD)
        };
        for (stage, part) in parts.iter().enumerate() {
            let bytes = part.as_bytes();
            let base = self.next_place();
            let borders = borders(bytes);
            let floating = stage > 0;
            for n_read in 0..=bytes.len() {
                let place = self.next_place();
                let next = bytes.get(n_read).copied();
                if let Some(named) = next.and_then(|byte| self.named.get_mut(usize::from(byte))) {
                    *named = true;
                }
                let back = match borders.get(n_read) {
                    _ if !floating => DEAD,
                    Some(Some(border)) => base + border,
                    _ => place,
                };
                let is_whole = n_read + 1 == bytes.len();
                let to = if is_whole && stage < last { entry(stage + 1) } else { place + 1 };
                let is_end = n_read == bytes.len();
                // `git status *` on `git status`: all but the blank of the last part has been read.
                let is_tail = pattern.optional_tail() && stage + 1 == last && is_whole;
                self.spots.push(Spot {
                    next,
                    to,
                    back,
                    owner,
                    stage: u32::try_from(stage).unwrap_or(u32::MAX),
                    accepts: is_tail || (is_end && stage == last),
                    is_open: is_end && stage == last && floating && bytes.is_empty(),
                });
            }
        }
        let is_empty = parts.first().is_none_or(String::is_empty);
        let start =
            if is_empty && last > 0 { entry(1) } else { bases.first().copied().unwrap_or(DEAD) };
        self.starts.push(start);
    }

    fn next_place(&self) -> Place {
        u32::try_from(self.spots.len()).unwrap_or(DEAD)
    }

    fn spot(&self, place: Place) -> Option<&Spot> {
        self.spots.get(usize::try_from(place).ok()?)
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Where a pattern stands before the first byte.
    pub fn start(&self, pattern: usize) -> Option<Place> {
        self.starts.get(pattern).copied().filter(|&place| place != DEAD)
    }

    /// Where a pattern stands after one more byte; `None` where it can no longer match.
    pub fn step(&self, place: Place, byte: u8) -> Option<Place> {
        let mut place = place;
        loop {
            let spot = self.spot(place)?;
            if spot.next == Some(byte) {
                return Some(spot.to);
            }
            if spot.back == place {
                return Some(place);
            }
            place = spot.back;
        }
    }

    /// Whether the pattern matches where the line ends here.
    pub fn accepts(&self, place: Place) -> bool {
        self.spot(place).is_some_and(|spot| spot.accepts)
    }

    /// Whether the pattern matches whatever follows.
    pub fn is_open(&self, place: Place) -> bool {
        self.spot(place).is_some_and(|spot| spot.is_open)
    }

    /// The number of the pattern that a place is in.
    pub fn owner(&self, place: Place) -> usize {
        self.spot(place).map_or(usize::MAX, |spot| spot.owner as usize)
    }

    /// Whether some pattern names this byte.
    pub fn names(&self, byte: u8) -> bool {
        self.named.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// The bytes on which a place goes elsewhere than on any other byte.
    pub fn told_apart(&self, place: Place) -> impl Iterator<Item = u8> + '_ {
        let mut at = Some(place);
        std::iter::from_fn(move || {
            loop {
                let place = at?;
                let spot = self.spot(place)?;
                at = (spot.back != place).then_some(spot.back);
                if spot.next.is_some() {
                    return spot.next;
                }
            }
        })
    }

    /// The only byte that keeps a pattern alive; `None` behind a star, where any does.
    pub fn needs(&self, place: Place) -> Option<Option<u8>> {
        self.spot(place).filter(|spot| spot.back == DEAD).map(|spot| spot.next)
    }

    /// Whether whatever leads from `small` to a match leads from `large` to one: both are places of
    /// one pattern, and `large` is a later star or a longer reading of the same part.
    pub fn is_within(&self, small: Place, large: Place) -> bool {
        if small == large {
            return true;
        }
        let (Some(from), Some(to)) = (self.spot(small), self.spot(large)) else { return false };
        if from.owner != to.owner || from.stage > to.stage {
            return false;
        }
        if from.stage < to.stage {
            return true;
        }
        let mut at = to.back;
        while at != DEAD {
            if at == small {
                return true;
            }
            match self.spot(at) {
                Some(spot) if spot.back != at => at = spot.back,
                _ => return false,
            }
        }
        false
    }
}

/// For each prefix of `part` the length of its longest proper border; `None` for the empty one.
/// Linear: parts come from command lines, which may have a hundred thousand bytes.
///
/// # Source
/// Knuth, Morris, Pratt: Fast pattern matching in strings, 1977.
fn borders(part: &[u8]) -> Vec<Option<u32>> {
    let mut lengths = vec![0_usize; part.len() + 1];
    let at = |lengths: &[usize], len: usize| lengths.get(len).copied().unwrap_or(0);
    let mut border = 0;
    for (idx, byte) in part.iter().enumerate().skip(1) {
        while border > 0 && part.get(border) != Some(byte) {
            border = at(&lengths, border);
        }
        border += usize::from(part.get(border) == Some(byte));
        if let Some(slot) = lengths.get_mut(idx + 1) {
            *slot = border;
        }
    }
    let of = |(n_read, length): (usize, usize)| (n_read > 0).then_some(length);
    lengths.into_iter().enumerate().map(|it| of(it).and_then(|it| u32::try_from(it).ok())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a pattern stands after a text.
    fn after(globs: &Globs, pattern: usize, text: &str) -> Option<Place> {
        text.bytes().try_fold(globs.start(pattern)?, |place, byte| globs.step(place, byte))
    }

    fn accepts(globs: &Globs, pattern: usize, line: &str) -> bool {
        after(globs, pattern, line).is_some_and(|place| globs.accepts(place))
    }

    /// Every prefix against every suffix.
    fn borders_by_comparing(part: &[u8]) -> Vec<Option<u32>> {
        let longest = |n_read: usize| {
            (0..n_read).rev().find(|&len| part[..len] == part[n_read - len..n_read])
        };
        let lengths = (0..=part.len()).map(longest);
        lengths.map(|it| it.map(|len| u32::try_from(len).unwrap())).collect()
    }

    #[test]
    fn patterns_that_match_everything_are_open_at_once() {
        let globs = Globs::new(&["*", "**", "git *", "a"].map(Pattern::new));
        let open = |pattern, text| after(&globs, pattern, text).is_some_and(|it| globs.is_open(it));
        assert!(open(0, "") && open(1, "") && open(2, "git "));
        assert!(!open(2, "git") && !open(3, "a"));
        assert_eq!(after(&globs, 2, "go"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn places_agree_with_matching(
            patterns in prop::collection::vec(r"[ab *\\]{0,8}", 1..4),
            line in r"[ab *\\é]{0,10}",
        ) {
            let compiled: Vec<Pattern> = patterns.iter().map(|it| Pattern::new(it)).collect();
            let globs = Globs::new(&compiled);
            for (idx, pattern) in compiled.iter().enumerate() {
                prop_assert_eq!(accepts(&globs, idx, &line), pattern.matches(&line), "{}", &patterns[idx]);
            }
        }

        #[test]
        fn borders_are_those_that_comparing_finds(part in "[ab]{0,24}") {
            prop_assert_eq!(borders(part.as_bytes()), borders_by_comparing(part.as_bytes()));
        }

        #[test]
        fn places_within_others_lead_to_fewer_matches(
            pattern in r"[ab *]{1,7}",
            left in "[ab ]{0,6}",
            right in "[ab ]{0,6}",
            rest in "[ab ]{0,6}",
        ) {
            let globs = Globs::new(&[Pattern::new(&pattern)]);
            let (Some(small), Some(large)) = (after(&globs, 0, &left), after(&globs, 0, &right)) else {
                return Ok(());
            };
            if globs.is_within(small, large) && accepts(&globs, 0, &format!("{left}{rest}")) {
                let line = format!("{right}{rest}");
                prop_assert!(accepts(&globs, 0, &line));
            }
        }

        #[test]
        fn bytes_not_told_apart_lead_to_one_place(pattern in r"[ab *]{1,7}", text in "[ab ]{0,6}") {
            let globs = Globs::new(&[Pattern::new(&pattern)]);
            let Some(place) = after(&globs, 0, &text) else { return Ok(()) };
            let told: Vec<u8> = globs.told_apart(place).collect();
            let rest: Vec<_> =
                (0..=255).filter(|it| !told.contains(it)).map(|it| globs.step(place, it)).collect();
            prop_assert!(rest.iter().all(|it| *it == rest[0]));
        }
    }
}
