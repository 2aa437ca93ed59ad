//! What is known to do no more than look, held against the programs of this machine.
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use policy_advisor::{
    commands::{grammar::subcommand, read},
    policy::Access,
    risk::{access, effects},
};
use proptest::prelude::*;

use crate::filters::end_soon;

const TOOLS: &[&str] = &[
    "awk",
    "b2sum",
    "cal",
    "cat",
    "cksum",
    "cmp",
    "column",
    "comm",
    "cut",
    "date",
    "diff",
    "du",
    "egrep",
    "expand",
    "expr",
    "factor",
    "fgrep",
    "file",
    "find",
    "fmt",
    "fold",
    "grep",
    "head",
    "hexdump",
    "join",
    "jq",
    "ls",
    "md5sum",
    "nl",
    "numfmt",
    "objdump",
    "od",
    "paste",
    "pathchk",
    "ps",
    "readelf",
    "readlink",
    "realpath",
    "rev",
    "rg",
    "sed",
    "seq",
    "sha256sum",
    "shuf",
    "size",
    "sort",
    "stat",
    "strings",
    "sum",
    "tac",
    "tail",
    "test",
    "tr",
    "tree",
    "tsort",
    "unexpand",
    "uniq",
    "wc",
    "which",
    "xxd",
];

const WORDS: &[&str] = &[
    "in",
    "sub",
    ".",
    "prog",
    "./prog",
    "out",
    "1",
    "x",
    "-",
    "/dev/null",
    "script",
    "",
    "+",
    "%s",
    "-exec",
    "-ok",
    "-delete",
    "-fprint",
    "-fls",
    "{}",
    ";",
    "-name",
    "-o",
    "w out",
    "e ./prog",
    "1",
    "{print > \"out\"}",
    "{system(\"./prog\")}",
    "in=out",
    "--",
    "=",
    "-i",
    "-w",
    "-f",
];

/// What git can be asked for, and other words of its lines.
const REQUESTS: &[&str] = &[
    "log",
    "status",
    "diff",
    "show",
    "branch",
    "tag",
    "stash",
    "list",
    "blame",
    "grep",
    "rev-parse",
    "remote",
    "ls-files",
    "for-each-ref",
    "describe",
    "reflog",
    "shortlog",
    "worktree",
    "notes",
    "show-branch",
    "range-diff",
    "cat-file",
    "submodule",
];

const GIT: &[&str] = &[
    "expire",
    "delete",
    "drop",
    "add",
    "update",
    "prune",
    "x",
    "in",
    "HEAD",
    "main",
    "--",
    "--output=out",
    "--output",
    "out",
    "-O",
    "-O./prog",
    "--open-files-in-pager=./prog",
    "--ext-diff",
    "--textconv",
    "--no-index",
    "-p",
    "-d",
    "-D",
    "-m",
    "-M",
    "-f",
    "-u",
    "-a",
    "-l",
    "-c",
    "-C",
    "-1",
    "--edit-description",
    "--paginate",
    "--no-pager",
    "--refresh",
    "--set-upstream-to=main",
    "--unset-upstream",
    "--git-dir",
    "--all",
    "--exec=./prog",
    "--force",
    "core.pager=./prog",
    "--filters",
    "blob",
    "-e",
    "--show-current",
    "x.y=z",
];

/// Where programs are.
const FOLDERS: &[&str] = &["/usr/bin", "/bin", "/usr/local/bin"];

/// Tools that are here, each with the long options that it tells of.
static OPTIONS: LazyLock<BTreeMap<&str, (PathBuf, Vec<String>)>> = LazyLock::new(|| {
    let here = TOOLS.iter().filter_map(|&name| {
        let path = FOLDERS.iter().map(|it| Path::new(it).join(name)).find(|it| it.exists())?;
        let help = Command::new(&path).arg("--help").stdin(Stdio::null()).output().ok()?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let mut options: Vec<String> = help
            .split(|ch: char| ch.is_whitespace() || ",[]()|".contains(ch))
            .filter(|it| it.starts_with("--") && it.len() > 3)
            .flat_map(|it| {
                let name = it.split('=').next().unwrap_or_default();
                let name = name.trim_end_matches(|ch: char| !ch.is_ascii_alphanumeric());
                ["", "=out", "=./prog"].map(|value| format!("{name}{value}"))
            })
            .collect();
        options.sort();
        options.dedup();
        Some((name, (path, options)))
    });
    here.collect()
});

/// The options of which git tells for each request.
static GIT_OPTIONS: LazyLock<BTreeMap<&str, Vec<String>>> = LazyLock::new(|| {
    let told = REQUESTS.iter().map(|&name| {
        let args = [name, "--git-completion-helper-all"];
        let told = Command::new("git").args(args).output().unwrap().stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let valued = |it: &str| if it.ends_with('=') { format!("{it}out") } else { it.to_owned() };
        (name, told.split_whitespace().filter(|it| it.starts_with("--")).map(valued).collect())
    });
    told.collect()
});

