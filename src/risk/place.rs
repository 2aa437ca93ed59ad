//! Where a path lies, judged by its text and the working directory.
use std::borrow::Cow;

use super::is_secret_path;
use crate::{
    commands::{TEMPORARY, is_below, normal},
    events::text_forms,
};

/// Where a path lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the working directory, or relative and not leaving it.
    Workspace,
    /// In a home directory.
    Home,
    /// In a directory for temporary files.
    Temporary,
    /// In a directory of the operating system, or its root.
    System,
    /// Holds credentials, keys or shell history, wherever it lies.
    Secret,
    /// Leaves the working directory through `..`, to none of these places.
    Traversing,
    /// Absolute, and in none of these places.
    Outside,
}

text_forms!(Place {
    Workspace = "path",
    Home = "home-path",
    Temporary = "tmp-path",
    System = "system-path",
    Secret = "secret-path",
    Traversing = "parent-path",
    Outside = "outside-path",
});

/// # Source
/// Filesystem Hierarchy Standard 3.0, and the layout of macOS.
const SYSTEM: &[&str] = &[
    "/Applications",
    "/Library",
    "/System",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/private/etc",
    "/private/var",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
];

/// Where `path` lies. A relative path is taken from `cwd`; without one it is the workspace's own.
pub fn place(path: &str, cwd: Option<&str>) -> Place {
    if is_secret_path(path) {
        return Place::Secret;
    }
    let path = bare(path);
    if let Some(place) = variable(&path) {
        return place;
    }
    let cwd = cwd.filter(|it| it.starts_with('/'));
    if path.starts_with('/') {
        let path = normal(&path);
        let workspace = cwd.map(normal).filter(|it| is_workspace(it));
        let is_inside = workspace.is_some_and(|it| is_below(&path, &it));
        return if is_inside { Place::Workspace } else { absolute(&path) };
    }
    let Some(cwd) = cwd.map(normal) else {
        return if leaves(&path) { Place::Traversing } else { Place::Workspace };
    };
    let is_plain = !path.contains("..") && !cwd.contains("/.");
    if is_plain && is_workspace(&cwd) {
        return Place::Workspace;
    }
    let path = normal(&format!("{cwd}/{path}"));
    if is_secret_path(&path) {
        return Place::Secret;
    }
    if is_below(&path, &cwd) && (is_workspace(&cwd) || !matches!(absolute(&path), Place::System)) {
        let is_hidden =
            path.get(cwd.len()..).is_some_and(|it| it.trim_start_matches('/').starts_with('.'));
        return if is_home(&cwd) && is_hidden { Place::Home } else { Place::Workspace };
    }
    match absolute(&path) {
        Place::Home | Place::Outside => Place::Traversing,
        place => place,
    }
}

/// The part that names a file: without the second half of a mount (`/a:/b`), with `file://` off.
fn bare(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let first = path.split_once(":/").filter(|(first, _)| !first.is_empty());
    Cow::Borrowed(first.map_or(path, |(first, _)| first))
}

/// Paths that begin in the home directory or in a variable.
fn variable(path: &str) -> Option<Place> {
    let head = path.split('/').next().unwrap_or_default();
    match head {
        "$HOME" | "${HOME}" => Some(Place::Home),
        "$TMPDIR" | "${TMPDIR}" | "$TMP" | "$TEMP" => Some(Place::Temporary),
        "$PWD" | "${PWD}" => Some(if leaves(path) { Place::Traversing } else { Place::Workspace }),
        _ if head.starts_with('~') => Some(Place::Home),
        _ if head.starts_with('$') => Some(Place::Outside),
        _ => None,
    }
}

/// Whether a relative path goes above where it starts.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').any(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    })
}

/// Whether a working directory is someone's project rather than a part of the system.
fn is_workspace(cwd: &str) -> bool {
    cwd != "/" && !SYSTEM.contains(&cwd) && !TEMPORARY.contains(&cwd) && !is_home(cwd)
}

/// Whether a path is the home directory of somebody.
fn is_home(path: &str) -> bool {
    let parent = path.rsplit_once('/').map(|(parent, _)| parent);
    path == "/root" || matches!(parent, Some("/home" | "/Users"))
}

fn absolute(path: &str) -> Place {
    let in_any = |folders: &[&str]| folders.iter().any(|it| is_below(path, it));
    if in_any(TEMPORARY) {
        Place::Temporary
    } else if in_any(&["/home", "/Users", "/root", "/var/root"]) {
        Place::Home
    } else if path == "/" || in_any(SYSTEM) {
        Place::System
    } else {
        Place::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_where_they_say() {
        for (path, cwd, expected) in [
            ("src/main.rs", None, Place::Workspace),
            (".", None, Place::Workspace),
            ("./a/../b", None, Place::Workspace),
            ("../b", None, Place::Traversing),
            ("a/../../b", None, Place::Traversing),
            ("~/notes", None, Place::Home),
            ("$HOME/x", None, Place::Home),
            ("$DIR/x", None, Place::Outside),
            ("/home/u/p/src/x.rs", Some("/home/u/p"), Place::Workspace),
            ("/home/u/p", Some("/home/u/p/"), Place::Workspace),
            ("/home/u/other/x", Some("/home/u/p"), Place::Home),
            ("/home/u/pp", Some("/home/u/p"), Place::Home),
            ("../other/x", Some("/home/u/p"), Place::Traversing),
            ("../../../etc/hosts", Some("/home/u/p"), Place::System),
            ("../p/x", Some("/home/u/p"), Place::Workspace),
            ("../.ssh/id_rsa", Some("/root/p"), Place::Secret),
            (".bashrc", Some("/root"), Place::Home),
            ("notes.txt", Some("/root"), Place::Workspace),
            ("etc/hosts", Some("/"), Place::System),
            ("app/x", Some("/"), Place::Workspace),
            ("/etc/hosts", Some("/etc"), Place::System),
            ("/etc/hosts", None, Place::System),
            ("/", None, Place::System),
            ("/tmp/x", None, Place::Temporary),
            ("/tmp/work/x", Some("/tmp/work"), Place::Workspace),
            ("/srv/data", None, Place::Outside),
            ("/etc:/etc:ro", None, Place::System),
            (".env", None, Place::Secret),
            ("~/.aws/credentials", Some("/home/u/p"), Place::Secret),
        ] {
            assert_eq!(place(path, cwd), expected, "{path} in {cwd:?}");
        }
    }
}
