//! What a word is by where it stands: the tool's own order of operands, the name of its option.
use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    ShapeWord,
    kind::ArgumentType,
    lexical::{self, classify, given, host, is_surely_path},
};

/// What a place in a command line takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// What the form says.
    Any,
    Path,
    /// A name of a commit, or a file where it can be nothing else.
    Ref,
    Regex,
    Code,
    Str,
    Host,
    Url,
    Image,
    Word,
    Glob,
    Port,
}

/// The operands of a command: those first named one by one, then all the others.
struct Operands {
    /// Binaries, blank-separated.
    binaries: &'static str,
    /// Subcommands, `|`-separated; empty for any.
    paths: &'static str,
    /// Options that take the place of the first operand, by canonical name.
    unless: &'static [&'static str],
    first: &'static [Hint],
    rest: Hint,
}

const fn row(
    binaries: &'static str,
    paths: &'static str,
    unless: &'static [&'static str],
    first: &'static [Hint],
    rest: Hint,
) -> Operands {
    Operands { binaries, paths, unless, first, rest }
}

/// The first row that names binary and subcommand counts.
///
/// # Source
/// The manuals of the tools.
const OPERANDS: &[Operands] = &[
    row(
        "grep egrep fgrep zgrep rg ag ack ugrep",
        "",
        &["--regexp", "--file"],
        &[Hint::Regex],
        Hint::Path,
    ),
    row("git", "grep", &["-e", "-f"], &[Hint::Regex], Hint::Path),
    row("sed gsed", "", &["--expression", "--file"], &[Hint::Code], Hint::Path),
    row("awk gawk mawk nawk", "", &["--file", "--source"], &[Hint::Code], Hint::Any),
    row("jq jaq gojq", "", &["--from-file"], &[Hint::Code], Hint::Path),
    row("yq", "", &["--from-file"], &[Hint::Code], Hint::Path),
    row("fd fdfind", "", &[], &[Hint::Regex], Hint::Path),
    row("echo printf say", "", &[], &[], Hint::Str),
    row(
        "cat head tail wc cp mv rm ls mkdir rmdir touch tee stat file tree du df less more nano vim nvim vi code open xdg-open \
         source . sort uniq diff cmp comm cut zip unzip gzip gunzip bzip2 xz zstd zcat md5sum sha1sum sha256sum sha512sum shasum \
         cksum realpath readlink basename dirname ln cd pushd tar nl tac rev od hexdump xxd strings shred truncate split install \
         gofmt goimports gofumpt rustfmt shfmt shellcheck eslint prettier tsc black isort mypy pyright flake8 pylint pytest \
         find bat rsync chflags xattr",
        "",
        &[],
        &[],
        Hint::Path,
    ),
    row("chmod chown chgrp", "", &[], &[Hint::Any], Hint::Path),
    row(
        "python python2 python3 node ruby perl php bash sh zsh fish lua tsx ts-node Rscript",
        "",
        &["-c", "-m", "--eval", "-e", "-lc"],
        &[Hint::Path],
        Hint::Any,
    ),
    row("sqlite3 duckdb", "", &[], &[Hint::Path], Hint::Code),
    row("go", "build|test|vet|run|fmt|list|generate", &[], &[], Hint::Path),
    row("go", "get|install|doc", &[], &[], Hint::Word),
    row("ruff golangci-lint", "check|format|run|fmt", &[], &[], Hint::Path),
    row(
        "git",
        "add|rm|mv|restore|check-ignore|clean|am|apply|stash push|ls-files",
        &[],
        &[],
        Hint::Path,
    ),
    row("git", "push|pull|fetch", &[], &[Hint::Any], Hint::Ref),
    row("git", "clone", &[], &[Hint::Url], Hint::Path),
    row("git", "remote add|remote set-url", &[], &[Hint::Word], Hint::Url),
    row("git", "worktree add", &[], &[Hint::Path], Hint::Ref),
    row("git", "worktree remove|init", &[], &[], Hint::Path),
    row("git", "config|config set", &[], &[Hint::Any], Hint::Str),
    row("git", "commit", &[], &[], Hint::Path),
    row(
        "git",
        "checkout|switch|merge|rebase|branch|log|show|diff|reset|cherry-pick|revert|tag|rev-parse|rev-list|merge-base|cat-file|\
         ls-tree|blame|describe|bisect|shortlog|reflog|stash apply|stash pop|stash drop|stash show|diff-tree|name-rev|\
         for-each-ref|update-ref|format-patch|range-diff|show-ref|bisect good|bisect bad|notes|archive",
        &[],
        &[],
        Hint::Ref,
    ),
    row(
        "docker podman nerdctl",
        "run|create|container run|container create",
        &[],
        &[Hint::Image],
        Hint::Any,
    ),
    row("docker podman nerdctl", "pull|push|rmi|tag|save|history|image", &[], &[], Hint::Image),
    row("docker podman nerdctl", "build|buildx build|image build", &[], &[], Hint::Path),
    row("docker podman nerdctl", "exec|container exec", &[], &[Hint::Word], Hint::Any),
    row(
        "docker podman nerdctl",
        "logs|stop|start|rm|restart|inspect|kill|port|top|attach|wait|pause|unpause|stats",
        &[],
        &[],
        Hint::Word,
    ),
    row("kubectl oc k", "logs|exec|attach|port-forward|debug", &[], &[Hint::Word], Hint::Any),
    row(
        "kubectl oc k",
        "get|describe|delete|edit|scale|patch|label|annotate|expose|wait",
        &[],
        &[Hint::Any],
        Hint::Word,
    ),
    row(
        "ssh mosh ssh-copy-id ping dig host nslookup traceroute telnet nc ncat whois",
        "",
        &[],
        &[Hint::Host],
        Hint::Any,
    ),
    row("curl wget http https xh aria2c httpie websocat", "", &[], &[], Hint::Url),
    row("killall pkill pgrep pidof", "", &[], &[], Hint::Word),
    row("which type whereis man whatis", "", &[], &[], Hint::Word),
    row(
        "npm pnpm yarn bun pip pip3 pipx uv poetry pdm cargo gem brew apt apt-get dnf yum apk pacman conda go composer",
        "install|add|remove|uninstall|i|rm|un|update|upgrade|view|info|show|search|pip install|pip uninstall|tool install|global add|why|outdated",
        &[],
        &[],
        Hint::Word,
    ),
    row("gh glab", "api", &[], &[], Hint::Word),
    row(
        "gh glab",
        "repo clone|repo view|repo fork|run view|pr view|issue view",
        &[],
        &[Hint::Word],
        Hint::Any,
    ),
    row("make gmake just task", "", &[], &[], Hint::Any),
    row("bazel bazelisk buck2", "build|test|run|query|cquery|coverage", &[], &[], Hint::Glob),
    row("rails", "runner|r", &[], &[Hint::Code], Hint::Any),
    row(
        "kubectl oc k",
        "rollout restart|rollout status|rollout undo|top pod|cordon|drain",
        &[],
        &[],
        Hint::Word,
    ),
    row("aws", "logs tail", &[], &[], Hint::Word),
];

