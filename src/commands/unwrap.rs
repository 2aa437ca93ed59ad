//! From one argument vector to its simple commands: shells, wrappers, and what runs elsewhere.
use super::{
    Command, Doubt, Origin, Reading, Unresolved, base_name,
    scope::Scope,
    wrappers::{self, Inner},
};

/// Most simple commands that are read out of one event.
const MAX_COMMANDS: usize = 2_000;

/// Most nodes of scripts that are walked for one event.
const MAX_NODES: usize = 20_000;

/// Deepest nesting of scripts, wrappers and function calls.
const MAX_DEPTH: usize = 24;

/// Shells whose `-c` takes a script.
pub(super) const SHELLS: &[&str] = &["bash", "sh", "zsh", "dash", "ksh", "ash", "mksh", "rbash"];

/// The simple commands inside an argument vector.
///
/// Total: whatever the vector holds, it comes back, within the bounds above.
pub fn read(argv: &[String]) -> Reading {
    let mut reader = Reader::default();
    reader.vector(Vector::literal(argv.to_vec()), &Context::default(), &mut Scope::default());
    reader.reading
}

/// An argument vector on its way to a command.
#[derive(Clone, Debug, Default)]
pub(super) struct Vector {
    pub(super) argv: Vec<String>,
    /// Whether the first word has a part that is not known.
    pub(super) computed_name: bool,
    /// Whether any word has.
    pub(super) dynamic: bool,
    /// The text of a heredoc or here-string on standard input.
    pub(super) stdin: Option<String>,
}

impl Vector {
    fn literal(argv: Vec<String>) -> Self {
        Self { argv, ..Self::default() }
    }
}

/// Where a vector was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) origin: Origin,
    pub(super) wrappers: Vec<String>,
    pub(super) layers: Vec<Vec<String>>,
    pub(super) assignments: Vec<(String, String)>,
}

impl Context {
    /// The context of what stands inside a wrapper, or inside a script.
    fn inside(&self, wrapper: Option<(&str, &[String])>) -> Self {
        let mut inner = self.clone();
        match wrapper {
            Some((name, argv)) => {
                inner.wrappers.push(name.to_owned());
                inner.layers.push(argv.to_vec());
            }
            None if inner.origin == Origin::Direct => inner.origin = Origin::Script,
            None => (),
        }
        inner
    }
}

/// Collects what is read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) reading: Reading,
    pub(super) depth: usize,
    /// How many more nodes of scripts are walked: loops and calls multiply, this ends them.
    pub(super) budget: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { reading: Reading::default(), depth: 0, budget: MAX_NODES }
    }
}

impl Reader {
    /// Reads one vector.
    pub(super) fn vector(&mut self, vector: Vector, context: &Context, scope: &mut Scope) {
        let Some(first) = vector.argv.first().filter(|first| !first.is_empty()) else { return };
        if vector.computed_name {
            return self.doubt(Doubt::ComputedName, first);
        }
        if self.depth > MAX_DEPTH || self.reading.commands.len() >= MAX_COMMANDS {
            return self.doubt(Doubt::TooLarge, first);
        }
        self.depth += 1;
        self.named(vector, context, scope);
        self.depth -= 1;
    }

