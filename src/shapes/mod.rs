//! Command -> shape: its variable arguments replaced by typed placeholders.
mod context;
mod kind;
mod lexical;

use std::{collections::BTreeSet, fmt};

use crate::commands::{
    base_name,
    grammar::{Argument, ArgumentKind, Flag, Join, Learned, Parsed, is_flag, parse_with},
    quote,
};
use context::{Hint, OperandHints, classify_as, option_hint};
use lexical::given;

pub use kind::ArgumentType;

/// A command line with its variable arguments replaced by typed placeholders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// The binary's base name.
    pub binary: String,
    /// Subcommand path, any depth.
    pub subcommand: Vec<String>,
    /// The whole, as one line: `git checkout <ref>`. Options stand as they were written.
    pub text: String,
    /// Options by the name to compare by: `--recursive` for `-r` where the tool says so. Their values
    /// are not in it.
    pub flags: BTreeSet<String>,
    /// Types of the operands, in order; literal words are `None`.
    pub operands: Vec<Option<ArgumentType>>,
    /// The line's words; the first is the binary.
    pub words: Vec<ShapeWord>,
}

/// One word of a shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShapeWord {
    /// A word that is always the same.
    Literal(String),
    /// A word that varies.
    Typed {
        /// Text in front of it in the same word, such as `--exclude=` or `if=`; mostly empty.
        before: String,
        /// What varies.
        kind: ArgumentType,
        /// Stands for one or more such words; shown as `<path>...`.
        many: bool,
    },
}

/// So many operands of one type in a row are shown as one with `...`: copying one file to another
/// is not the same as to list many.
const N_MANY: usize = 3;

/// The shape of one simple command.
///
/// Paths are judged against `cwd`. The shape of a shape is itself, so that a shape's text can be
/// read back.
pub fn shape(argv: &[String], cwd: Option<&str>, learned: &Learned) -> Shape {
    shape_of(argv, &parse_with(argv, learned), cwd)
}

/// The same of a vector that was taken apart already.
pub fn shape_of(argv: &[String], parsed: &Parsed<'_>, cwd: Option<&str>) -> Shape {
    let binary = base_name(argv.first().map_or("", String::as_str)).to_owned();
    let mut draft = Draft::new(argv, &binary, parsed, cwd);
    for argument in &parsed.arguments {
        draft.argument(argument);
    }
    let words = draft.finish();
    let flags = flags(parsed, &words);
    let words = collapse(words);
    let text = line(&words);
    let subcommand = parsed.subcommand.iter().map(|&it| it.to_owned()).collect();
    let operands = operands(&words);
    let words = words.into_iter().map(|it| it.word).collect();
    Shape { binary, subcommand, text, flags, operands, words }
}

impl Shape {
    /// Whether an argument vector has this shape, by the form of its words alone.
    ///
    /// Takes time with the words of both, multiplied.
    pub fn matches(&self, argv: &[String]) -> bool {
        let Some((binary, rest)) = argv.split_first() else { return false };
        base_name(binary) == self.binary
            && matches_words(self.words.get(1..).unwrap_or_default(), rest)
    }
}

/// Word by word, with all places of the shape that the words so far may have led to: none is gone back
/// over, however many `...` there are.
fn matches_words(shape: &[ShapeWord], argv: &[String]) -> bool {
    let mut places = vec![0];
    for word in argv {
        let mut next: Vec<usize> = Vec::with_capacity(places.len() + 1);
        for at in places {
            let Some(expected) = shape.get(at).filter(|it| it.accepts(word)) else { continue };
            if expected.is_many() && next.last() != Some(&at) {
                next.push(at);
            }
            next.push(at + 1);
        }
        if next.is_empty() {
            return false;
        }
        places = next;
    }
    places.last() == Some(&shape.len())
}

impl ShapeWord {
    fn typed(kind: ArgumentType) -> Self {
        Self::Typed { before: String::new(), kind, many: false }
    }

    /// The same word with text in front of it.
    fn after(self, text: &str) -> Self {
        match self {
            Self::Literal(word) => Self::Literal(format!("{text}{word}")),
            Self::Typed { before, kind, many } => {
                Self::Typed { before: format!("{text}{before}"), kind, many }
            }
        }
    }

    /// Whether a word can stand here.
    pub fn accepts(&self, word: &str) -> bool {
        match self {
            Self::Literal(text) => text == word,
            Self::Typed { before, kind, .. } => {
                matches!(kind, ArgumentType::Redacted(_))
                    && word.starts_with(before.as_str())
                    && kind.accepts(word)
                    || word.strip_prefix(before.as_str()).is_some_and(|it| {
                        kind.accepts(it)
                            || it.strip_suffix("...").is_some_and(|it| kind.accepts(it))
                    })
            }
        }
    }
}

