//! From one argument vector to its simple commands: shells, wrappers, and what runs elsewhere.
use std::{cell::Cell, collections::BTreeSet, rc::Rc, sync::Arc};

use super::{
    Command, Doubt, Origin, Reading, Site, Unresolved, base_name, carriers,
    environment::{Change, change},
    runners,
    scope::Scope,
    vector::{Open, Places, Stdin, Vector},
    wrappers::{self, Inner},
};

/// Most simple commands that are read out of one event.
const MAX_COMMANDS: usize = 1_000;

/// Most work with the words of all vectors of one event, in nanoseconds.
const MAX_WORK: usize = 10_000_000;

/// Most words and signs that the full parser is given for one event: it takes a few microseconds
/// for each.
const MAX_TOKENS: usize = 8_000;

/// What a word costs until its command has shape and effects, and each of its bytes, in nanoseconds.
///
/// # Source
/// Measured with `benches/fuzz.rs` on one core of a cloud server of 2024.
const WORD_COST: usize = 700;
const BYTE_COST: usize = 8;

/// Most bytes of wrappers' vectors that commands stand in, counted for each command.
const MAX_LAYER_BYTES: usize = 4 * 1024 * 1024;

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

/// Where a vector was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) origin: Origin,
    pub(super) site: Site,
    pub(super) wrappers: Vec<String>,
    pub(super) layers: Vec<Arc<[String]>>,
    /// How long the layers are together.
    pub(super) n_layer_bytes: usize,
    pub(super) assignments: Vec<(String, String)>,
    /// What a wrapper puts its own input in the place of.
    pub(super) placeholder: Option<String>,
}

impl Context {
    /// The context of what stands inside a wrapper.
    fn wrapped(&self, name: &str, argv: &[String]) -> Self {
        let mut inner = self.clone();
        inner.wrappers.push(name.to_owned());
        inner.layers.push(argv.into());
        inner.n_layer_bytes += argv.iter().map(String::len).sum::<usize>();
        inner
    }

    /// The context of what stands inside a script.
    pub(super) fn scripted(&self) -> Self {
        Self { origin: Origin::Script, placeholder: None, ..self.clone() }
    }
}

/// Collects what is read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) reading: Reading,
    pub(super) depth: usize,
    pub(super) budget: Budget,
    /// How many more words and signs the full parser is given.
    pub(super) n_tokens: Rc<Cell<usize>>,
    /// What the next command reads from a pipe.
    pub(super) piped: Stdin,
    /// What commands read that have no pipe and no redirection of their own.
    pub(super) stdin: Stdin,
    /// What the last simple command wrote.
    pub(super) said: Stdin,
    pub(super) n_layer_bytes: usize,
    pub(super) folder: Folder,
    /// Whether the next command only runs where that is so.
    pub(super) is_there: bool,
    /// Assignments that change code, those that have been read.
    pub(super) changes: BTreeSet<(String, String)>,
}

/// Longest path of a folder that is kept, in bytes: the limit of Linux, `PATH_MAX`.
const MAX_FOLDER_BYTES: usize = 4_096;

/// Where a script is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Folder {
    /// Where it began.
    #[default]
    Start,
    /// In this folder, as far as it says.
    At(Arc<str>),
    /// Somewhere.
    Lost,
}

/// How much more is done for one event: wrappers have their own copies, loops and calls multiply,
/// scripts stand in scripts; this ends them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nodes of scripts that are walked.
    pub(super) nodes: usize,
    /// Bytes of scripts, those inside others counted again.
    pub(super) script_bytes: usize,
    /// Nanoseconds of work with words.
    pub(super) work: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: 20_000, script_bytes: 512 * 1024, work: MAX_WORK }
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            reading: Reading::default(),
            depth: 0,
            budget: Budget::default(),
            n_tokens: Rc::new(Cell::new(MAX_TOKENS)),
            piped: Stdin::Inherited,
            stdin: Stdin::Inherited,
            said: Stdin::Computed,
            n_layer_bytes: 0,
            folder: Folder::Start,
            is_there: false,
            changes: BTreeSet::new(),
        }
    }
}