/// Options by canonical name, `--` off: what they take whatever the tool.
const OPTIONS: &[(Hint, &str)] = &[
    (
        Hint::Str,
        "message title body description subject notes comment reason prompt append-system-prompt system-prompt data data-raw \
         data-binary data-ascii data-urlencode json header user-agent cookie form form-string trailer author text \
         date-format write-out raw-field field template jsonpath",
    ),
    (
        Hint::Regex,
        "regexp grep run skip bench testNamePattern test-name-pattern grep-invert match pattern invert-grep keyword keywords",
    ),
    (Hint::Glob, "include exclude exclude-dir include-dir glob iglob ignore ignore-pattern"),
    (
        Hint::Ref,
        "branch base head ref commit rev onto create force-create orphan merged no-merged contains no-contains revision \
         since-commit new-from-rev from-ref to-ref set-upstream-to fixup squash",
    ),
    (
        Hint::Path,
        "file filename directory dir path cwd workdir chdir config-file manifest-path output-file output-dir outdir outfile \
         root rootdir prefix project-directory target-dir target-directory kubeconfig env-file values body-file notes-file \
         cookie-jar upload-file out-dir src dest destination git-dir work-tree makefile rcfile basetemp \
         cov-config include-from exclude-from files-from requirement requirements coverprofile cpuprofile memprofile",
    ),
    (
        Hint::Url,
        "url registry index-url extra-index-url repo-url proxy endpoint-url endpoint server",
    ),
    (Hint::Image, "image"),
    (Hint::Port, "port"),
    (Hint::Code, "eval jq expr execute"),
    (
        Hint::Word,
        "name namespace container repo owner user username profile project account subscription resource-group cluster context \
         team org milestone label assignee reviewer function table bucket queue topic app service job label-columns selector \
         test package secret-id policy-arn role-arn arn function-name stack-name",
    ),
];

