//! What tools are asked to look at.
use super::request::{Request, asked};

/// The tools.
///
/// # Source
/// Their manuals: git 2.47, go 1.24, gh 2.60, docker 28, kubectl 1.32, npm 11, cargo 1.88, pip 25, uv 0.5,
/// Homebrew 4.4, helm 3.16, terraform 1.10, aws 2.22, gcloud 500, systemd 257. Left out is what prints settings or
/// the content of secrets, what takes code from settings of the folder it is pointed at, and what waits for more.
pub(super) const LOOKS: &[Request] = &[
    Request {
        names: "git",
        paths: "annotate, blame, branch, cat-file, check-attr, check-ignore, check-ref-format, cherry, count-objects, describe, diff, \
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
            "--edit",
            "--show-signature",
            "--filters",
        ],
    },
    Request {
        names: "go",
        paths: "doc, env, list, mod graph, mod verify, mod why, version",
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
    Request {
        names: "gh",
        paths: "cache list, gist list, issue list, issue status, issue view, label list, org list, pr checks, pr diff, \
                pr list, pr status, pr view, project list, project view, release list, release view, repo list, \
                repo view, ruleset list, ruleset view, run list, run view, run watch, search code, search commits, search \
                issues, search prs, search repos, status, workflow list, workflow view",
        not: &["--web", "-w"],
    },
    Request { names: "gh", paths: "auth status", not: &["--show-token", "-t"] },
    Request {
        names: "gh",
        paths: "api",
        not: &[
            "--field",
            "--header",
            "--hostname",
            "--input",
            "--method",
            "--raw-field",
            "-F",
            "-H",
            "-X",
            "-f",
            "graphql",
        ],
    },
    Request {
        names: "mise",
        paths: "current, ls, tasks, tasks ls, version, where, which",
        not: &["--cd", "-C"],
    },
    Request {
        names: "docker podman",
        paths: "compose images, compose ls, compose ps, compose version, container ls, context ls, diff, history, image \
                history, image ls, images, info, network ls, port, ps, system df, top, version, volume ls",
        not: &["-H", "--host", "--config", "-c", "--context", "--url"],
    },
    Request {
        names: "kubectl oc",
        paths: "api-resources, api-versions, cluster-info, config current-context, config get-contexts, describe, explain, \
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
    Request {
        names: "npm pnpm",
        paths: "explain, info, list, ls, outdated, prefix, root, search, show, view, why",
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
    Request {
        names: "cargo",
        paths: "info, locate-project, metadata, pkgid, search, tree",
        not: &["--config", "-Z", "+", "--registry", "--index"],
    },
    Request {
        names: "rustup",
        paths: "component list, show, show active-toolchain, target list, toolchain list, which",
        not: &[],
    },
    Request { names: "pip pip3", paths: "check, freeze, list, show", not: &["--python", "--log"] },
    Request {
        names: "uv",
        paths: "pip check, pip freeze, pip list, pip show, pip tree, python list, tool list",
        not: &["--python", "--config-file", "--index", "--default-index"],
    },
    Request { names: "brew", paths: "leaves, list, search", not: &[] },
    Request {
        names: "helm",
        paths: "history, list, ls, repo list, search hub, search repo, status",
        not: &["--post-renderer", "--kubeconfig", "--kube-"],
    },
    Request {
        names: "terraform tofu",
        paths: "providers, state list, version, workspace list, workspace show",
        not: &["-chdir", "-state"],
    },
    Request {
        names: "aws",
        paths: "* describe-*, * list-*, s3 ls",
        not: &["--endpoint", "--profile", "--no-verify", "--ca-bundle", "--cli-input", "file"],
    },
    Request { names: "sqlite3", paths: "", not: &[] },
    Request {
        names: "systemctl",
        paths: "is-active, is-enabled, is-failed, list-timers, list-unit-files, list-units, status",
        not: &["-H", "--host", "-M", "--machine"],
    },
];

/// Whether no option of what a tool is asked for does more than look, or open a browser; nor words that `may_split`
/// into more operands, where a tool has a program among these.
pub(super) fn takes_any_option(argv: &[String], may_split: bool) -> bool {
    asked(LOOKS, argv).is_some_and(|it| {
        let opens_browsers = it.not.iter().all(|it| matches!(*it, "--web" | "-w"));
        opens_browsers && !(may_split && it.not.is_empty())
    })
}