impl Reader {
    /// Reads one vector.
    pub(super) fn vector(&mut self, vector: Vector, context: &Context, scope: &mut Scope) {
        let Some(first) = vector.argv.first().filter(|first| !first.is_empty()) else { return };
        let is_filled = context.placeholder.as_ref().is_some_and(|it| first.contains(it));
        if vector.unknown.has(0) || is_filled {
            return self.doubt(Doubt::ComputedName, first);
        }
        let n_bytes: usize = vector.argv.iter().map(String::len).sum();
        let cost = vector.argv.len() * WORD_COST + n_bytes * BYTE_COST;
        let is_full = self.reading.commands.len() >= MAX_COMMANDS || !self.afford(cost);
        if self.depth > MAX_DEPTH || is_full {
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
            name if SHELLS.contains(&name) => {
                if let Some(at) = shell_script(argv) {
                    return self.shell(at, &vector, context, scope);
                }
                if reads_stdin(argv) && self.script_on_stdin(&vector, context, scope) {
                    return;
                }
            }
            "eval" if !vector.unknown.is_empty() => {
                return self.doubt(Doubt::ComputedCode, &argv.join(" "));
            }
            "eval" => {
                let script = argv.get(1..).unwrap_or_default().join(" ");
                return self.script(&script, &context.scripted(), scope);
            }
            "trap" => {
                let script = argv.get(1).filter(|it| argv.len() > 2 && !it.starts_with('-'));
                if let Some(script) = script {
                    if vector.unknown.has(1) {
                        return self.doubt(Doubt::ComputedCode, script);
                    }
                    return self.script(script, &context.scripted(), scope);
                }
                return;
            }
            "exec" if argv.len() == 1 => return,
            "env" => {
                if let Some(split) = wrappers::split_string(argv) {
                    let is_known = vector.unknown.is_empty();
                    let (unknown, open) =
                        if is_known { Default::default() } else { (Places::ALL, Open::ALL) };
                    // The name of the program itself is known.
                    return match wrappers::unwrap(&split) {
                        Some(_) if !is_known => self.doubt(Doubt::ComputedName, &split.join(" ")),
                        _ => self.vector(
                            Vector { argv: split, unknown, open, ..vector },
                            context,
                            scope,
                        ),
                    };
                }
            }
            _ => (),
        }
        if let Some(inside) = wrappers::unwrap(argv) {
            let mut context = context.wrapped(&name, argv);
            context.assignments.extend(inside.assignments);
            context.placeholder = inside.placeholder.or(context.placeholder);
            return self.inner(&inside.inner, &vector, &context, scope);
        }
        let computed = self.computed(&vector, context);
        self.push_as(&vector, context, computed.is_some());
        self.changed(&context.assignments, scope);
        self.changed(&runners::assigned(argv), scope);
        self.filtered(&vector, context, scope);
        for deed in computed.into_iter().flatten() {
            self.deed(deed, false, context, scope);
        }
        let carried = carriers::carried(argv);
        if !carried.is_empty() {
            let mut context = context.wrapped(&name, argv);
            if matches!(name.as_str(), "find" | "gfind" | "fd" | "fdfind") {
                context.placeholder = Some("{}".to_owned());
            }
            for inner in carried {
                self.inner(&inner, &vector, &context, scope);
            }
        }
        if let Some(inner) = carriers::remote(argv) {
            let context = Context { site: Site::Remote, ..context.wrapped(&name, argv) };
            self.inner(&inner, &vector, &context, &mut scope.fresh());
        } else if carriers::is_shell_elsewhere(argv) {
            let mut context = context.wrapped(&name, argv);
            if name == "ssh" {
                context.site = Site::Remote;
            }
            self.script_on_stdin(&vector, &context, scope);
        }
    }

    /// Reads what assignments make the command behind them run besides.
    fn changed(&mut self, assignments: &[(String, String)], scope: &Scope) {
        for (idx, (name, value)) in assignments.iter().enumerate() {
            let Some(change) = change(name, value) else { continue };
            let is_set_again = assignments.iter().skip(idx + 1).any(|(it, _)| it == name);
            if is_set_again || !self.changes.insert((name.clone(), value.clone())) {
                continue;
            }
            match change {
                Change::Runs(script) => self.run_besides(script, &Context::default(), scope),
                Change::Code => self.doubt(Doubt::ChangedCode, &format!("{name}={value}")),
            }
        }
    }

