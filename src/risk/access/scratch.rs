//! What is removed in folders for temporary files.
use super::files::is_hidden;
use crate::commands::{TEMPORARY, is_below, normal};

/// Options of `rm` that say what is removed and what is told.
///
/// # Source
/// rm(1) of GNU coreutils 9 and of macOS; `-P` and `-W` of the latter do more.
const LETTERS: &str = "rRfvid";

/// Parts of a path below a folder for temporary files before it is somebody's own: the folders of macOS are in
/// `/var/folders/zz/zyx/T`.
const MAC_DEPTH: usize = 4;

/// Whether a path, from `folder` where it is relative, is something in a folder for temporary files.
fn is_scratch(path: &str, folder: Option<&str>) -> bool {
    let path = match (path.starts_with('/'), folder) {
        (true, _) => normal(path),
        (false, Some(folder)) => normal(&format!("{folder}/{path}")),
        (false, None) => return false,
    };
    let below = |root: &&&str| is_below(&path, root);
    let Some(root) = TEMPORARY.iter().filter(below).max_by_key(|it| it.len()) else { return false };
    let rest = path.get(root.len()..).unwrap_or_default().trim_matches('/');
    let n_parts = rest.split('/').count();
    let is_own = !rest.is_empty() && (!root.ends_with("/folders") || n_parts >= MAC_DEPTH);
    // What a shell would still put in is not known.
    let is_open = path.contains(['~', '$', '`', '*', '?', '[', '{']);
    is_own && !is_open && !is_hidden(rest)
}

/// Whether a vector removes what is in folders for temporary files, and nothing else; `folder` is where it is
/// known to run, `cwd` where its script began.
pub(super) fn removes(argv: &[String], folder: Option<&str>, cwd: Option<&str>) -> bool {
    // Who works in such a folder has more there than scratch.
    let is_at_work = || cwd.is_some_and(|cwd| TEMPORARY.iter().any(|it| is_below(cwd, it)));
    let is_option = |it: &str| {
        it == "--"
            || it.strip_prefix('-').is_some_and(|it| it.chars().all(|ch| LETTERS.contains(ch)))
    };
    let Some((_, words)) = argv.split_first().filter(|it| it.0 == "rm") else { return false };
    let (options, paths): (Vec<&str>, Vec<&str>) =
        words.iter().map(String::as_str).partition(|it| it.starts_with('-'));
    options.into_iter().all(is_option)
        && !paths.is_empty()
        && paths.into_iter().all(|it| is_scratch(it, folder))
        && !is_at_work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn scratch_is_told_from_what_people_have() {
        for (line, folder, wanted) in [
            ("rm -rf /tmp/x", None, true),
            ("rm -rf /tmp/x/ /private/tmp/y/z", None, true),
            ("rm -f -- /tmp/x.txt", None, true),
            ("rm -rf x", Some("/tmp"), true),
            ("rm -rf x", Some("/tmp/y"), true),
            ("rm -rf /var/folders/zz/zyx/T/tmp.a", None, true),
            ("rm -rf /tmp", None, false),
            ("rm -rf /tmp/", None, false),
            ("rm -rf .", Some("/tmp"), false),
            ("rm -rf '/tmp/*'", None, false),
            ("rm -rf '/tmp/x/*'", None, false),
            ("rm -rf /tmp/../home/ana", None, false),
            ("rm -rf ../home", Some("/tmp"), false),
            ("rm -rf '/tmp/$X'", None, false),
            ("rm -rf '$TMPDIR/x'", None, false),
            ("rm -rf /tmp/.X11-unix", None, false),
            ("rm -rf /var/folders/zz/zyx", None, false),
            ("rm -rf x", None, false),
            ("rm -rf x", Some("/home/ana/p"), false),
            ("rm -rf /tmp/x y", None, false),
            ("rm --no-preserve-root -rf /tmp/x", None, false),
            ("rm -rf", Some("/tmp"), false),
            ("/tmp/rm -rf /tmp/x", None, false),
        ] {
            let argv = split(line).unwrap();
            assert_eq!(removes(&argv, folder, Some("/home/ana/p")), wanted, "{line}");
            assert!(!removes(&argv, folder, Some("/tmp/p")), "{line}");
        }
    }
}
