//! What is known to do no more than look.
//!
//! A tool that is asked for what it knows changes nothing: `git log`, `go env`, `gh pr view`. This is told by
//! a list of such requests, by the effects, and by the acts that must not pass, of which it must be none. An
//! interpreter whose program was read, and does no more than compute and print, looks only, too.
use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use super::{
    Effect, Effects,
    acts::{Act, acts},
    severity::is_guarded,
};
use crate::{
    commands::{Command, Site, base_name, grammar},
    policy::{Access, proof::Language},
};

mod sqlite;
mod viewers;

/// A tool, and what it is asked for.
#[derive(Debug)]
struct Tool {
    names: &'static [&'static str],
    /// Subcommand paths, separated by commas; a path that ends in `*` is the beginning of its last word.
    looks: &'static str,
    /// How words begin with which it does more.
    not: &'static [&'static str],
}

/// Effects of looking.
const READS: Effects = Effects::of(&[
    Effect::FileRead,
    Effect::VcsRead,
    Effect::InfraRead,
    Effect::DbRead,
    Effect::NetworkIn,
]);

/// The tools.
///
/// # Source
/// Their manuals: git 2.47, go 1.24, gh 2.60, docker 28, kubectl 1.32, npm 11, cargo 1.88, pip 25, uv 0.5,
/// Homebrew 4.4, helm 3.16, terraform 1.10, aws 2.22, gcloud 500, systemd 257. Left out is what prints settings or
/// the content of secrets, what takes code from settings of the folder it is pointed at, and what waits for more.
const TOOLS: &[Tool] = &[
    Tool {
        names: &["git"],
        looks: "annotate, blame, branch, cat-file, check-attr, check-ignore, cherry, count-objects, describe, diff, \
                diff-files, diff-index, diff-tree, for-each-ref, grep, log, ls-files, ls-tree, merge-base, name-rev, \
                notes show, range-diff, reflog, reflog show, remote, remote get-url, remote show, rev-list, \
                rev-parse, shortlog, show, show-branch, show-ref, stash list, stash show, status, submodule status, \
                tag, version, whatchanged, worktree list",
        not: &[
            "--output",
            "--ext-diff",
            "--textconv",
            "--open-files",
            "-O",
            "-c",
            "--config-env",
            "--exec-path",
            "--edit",
            "--show-signature",
            "--git-dir",
            "--work-tree",
            "--filters",
        ],
    },
    Tool {
        names: &["go"],
        looks: "doc, env, list, mod graph, mod why, version",
        not: &[
            "-toolexec",
            "--toolexec",
            "-mod",
            "--mod",
            "-overlay",
            "--overlay",
            "-export",
            "--export",
            "-compiled",
            "--compiled",
            "-w",
            "--w",
            "-u",
            "--u",
            "-http",
            "--http",
        ],
    },
    Tool {
        names: &["gh"],
        looks: "cache list, gist list, issue list, issue status, issue view, label list, org list, pr checks, pr diff, \
                pr list, pr status, pr view, project list, project view, release list, release view, repo list, \
                repo view, ruleset list, ruleset view, run list, run view, search code, search commits, search \
                issues, search prs, search repos, status, workflow list, workflow view",
        not: &["--web", "-w"],
    },
    Tool {
        names: &["docker", "podman"],
        looks: "compose images, compose ls, compose ps, compose version, container ls, context ls, diff, history, image \
                history, image ls, images, info, network ls, port, ps, system df, top, version, volume ls",
        not: &["-H", "--host", "--config", "-c", "--context", "--url"],
    },
    Tool {
        names: &["kubectl", "oc"],
        looks: "api-resources, api-versions, cluster-info, config current-context, config get-contexts, describe, explain, \
                get, rollout history, rollout status, top node, top nodes, top pod, top pods, version",
        not: &[
            "--raw",
            "--kubeconfig",
            "--server",
            "-s",
            "--token",
            "--as",
            "--cluster",
            "--user",
            "-w",
            "--watch",
        ],
    },
    Tool {
        names: &["npm", "pnpm"],
        looks: "explain, info, list, ls, outdated, prefix, root, search, show, view, why",
        not: &[
            "--script-shell",
            "--registry",
            "--userconfig",
            "--globalconfig",
            "--node-options",
            "-C",
            "--dir",
            "--prefix",
            "--pnpmfile",
            "--global-pnpmfile",
            "--config",
        ],
    },
    Tool {
        names: &["cargo"],
        looks: "info, locate-project, metadata, pkgid, search, tree",
        not: &["--config", "-Z", "+", "--registry", "--index"],
    },
    Tool {
        names: &["pip", "pip3"],
        looks: "check, freeze, list, show",
        not: &["--python", "--log"],
    },
    Tool {
        names: &["uv"],
        looks: "pip check, pip freeze, pip list, pip show, pip tree, python list, tool list",
        not: &["--python", "--config-file", "--index", "--default-index"],
    },
    Tool { names: &["brew"], looks: "leaves, list, search", not: &[] },
    Tool {
        names: &["helm"],
        looks: "history, list, ls, repo list, search hub, search repo, status",
        not: &["--post-renderer", "--kubeconfig", "--kube-"],
    },
    Tool {
        names: &["terraform", "tofu"],
        looks: "providers, state list, version, workspace list, workspace show",
        not: &["-chdir", "-state"],
    },
    Tool {
        names: &["aws"],
        looks: "* describe-*, * list-*, s3 ls",
        not: &["--endpoint", "--profile", "--no-verify", "--ca-bundle", "--cli-input", "file"],
    },
    Tool { names: &["sqlite3"], looks: "", not: &[] },
    Tool {
        names: &["systemctl"],
        looks: "is-active, is-enabled, is-failed, list-timers, list-unit-files, list-units, status",
        not: &["-H", "--host", "-M", "--machine"],
    },
];