impl fmt::Display for ShapeWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(&quote(text)),
            Self::Typed { before, kind, many } => {
                write!(f, "{before}{kind}{}", if *many { "..." } else { "" })
            }
        }
    }
}

/// A shape in the making.
struct Draft<'a> {
    argv: &'a [String],
    cwd: Option<&'a str>,
    binary: &'a str,
    hints: OperandHints,
    n_operands: usize,
    is_after_separator: bool,
    words: Vec<DraftWord>,
}

/// A word and whether it is an operand.
struct DraftWord {
    word: ShapeWord,
    is_operand: bool,
}

impl<'a> Draft<'a> {
    /// Every word as it stands; the arguments are put in one by one.
    fn new(argv: &'a [String], binary: &'a str, parsed: &Parsed<'_>, cwd: Option<&'a str>) -> Self {
        let has_option = |name: &str| {
            parsed
                .arguments
                .iter()
                .any(|it| matches!(&it.kind, ArgumentKind::Flag(flag) if flag.canonical == name))
        };
        let hints = OperandHints::new(binary, &parsed.subcommand.join(" "), has_option);
        let words = argv.iter().enumerate().map(|(at, word)| {
            let word = if at == 0 { binary } else { word };
            DraftWord { word: ShapeWord::Literal(word.to_owned()), is_operand: false }
        });
        let words = words.collect();
        Self { argv, cwd, binary, hints, n_operands: 0, is_after_separator: false, words }
    }

    fn put(&mut self, at: usize, word: ShapeWord, is_operand: bool) {
        if let Some(slot) = self.words.get_mut(at) {
            *slot = DraftWord { word, is_operand };
        }
    }

    fn argument(&mut self, argument: &Argument<'_>) {
        match &argument.kind {
            ArgumentKind::Separator => self.is_after_separator = true,
            ArgumentKind::Operand(text) => {
                let hint = self.hints.at(self.n_operands, self.is_after_separator);
                let foreign = foreign_option(text, self.cwd)
                    .filter(|_| hint == Hint::Any || text.starts_with('+') || is_flag(text));
                let word = foreign.unwrap_or_else(|| classify_as(hint, text, self.cwd));
                self.n_operands += 1;
                self.put(argument.at, word, true);
            }
            ArgumentKind::Flag(flag) => self.flag(argument.at, flag),
        }
    }

    fn flag(&mut self, at: usize, flag: &Flag<'_>) {
        let hint = option_hint(self.binary, &flag.canonical);
        if let Some(value) = flag.value.filter(|it| it.join == Join::Next) {
            self.put(at + 1, classify_as(hint, value.text, self.cwd), false);
        }
        let whole = self.argv.get(at).map_or("", String::as_str);
        let word = match flag.value.filter(|it| it.join != Join::Next) {
            // The name may be the last of a cluster, which stays as it is.
            Some(value) => {
                let before = whole.strip_suffix(value.text).unwrap_or_default();
                is_flag(before).then(|| classify_as(hint, value.text, self.cwd).after(before))
            }
            None => given(whole)
                .or_else(|| is_flag(whole).then(|| ShapeWord::Literal(whole.to_owned()))),
        };
        // Text that begins with a dash keeps it, so that it is read as an option again.
        let dashes = if whole.starts_with("--") { "--" } else { "-" };
        let text = || ShapeWord::typed(ArgumentType::Str).after(dashes);
        self.put(at, word.unwrap_or_else(text), false);
    }

    fn finish(self) -> Vec<DraftWord> {
        self.words
    }
}

/// An operand in the form of an option, such as `--port=3` in `npm run x -- --port=3`, or `+nightly`:
/// it keeps its first character, so that it is read the same way again.
fn foreign_option(text: &str, cwd: Option<&str>) -> Option<ShapeWord> {
    let sign = text.get(..1).filter(|it| matches!(*it, "-" | "+") && text.len() > 1)?;
    if text.parse::<f64>().is_ok() {
        return (sign == "+").then(|| ShapeWord::typed(ArgumentType::Number).after(sign));
    }
    let (name, value) = text.split_once('=').map_or((text, None), |(name, it)| (name, Some(it)));
    Some(match value {
        _ if given(text).is_some() => return given(text),
        _ if !is_flag(name) => ShapeWord::typed(ArgumentType::Str).after(sign),
        Some(value) => classify_as(Hint::Any, value, cwd).after(&format!("{name}=")),
        None => ShapeWord::Literal(text.to_owned()),
    })
}