    fn named(&mut self, vector: Vector, context: &Context, scope: &mut Scope) {
        let argv = &vector.argv;
        let name = argv.first().map_or("", |it| base_name(it)).to_owned();
        match name.as_str() {
            name if SHELLS.contains(&name) => match shell_script(argv) {
                Some((script, positional)) => {
                    let mut inner = Scope::default().with_positional(Some(positional));
                    return self.script(&script, &context.inside(None), &mut inner);
                }
                None => {
                    if let Some(script) = vector.stdin.as_ref().filter(|_| reads_stdin(argv)) {
                        let context = context.inside(None);
                        return self.script(script, &context, &mut Scope::default());
                    }
                }
            },
            "eval" if vector.dynamic => return self.doubt(Doubt::ComputedCode, &argv.join(" ")),
            "eval" => {
                let script = argv.get(1..).unwrap_or_default().join(" ");
                return self.script(&script, &context.inside(None), scope);
            }
            "trap" => {
                let script = argv.get(1).filter(|it| argv.len() > 2 && !it.starts_with('-'));
                if let Some(script) = script {
                    let (script, context) = (script.clone(), context.inside(None));
                    return self.script(&script, &context, scope);
                }
                return;
            }
            "exec" if argv.len() == 1 => return,
            "env" => {
                if let Some(split) = wrappers::split_string(argv) {
                    return self.vector(Vector { argv: split, ..vector }, context, scope);
                }
            }
            _ => (),
        }
        if let Some((inner, assignments)) = wrappers::unwrap(argv) {
            let mut context = context.inside(Some((&name, argv)));
            context.assignments.extend(assignments);
            return self.inner(inner, &vector, &context, scope);
        }
        self.push(argv, context);
        for inner in wrappers::executed(argv) {
            let context = context.inside(Some((&name, argv)));
            self.inner(Inner::Vector(inner), &vector, &context, scope);
        }
        if let Some(inner) = wrappers::remote(argv) {
            let context = Context { origin: Origin::Remote, ..context.inside(Some((&name, argv))) };
            self.inner(inner, &vector, &context, &mut Scope::default());
        }
    }

    fn inner(&mut self, inner: Inner, outer: &Vector, context: &Context, scope: &mut Scope) {
        match inner {
            Inner::Vector(argv) => {
                // Words that are not known stand as `$...` in the text; a name among them is computed.
                let first = argv.first().map_or("", String::as_str);
                let computed_name =
                    outer.dynamic && (first.starts_with('$') || first.starts_with('`'));
                let vector = Vector { argv, computed_name, ..outer.clone() };
                self.vector(vector, context, scope);
            }
            Inner::Script(script) => self.script(&script, context, scope),
        }
    }

    /// Notes a simple command.
    pub(super) fn push(&mut self, argv: &[String], context: &Context) {
        self.reading.commands.push(Command {
            argv: argv.to_vec(),
            wrappers: context.wrappers.clone(),
            layers: context.layers.clone(),
            assignments: context.assignments.clone(),
            origin: context.origin,
        });
    }

    /// Notes what could not be known.
    pub(super) fn doubt(&mut self, reason: Doubt, text: &str) {
        const MAX_TEXT: usize = 200;
        if self.reading.unresolved.len() < MAX_COMMANDS {
            let text = text.chars().take(MAX_TEXT).collect();
            self.reading.unresolved.push(Unresolved { reason, text });
        }
    }
}

/// The script of `bash -c SCRIPT`, `sh -euc SCRIPT`, `bash -o pipefail -c SCRIPT`, and its `$1`, ...
fn shell_script(argv: &[String]) -> Option<(String, Vec<String>)> {
    let mut at = 1;
    let mut has_script = false;
    while let Some(word) = argv.get(at) {
        match word.as_str() {
            "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" => at += 2,
            "--" => {
                at += 1;
                break;
            }
            long if long.starts_with("--") => at += 1,
            short if short.len() > 1 && short.starts_with(['-', '+']) => {
                has_script |= short.starts_with('-') && short.contains('c');
                at += if short.ends_with('o') { 2 } else { 1 };
            }
            _ => break,
        }
    }
    let script = argv.get(at).filter(|_| has_script)?;
    Some((script.clone(), argv.get(at + 2..).unwrap_or_default().to_vec()))
}

