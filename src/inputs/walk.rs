//! Paths as given -> the files to read, in order.
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Endings of files that are read where only their directory was named; `.gz` and `.zst` may follow.
const ENDINGS: &[&str] = &[".ndjson", ".jsonl", ".json", ".log"];

/// How deep directories are walked.
const MAX_DIRECTORY_DEPTH: usize = 32;

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
    /// Directories nested too deep.
    #[error(
        "`{}` lies more than {MAX_DIRECTORY_DEPTH} directories deep\n\
         hint: nobody writes signals there; look who made it, and take it away",
        path.display()
    )]
    TooDeep {
        /// The path.
        path: PathBuf,
    },
}

/// The regular files that `paths` stand for, each once, sorted within each path.
///
/// A file that was named is read whatever it is called. Under a directory, files are read whose
/// names end in `.ndjson`, `.jsonl`, `.json` or `.log`, packed or not; hidden files, links and
/// special files are passed over, so that nobody who may write there can make us read elsewhere.
///
/// # Errors
/// Where one of the paths is missing or cannot be read: nothing is read then.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, WalkError> {
    let mut res = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let metadata =
            fs::metadata(path).map_err(|source| WalkError::Path { path: path.clone(), source })?;
        let mut found = Vec::new();
        if metadata.is_dir() {
            walk(path, 1, &mut found)?;
            found.sort();
        } else if metadata.is_file() {
            found.push(path.clone());
        } else {
            return Err(WalkError::Special { path: path.clone() });
        }
        res.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    Ok(res)
}

fn walk(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), WalkError> {
    if depth > MAX_DIRECTORY_DEPTH {
        return Err(WalkError::TooDeep { path: dir.to_owned() });
    }
    let failed = |source| WalkError::Path { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        // Whoever cleans up may be faster: what is gone below a directory has nothing to read.
        Err(err) if depth > 1 && err.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = match entry.file_type() {
            Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(failed)?,
        };
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() && is_activity(name) {
            found.push(entry.path());
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