/// What a tool is asked for, with the acts that are done with it.
#[derive(Debug)]
struct Known {
    /// Requests to look, and how words begin with which it does more; none for what shows files.
    requests: Option<(Vec<Vec<&'static str>>, &'static [&'static str])>,
    /// Lines of acts; put together when they are first asked for.
    acts: OnceLock<Vec<&'static Language>>,
}

static KNOWN: LazyLock<BTreeMap<&str, Known>> = LazyLock::new(|| {
    let tools = TOOLS.iter().flat_map(|tool| {
        tool.names.iter().map(|&name| {
            let looks = tool.looks.split(", ").map(|it| it.split_ascii_whitespace().collect());
            (name, Some((looks.collect(), tool.not)))
        })
    });
    let all = tools.chain(viewers::names().map(|it| (it, None)));
    all.map(|(name, requests)| (name, Known { requests, acts: OnceLock::new() })).collect()
});

impl Known {
    fn acts(&self, name: &str) -> &[&'static Language] {
        self.acts.get_or_init(|| {
            let of_tool = acts().iter().filter(|it| it.may_be_of(name));
            of_tool.map(Act::language).collect()
        })
    }

    /// Whether a vector is a request to look.
    fn looks(&self, argv: &[String], cwd: Option<&str>, effects: Effects) -> bool {
        let Some((looks, not)) = &self.requests else { return viewers::looks(argv, cwd) };
        let path = grammar::subcommand(argv);
        let is_of = |word: &str, wanted: &str| {
            wanted.strip_suffix('*').map_or(word == wanted, |begin| word.starts_with(begin))
        };
        let is_asked = looks.iter().any(|wanted| {
            wanted.len() == path.len() && path.iter().zip(wanted).all(|(word, it)| is_of(word, it))
        });
        // A fetch from elsewhere alone is none.
        is_asked && effects != Effects::of(&[Effect::NetworkIn]) && !does_more(argv, not)
    }
}

/// Whether a word of a vector begins with one of these, or with a value of one, or is one cut short.
fn does_more(argv: &[String], not: &[&str]) -> bool {
    argv.iter().skip(1).any(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let is_long = name.len() > 2 && name.starts_with("--");
        not.iter().any(|it| {
            word.starts_with(it) || value.starts_with(it) || (is_long && it.starts_with(name))
        })
    })
}

/// What every program is asked for who it is with, and nothing else.
///
/// # Source
/// GNU Coding Standards, 4.8: both end the program successfully without its usual work.
const INTRODUCTIONS: &[&str] = &["--help", "--version"];

/// Whether a program of the search path is asked who it is.
fn is_introduction(argv: &[String], effects: Effects) -> bool {
    let [name, asked] = argv else { return false };
    const MORE: Effects = READS.union(Effects::of(&[Effect::Unknown, Effect::Process]));
    INTRODUCTIONS.contains(&asked.as_str())
        && !name.contains('/')
        && effects.iter().all(|it| MORE.contains(it))
}

/// How far a command with these effects goes, where all that it does is known; `cwd` is where it runs.
pub fn access(command: &Command, cwd: Option<&str>, effects: Effects) -> Option<Access> {
    if command.site != Site::Local {
        return None;
    }
    let argv = &command.argv;
    let name = base_name(argv.first()?);
    let only_reads = || effects.iter().all(|it| READS.contains(it));
    let is_looking = if is_introduction(argv, effects) {
        !is_guarded(&command.line())
    } else if command.is_filter {
        only_reads()
    } else {
        let known = KNOWN.get(name).filter(|_| only_reads())?;
        known.looks(argv, cwd, effects)
            && (name != "sqlite3" || sqlite::looks(argv, command.is_computed))
            && {
                let line = command.line();
                !is_guarded(&line) && !known.acts(name).iter().any(|it| it.contains(&line))
            }
    };
    is_looking.then_some(Access::Read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::read, risk::effects};

    fn looks(line: &str) -> bool {
        let argv = ["bash", "-c", line].map(str::to_owned);
        let reading = read(&argv);
        let [command] = reading.commands.as_slice() else { return false };
        let path = grammar::subcommand(&command.argv);
        access(command, None, effects(command, &path)) == Some(Access::Read)
    }

    #[test]
    fn looking_is_told_from_doing_more() {
        for line in [
            "git status -sb",
            "git -C /x log --oneline -5",
            "git --no-pager diff HEAD~1 -- a b",
            "git branch -a --format='%(refname:short)'",
            "git remote -v",
            "git -C /x branch --show-current",
            "git stash list",
            "git tag --list 'v*'",
            "git worktree list",
            "git cat-file -e x:y",
            "git grep -n '' origin/x -- y",
            "go env GOMODCACHE",
            "go list -m all",
            "go mod why -m x",
            "gh pr view 3 --json title",
            "gh run view 1 --log",
            "docker ps -a",
            "docker compose ps",
            "kubectl -n x get pods -o wide",
            "npm ls --depth 0",
            "cargo tree -i x",
            "pip show x",
            "aws ec2 describe-instances --region x",
            "aws s3 ls s3://x",
            "systemctl status x",
            "python3 -c 'print(1)'",
            "sqlite3 x.db 'select count(*) from y'",
            "sqlite3 \"$DB\" 'select 1'",
            "sqlite3 x.db \"select json_extract(a, '\\$.b') from c\"",
        ] {
            assert!(looks(line), "{line}");
        }
        for line in [
            "git branch x",
            "git branch -D x",
            "git branch --edit-description",
            "git tag v1",
            "git stash",
            "git stash drop",
            "git remote add x y",
            "git remote update",
            "git reflog expire --all",
            "git worktree add x",
            "git notes add x",
            "git config user.name x",
            "git log --output=x",
            "git grep -Oless x",
            "git -c core.pager=x log",
            "git diff --ext-diff",
            "git log --outp=x",
            "git fetch",
            "git foo",
            "git show HEAD:.ssh/id_rsa",
            "git show :.env",
            "git diff --no-index /dev/null ~/.ssh/id_rsa",
            "go env -w GOFLAGS=x",
            "go list -toolexec=x ./...",
            "go build",
            "go vet ./...",
            "gh pr view 3 --web",
            "gh api repos/x",
            "gh pr merge 3",
            "gh auth token",
            "docker -H tcp://x ps",
            "docker inspect x",
            "docker exec x ls",
            "kubectl get secret x -o yaml",
            "kubectl get pods,secrets -o yaml",
            "kubectl get --raw /x",
            "kubectl delete pod x",
            "npm install",
            "npm version patch",
            "cargo build",
            "aws secretsmanager get-secret-value --secret-id x",
            "aws ec2 terminate-instances",
            "aws ec2 describe-instances --filters=file:///x",
            "sudo git status",
            "GIT_PAGER='sh -c id' git log",
            "LD_PRELOAD=./x.so git log",
            "ssh h git status",
            "sqlite3 x.db 'delete from y'",
            "sqlite3 x.db \"select $X\"",
            "sqlite3 x.db \"select * from y where z = '$(cat q)'\"",
            "sqlite3 x.db",
            "sqlite3 '~/Library/Application Support/Firefox/Profiles/x/cookies.sqlite' 'select 1'",
            "cat x",
            "python3 x.py",
            "python3 -c 'import subprocess'",
        ] {
            assert!(!looks(line), "{line}");
        }
    }

    #[test]
    fn every_tool_has_its_requests_once() {
        for tool in TOOLS {
            let mut looks: Vec<&str> = tool.looks.split(", ").collect();
            let n_looks = looks.len();
            looks.sort_unstable();
            looks.dedup();
            assert_eq!(looks.len(), n_looks, "{:?}", tool.names);
        }
    }
}
