//! What git is asked for that lists of options do not tell: settings shown and set, files put back by name.
use super::{files::is_workpiece, request::git_words};

/// Parts of the keys of settings whose values give access.
const SECRETS: &[&str] = &["extraheader", "passw", "secret", "token"];

/// Options that say which settings, and how they are shown.
///
/// # Source
/// git-config(1), as of the next two lists.
const WHICH: &[&str] = &[
    "--bool",
    "--global",
    "--int",
    "--local",
    "--name-only",
    "--path",
    "--show-origin",
    "--show-scope",
    "--system",
    "--worktree",
    "-z",
];

/// Options that ask for settings: one by its key, or all.
const ONE: &[&str] = &["--get", "--get-all"];
const ALL: &[&str] = &["--list", "-l"];

/// Settings that say who commits, which every commit may say of itself.
const COMMITTER: &[&str] = &["user.email", "user.name"];

/// Options of `checkout` and `restore` that say from where files come, and where they go.
///
/// # Source
/// git-checkout(1), git-restore(1).
const FROM: &[&str] =
    &["--ours", "--quiet", "--staged", "--theirs", "--worktree", "-S", "-SW", "-W", "-WS", "-q"];

/// Options and other words behind a subcommand of git; `None` where it is asked for another one.
fn parts<'a>(argv: &'a [String], subcommand: &str) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
    let (name, words) = git_words(argv)?.split_first()?;
    let words = words.iter().map(String::as_str);
    (name == subcommand).then(|| words.partition(|it| it.starts_with('-')))
}

/// Whether settings are shown, and nothing that gives access.
pub(super) fn shows_settings(argv: &[String]) -> bool {
    let Some((options, words)) = parts(argv, "config") else { return false };
    let asked: Vec<&str> = options.into_iter().filter(|it| !WHICH.contains(it)).collect();
    let is_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        SECRETS.iter().any(|it| key.contains(it))
    };
    match (asked.as_slice(), words.as_slice()) {
        ([], ["list"]) => true,
        ([all], []) => ALL.contains(all),
        // Older versions know no `get`, take it for a key, and say that it is none.
        ([], ["get", key] | [key]) => !is_secret(key),
        ([one], [key]) => ONE.contains(one) && !is_secret(key),
        _ => false,
    }
}

/// Whether it is set who commits in a repository.
pub(super) fn sets_committer(argv: &[String]) -> bool {
    let Some((options, words)) = parts(argv, "config") else { return false };
    options.iter().all(|it| *it == "--local")
        && matches!(words.as_slice(), ["set", key, _] | [key, _] if COMMITTER.contains(key))
}

/// Branches that every project may have; another word may be a folder, whose files would be put back.
const MAIN: &[&str] = &["-", "develop", "main", "master", "trunk"];

/// Whether it is gone to the branch that others start from, or to the one that was left.
pub(super) fn goes_back(argv: &[String]) -> bool {
    git_words(argv).is_some_and(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        matches!(words.as_slice(), ["checkout", to] | ["checkout", "--quiet" | "-q", to] if MAIN.contains(to))
    })
}

/// The files that are put back as they were, each by its name, in the form in which the acts know that.
pub(super) fn put_back(argv: &[String], cwd: Option<&str>) -> Option<Vec<String>> {
    let (name, words) = git_words(argv)?.split_first()?;
    let end = words.iter().position(|it| it == "--");
    let (before, behind) = words.split_at(end.unwrap_or(words.len()));
    let (options, others): (Vec<&String>, Vec<&String>) =
        before.iter().partition(|it| it.starts_with('-'));
    let is_known = |it: &&String| {
        FROM.contains(&it.as_str()) || (name == "restore" && it.starts_with("--source="))
    };
    // What is taken out of the index alone is still in the file.
    let is_one_of = |all: &[&str]| options.iter().all(|it| all.contains(&it.as_str()));
    let is_index =
        is_one_of(&["--quiet", "--staged", "-S", "-q"]) && !is_one_of(&["--quiet", "-q"]);
    if name == "restore" && is_index {
        return Some(["git", "restore", "--staged"].map(str::to_owned).to_vec());
    }
    // A side of a conflict is taken of files.
    let is_side = options.iter().any(|it| matches!(it.as_str(), "--ours" | "--theirs"));
    let files: Vec<&String> = match (name.as_str(), end) {
        ("checkout", Some(_)) if others.len() < 2 => behind.iter().skip(1).collect(),
        ("checkout", None) if is_side => others,
        ("restore", None) => others,
        ("restore", Some(_)) if others.is_empty() => behind.iter().skip(1).collect(),
        _ => return None,
    };
    let are_ours = !files.is_empty() && files.iter().all(|it| is_workpiece(it, cwd));
    (are_ours && options.iter().all(is_known)).then(|| put_back_form(files))
}