    /// Reads a script that runs besides a command: what is piped into the command is not for it.
    pub(super) fn run_besides(&mut self, script: &str, context: &Context, scope: &Scope) {
        let piped = std::mem::take(&mut self.piped);
        self.script(script, &context.scripted(), &mut scope.fresh());
        self.piped = piped;
    }

    /// Reads what a shell finds on its standard input; `false` where nothing is known to be there.
    fn script_on_stdin(&mut self, vector: &Vector, context: &Context, scope: &Scope) -> bool {
        let script = vector.stdin.text();
        if matches!(vector.stdin, Stdin::Template(_) | Stdin::File | Stdin::Computed) {
            let name = vector.argv.first().map_or("", String::as_str);
            self.doubt(Doubt::ComputedCode, script.map_or(name, |it| it));
        }
        let Some(script) = script else { return false };
        // What its commands read is the rest of the script.
        let outer = std::mem::take(&mut self.stdin);
        self.script(script, &context.scripted(), &mut scope.fresh());
        self.stdin = outer;
        true
    }

    /// Reads something whose commands find `stdin` on their standard input.
    pub(super) fn fed(&mut self, stdin: &Stdin, read: impl FnOnce(&mut Self)) {
        if *stdin == Stdin::Inherited {
            return read(self);
        }
        let outer = std::mem::replace(&mut self.stdin, stdin.clone());
        read(self);
        self.stdin = outer;
    }

    /// The script at a place of a shell's vector, with the words behind it as `$0`, `$1`, ...
    fn shell(&mut self, at: usize, vector: &Vector, context: &Context, scope: &Scope) {
        let script = vector.argv.get(at).map_or("", String::as_str);
        let is_filled = |it: &String| script.contains(it.as_str());
        // Another program's output, or a variable's value, becomes code there.
        if vector.unknown.has(at) || context.placeholder.as_ref().is_some_and(is_filled) {
            self.doubt(Doubt::ComputedCode, script);
        }
        let words = vector.argv.get(at + 2..).unwrap_or_default();
        let is_known = |(idx, word): (usize, &String)| {
            let is_filled = context.placeholder.as_ref().is_some_and(|it| word.contains(it));
            (!is_filled && !vector.unknown.has(at + 2 + idx)).then(|| word.clone())
        };
        let positional: Vec<Option<String>> = words.iter().enumerate().map(is_known).collect();
        let mut inner = scope.fresh().with_positional(Some(positional));
        self.fed(&vector.stdin, |it| it.script(script, &context.scripted(), &mut inner));
    }

    fn inner(&mut self, inner: &Inner, outer: &Vector, context: &Context, scope: &mut Scope) {
        match inner {
            Inner::Vector(places) => self.vector(outer.part(places), context, scope),
            Inner::Script(places) => {
                let (script, is_known) = outer.joined(places);
                if !is_known {
                    self.doubt(Doubt::ComputedCode, &script);
                }
                self.fed(&outer.stdin, |it| it.script(&script, &context.scripted(), scope));
            }
        }
    }

    /// Takes some work off the budget; `false` where it is spent.
    pub(super) fn afford(&mut self, cost: usize) -> bool {
        let left = self.budget.work.checked_sub(cost);
        self.budget.work = left.unwrap_or_default();
        left.is_some()
    }

    /// Notes a simple command.
    pub(super) fn push(&mut self, vector: &Vector, context: &Context) {
        self.push_as(vector, context, false);
    }