/// Short options whose meaning is their binary's.
const SHORT_OPTIONS: &[(&str, &str, Hint)] = &[
    ("python python2 python3", "-c", Hint::Code),
    ("bash sh zsh dash ksh fish", "-c -lc -ic -ec", Hint::Code),
    ("node nodejs perl ruby lua Rscript php deno bun", "-e -E -p -r -pe -ne -lne -pie", Hint::Code),
    ("psql mysql mariadb sqlite3 mongosh redis-cli", "--command --execute -c -e", Hint::Code),
    ("sed gsed", "--expression", Hint::Code),
    ("awk gawk", "--assign", Hint::Str),
    ("find", "-name -iname -path -ipath -wholename", Hint::Glob),
    ("find", "-regex -iregex", Hint::Regex),
    ("find", "-newer -samefile -fprint", Hint::Path),
    ("find", "-user -group", Hint::Word),
    ("go", "-run -bench -skip -fuzz", Hint::Regex),
    ("go", "-o -C -coverprofile -cpuprofile -memprofile", Hint::Path),
    ("go", "-f -ldflags -gcflags -tags", Hint::Str),
    ("pytest py.test", "-k -m", Hint::Str),
    ("git", "-c", Hint::Str),
    ("git", "-C", Hint::Path),
    ("git", "-b -B -D -d", Hint::Ref),
    ("git", "-S -G", Hint::Regex),
    ("git", "-L", Hint::Str),
    ("terraform tofu", "-var", Hint::Str),
    ("terraform tofu", "-target", Hint::Word),
    ("pip pip3 uv", "-e --editable", Hint::Path),
    ("terraform tofu", "-out -chdir -var-file -state", Hint::Path),
    ("ssh scp sftp", "-i -F", Hint::Path),
    ("ssh", "-o", Hint::Str),
    ("tmux", "-t -s -n", Hint::Word),
    ("curl", "--output", Hint::Path),
    ("wget", "--output-document --output-file --directory-prefix", Hint::Path),
    ("curl", "--user", Hint::Str),
    ("docker podman", "-t --tag", Hint::Image),
    ("docker podman", "-w", Hint::Path),
];

/// The rows of [`OPERANDS`] for each binary, in their order.
static BY_BINARY: LazyLock<BTreeMap<&str, Vec<&Operands>>> = LazyLock::new(|| {
    let mut res: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in OPERANDS {
        for binary in row.binaries.split(' ') {
            res.entry(binary).or_default().push(row);
        }
    }
    res
});

/// [`OPTIONS`] by name.
static BY_OPTION: LazyLock<BTreeMap<&str, Hint>> = LazyLock::new(|| {
    let rows = OPTIONS.iter().rev();
    rows.flat_map(|(hint, names)| names.split(' ').map(move |name| (name, *hint))).collect()
});

/// [`SHORT_OPTIONS`] by binary and name.
static BY_BINARY_AND_OPTION: LazyLock<BTreeMap<(&str, &str), Hint>> = LazyLock::new(|| {
    let mut res = BTreeMap::new();
    for (binaries, names, hint) in SHORT_OPTIONS {
        for binary in binaries.split(' ') {
            for name in names.split(' ') {
                res.entry((binary, name)).or_insert(*hint);
            }
        }
    }
    res
});

