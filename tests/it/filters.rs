//! What is read of the scripts of `sed` and `awk`, held against the programs of this machine.
use std::{
    process::{Command, Stdio},
    time::Duration,
};

use policy_advisor::commands::read;
use proptest::prelude::*;

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
    for _ in 0..500 {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

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