/// A folder to work in, beside a program that leaves a trace.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("in"), "a\nb c\n1 2\n").unwrap();
    fs::write(at("script"), "w out\n").unwrap();
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("sub/in"), "x\n").unwrap();
    fs::write(at("prog"), format!("#!/bin/sh\n: > {}\n", at("ran").display())).unwrap();
    fs::set_permissions(at("prog"), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// What is in a folder: every file with what is in it.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut res = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|it| it == ".git") {
            continue;
        }
        if path.is_dir() {
            res.extend(contents(&path));
            res.insert(path, Vec::new());
        } else {
            let text = fs::read(&path).unwrap();
            res.insert(path, text);
        }
    }
    res
}

fn only_looks(argv: &[String]) -> bool {
    let reading = read(argv);
    let [command] = reading.commands.as_slice() else { return false };
    let effects = effects(command, &subcommand(&command.argv));
    reading.unresolved.is_empty() && access(command, None, effects) == Some(Access::Read)
}

/// Runs a program for half a second at most.
fn run(program: &Path, argv: &[String], dir: &Path) {
    let mut child = Command::new(program)
        .args(&argv[1..])
        .current_dir(dir)
        .env_clear()
        .env("PATH", dir)
        .env("HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    end_soon(&mut child, Duration::from_millis(500));
}

/// So many cases, or what `ADVISOR_TEST_LOOKS` says.
fn cases(usual: u32) -> u32 {
    std::env::var("ADVISOR_TEST_LOOKS").ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

/// A few numbers, each for a word.
fn picks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<prop::sample::Index>().prop_map(|it| it.index(1 << 20)), 2..7)
}

fn pick<'a, T: ?Sized>(list: &[&'a T], at: usize) -> &'a T {
    list[at % list.len()]
}

#[test]
fn what_leaves_something_is_seen() {
    for (name, argv) in
        [("sort", "sort -o out in"), ("sort", "sort -S1 --compress-program=./prog in")]
    {
        let dir = folder();
        let before = contents(dir.path());
        let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        assert!(!only_looks(&argv), "{argv:?}");
        fs::write(dir.path().join("in"), "a\n".repeat(1 << 20)).unwrap();
        run(&OPTIONS[name].0, &argv, dir.path());
        let after = contents(dir.path());
        assert!(after.keys().any(|it| !before.contains_key(it)), "{argv:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3_000)))]

    #[test]
    fn what_only_looks_leaves_nothing(picks in picks()) {
        let names: Vec<&str> = OPTIONS.keys().copied().collect();
        prop_assert!(names.len() > 30, "{names:?}");
        let name = pick(&names, picks[0]);
        let (program, options) = &OPTIONS[name];
        let word = |at: &usize| match at % 3 {
            0 if !options.is_empty() => options[(at / 3) % options.len()].clone(),
            1 => {
                let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0";
                format!("-{}", letters[(at / 3) % letters.len()] as char)
            }
            _ => pick(WORDS, at / 3).to_owned(),
        };
        let mut argv = vec![name.to_owned()];
        argv.extend(picks[1..].iter().map(word));
        if only_looks(&argv) {
            let dir = folder();
            let before = contents(dir.path());
            run(program, &argv, dir.path());
            prop_assert_eq!(contents(dir.path()), before, "{:?}", argv);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn what_git_is_asked_to_look_at_stays_as_it_is(picks in picks()) {
        let request = pick(REQUESTS, picks[0] / 8);
        let options = &GIT_OPTIONS[request];
        let word = |at: &usize| match at % 8 {
            0..3 if !options.is_empty() => options[(at / 8) % options.len()].clone(),
            7 => pick(REQUESTS, at / 8).to_owned(),
            _ => pick(GIT, at / 8).to_owned(),
        };
        let mut argv = vec!["git".to_owned()];
        // Most begin with what is asked for; some have options before it.
        if picks[0] % 8 != 0 {
            argv.push(request.to_owned());
        }
        argv.extend(picks[1..].iter().map(word));
        if !only_looks(&argv) {
            return Ok(());
        }
        let dir = folder();
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(args);
            git.current_dir(dir.path()).env("HOME", dir.path());
            String::from_utf8_lossy(&git.output().unwrap().stdout).into_owned()
        };
        git(&["init", "-qb", "main"]);
        git(&["add", "in", "sub"]);
        git(&["commit", "-qm", "a"]);
        git(&["branch", "x"]);
        fs::write(dir.path().join("in"), "changed\n").unwrap();
        let state = || {
            let config = fs::read(dir.path().join(".git/config")).unwrap();
            let lists = [&["for-each-ref"][..], &["reflog"], &["stash", "list"], &["worktree", "list"], &["ls-files", "-s"]];
            (contents(dir.path()), config, lists.map(git))
        };
        let before = state();
        let program = FOLDERS.iter().rev().map(|it| Path::new(it).join("git")).find(|it| it.exists());
        run(&program.unwrap(), &argv, dir.path());
        prop_assert_eq!(state(), before, "{:?}", argv);
    }
}
