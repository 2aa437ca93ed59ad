//! Which lines there are: canonical command lines, and among them those that stand for themselves.
use std::sync::LazyLock;

use super::{bytes::Bytes, language::Language};
use crate::commands::{Command, Runs, canonical, code_variables, free_builtins, read, runs};

/// The languages of lines that rules are tried on.
#[derive(Debug)]
pub struct Lines {
    /// Every canonical command line.
    pub canonical: Language,
    /// Those whose name is not a free builtin.
    pub commands: Language,
    /// Of these, those that are decided on just this line: nothing is unwrapped, and nothing inside
    /// them runs. Files that a program of Python opens are decided beside it, which is stricter.
    pub plain: Language,
    /// Commands whose name is a free builtin and no wrapper.
    pub builtins: Language,
    /// Wrappers with what they run.
    pub wrapped: Language,
    /// `server/tool`.
    pub calls: Language,
}

static LINES: LazyLock<Lines> = LazyLock::new(Lines::new);

/// The languages of lines, made once.
pub fn lines() -> &'static Lines {
    &LINES
}

/// The lines that rules are tried on when a vector is decided: those of its commands, of their
/// wrappers, and its own where not all of it can be known.
pub fn tried_lines(argv: &[String]) -> Vec<String> {
    let reading = read(argv);
    let layers = reading.commands.iter().flat_map(|command| &command.layers);
    let mut lines: Vec<String> = layers.map(|layer| canonical(layer)).collect();
    lines.extend(reading.commands.iter().map(Command::line));
    if !reading.unresolved.is_empty() {
        lines.push(canonical(argv));
    }
    lines
}

/// Words with this content, as a canonical line spells them.
///
/// # Source
/// The quoting of [`crate::commands::quote`].
pub fn words(content: &Language) -> Language {
    let plain = unquoted();
    let bare = Language::byte(plain).then(&Language::byte(plain).star());
    let quote = Language::text("'");
    let inner = content.minus(&bare).spelled(b'\'', r#"'"'"'"#);
    content.and(&bare).or(&Language::chain([quote.clone(), inner, quote]))
}

/// The bytes that words consist of which a canonical line spells without quotes.
pub fn unquoted() -> Bytes {
    let letters = Bytes::range(b'a', b'z').or(Bytes::range(b'A', b'Z'));
    letters.or(Bytes::range(b'0', b'9')).or(Bytes::of("_@%+=:,./-"))
}

/// A blank and a word with this content.
pub fn argument(content: &Language) -> Language {
    Language::text(" ").then(&words(content)).minimal()
}

/// A blank and any word.
pub fn any_argument() -> Language {
    static ANY: LazyLock<Language> = LazyLock::new(|| argument(&Language::anything()));
    ANY.clone()
}

/// Text that begins so.
pub fn begins(text: &str) -> Language {
    Language::text(text).then(&Language::anything())
}

impl Lines {
    fn new() -> Self {
        let anything = Language::anything();
        let args = any_argument().star();
        let no_slash = anything.and(&Language::byte(Bytes::ALL.minus(Bytes::of("/"))).star());
        let name = words(&no_slash).minimal();
        let free = Language::one_of(
            free_builtins()
                .iter()
                .map(|it| quoted(it))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str),
        );
        let wrappers =
            Language::one_of(runs().filter(|(_, how)| *how == Runs::Wrapped).map(|(name, _)| name));
        let special = Language::one_of(runs().map(|(name, _)| name));
        let others = name.minus(&free).minus(&special).minus(&Language::text("''"));
        let mut plain = vec![others.then(&args)];
        for (name, how) in runs().filter(|(name, _)| !free_builtins().contains(name)) {
            plain.push(Language::text(name).then(&alone(how)));
        }
        Self {
            canonical: name.then(&args).minimal(),
            commands: name.minus(&free).then(&args).minimal(),
            plain: Language::any_of(plain).minimal(),
            builtins: free.minus(&wrappers).then(&args).or(&free.and(&wrappers)).minimal(),
            wrapped: wrappers.then(&any_argument()).then(&args).minimal(),
            calls: Language::chain([anything.clone(), Language::text("/"), anything]).minimal(),
        }
    }
}

fn quoted(name: &str) -> String {
    crate::commands::quote(name).into_owned()
}