/// The form in which the acts know whether files are named one by one.
pub(super) fn put_back_form<'a>(files: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let form = ["git", "checkout", "--"].map(str::to_owned);
    form.into_iter().chain(files.into_iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    fn argv(line: &str) -> Vec<String> {
        split(line).unwrap()
    }

    #[test]
    fn settings_that_are_shown_are_told_from_those_that_are_set() {
        for line in [
            "git config user.name",
            "git config --get user.email",
            "git config --global core.excludesfile",
            "git config --local --list",
            "git config -l --show-origin",
            "git -C x config get remote.origin.url",
            "git config list",
        ] {
            assert!(shows_settings(&argv(line)), "{line}");
        }
        for line in [
            "git config user.name x",
            "git config --get http.https://github.com/.extraheader",
            "git config x.token",
            "git config --file x --list",
            "git config --get-regexp .",
            "git config --unset x.y",
            "git config -e",
            "git config set x.y",
            "git -c alias.config=!id config --list",
            "git log --list",
        ] {
            assert!(!shows_settings(&argv(line)), "{line}");
        }
    }

    #[test]
    fn who_commits_is_told_from_other_settings() {
        for line in [
            "git config user.name 'Ana B'",
            "git -C /tmp/x config --local user.email a@b.example",
            "git config set user.name x",
        ] {
            assert!(sets_committer(&argv(line)), "{line}");
        }
        for line in [
            "git config user.name",
            "git config --global user.name x",
            "git config user.signingkey x",
            "git config core.pager x",
            "git config --add user.name x",
            "git config user.name x y",
        ] {
            assert!(!sets_committer(&argv(line)), "{line}");
        }
    }

    #[test]
    fn what_is_taken_out_of_the_index_is_still_in_the_file() {
        for line in ["git restore --staged .", "git restore -qS ../x", "git restore -q -S x"] {
            let is_index = put_back(&argv(line), None).is_some_and(|it| it.len() == 3);
            assert_eq!(is_index, !line.contains("-qS"), "{line}");
        }
        let both = put_back(&argv("git restore --staged --worktree ."), None);
        assert_eq!(both, Some(argv("git checkout -- .")));
    }

    #[test]
    fn files_that_are_put_back_are_named_one_by_one() {
        for (line, wanted) in [
            ("git checkout -- a.rs b/c.go", Some("a.rs b/c.go")),
            ("git checkout HEAD~1 -- a.rs", Some("a.rs")),
            ("git -C /home/ana/p checkout -q -- a.rs", Some("a.rs")),
            ("git checkout --theirs a.rs", Some("a.rs")),
            ("git restore a.rs", Some("a.rs")),
            ("git restore --staged --worktree --source=HEAD -- a.rs", Some("a.rs")),
            ("git restore -q a.rs", Some("a.rs")),
            ("git checkout a.rs", None),
            ("git checkout -f -- a.rs", None),
            ("git checkout -b x -- a.rs", None),
            ("git checkout a b -- a.rs", None),
            ("git checkout --", None),
            ("git checkout -- .env", None),
            ("git checkout -- ../x.rs", None),
            ("git restore", None),
            ("git restore --pathspec-from-file=x", None),
            ("git restore -p a.rs", None),
            ("git stash -- a.rs", None),
        ] {
            let form = wanted.map(|it| argv(&format!("git checkout -- {it}")));
            assert_eq!(put_back(&argv(line), Some("/home/ana/p")), form, "{line}");
        }
    }
}