    fn push_as(&mut self, vector: &Vector, context: &Context, is_filter: bool) {
        self.n_layer_bytes += context.n_layer_bytes;
        if self.n_layer_bytes > MAX_LAYER_BYTES || self.reading.commands.len() >= MAX_COMMANDS {
            if self.reading.unresolved.iter().all(|it| it.reason != Doubt::TooLarge) {
                self.doubt(Doubt::TooLarge, "more commands than are read");
            }
            return;
        }
        let stdin = match vector.stdin.text() {
            // Many commands may have the same text before them.
            Some(text) if !self.afford(text.len() * BYTE_COST) => Stdin::Computed,
            _ => vector.stdin.clone(),
        };
        self.reading.commands.push(Command {
            argv: vector.argv.clone(),
            wrappers: context.wrappers.clone(),
            layers: context.layers.clone(),
            assignments: context.assignments.clone(),
            origin: context.origin,
            site: context.site,
            folder: match &self.folder {
                Folder::At(path) => Some(Arc::clone(path)),
                Folder::Start | Folder::Lost => None,
            },
            is_there: self.is_there,
            stdin,
            is_computed: !vector.unknown.is_empty(),
            open: vector.open,
            is_filter,
        });
        self.go(vector);
    }

    /// Goes where a `cd` says.
    fn go(&mut self, vector: &Vector) {
        let Some((name, words)) = vector.argv.split_first() else { return };
        match name.as_str() {
            "cd" | "pushd" => (),
            "popd" => {
                self.folder = Folder::Lost;
                return;
            }
            _ => return,
        }
        let operand = words.iter().rposition(|it| !it.starts_with('-'));
        let to = operand.and_then(|at| words.get(at)).map_or("~", String::as_str);
        let is_known = vector.unknown.is_empty() && words.iter().all(|it| it != "-");
        let is_whole = to.starts_with(['/', '~']);
        self.folder = match &self.folder {
            _ if !is_known || to.len() > MAX_FOLDER_BYTES => Folder::Lost,
            _ if is_whole => Folder::At(to.into()),
            Folder::Start => Folder::At(to.into()),
            Folder::At(from) if from.len() <= MAX_FOLDER_BYTES => {
                Folder::At(format!("{from}/{to}").into())
            }
            Folder::At(_) | Folder::Lost => Folder::Lost,
        };
        self.is_there = matches!(self.folder, Folder::At(_));
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

/// Where the script of `bash -c SCRIPT`, `sh -euc SCRIPT`, `bash -o pipefail -c SCRIPT` is.
fn shell_script(argv: &[String]) -> Option<usize> {
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
    (has_script && at < argv.len()).then_some(at)
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
            ("valgrind --leak-check=full ./a", &["valgrind --leak-check=full ./a", "a"]),
            ("perf stat -r 3 ./a -x", &["perf stat -r 3 ./a -x", "a -x"]),
            (
                "nodemon -x 'npm test; ls' a.js",
                &["nodemon -x 'npm test; ls' a.js", "npm test", "ls"],
            ),
            ("adb -s d shell rm x", &["adb -s d shell rm x", "rm x"]),
            ("hyperfine -w 3 'ls; id' './a'", &["hyperfine -w 3 'ls; id' ./a", "ls", "id", "a"]),
            ("watchexec -e rs make test", &["watchexec -e rs make test", "make test"]),
            ("eval 'ls -l'", &["ls -l"]),
            ("trap 'rm -f t' EXIT", &["rm -f t"]),
            ("exec 3>&1", &[]),
            ("ssh h 'rm x'", &["ssh h 'rm x'", "rm x"]),
            ("{rm,-rf,/}", &["rm -rf /"]),
            ("find . -exec rm {} \\", &["find . -exec rm '{}' '\\'", "rm '{}' '\\'"]),
            ("bash <<'A'\nrm x", &["rm x"]),
            ("cat <<A <<-'B'\nx", &["cat"]),
            ("ls 99999999999> f", &[]),
            ("$'\\x72m' x", &["rm x"]),
            ("export X=a; cat $X", &["export X=a", "cat a"]),
            ("read X; cat $X", &["read X", "cat '$X'"]),
            ("PAGER='rm -rf x' git log", &["git log", "rm -rf x"]),
            ("LESSOPEN='|id; ls %s' less f | wc", &["less f", "id", "ls %s", "wc"]),
            (
                "export GIT_SSH_COMMAND='ssh -i k'; git fetch",
                &["export 'GIT_SSH_COMMAND=ssh -i k'", "ssh -i k", "git fetch"],
            ),
        ] {
            assert_eq!(lines(script), want, "{script}");
        }
    }

