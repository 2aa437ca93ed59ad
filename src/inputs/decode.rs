//! Plain, gzip or zstd: told by the first bytes, never by the name.
use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;

use super::{
    input::{Input, is_of_bucket},
    position::Signature,
};

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    Plain,
    /// gzip, any number of members.
    Gzip,
    /// zstd, any number of frames.
    Zstd,
}

/// Largest window of a zstd frame, as a power of two: 64 MiB, what `zstd --ultra -21` uses.
/// The decoder holds a window in memory, and the file decides how large it is.
const MAX_WINDOW_LOG: u32 = 26;

/// An archive may unpack to this much before its ratio is looked at, in bytes.
const BOMB_FLOOR_BYTES: u64 = 64 * 1024 * 1024;

/// An archive that unpacks to more than this many times its size holds no activity: event ids are
/// unique, and lines with unique ids pack at most about 100 to 1.
pub(super) const BOMB_RATIO: u64 = 200;

/// A file's unpacked bytes.
pub(super) struct Source {
    packing: Packing,
    reader: Box<dyn Read + Send>,
    /// Packed bytes taken from the file so far.
    n_packed: Arc<AtomicU64>,
    /// Unpacked bytes handed out so far.
    n_unpacked: u64,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("packing", &self.packing).finish_non_exhaustive()
    }
}

/// Why no more bytes come out of a file.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file system or the bucket failed.
    Io(io::Error),
    /// The archive ends early or is corrupt.
    Damaged(io::Error),
    /// The archive unpacks to far more than activity does.
    Bomb,
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    n_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n_read = self.inner.read(buf)?;
        self.n_bytes.fetch_add(n_read as u64, Ordering::Relaxed);
        Ok(n_read)
    }
}

impl Source {
    /// Opens an input at its beginning.
    pub(super) fn open(input: &Input) -> io::Result<(Self, Signature)> {
        let (mut packed, signature) = input.open()?;
        let mut magic = Vec::with_capacity(4);
        packed.by_ref().take(4).read_to_end(&mut magic)?;
        let packing = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame, or one to be skipped, with which parallel packers begin. Source: RFC 8878, 3.1.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Packing::Zstd,
            _ => Packing::Plain,
        };
        let n_packed = Arc::new(AtomicU64::new(0));
        let bytes =
            Counted { inner: io::Cursor::new(magic).chain(packed), n_bytes: Arc::clone(&n_packed) };
        let reader: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(bytes),
            Packing::Gzip => {
                Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, bytes)))
            }
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::new(bytes)?;
                decoder.window_log_max(MAX_WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        Ok((Self { packing, reader, n_packed, n_unpacked: 0 }, signature))
    }

    /// Whether the file is packed: a packed file is complete, a plain one may still grow.
    pub(super) fn is_packed(&self) -> bool {
        self.packing != Packing::Plain
    }

    /// Packed bytes taken from the file so far.
    pub(super) fn n_packed(&self) -> u64 {
        self.n_packed.load(Ordering::Relaxed)
    }

    /// Appends up to `n_bytes` to `buf`; fewer only at the end.
    pub(super) fn fill(&mut self, buf: &mut Vec<u8>, n_bytes: usize) -> Result<(), Stop> {
        let before = buf.len();
        let outcome = self.reader.by_ref().take(n_bytes as u64).read_to_end(buf);
        self.n_unpacked += (buf.len() - before) as u64;
        match outcome {
            Err(err) if self.is_packed() && err.raw_os_error().is_none() && !is_of_bucket(&err) => {
                Err(Stop::Damaged(err))
            }
            Err(err) => Err(Stop::Io(err)),
            Ok(_) if self.is_bomb() => Err(Stop::Bomb),
            Ok(_) => Ok(()),
        }
    }

    fn is_bomb(&self) -> bool {
        self.is_packed()
            && self.n_unpacked > BOMB_FLOOR_BYTES
            && self.n_unpacked / BOMB_RATIO > self.n_packed()
    }
}
