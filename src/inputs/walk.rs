//! Paths and addresses as given -> the files and objects to read, in order.
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::input::Input;
use crate::objects::{Access, Bucket, BucketUrl, ObjectError, is_url};

/// Endings of files that are read where only their directory was named; `.gz` and `.zst` may follow.
const ENDINGS: &[&str] = &[".ndjson", ".jsonl", ".json", ".log"];

/// How deep directories are walked.
const MAX_DIRECTORY_DEPTH: usize = 32;

/// What to do with what somebody made up.
const WHOSE: &str = "nobody writes signals there; look who made it, and take it away";

/// What lies below a directory.
#[derive(Debug, Default)]
struct Found {
    files: Vec<PathBuf>,
    /// Directories that are not walked, each with the reason.
    unreadable: Vec<(PathBuf, String)>,
}

/// A path that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// No such file, or not to be looked at.
    #[error("cannot look at `{}`\nhint: is it there, mounted, and yours to read?", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A pipe, socket or device.
    #[error(
        "`{}` is neither a file nor a directory\nhint: name a file, or a directory of files",
        path.display()
    )]
    Special {
        /// The path.
        path: PathBuf,
    },
    /// A bucket cannot be asked.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Neither an object nor a prefix of any.
    #[error(
        "there is nothing at `{url}`\n\
         hint: is the prefix right, and does whoever ships signals write there?"
    )]
    Nothing {
        /// The address.
        url: String,
    },
}

/// The regular files and objects that `paths` stand for, each once, sorted within each path.
///
/// A file that was named is read whatever it is called. Under a directory, files are read whose
/// names end in `.ndjson`, `.jsonl`, `.json` or `.log`, packed or not; hidden files, links and
/// special files are passed over, so that nobody who may write there can make us read elsewhere.
/// An address such as `s3://bucket/prefix` stands for one object, or for those below it like a directory.
///
/// # Errors
/// Where one of the paths is missing or cannot be read: nothing is read then.
pub fn files(paths: &[PathBuf], access: &Access) -> Result<Vec<Input>, WalkError> {
    let mut res = Vec::new();
    let mut seen = BTreeSet::new();
    // Keys are text: of paths, `a//b` and `a/./b` are the same.
    let mut seen_objects = BTreeSet::new();
    for path in paths {
        if is_url(path) {
            let found = objects(&path.to_string_lossy(), access)?;
            res.extend(found.into_iter().filter(|it| seen_objects.insert(it.name())));
            continue;
        }
        let metadata =
            fs::metadata(path).map_err(|source| WalkError::Path { path: path.clone(), source })?;
        let mut found = Found::default();
        if metadata.is_dir() {
            walk(path, 1, &mut found)?;
            found.files.sort();
            found.unreadable.sort();
        } else if metadata.is_file() {
            found.files.push(path.clone());
        } else {
            return Err(WalkError::Special { path: path.clone() });
        }
        let files = found.files.into_iter().filter(|path| seen.insert(path.clone()));
        res.extend(files.map(|file| match file.strip_prefix(path) {
            Ok(name) if metadata.is_dir() => {
                Input::Below { dir: path.clone(), name: name.to_owned() }
            }
            _ => Input::File(file),
        }));
        res.extend(found.unreadable.into_iter().map(|(path, why)| Input::Unreadable {
            name: path.to_string_lossy().into_owned(),
            why,
        }));
    }
    Ok(res)
}

/// The objects that an address stands for.
fn objects(text: &str, access: &Access) -> Result<Vec<Input>, WalkError> {
    let url = BucketUrl::parse(text)?;
    let bucket = Bucket::open(&url, access)?;
    let is_prefix = url.key.is_empty() || text.ends_with('/');
    if !is_prefix && let Some(object) = bucket.look_at(&url.key)? {
        return Ok(vec![Input::Object(Box::new(object))]);
    }
    let prefix = url.prefix();
    let listing = bucket.list(&prefix)?;
    if listing.objects.is_empty() && listing.unreadable.is_empty() {
        return Err(WalkError::Nothing { url: text.to_owned() });
    }
    let holds_activity = |key: &str| {
        let below = key.strip_prefix(&prefix).unwrap_or(key);
        let (dirs, name) = below.rsplit_once('/').unwrap_or(("", below));
        is_activity(name) && dirs.split('/').chain([name]).all(|it| !is_hidden(it))
    };
    let objects = listing.objects.into_iter().filter(|it| holds_activity(&it.key));
    let mut found: Vec<Input> = objects.map(|it| Input::Object(Box::new(it))).collect();
    let unreadable = listing.unreadable.into_iter().filter(|it| holds_activity(it));
    found.extend(unreadable.map(|it| Input::Unreadable {
        name: bucket.url(&it),
        why: format!("its key has an empty, `.` or `..` segment, or a control character: {WHOSE}"),
    }));
    Ok(found)
}

/// Whether a name says that it is nobody's business. The two names for directories are none: a key
/// that has them is to be told.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && !matches!(name, "." | "..")
}

/// Only the directory that was named has to be readable: whoever may write below it must not keep the
/// rest from being read.
fn walk(dir: &Path, depth: usize, found: &mut Found) -> Result<(), WalkError> {
    if depth > MAX_DIRECTORY_DEPTH {
        let why = format!("more than {MAX_DIRECTORY_DEPTH} directories deep: {WHOSE}");
        found.unreadable.push((dir.to_owned(), why));
        return Ok(());
    }
    let failed = |source| WalkError::Path { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        // Whoever cleans up may be faster: what is gone below a directory has nothing to read.
        Err(err) if depth > 1 && err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) if depth > 1 => {
            found.unreadable.push((dir.to_owned(), err.to_string()));
            return Ok(());
        }
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = match entry.file_type() {
            Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(failed)?,
        };
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let is_ours = kind.is_dir() || kind.is_file() && is_activity(&shown);
        if shown.starts_with('.') || !is_ours {
            continue;
        }
        if name.to_str().is_none() {
            found.unreadable.push((entry.path(), format!("its name is not UTF-8: {WHOSE}")));
        } else if kind.is_dir() {
            walk(&entry.path(), depth + 1, found)?;
        } else {
            found.files.push(entry.path());
        }
    }
    Ok(())
}

/// Whether a file's name says that it holds activity; rotation may have added `.1` or a date.
fn is_activity(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    ENDINGS.iter().any(|ending| {
        name.split_once(ending).is_some_and(|(stem, rest)| {
            let rotated =
                |rest: &str| rest.bytes().all(|it| it.is_ascii_digit() || b".-_".contains(&it));
            !stem.is_empty() && rotated(rest)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_activity() {
        for (name, wanted) in [
            ("a.ndjson", true),
            ("a.jsonl.gz", true),
            ("a.json.zst", true),
            ("a.log", true),
            ("a.log.1", true),
            ("a.log.2.gz", true),
            ("a.log-20260105.gz", true),
            ("A.NDJSON", true),
            ("a.txt", false),
            ("a.ndjson.tmp", false),
            ("a.ndjson.bak", false),
            ("log", false),
            (".log", false),
            ("a.gz", false),
        ] {
            assert_eq!(is_activity(name), wanted, "{name}");
        }
    }
}