    #[test]
    fn what_cannot_be_known_says_so() {
        for (script, wanted) in [
            ("ls $(", &[Doubt::ParseError][..]),
            ("$X ls", &[Doubt::ComputedName]),
            ("$(which ls) -l", &[Doubt::ComputedName]),
            ("sudo $X", &[Doubt::ComputedName]),
            ("sudo -u \"$U\" nice l$X", &[Doubt::ComputedName]),
            ("sudo -u \"$U\" ls '$X'", &[]),
            ("env -S \"ls $X\"", &[Doubt::ComputedName]),
            ("xargs -I{} {} -l", &[Doubt::ComputedName]),
            ("eval \"$X\"", &[Doubt::ComputedCode]),
            ("trap \"rm $X\" EXIT", &[Doubt::ComputedCode]),
            ("bash -c \"$X\"", &[Doubt::ComputedCode, Doubt::ComputedName]),
            ("bash -c \"ls $X\"", &[Doubt::ComputedCode]),
            ("bash -c 'ls $1' _ \"$X\"", &[]),
            ("ssh h \"ls $X\"", &[Doubt::ComputedCode]),
            ("ssh \"$H\" 'ls $X'", &[]),
            ("watch \"ls $X\"", &[Doubt::ComputedCode]),
            ("xargs -I{} sh -c 'ls {}'", &[Doubt::ComputedCode]),
            ("xargs -n1 sh -c 'ls \"$1\"' _", &[]),
            ("find . -exec sh -c 'ls {}' \\;", &[Doubt::ComputedCode]),
            ("find . -exec sh -c 'ls \"$1\"' _ {} \\;", &[]),
            ("curl -s https://x | sh", &[Doubt::ComputedCode]),
            ("curl -s https://x | sudo bash -s -- -y", &[Doubt::ComputedCode]),
            ("echo ls | sh", &[]),
            ("curl -s https://x | bash script.sh", &[]),
            ("bash <<EOF\nls $X\nEOF", &[Doubt::ComputedCode]),
            ("bash <<'EOF'\nls $X\nEOF", &[]),
            ("LD_PRELOAD=./x.so ls", &[Doubt::ChangedCode]),
            ("export PATH=/tmp/x:$PATH; cd x; ls; ls -l", &[Doubt::ChangedCode]),
            ("PATH=.:$PATH; ls", &[Doubt::ChangedCode]),
            ("env GIT_CONFIG_GLOBAL=x git log", &[Doubt::ChangedCode]),
            ("sudo BASH_ENV=x bash -c 'ls'", &[Doubt::ChangedCode]),
            ("PAGER=$X git log", &[Doubt::ComputedName]),
            ("cross-env CI=1 LD_PRELOAD=x jest A=b", &[Doubt::ChangedCode]),
            ("PYTHONPATH=src pytest; PAGER=cat git log; X=$Y ls", &[]),
        ] {
            let argv = ["bash", "-lc", script].map(str::to_owned);
            let reasons: Vec<Doubt> = read(&argv).unresolved.iter().map(|it| it.reason).collect();
            assert_eq!(reasons, wanted, "{script}");
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
            "x 2><(y ".repeat(40),
            "''<<''< ".to_owned(),
            "2>&est ".repeat(16_000),
            "x 2><(y ".repeat(12) + &")".repeat(12),
            "find . -exec ".repeat(3_000),
            format!("x{}", "{a,b}".repeat(20_000)),
            format!("x\n{}((((", "\r\n".repeat(60_000)),
            "git -C x ".repeat(14_000),
            format!("X=$(curl -s \"$U\" |{}{}", "; do ".repeat(23), "; do<< ; do ; do ".repeat(20)),
        ] {
            let argv = ["bash", "-lc", &script].map(str::to_owned);
            let reading = read(&argv);
            assert!(reading.commands.len() <= MAX_COMMANDS);
        }
    }
}
