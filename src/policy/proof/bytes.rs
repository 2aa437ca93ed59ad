//! Sets of bytes, and the order in which witnesses prefer them.
use std::sync::LazyLock;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes([u64; 4]);

/// Bytes in the order in which a witness prefers them: what people type most, first.
const PREFERRED: &[u8] =
    b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./_=:,+@% '\"";

impl Bytes {
    /// No byte.
    pub const NONE: Self = Self([0; 4]);
    /// Every byte.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// The bytes of a text.
    pub fn of(text: &str) -> Self {
        text.bytes().fold(Self::NONE, Self::with)
    }

    /// The bytes from `low` to `high`, both included.
    pub fn range(low: u8, high: u8) -> Self {
        (low..=high).fold(Self::NONE, Self::with)
    }

    /// The set with one byte more.
    #[must_use]
    pub fn with(mut self, byte: u8) -> Self {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
        self
    }

    /// Whether a byte is in the set.
    pub fn contains(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// Whether no byte is.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The bytes of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// The bytes of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// The bytes of this one only.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    fn zip(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        // Word by word: a loop over iterators costs a call for each where little is optimized.
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        Self([join(a0, b0), join(a1, b1), join(a2, b2), join(a3, b3)])
    }

    /// The bytes, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..4_u8).zip(self.0).flat_map(|(at, word)| {
            let mut word = word;
            std::iter::from_fn(move || {
                let bit = u8::try_from(word.trailing_zeros()).ok().filter(|&bit| bit < 64)?;
                word &= word - 1;
                Some(at << 6 | bit)
            })
        })
    }

    /// The byte that a witness prefers.
    pub fn preferred(self) -> Option<u8> {
        self.iter().min_by_key(|&byte| rank(byte))
    }
}

/// How late a witness takes a byte: plain characters first, then the rest as they come.
pub(super) fn rank(byte: u8) -> u16 {
    static RANKS: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let rank = |byte: u8| match (0..).zip(PREFERRED).find(|(_, it)| **it == byte) {
            Some((rank, _)) => rank,
            None if byte.is_ascii_graphic() => 256 + u16::from(byte),
            // Controls and bytes that are no characters of their own come last.
            None => 512 + u16::from(byte),
        };
        (0..=u8::MAX).map(rank).collect()
    });
    RANKS.get(usize::from(byte)).copied().unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Bytes::of("az~").or(Bytes::range(200, 203));
        assert_eq!(set.iter().collect::<Vec<u8>>(), [97, 122, 126, 200, 201, 202, 203]);
        assert_eq!(set.minus(Bytes::of("a")).preferred(), Some(b'z'));
        assert_eq!(set.and(Bytes::of("~")).preferred(), Some(b'~'));
        assert_eq!(Bytes::ALL.preferred(), Some(b'a'));
        assert_eq!(Bytes::NONE.preferred(), None);
        assert!(rank(b' ') < rank(b'!') && rank(b'!') < rank(0) && rank(b'~') < rank(200));
    }
}