/// The arguments with which a command that may run another one runs none.
fn alone(how: Runs) -> Language {
    let anything = Language::anything();
    let any = any_argument().star();
    let without =
        |words: &[&str]| argument(&anything.minus(&Language::one_of(words.iter().copied()))).star();
    let operand = argument(&anything.minus(&Language::one_of(["-", "+"]).then(&anything)));
    match how {
        // Without a word that is no option there is nothing to unwrap.
        Runs::Wrapped | Runs::Carried => {
            let option = begins("-")
                .minus(&Language::one_of(["-", "--"]))
                .minus(&begins("-S"))
                .minus(&begins("--split"))
                .minus(&begins("--command"))
                .minus(&begins("-c"));
            argument(&option).star()
        }
        Runs::Script => {
            let letters = Bytes::range(b'a', b'z').or(Bytes::range(b'A', b'Z'));
            let letter = Language::byte(letters.minus(Bytes::of("coO")));
            let flags = Language::text("-").then(&letter).then(&letter.star());
            argument(&flags).star().then(&operand.then(&any).maybe())
        }
        Runs::Code => Language::nothing(),
        Runs::WritingOption => {
            let option = begins("-").and(&free_of("o"));
            argument(&anything.minus(&begins("-")).or(&option)).star()
        }
        Runs::WritingOperand => {
            let flags = Language::one_of(["-c", "-d", "-u", "-i", "-p", "-r"]);
            argument(&flags).star().then(&operand.maybe())
        }
        Runs::Sed => sed_alone(),
        Runs::Awk => awk_alone(),
        Runs::Assigning => {
            let name = |(begin, end): (&str, Option<&str>)| {
                let begin = Language::text(begin);
                end.map_or(begin.clone(), |end| {
                    Language::chain([begin, anything.clone(), Language::text(end)])
                })
            };
            let names = Language::any_of(code_variables().map(name)).minimal();
            let assigned = Language::chain([names, Language::text("="), anything.clone()]);
            argument(&anything.minus(&assigned)).star()
        }
        Runs::Executed(options) => without(options),
        Runs::Remote(valued) => {
            let valued = Bytes::of(valued);
            let free = Language::byte(Bytes::range(b'0', b'z').minus(valued)).star();
            let dash = Language::text("-");
            let flag = dash.then(&free).minus(&dash);
            let short = Language::chain([dash, free, Language::byte(valued)]);
            let attached = short.then(&anything.minus(&Language::empty()));
            let flag = flag.or(&attached);
            let pair = argument(&short).then(&any_argument());
            let options = argument(&flag).or(&pair).star();
            options.then(&operand.maybe())
        }
        Runs::Inside => {
            let before = without(&["exec"]);
            let exec = Language::text(" exec").then(&operand);
            before.then(&exec.maybe())
        }
    }
}

/// Bytes of which the content of a word has none.
fn free_of(bytes: &str) -> Language {
    Language::byte(Bytes::ALL.minus(Bytes::of(bytes))).star()
}

/// The arguments of `sed` whose script, told by its letters or its form, runs nothing and opens
/// nothing.
fn sed_alone() -> Language {
    let chain = |parts: &[Language]| Language::chain(parts.iter().cloned());
    let digits = Language::byte(Bytes::range(b'0', b'9')).star();
    let slash = Language::text("/");
    let part = free_of("/\\[\n");
    let pattern = chain(&[slash.clone(), part.clone(), slash.clone()]);
    let address = digits.or(&Language::text("$")).or(&pattern);
    let addresses = address.then(&Language::text(",").then(&address).maybe());
    let shows = Language::one_of(["p", "d", "q", "="]);
    let flags = Language::byte(Bytes::of("gpiI0123456789")).star();
    let replaces = chain(&[Language::text("s"), pattern, part, slash, flags]);
    let command = addresses.then(&shows.or(&replaces));
    let script = command.then(&Language::text(";").then(&command).star()).minimal();

    let dash = Language::text("-");
    let operand = Language::anything().minus(&dash.then(&Language::anything()));
    let flags = Language::one_of(["-n", "-E", "-r", "-s", "-u", "-z"]);
    let flags = argument(&flags).star();
    let script = argument(&operand.and(&script));
    // Some take the word behind `-i` from it, and the next one for the script.
    let in_place = argument(&Language::text("-i").then(&Language::text(".bak").maybe()));
    let path = operand.and(&free_of(" \t\n;{}$,!\\")).minus(&begins("s"));
    let written = Language::chain([flags.clone(), in_place, flags.clone(), script.clone()]);
    let read = flags.then(&script).then(&argument(&operand).star());
    read.or(&written.then(&argument(&path).star())).or(&Language::empty()).minimal()
}

