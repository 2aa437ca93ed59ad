//! Acts of git: history that others have, and work that is nowhere else.
use super::{
    Act,
    GuardClass::{HistoryRewriting, Persistence, WorkLoss},
    form::{Form, cut, dashes, form, is, key, long, operand, short},
};

/// Options of git itself that take the next word.
const GLOBALS: &[&str] =
    &["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env"];

/// Keys of git's configuration whose value is run, or says whom to trust.
const CODE_KEYS: &[&str] = &[
    "core.hooksPath",
    "core.sshCommand",
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.gitProxy",
    "core.askPass",
    "core.alternateRefsCommand",
    "alias.*",
    "pager.*",
    "*tool.*.cmd",
    "*tool.*.path",
    "credential.helper",
    "credential.*.helper",
    "filter.*",
    "diff.external",
    "diff.*.textconv",
    "diff.*.command",
    "merge.*.driver",
    "gpg.program",
    "gpg.*.program",
    "sequence.editor",
    "interactive.diffFilter",
    "uploadpack.packObjectsHook",
    "sendemail.*Cmd",
    "submodule.*.update",
    "init.templateDir",
    "url.*.insteadOf",
    "url.*.pushInsteadOf",
    "http.sslVerify",
    "http.*.sslVerify",
    "include.path",
    "includeIf.*.path",
    "protocol.ext.allow",
    "protocol.allow",
];

/// Endings by which a file is told from a folder: what is discarded file by file, each by its name, is
/// no more than `cp` and `mv` write over.
///
/// # Source
/// The extensions of text files in GitHub's list of languages, Linguist 9, those of agents' projects.
const FILE_ENDINGS: &[&str] = &[
    "adoc", "bash", "c", "cc", "cfg", "cjs", "cpp", "cs", "css", "csv", "dart", "ex", "exs",
    "fish", "go", "gradle", "graphql", "h", "hcl", "hpp", "html", "ini", "ipynb", "java", "jl",
    "js", "json", "jsonl", "jsx", "kt", "kts", "less", "lock", "lua", "md", "mdx", "mjs", "mod",
    "php", "pl", "prisma", "proto", "ps1", "py", "pyi", "r", "rb", "rs", "rst", "sass", "scala",
    "scss", "sh", "snap", "sql", "sum", "svelte", "svg", "swift", "tf", "tmpl", "toml", "ts",
    "tsx", "txt", "vue", "xml", "yaml", "yml", "zig",
];

fn git(paths: &[&str]) -> Form {
    form(&["git"]).below(paths).globals(GLOBALS)
}

fn push() -> Form {
    git(&["push"]).flags("vqnu46df").valued("o", &["push-option", "repo", "receive-pack", "exec"])
}

fn branch() -> Form {
    git(&["branch"]).flags("vqdDfra").valued("u", &["set-upstream-to", "contains"])
}