/// Whether a shell without `-c` takes its script from standard input.
fn reads_stdin(argv: &[String]) -> bool {
    argv.iter().skip(1).all(|word| word.starts_with('-'))
        || argv
            .iter()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('s'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> Vec<String> {
        let argv = ["bash", "-lc", script].map(str::to_owned);
        read(&argv).commands.iter().map(Command::line).collect()
    }

    #[test]
    fn scripts_come_apart_into_simple_commands() {
        for (script, want) in [
            ("cd x && git diff | head -5", &["cd x", "git diff", "head -5"][..]),
            ("X=$(date) make", &["make", "date"]),
            ("a=1; b=$a; echo $b$c", &["echo '1$c'"]),
            ("for f in a b; do cat $f; ls; done", &["cat a", "ls", "cat b"]),
            ("for f in *.rs; do cat $f; done", &["cat '$f'"]),
            ("if [ -f x ]; then rm x; else touch x; fi", &["'[' -f x ']'", "rm x", "touch x"]),
            ("X=a; if true; then X=b; fi; cat $X", &["true", "cat '$X'"]),
            ("false && X=./tmp; rm -rf $X", &["false", "rm -rf '$X'"]),
            ("X=/; rm -rf $X", &["rm -rf /"]),
            ("while read l; do X=$l; done; cat $X", &["read l", "cat '$X'"]),
            ("ls > out 2>&1 < in 2>/dev/null", &["ls", "tee out", "cat in"]),
            ("ls >> log", &["ls", "tee -a log"]),
            ("f() { rm -rf $1; }; f /", &["rm -rf '$1'", "rm -rf /"]),
            ("diff <(sort a) <(sort b)", &["diff /dev/fd/63 /dev/fd/63", "sort a", "sort b"]),
            ("bash <<'EOF'\nrm x\nEOF", &["rm x"]),
            ("cat <<EOF\n$(whoami)\nEOF", &["cat", "whoami"]),
            ("sudo -u bob sh -c 'id; ls'", &["id", "ls"]),
            ("find . -exec rm {} \\;", &["find . -exec rm '{}' ';'", "rm '{}'"]),
            ("eval 'ls -l'", &["ls -l"]),
            ("trap 'rm -f t' EXIT", &["rm -f t"]),
            ("exec 3>&1", &[]),
            ("ssh h 'rm x'", &["ssh h 'rm x'", "rm x"]),
            ("{rm,-rf,/}", &["rm -rf /"]),
            ("$'\\x72m' x", &["rm x"]),
            ("export X=a; cat $X", &["export X=a", "cat a"]),
            ("read X; cat $X", &["read X", "cat '$X'"]),
        ] {
            assert_eq!(lines(script), want, "{script}");
        }
    }

    #[test]
    fn what_cannot_be_known_says_so() {
        for (script, reason) in [
            ("ls $(", Doubt::ParseError),
            ("$X ls", Doubt::ComputedName),
            ("$(which ls) -l", Doubt::ComputedName),
            ("eval \"$X\"", Doubt::ComputedCode),
            ("sudo $X", Doubt::ComputedName),
            ("bash -c \"$X\"", Doubt::ComputedName),
        ] {
            let argv = ["bash", "-lc", script].map(str::to_owned);
            let reasons: Vec<Doubt> = read(&argv).unresolved.iter().map(|it| it.reason).collect();
            assert_eq!(reasons, [reason], "{script}");
        }
    }

    #[test]
    fn hostile_nesting_ends_in_a_doubt() {
        let deep =
            |open: &str, close: &str, n: usize| format!("{}ls{}", open.repeat(n), close.repeat(n));
        for script in [
            deep("(", ")", 900),
            deep("$(", ")", 900),
            deep("\"$(", ")\"", 900),
            deep("(", ")", 100_000),
            deep("if ", "; then ls; fi", 1_000),
            deep("for i in 1 2 3 4 5 6 7 8; do ", " $i; done", 12),
            "`".repeat(3_000),
            "{a,".repeat(2_000),
            "f() { f x; f y; }; f z".repeat(100),
            "~99999999999999999999/x".to_owned(),
            "\\".repeat(5_000),
            "<<A ".repeat(500),
        ] {
            let argv = ["bash", "-lc", &script].map(str::to_owned);
            let reading = read(&argv);
            assert!(reading.commands.len() <= MAX_COMMANDS);
        }
    }
}
