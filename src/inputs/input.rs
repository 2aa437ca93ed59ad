//! What is read: a file, or an object of a bucket; the one place where they differ.
#![expect(clippy::disallowed_types, reason = "an edge: it opens files")]
use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags};
use sha2::{Digest as _, Sha256};

use super::{lines::OpenError, position::Signature};
use crate::objects::{Object, ObjectError};

/// Something to read.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file that was named.
    File(PathBuf),
    /// A file below a directory that was named. No link on the way from there is followed: whoever
    /// may write there can put one in the place of what was found.
    Below {
        /// The directory.
        dir: PathBuf,
        /// The way from there.
        name: PathBuf,
    },
    /// An object of a bucket.
    Object(Box<Object>),
    /// What is there, and cannot be read; it is told, and keeps nothing else from being read.
    Unreadable {
        /// As it is named.
        name: String,
        /// Why, and what to do.
        why: String,
    },
}

/// The device number of objects: no file system has it, and their content is told by what stands in
/// the place of an inode number.
const NO_DEVICE: u64 = u64::MAX;

impl From<&Path> for Input {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl Input {
    /// As it is named in reports: a path, or `s3://bucket/key`.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Below { dir, name } => dir.join(name).to_string_lossy().into_owned(),
            Self::Object(object) => object.url(),
            Self::Unreadable { name, .. } => name.clone(),
        }
    }

    /// What is known of it without reading it: what the file system says, or the listing.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn signature(&self) -> Result<Signature, OpenError> {
        match self {
            Self::File(path) => {
                let metadata = std::fs::metadata(path).map_err(|err| self.failed(err))?;
                Ok(signature(&metadata))
            }
            Self::Below { dir, name } => {
                let metadata = look_below(dir, name).map_err(|err| self.failed(err))?;
                Ok(signature(&metadata))
            }
            Self::Object(object) => Ok(signature_of(object)),
            Self::Unreadable { why, .. } => Err(self.failed(not_read(why))),
        }
    }

    /// The same input as it is by now, where what was listed is gone.
    ///
    /// # Errors
    /// Where it cannot be asked, or is not there any more.
    pub fn as_now(&self) -> Result<Self, OpenError> {
        let Self::Object(object) = self else { return Ok(self.clone()) };
        match object.as_now() {
            Ok(Some(object)) => Ok(Self::Object(Box::new(object))),
            Ok(None) => Err(self.failed(io::ErrorKind::NotFound.into())),
            Err(err) => Err(self.failed(err.into_io())),
        }
    }

    /// Why it cannot be read; a file is opened, what is in a bucket was listed and counts as readable.
    pub fn why_unreadable(&self) -> Option<String> {
        match self {
            Self::File(_) | Self::Below { .. } => self.open().err().map(|err| err.to_string()),
            Self::Object(_) => None,
            Self::Unreadable { why, .. } => {
                Some(why.split_once("\nhint: ").map_or(why.as_str(), |(why, _)| why).to_owned())
            }
        }
    }

    /// Its bytes as they lie there, as many as there are now, and its signature.
    pub(super) fn open(&self) -> io::Result<(Box<dyn Read + Send>, Signature)> {
        match self {
            // Without waiting, in case a pipe has taken the place of a file.
            Self::File(path) => bytes(open(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK, false)?),
            Self::Below { dir, name } => bytes(open_below(dir, name, OFlags::NONBLOCK)?),
            Self::Object(object) => Ok((Box::new(object.reader()), signature_of(object))),
            Self::Unreadable { why, .. } => Err(not_read(why)),
        }
    }

    pub(super) fn failed(&self, source: io::Error) -> OpenError {
        OpenError { path: self.name().into(), source }
    }
}

/// The bytes of a file as it is now: one that grows while it is read ends where it ended now.
fn bytes(file: File) -> io::Result<(Box<dyn Read + Send>, Signature)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((Box::new(file.take(metadata.len())), signature(&metadata)))
}

/// What the file system says of a file below a directory.
fn look_below(dir: &Path, name: &Path) -> io::Result<Metadata> {
    #[cfg(target_os = "linux")]
    let flags = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let flags = OFlags::NONBLOCK;
    open_below(dir, name, flags)?.metadata()
}

/// Opens a file below a directory, following no link on the way from there.
fn open_below(dir: &Path, name: &Path, flags: OFlags) -> io::Result<File> {
    let dir = rustix::fs::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    open(dir.as_fd(), name, OFlags::RDONLY | flags, true)
}

/// Opens a file to read from it; where it must be `below` the directory, no link is followed. Kernels
/// before 5.6, and other systems, keep only the last step from being one.
fn open(dir: BorrowedFd<'_>, name: &Path, flags: OFlags, below: bool) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC;
    if !below {
        return Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?.into());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::{fs::ResolveFlags, io::Errno};
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(dir, name, flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS | Errno::PERM) => (),
            Err(Errno::LOOP) => return Err(io::Error::new(io::ErrorKind::InvalidInput, IS_LINK)),
            opened => return Ok(opened?.into()),
        }
    }
    Ok(rustix::fs::openat(dir, name, flags | OFlags::NOFOLLOW, Mode::empty())?.into())
}

/// Why a file is not read in whose place a link was put.
const IS_LINK: &str = "it is a link by now, or lies behind one; look who put it there";

fn not_read(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Whether an error of reading says that a bucket failed, rather than what was read from it.
pub(super) fn is_of_bucket(err: &io::Error) -> bool {
    ObjectError::of_io(err).is_some()
}

fn signature(metadata: &Metadata) -> Signature {
    let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
    Signature {
        device: metadata.dev(),
        inode: metadata.ino(),
        n_bytes: metadata.len(),
        modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// The tag of an object stands for its content; without one, only its size and time do.
fn signature_of(object: &Object) -> Signature {
    let tag: [u8; 32] = Sha256::digest(object.etag.as_deref().unwrap_or_default()).into();
    let (head, _) = tag.split_at(8);
    let changed_ns = object.modified_us.saturating_mul(1_000);
    Signature {
        device: NO_DEVICE,
        inode: head.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)),
        n_bytes: object.n_bytes,
        modified_ns: changed_ns,
        changed_ns,
    }
}