pub(super) fn acts() -> Vec<Act> {
    vec![
        Act::new("git.force-push", "force push", HistoryRewriting, "git-push(1)")
            .by(push().with(&[
                short("f"),
                long("force"),
                cut("mirror", "m"),
                cut("prune", "pru"),
                operand(&["+*"]),
            ]))
            // Even with a lease where everyone's work is.
            .by(push()
                .with(&[cut("force-with-lease", "force-w"), cut("force-if-includes", "force-i")])
                .with(&[operand(&["main", "master"])]))
            .examples(
                &[
                    "git push --force",
                    "git push origin main -f",
                    "git push -uf origin x",
                    "git -C d push --force=true",
                    "git push origin +main",
                    "git push origin '+refs/heads/*:refs/heads/*'",
                    "git push --mirr backup",
                    "git --git-dir .git push --prune origin",
                    "git push --force-with-lease origin main",
                ],
                &[
                    "git push",
                    "git push -u origin feature",
                    "git push --force-with-lease",
                    "git push --force-with-lease origin x",
                    "git push --follow-tags",
                    "git commit -m 'push --force is bad'",
                    "git push origin a+b",
                    "git fetch -f",
                ],
            ),
        Act::new(
            "git.delete-remote",
            "delete a branch or tag on the remote",
            HistoryRewriting,
            "git-push(1)",
        )
        .by(push().with(&[short("d"), cut("delete", "de"), operand(&[":*"])]))
        .examples(
            &[
                "git push origin --delete x",
                "git push -d origin x",
                "git push origin :x",
                "git -C d push --del origin x",
            ],
            &["git push origin a:b", "git push", "git branch -d x", "git push -u origin x"],
        ),
        Act::new(
            "git.rewrite",
            "rewrite commits, or drop the means to undo it",
            HistoryRewriting,
            "git-filter-branch(1), git-reflog(1), git-update-ref(1), git-gc(1)",
        )
        .by(git(&["filter-branch", "filter-repo", "reflog expire", "reflog delete"]))
        .by(git(&["update-ref"])
            .flags("dz")
            .valued("m", &[])
            .with(&[short("d"), cut("delete", "de")]))
        .by(git(&["gc"]).with(&[is(&["--prune=now", "--prune=all"])]))
        .examples(
            &[
                "git filter-branch --tree-filter x HEAD",
                "git -C d reflog expire --all",
                "git update-ref -d refs/heads/x",
                "git gc --aggressive --prune=now",
            ],
            &["git reflog", "git gc", "git update-ref refs/heads/x y", "git log filter-branch"],
        ),
        Act::new(
            "git.discard",
            "throw away work that is not committed",
            WorkLoss,
            "git-reset(1), git-clean(1), git-checkout(1), git-switch(1), git-stash(1)",
        )
        .by(git(&["reset"]).with(&[cut("hard", "ha"), cut("merge", "me"), cut("keep", "k")]))
        .by(git(&["clean"])
            .flags("qfdinxX")
            .valued("e", &["exclude"])
            .with(&[short("f"), cut("force", "f")]))
        .by(git(&["checkout"]).flags("qlfdt23mp").valued("bB", &["orphan"]).with(&[
            short("f"),
            cut("force", "f"),
            operand(&["."]),
            dashes(FILE_ENDINGS),
        ]))
        .by(git(&["switch"]).flags("qfdtm").valued("cC", &[]).with(&[
            short("f"),
            cut("force", "force"),
            cut("discard-changes", "di"),
        ]))
        .by(git(&["stash drop", "stash clear"]))
        .examples(
            &[
                "git reset --hard 'HEAD~1'",
                "git -C d reset --har",
                "git clean -fdx",
                "git clean -d --force",
                "git checkout -- .",
                "git checkout -- src",
                "git checkout HEAD -- a.txt :/",
                "git checkout -q -- '*.txt'",
                "git checkout HEAD .",
                "git checkout main -f",
                "git switch --discard-changes main",
                "git stash clear",
            ],
            &[
                "git reset --soft 'HEAD~1'",
                "git reset HEAD a.txt",
                "git clean -nd",
                "git clean --dry-run",
                "git checkout main",
                "git checkout -b f",
                "git stash pop",
            ],
        ),
        Act::new(
            "git.delete-branch",
            "delete a branch that is not merged",
            WorkLoss,
            "git-branch(1)",
        )
        .by(branch().with(&[short("D")]))
        .by(branch()
            .with(&[short("d"), cut("delete", "d")])
            .with(&[short("f"), cut("force", "forc")]))
        .examples(
            &[
                "git branch -D x",
                "git branch x -D",
                "git branch -qD x",
                "git branch -df x",
                "git branch --force --delete x",
            ],
            &["git branch -d x", "git branch", "git branch -f x y", "git push -D"],
        ),
        Act::new(
            "git.code-config",
            "have git run or trust other code from now on",
            Persistence,
            "git-config(1)",
        )
        .by(git(&["config"])
            .valued("f", &["file", "blob", "type", "default", "comment"])
            .with(&[key(CODE_KEYS)]))
        // To set a key and to read it begin alike, in capitals and small letters.
        .beyond_patterns()
        .examples(
            &[
                "git config core.pager ./x",
                "git config --global core.sshCommand x",
                "git -C d config CORE.HOOKSPATH /tmp/h",
                "git config set --local alias.x '!id'",
                "git config --add url.https://x/.insteadOf https://y/",
                "git config -f .git/config filter.x.clean ./x",
            ],
            &[
                "git config core.pager",
                "git config --get core.pager",
                "git config --unset alias.x",
                "git config user.name x",
                "git config core.autocrlf false",
                "git config --list",
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns cannot tell these from folders: no misses of the act, which its guards must let through.
    #[test]
    fn files_that_are_put_back_by_name_are_not_thrown_away() {
        let acts = acts();
        let discard = acts.iter().find(|it| it.id == "git.discard").unwrap();
        for (line, wanted) in [
            ("git checkout -- a.txt", false),
            ("git checkout HEAD -- a/b.rs ../c.go", false),
            ("git -C d checkout -q -- a.txt", false),
            ("git checkout --", false),
            ("git checkout -- a.txt src", true),
            ("git checkout -- a.txt -f", true),
            ("git checkout -f -- a.txt", true),
            ("git checkout -- ':!a.txt'", true),
            ("git checkout -- :/a.txt", true),
            ("git checkout -- 'a b.txt'", true),
            ("git checkout -- .txt.d", true),
            ("git checkout -- conf.d", true),
            ("git checkout -- a.txt/", true),
        ] {
            assert_eq!(discard.language().contains(line), wanted, "{line}");
        }
    }
}
