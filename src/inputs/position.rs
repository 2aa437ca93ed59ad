//! How far a file was read: files are known by their content, never by their name.
//!
//! A [`Checkpoint`] says "content that begins with these bytes was read up to here". It fits a file
//! that has grown since, the same content under another name, and the same content packed, because
//! all of it is about unpacked bytes. A file that was truncated or replaced fits none and is new.
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

/// How many bytes decide which checkpoints are worth comparing with a file.
pub const HEAD_BYTES: usize = 1024;

/// A SHA-256.
pub type Digest = [u8; 32];

/// A place in a file's unpacked content, and all that lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it.
    pub offset: u64,
    /// Lines before it.
    pub n_lines: u64,
    /// SHA-256 of the bytes before it.
    pub prefix: Digest,
}

/// Content known up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// Up to where.
    pub position: Position,
    /// SHA-256 of the first [`HEAD_BYTES`] bytes, or of all of them where the position comes first.
    pub head: Digest,
}

/// What the file system says about a file; the same signature twice is the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes, packed.
    pub n_bytes: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Last change of content or metadata, in nanoseconds since 1970; nobody can set it.
    pub changed_ns: i64,
}

/// How old a change must be for its signature to be believed, in nanoseconds: within one tick of
/// the file system's clock, a second change leaves the same signature.
///
/// # Source
/// Git's "racily clean" index entries; two seconds is the coarsest tick in use (FAT).
const SETTLED_NS: i64 = 2_000_000_000;

impl Signature {
    /// Whether the file was left alone long enough, seen from `now_us`, for the signature to say
    /// that it is the same content when seen again.
    pub fn is_settled(&self, now_us: i64) -> bool {
        let newest = self.modified_ns.max(self.changed_ns);
        now_us.saturating_mul(1_000).saturating_sub(newest) > SETTLED_NS
    }
}

impl Position {
    /// The beginning of any file.
    pub fn start() -> Self {
        Self { offset: 0, n_lines: 0, prefix: Sha256::digest([]).into() }
    }
}

/// All content that was read before.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Head length -> head -> positions, sorted; nearly always one, and a set of one takes ten times
    /// the room.
    heads: BTreeMap<usize, BTreeMap<Digest, Vec<Position>>>,
}

impl Known {
    /// Adds a checkpoint.
    pub fn add(&mut self, checkpoint: &Checkpoint) {
        let head_len = head_len(checkpoint.position.offset);
        let heads = self.heads.entry(head_len).or_default();
        let positions = heads.entry(checkpoint.head).or_insert_with(|| Vec::with_capacity(1));
        if let Err(at) = positions.binary_search(&checkpoint.position) {
            positions.insert(at, checkpoint.position);
        }
    }

    /// Positions that a file beginning with `head` may have been read up to, nearest first.
    ///
    /// `head` is the first [`HEAD_BYTES`] bytes of the file, or all of it where it is shorter.
    pub fn candidates(&self, head: &[u8]) -> Vec<Position> {
        let mut res = BTreeSet::new();
        for (len, heads) in &self.heads {
            let Some(head) = head.get(..*len) else { break };
            let digest: Digest = Sha256::digest(head).into();
            res.extend(heads.get(&digest).into_iter().flatten().copied());
        }
        res.into_iter().collect()
    }
}

impl FromIterator<Checkpoint> for Known {
    fn from_iter<I: IntoIterator<Item = Checkpoint>>(checkpoints: I) -> Self {
        let mut known = Self::default();
        for checkpoint in checkpoints {
            known.add(&checkpoint);
        }
        known
    }
}

/// How much of the beginning identifies content read up to `offset`.
pub(super) fn head_len(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(HEAD_BYTES).min(HEAD_BYTES)
}