/// Runs of operands of one type become one word with `...`.
fn collapse(words: Vec<DraftWord>) -> Vec<DraftWord> {
    let mut res: Vec<DraftWord> = Vec::with_capacity(words.len());
    let mut run = 0;
    for next in words {
        let is_same = res.last().is_some_and(|last| {
            last.is_operand && next.is_operand && last.word.is_like(&next.word)
        });
        let width = if next.word.is_many() { N_MANY } else { 1 };
        run = if is_same { run + width } else { width };
        res.push(next);
        if run >= N_MANY && is_same {
            fold(&mut res);
        }
    }
    res
}

/// Makes the last words of `words` that are alike into one.
fn fold(words: &mut Vec<DraftWord>) {
    let Some(mut last) = words.pop() else { return };
    while words.last().is_some_and(|it| it.is_operand && it.word.is_like(&last.word)) {
        words.pop();
    }
    if let ShapeWord::Typed { many, .. } = &mut last.word {
        *many = true;
    }
    words.push(last);
}

impl ShapeWord {
    /// Whether two words are typed alike and whole.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Typed { before, kind, .. },
                Self::Typed { before: other_before, kind: other, .. },
            ) => before.is_empty() && other_before.is_empty() && kind == other,
            _ => false,
        }
    }

    const fn is_many(&self) -> bool {
        matches!(self, Self::Typed { many: true, .. })
    }
}

fn line(words: &[DraftWord]) -> String {
    let words: Vec<String> = words.iter().map(|it| it.word.to_string()).collect();
    words.join(" ")
}

/// `words` as many as the vector has; what is shown as text is no option.
fn flags(parsed: &Parsed<'_>, words: &[DraftWord]) -> BTreeSet<String> {
    let is_text = |at: usize| match words.get(at).map(|it| &it.word) {
        Some(ShapeWord::Typed { before, kind: ArgumentType::Str, .. }) => {
            matches!(before.as_str(), "-" | "--")
        }
        _ => false,
    };
    let names = parsed.arguments.iter().filter_map(|it| match &it.kind {
        ArgumentKind::Flag(flag) if !is_text(it.at) => {
            Some(flag.canonical.as_ref()).filter(|it| is_flag(it))
        }
        _ => None,
    });
    names.map(str::to_owned).collect()
}

