//! What is read of the scripts of `sed` and `awk` and of programs of Python, held against the programs of this machine.
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use policy_advisor::commands::read;
use proptest::prelude::*;

/// Waits for a program, and ends it where it takes longer.
pub(crate) fn end_soon(child: &mut Child, limit: Duration) {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() && begin.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Runs a filter in an empty directory, without any program to be found; whether it left something
/// there besides what it read.
fn leaves_something(program: &str, argv: &[&str]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("in"), ">M\n:\n").unwrap();
    let mut child = Command::new(program)
        .args(argv)
        .arg("in")
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", "")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    end_soon(&mut child, Duration::from_secs(1));
    std::fs::read_dir(dir.path()).unwrap().count() > 1
}

/// Texts of a few parts. None begins a path at the root, since the programs write what they name.
fn texts(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(parts), 1..9)
        .prop_map(|parts| parts.concat())
        .prop_filter("no path at the root", |it| {
            !["\"/", ">/", "> /", "w/", "w /"].iter().any(|bad| it.contains(bad))
        })
}

const SED: &[&str] = &[
    "e", "e>M", "w", "w F", "s,>,>,", "s,x,[,],", "s", ",", "[", "]", "^", "\\", "\n", ";", "{",
    "}", ":", "a", "a\\", "i x", "b", "t", "y,>,>,", "!", "$", "1", "\\,>,", "p", "#", " ", "r",
    "n", "+1", "~", "I", "v", "l", "q",
];

const AWK: &[&str] = &[
    "BEGIN", "{", "}", "system(", "\">M\"", "print", " > ", " >> ", "\"F\"", "|", "getline", "\"",
    "/", "[", "]", "(", ")", "if(1)", "x", " x++", "$1", "\n", ";", "#", "\\", "//", "&&", "!",
    "~", ",", "=", " ", "1", "/[/]/", "?", ":",
];

const PYTHON: &[&str] = &[
    "open('F','w')",
    "open(\"F\",\"w\")",
    "os.system('>M')",
    "x='open(\"F\",\"w\")'",
    "exec(x)",
    "eval(x)",
    "c=open",
    "c('F','w')",
    "import os",
    "import json",
    "from json import codecs",
    "import json as os",
    "json",
    "os",
    "codecs",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "'",
    "\"",
    "'''",
    "f'",
    "rf'",
    "f'{",
    "}'",
    "b'",
    "r'",
    "\\",
    "\\\n",
    "\n",
    ";",
    ":",
    "=",
    ",",
    "#",
    "!r",
    "1",
    "1.",
    "if 1:",
    " else ",
    " in",
    "lambda:",
    "print(",
    "x",
    " ",
    "mode='w'",
    "\r",
    "__import__('os')",
    "(lambda:",
    ")()",
    "\t",
    "pathlib",
    "from pathlib import Path",
    "Path('F').touch()",
    "Path('in').replace('F')",
];

/// The interpreter itself, in whose place something else may stand on the PATH.
fn python() -> &'static str {
    static PYTHON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PYTHON.get_or_init(|| {
        let told =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        String::from_utf8(told.unwrap().stdout).unwrap().trim().to_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn what_python_leaves_was_read(program in texts(PYTHON)) {
        let argv = ["python3", "-c", &program, "in"].map(str::to_owned);
        let reading = read(&argv);
        if reading.commands.len() == 1 && reading.commands[0].is_filter {
            prop_assert!(!leaves_something(python(), &["-BIS", "-c", &program]), "{program:?}");
        }
    }

    #[test]
    fn what_sed_leaves_was_read(script in texts(SED)) {
        let argv = ["sed".to_owned(), script.clone(), "in".to_owned()];
        let reading = read(&argv);
        if reading.commands.len() == 1 && reading.unresolved.is_empty() {
            prop_assert!(!leaves_something("/usr/bin/sed", &[&script]), "{script:?}");
        }
    }

    #[test]
    fn what_awk_leaves_was_read(program in texts(AWK)) {
        let argv = ["awk".to_owned(), program.clone(), "in".to_owned()];
        let reading = read(&argv);
        if reading.commands.len() == 1 && reading.unresolved.is_empty() {
            prop_assert!(!leaves_something("/usr/bin/awk", &[&program]), "{program:?}");
        }
    }
}