/// What the value of an option is.
pub(super) fn option_hint(binary: &str, canonical: &str) -> Hint {
    if let Some(hint) = BY_BINARY_AND_OPTION.get(&(binary, canonical)) {
        return *hint;
    }
    let hint = canonical.strip_prefix("--").and_then(|name| BY_OPTION.get(name));
    hint.copied().unwrap_or(Hint::Any)
}

/// What the operands of one command are, in their order.
pub(super) struct OperandHints(Option<(&'static Operands, usize)>);

impl OperandHints {
    /// `has_option` tells whether an option was given, by canonical name.
    pub(super) fn new(binary: &str, path: &str, has_option: impl Fn(&str) -> bool) -> Self {
        let mut rows = BY_BINARY.get(binary).into_iter().flatten();
        let found = rows.find(|it| it.paths.is_empty() || it.paths.split('|').any(|it| it == path));
        Self(found.map(|&it| {
            let is_taken = it.unless.iter().any(|name| has_option(name));
            (it, usize::from(is_taken && !it.first.is_empty()))
        }))
    }

    /// What the operand at `at` is, counted from 0; after `--` most tools take files.
    pub(super) fn at(&self, at: usize, is_after_separator: bool) -> Hint {
        let Some((row, skipped)) = self.0 else { return Hint::Any };
        let hint = row.first.get(at + skipped).copied().unwrap_or(row.rest);
        if hint == Hint::Ref && is_after_separator { Hint::Path } else { hint }
    }
}

/// A word, by where it stands and then by its form.
pub(super) fn classify_as(hint: Hint, text: &str, cwd: Option<&str>) -> ShapeWord {
    if let Some(word) = given(text) {
        return word;
    }
    let kind = match hint {
        Hint::Any => return classify(text, cwd),
        // What find or another tool has as its own words.
        _ if matches!(text, "-" | "{}" | ";" | "+" | "!" | "\\;" | "(" | ")") => {
            return ShapeWord::Literal(text.to_owned());
        }
        Hint::Path if text.is_empty() || text.contains('\n') => ArgumentType::Str,
        Hint::Path => match classify(text, cwd) {
            word @ ShapeWord::Typed {
                kind: ArgumentType::Url(_) | ArgumentType::Glob | ArgumentType::Path(_),
                ..
            } => return word,
            _ => return lexical::path(text, cwd),
        },
        Hint::Ref if is_surely_path(text) && !text.contains(':') => {
            return lexical::path(text, cwd);
        }
        Hint::Ref => ArgumentType::Ref,
        Hint::Regex => ArgumentType::Regex,
        Hint::Code => ArgumentType::Code,
        Hint::Str => ArgumentType::Str,
        Hint::Image => ArgumentType::Image,
        Hint::Glob => ArgumentType::Glob,
        Hint::Port if !text.bytes().any(|it| it.is_ascii_digit()) => return classify(text, cwd),
        Hint::Port => ArgumentType::Port,
        Hint::Host => match classify(text, cwd) {
            word @ ShapeWord::Typed { kind: ArgumentType::Ip | ArgumentType::Url(_), .. } => {
                return word;
            }
            _ => ArgumentType::Host,
        },
        Hint::Url => match classify(text, cwd) {
            word @ ShapeWord::Typed { kind: ArgumentType::Url(_), .. } => return word,
            _ if text.starts_with(['/', '.', '~']) => return lexical::path(text, cwd),
            _ => {
                let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
                ArgumentType::Url(host(authority))
            }
        },
        Hint::Word => match classify(text, cwd) {
            word @ ShapeWord::Typed {
                kind:
                    ArgumentType::Url(_)
                    | ArgumentType::Number
                    | ArgumentType::Uuid
                    | ArgumentType::Hash
                    | ArgumentType::Ip
                    | ArgumentType::Str,
                ..
            } => return word,
            ShapeWord::Typed { kind: ArgumentType::Path(_), .. } if is_surely_path(text) => {
                return lexical::path(text, cwd);
            }
            _ => ArgumentType::Word,
        },
    };
    ShapeWord::typed(kind)
}