fn operands(words: &[DraftWord]) -> Vec<Option<ArgumentType>> {
    let operands = words.iter().filter(|it| it.is_operand);
    let kinds = operands.map(|it| match &it.word {
        ShapeWord::Literal(_) => None,
        ShapeWord::Typed { kind, .. } => Some(kind.clone()),
    });
    kinds.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::split;

    fn of(line: &str) -> Shape {
        shape(&split(line).unwrap(), Some("/home/u/p"), &Learned::default())
    }

    #[test]
    fn variable_arguments_become_placeholders() {
        for (line, text) in [
            ("git checkout feature/x", "git checkout <ref>"),
            ("git checkout -b fix-12", "git checkout -b <ref>"),
            ("git checkout main -- src/a.rs", "git checkout <ref> -- <path>"),
            ("git commit -m 'fix the bug'", "git commit -m <str>"),
            ("git commit -am wip", "git commit -am <str>"),
            ("git push origin main --force", "git push origin <ref> --force"),
            ("git clone git@github.com:o/r.git", "git clone <url:github.com>"),
            ("git -C /tmp/w status --short", "git -C <tmp-path> status --short"),
            ("git add a.rs b.rs", "git add <path> <path>"),
            ("git add a.rs b.rs c.rs d.rs", "git add <path>..."),
            ("pytest tests/test_x.py -k 'a and b'", "pytest <path> -k <str>"),
            ("grep -rn --include=*.rs TODO src", "grep -rn --include=<glob> <regex> <path>"),
            ("grep -e TODO src", "grep -e <regex> <path>"),
            ("sed -n 1,20p src/main.rs", "sed -n <code> <path>"),
            ("head -20 README.md", "head -<number> <path>"),
            ("head -n5 README.md", "head -n<number> <path>"),
            ("ls -la /etc ~/.ssh ..", "ls -la <system-path> <secret-path> <parent-path>"),
            ("cat /home/u/p/x /home/u/y", "cat <path> <home-path>"),
            (
                "curl -s https://api.github.com/x -o out.json",
                "curl -s <url:api.github.com> -o <path>",
            ),
            ("curl localhost:8080/health", "curl <url:localhost>"),
            ("kubectl -n prod get pods web-1", "kubectl -n <word> get pods <word>"),
            (
                "docker run --rm -p 80:80 nginx:1.25 nginx -g x",
                "docker run --rm -p <port> <image> nginx -g x",
            ),
            ("npm run build -- --port=3 -w", "npm run build -- --port=<number> -w"),
            ("npm install lodash@4 react", "npm install <word> <word>"),
            ("python -c 'print(1)'", "python -c <code>"),
            ("python manage.py migrate --noinput", "python <path> migrate --noinput"),
            ("rm -rf target", "rm -rf <path>"),
            ("dd if=/dev/zero of=x.img bs=1M", "dd if=<system-path> of=<path> bs=<number>"),
            ("ssh deploy@10.0.0.1 uptime", "ssh <host> uptime"),
            ("terraform plan -var region=eu -out=tf.plan", "terraform plan -var <str> -out=<path>"),
            ("go test -run TestX ./...", "go test -run <regex> <path>"),
            ("jq '.a[0]' f.json", "jq <code> <path>"),
            ("echo hello", "echo <str>"),
            ("mytool -Xfoo=/etc/x --we'i r'd", "mytool -Xfoo=<system-path> --<str>"),
            ("export TOKEN=%redacted:jwt%", "export TOKEN=<redacted:jwt>"),
            ("mysql -p%redacted:password% db", "mysql -p<redacted:password> db"),
            (
                "curl -H 'Authorization: Bearer %redacted:jwt%' https://x.io",
                "curl -H <redacted:jwt> <url:x.io>",
            ),
        ] {
            assert_eq!(of(line).text, text, "{line}");
        }
    }

    #[test]
    fn features_compare_across_spellings() {
        let flags = |line| of(line).flags.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(flags("rm -rf x"), "--force --recursive");
        assert_eq!(flags("rm --force -r x"), "--force --recursive");
        assert_eq!(flags("head -20 x"), "-");
        let operands = of("git push origin main").operands;
        assert_eq!(operands, [None, Some(ArgumentType::Ref)]);
    }

    #[test]
    fn a_shape_does_not_match_what_has_another_form() {
        for (line, other) in [
            ("git checkout main", "git checkout main extra"),
            ("git push --force", "git push --forced"),
            ("sleep 5", "sleep long"),
            ("curl https://a.com/x", "curl https://b.com/x"),
            ("tool x", "other x"),
        ] {
            assert!(of(line).matches(&split(line).unwrap()));
            assert!(!of(line).matches(&split(other).unwrap()), "{line}: {other}");
        }
    }

    /// Words as agents and attackers write them.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => prop::sample::select(vec![
                "status", "push", "run", "s3", "--", "-", "-rf", "-n5", "-20", "--x=y", "--file", "a.rs", "/etc/passwd",
                "../x", "~/.ssh/id_rsa", "main", "HEAD~1", "https://h.io/p?q=1", "a=b", "1.2.3", "10.0.0.1:80", "a b",
                "", "*.rs", "{}", ";", "<path>", "<path>...", "<url:x.y>", "<redacted:jwt>", "k=<redacted:a-b>", "%redacted:jwt%", "--x=%redacted:jwt%", "a b %redacted:p%",
                "-p%redacted:p%", "%redacted:", "%redacted:a b%", "-%redacted:p%x", "+x",
                "-<str>", "--y=<str>", "-Dk=/tmp/v", "$HOME/x", "@f.json", "a|b", "é", "-é", "<", ">", "a<path>", "-m",
            ]).prop_map(str::to_owned),
            1 => "-{0,2}[a-zA-Z0-9]{0,4}(=[a-z/<>. ]{0,5})?",
            1 => "\\PC{0,8}",
        ]
    }

    fn command() -> impl Strategy<Value = Vec<String>> {
        let binary = prop::sample::select(vec![
            "git",
            "aws",
            "tar",
            "npm",
            "make",
            "zzz",
            "bash",
            "gh",
            "docker",
            "kubectl",
            "grep",
            "find",
            "python",
            "ls",
            "curl",
            "sed",
            "head",
            "go",
            "mise",
            "/usr/bin/git",
            "",
        ]);
        (binary, prop::collection::vec(word(), 0..10))
            .prop_map(|(binary, words)| std::iter::once(binary.to_owned()).chain(words).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_shape_of_a_shape_is_itself(argv in command()) {
            let first = shape(&argv, Some("/home/u/p"), &Learned::default());
            let read = split(&first.text).unwrap();
            let second = shape(&read, Some("/home/u/p"), &Learned::default());
            prop_assert_eq!(second, first);
        }

        #[test]
        fn a_shape_matches_what_it_came_from(argv in command()) {
            let shape = shape(&argv, None, &Learned::default());
            prop_assert!(shape.matches(&argv), "{} of {:?}", shape.text, argv);
            prop_assert!(shape.matches(&split(&shape.text).unwrap()), "{}", shape.text);
        }
    }
}
