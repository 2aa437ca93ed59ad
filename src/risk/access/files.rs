//! Where the files are that a command names.
use crate::{
    commands::{is_below, normal},
    risk::{Place, place},
};

/// Tools whose operands are more than text where one is the root of all folders.
const WALKERS: &[&str] = &[
    "du", "egrep", "exa", "eza", "fd", "fdfind", "fgrep", "find", "grep", "ls", "lsd", "rg",
    "ripgrep", "stat", "tree",
];

/// Folders of the system that hold nothing of anybody: devices, and programs that were installed.
const SHARED: &[&str] =
    &["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/Applications", "/opt"];

/// The part of a word that names a file: `--option=/path`, `-f/path`, `@/path`.
fn path(word: &str) -> &str {
    let word = word.strip_prefix('@').unwrap_or(word);
    match (word.strip_prefix('-'), word.split_once('=')) {
        (None, _) => word,
        (Some(_), Some((_, value))) => value,
        (Some(option), None) => {
            option.get(1..).filter(|it| it.starts_with('/')).unwrap_or_default()
        }
    }
}

/// Whether a word of a tool names a file where nobody is known to work.
pub(super) fn is_elsewhere(name: &str, word: &str, cwd: Option<&str>) -> bool {
    let path = path(word);
    match place(path, cwd) {
        Place::Workspace | Place::Home | Place::Temporary | Place::Traversing => false,
        Place::System if path == "/" => WALKERS.contains(&name),
        Place::System => !SHARED.iter().any(|it| is_below(&normal(path), it)),
        // What is in a variable is not known, and no more of a file than of anything else.
        Place::Outside => !path.starts_with('$'),
        Place::Secret => true,
    }
}

/// Whether a word names all that somebody has.
pub(super) fn is_all(word: &str) -> bool {
    let path = word.trim_end_matches('/');
    let parent = path.rsplit_once('/').map(|it| it.0);
    matches!(path, "~" | "$HOME" | "${HOME}") || matches!(parent, Some("/home" | "/Users"))
}

/// Whether a part of a path is hidden: that is where tools have their settings.
pub(super) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|it| it.starts_with('.') && !matches!(it, "." | ".."))
}

/// Whether a word names a folder where whoever has come as far as a shell may put anything, or an address.
pub(super) fn is_loose(word: &str, cwd: Option<&str>) -> bool {
    let path = path(word);
    place(path, cwd) == Place::Temporary
        || path.split('/').any(|it| it == "tmp")
        || word.contains("://")
}

/// Whether a word names what is hidden outside of the working directory.
pub(super) fn is_setting(word: &str, cwd: Option<&str>) -> bool {
    let path = path(word);
    is_hidden(path) && matches!(place(path, cwd), Place::Home | Place::Traversing)
}

/// Whether a word names a file that work may change: in the working directory or a temporary one, and not
/// hidden.
pub(super) fn is_workpiece(word: &str, cwd: Option<&str>) -> bool {
    let path = path(word);
    // What a shell would still put in is not known.
    let is_open = path.contains(['$', '`', '{', '[']);
    let is_ours = || matches!(place(path, cwd), Place::Workspace | Place::Temporary);
    path == "/dev/null" || (!is_open && !is_hidden(path) && is_ours())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_work_may_change_is_told_from_what_it_may_look_at() {
        for word in ["a/b.txt", "/tmp/x", "./a", "/home/ana/p/x", "/dev/null", "--out=/tmp/x"] {
            assert!(is_workpiece(word, Some("/home/ana/p")), "{word}");
        }
        for word in [
            ".env",
            "a/.git/config",
            "../q/x",
            "~/x",
            "$X/y",
            "/srv/x",
            "/home/ana/q/x",
            "/dev/sda",
            "-o/srv/x",
        ] {
            assert!(!is_workpiece(word, Some("/home/ana/p")), "{word}");
        }
        assert!(!is_workpiece("/home/ana/p/x", None));
        assert!(!is_elsewhere("cat", "/home/ana/q/x", Some("/home/ana/p")));
        assert!(is_elsewhere("readelf", "@/srv/x", None));
        assert!(is_elsewhere("ls", "/", None) && !is_elsewhere("cut", "/", None));
    }
}