/// The arguments of `awk` whose program, told by its letters, runs nothing and opens nothing.
fn awk_alone() -> Language {
    let anything = Language::anything();
    let some = anything.minus(&Language::empty());
    let letters =
        Bytes::range(b'a', b'z').or(Bytes::range(b'A', b'Z')).or(Bytes::range(b'0', b'9'));
    let sign = Language::byte(letters.or(Bytes::of("_ {}[];,.$=+*%^!?:~&-")));
    let quote = Language::text("\"");
    let text = Language::chain([quote.clone(), free_of("\"\\\n"), quote]);
    let slash = Language::text("/");
    let first = Language::chain([slash.clone(), free_of("/\\[\n"), slash]).maybe();
    let calls = Language::chain([anything.clone(), Language::text("system"), anything]);
    let program = first.then(&sign.or(&text).star()).minus(&calls).minus(&begins("-"));
    let options = Language::one_of(["-F", "-v"]);
    let option = argument(&options).then(&any_argument()).or(&argument(&options.then(&some)));
    let program = argument(&program.minimal()).then(&any_argument().star());
    option.star().then(&program).or(&Language::empty()).minimal()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::split;

    #[test]
    fn canonical_lines_and_plain_ones() {
        for (line, is_canonical, is_plain) in [
            ("git status", true, true),
            ("git  status", false, false),
            ("git commit -m 'fix it'", true, true),
            ("git commit -m fix' 'it", false, false),
            ("echo hi", true, false),
            ("sudo ls", true, false),
            ("sudo -l", true, true),
            ("sudo", true, true),
            ("bash -c ls", true, false),
            ("bash x.sh -c ls", true, true),
            ("bash -x x.sh", true, true),
            ("find . -delete", true, true),
            ("find . -exec rm '{}' ';'", true, false),
            ("ssh h", true, true),
            ("ssh -p 22 h", true, true),
            ("ssh h ls", true, false),
            ("kubectl exec pod", true, true),
            ("kubectl exec pod -- ls", true, false),
            ("docker ps", true, true),
            ("/bin/ls", false, false),
            ("'a", false, false),
            ("", false, false),
            ("eval x", true, false),
            ("cross-env CI=1 jest", true, true),
            ("cross-env CI=1 PATH=. jest", true, false),
            ("valgrind ./a", true, false),
            ("hyperfine ls", true, false),
            ("adb devices", true, true),
            ("adb shell ls", true, false),
            ("sed -n /x/,9p /y", true, true),
            ("sed s/e/w/g /y", true, true),
            ("sed -i s/a/b/ web.go", true, true),
            ("sed e", true, false),
            ("sed 's/a/b/w x'", true, false),
            ("sed p -e 'w x'", true, false),
            ("sed -i p 'w x'", true, false),
            ("sort -u a b", true, true),
            ("sort -uo a b", true, false),
            ("uniq -c a", true, true),
            ("uniq a b", true, false),
            ("awk -F: '{print $1}' /y", true, true),
            ("awk -f x", true, false),
            ("awk '{print > $1}'", true, false),
            ("awk '{print | $1}'", true, false),
        ] {
            assert_eq!(lines().canonical.contains(line), is_canonical, "{line}");
            assert_eq!(lines().plain.contains(line), is_plain, "{line}");
        }
        assert!(lines().calls.contains("fs/read") && !lines().calls.contains("fs"));
        assert!(lines().builtins.contains("'[' x") && lines().wrapped.contains("sudo ls"));
        assert!(lines().canonical.n_states() < 60, "{}", lines().canonical.n_states());
    }

    fn some_words() -> impl Strategy<Value = Vec<String>> {
        let names = [
            "git",
            "sudo",
            "env",
            "bash",
            "sh",
            "find",
            "fd",
            "ssh",
            "docker",
            "kubectl",
            "exec",
            "su",
            "pkexec",
            "runuser",
            "nsenter",
            "k",
            "gcloud",
            "vagrant",
            "nodemon",
            "adb",
            "shell",
            "perf",
            "valgrind",
            "cross-env",
            "PATH=.",
            "autossh",
            "script",
            "--command",
            "compose",
            "-vp",
            "-c",
            "-x",
            "-u",
            "-S",
            "-e",
            "--",
            "-",
            "timeout",
            "5",
            "time",
            "xargs",
            "watch",
            "flock",
            "parallel",
            "nice",
            "-exec",
            "+",
            ";",
            "A=b",
            "-p",
            "-lx",
            "it's",
            "a b",
            "",
            "é",
            "eval",
            "sed",
            "awk",
            "-i",
            "-i.bak",
            "-n",
            "-F",
            "s/e/w/",
            "s/a/b/w x",
            "1,/e/p",
            "w x",
            "e id",
            "BEGIN{system(\"id\")}",
            "{print $1}",
            "{print > $1}",
            "sort",
            "uniq",
            "-o",
            "--output=x",
        ];
        let known = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop::collection::vec(prop_oneof![4 => known, 1 => "\\PC{0,4}".boxed()], 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn every_vector_has_a_canonical_line(words in some_words()) {
            prop_assert!(lines().canonical.contains(&canonical(&words)));
        }

        #[test]
        fn a_plain_line_is_read_as_itself(words in some_words()) {
            let line = canonical(&words);
            if lines().plain.contains(&line) {
                let mut tried = tried_lines(&split(&line).unwrap());
                // What cannot be known of it is decided on it, too.
                tried.dedup();
                prop_assert_eq!(tried, [line]);
            }
        }

        #[test]
        fn words_are_spelled_as_the_quoting_has_it(word in "\\PC{0,6}") {
            let spelled = crate::commands::quote(&word).into_owned();
            prop_assert!(words(&Language::text(&word)).contains(&spelled));
            let argument = argument(&Language::anything());
            prop_assert!(argument.contains(&[" ", &spelled].concat()));
        }
    }
}
