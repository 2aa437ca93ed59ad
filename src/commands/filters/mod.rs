//! What text filters do besides: scripts of `sed` and `awk` run commands, read and write files, and some
//! of the others write one that they name. An interpreter whose program does no more than compute and
//! print is a filter, too.
use std::collections::BTreeSet;

use super::{
    Doubt, base_name,
    scope::Scope,
    unwrap::{Context, Reader},
    vector::{Stdin, Vector},
    without_version,
};

mod arguments;
mod awk;
mod node;
pub(super) mod outputs;
mod perl;
mod python;
mod ruby;
mod sed;

/// Names of the filters that take a script of sed's and of awk's language.
pub(super) const SED: &[&str] = &["sed", "gsed"];
pub(super) const AWK: &[&str] = &["awk", "gawk", "mawk", "nawk", "goawk", "frawk", "original-awk"];

/// What reading a byte of a script takes at most, in nanoseconds, each way to read it counted.
const SCRIPT_COST: usize = 200;

/// What a script does besides passing text on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// A shell is given this.
    Runs(String),
    /// A shell is given text that is made as it runs, or code comes from elsewhere: as a shell that reads
    /// what no line shows.
    Code,
    /// A file is opened; the path, as far as it stands in the script, and whether that is all of it.
    Opens(Mode, String, bool),
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Read,
    Write,
    Append,
}

/// A piece of a script; more than one are joined as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// The word at this place of the vector, or the end of it.
    Word(usize, String),
    /// What is in a file.
    File(String),
}

/// What a script comes to in one way to read it.
#[derive(Debug)]
struct Parsed {
    deeds: Vec<Deed>,
    /// Whether it was read to its end; what it runs, it runs only then, while files are opened as it is
    /// read.
    is_whole: bool,
}

impl Parsed {
    fn into_deeds(self) -> impl Iterator<Item = Deed> {
        let is_whole = self.is_whole;
        self.deeds.into_iter().filter(move |it| is_whole || matches!(it, Deed::Opens(..)))
    }
}

/// Where the program of an interpreter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The word at this place.
    Word(usize),
    Stdin,
}

/// An interpreter whose programs are read.
#[derive(Debug)]
struct Interpreter {
    /// Its names, without version.
    names: &'static [&'static str],
    /// Where the program of a vector is; `None` where it is in a file, or its options do more.
    place: fn(&[String]) -> Option<Place>,
    /// Whether words behind the program may be options.
    has_options_behind: bool,
    /// Whether a variable changes how it begins or ends, beside those that change code for all.
    is_changed_by: fn(&str) -> bool,
    /// The files that a program opens, those of its vector included, where it does no more than that, compute and
    /// print.
    deeds: fn(&str, &[String]) -> Option<Vec<Deed>>,
}

/// Most tokens of a program that is read.
const MAX_TOKENS: usize = 4_000;

const INTERPRETERS: &[Interpreter] = &[node::NODE, perl::PERL, python::PYTHON, ruby::RUBY];

/// What a script comes to in each way to read it.
type Parse = fn(&str) -> Vec<Parsed>;

/// Whether a word that is not known passes on or drops text and does no more.
type IsShown = fn(&str) -> bool;

/// A vector of a filter, as one of the programs of its name takes it.
#[derive(Debug)]
struct Call {
    pieces: Vec<Piece>,
    /// What its options do.
    deeds: Vec<Deed>,
}

impl Reader {
    /// Reads what a filter does besides.
    pub(super) fn filtered(&mut self, vector: &Vector, context: &Context, scope: &Scope) {
        let name = vector.argv.first().map_or("", |it| base_name(it));
        for (at, deed) in outputs::written(name, &vector.argv) {
            self.deed(deed, vector.unknown.has(at), context, scope);
        }
        let (calls, parse, is_shown): (Vec<Call>, Parse, IsShown) = match name {
            name if SED.contains(&name) => {
                (sed::calls(&vector.argv), sed::parse, sed::has_computed_lines_only)
            }
            name if AWK.contains(&name) => (vec![awk::call(&vector.argv)], awk::parse, |_| false),
            _ => return,
        };
        let mut deeds = BTreeSet::new();
        for call in calls {
            deeds.extend(call.deeds);
            if call.pieces.is_empty() && context.wrappers.iter().any(|it| it == "xargs") {
                deeds.insert(Deed::Code);
            }
            match script(&call.pieces, vector, context, is_shown) {
                Some(script) if !self.afford(script.len() * SCRIPT_COST) => {
                    self.doubt(Doubt::TooLarge, &script);
                    deeds.insert(Deed::Code);
                }
                Some(script) => {
                    let parsed = parse(&script);
                    // Where none that we know would take it, others might.
                    if !parsed.iter().any(|it| it.is_whole) {
                        self.doubt(Doubt::ParseError, &script);
                        deeds.insert(Deed::Code);
                    }
                    deeds.extend(parsed.into_iter().flat_map(Parsed::into_deeds));
                }
                None => _ = deeds.insert(Deed::Code),
            }
        }
        for deed in deeds {
            if deed == Deed::Code {
                self.doubt(Doubt::ComputedCode, &vector.argv.join(" "));
            }
            self.deed(deed, false, context, scope);
        }
    }

    /// Whether a vector is an interpreter with a program that does no more than compute, print, and open
    /// the files of these deeds.
    pub(super) fn computed(
        &mut self,
        vector: &Vector,
        context: &Context,
    ) -> Option<BTreeSet<Deed>> {
        let name = without_version(vector.argv.first().map_or("", |it| base_name(it)));
        let known = INTERPRETERS.iter().find(|it| it.names.contains(&name))?;
        if context.assignments.iter().any(|it| (known.is_changed_by)(&it.0)) {
            return None;
        }
        let place = (known.place)(&vector.argv)?;
        // What follows the program may be options, too.
        if known.has_options_behind && !vector.open.is_empty() {
            return None;
        }
        let piece = match place {
            Place::Word(at) => Piece::Word(at, vector.argv.get(at)?.clone()),
            Place::Stdin => Piece::File("-".to_owned()),
        };
        let program = script(&[piece], vector, context, |_| false)?;
        let is_cheap = self.afford(program.len() * SCRIPT_COST);
        let deeds = is_cheap.then(|| (known.deeds)(&program, &vector.argv))??;
        Some(deeds.into_iter().collect())
    }

    pub(super) fn deed(&mut self, deed: Deed, is_unknown: bool, context: &Context, scope: &Scope) {
        match deed {
            Deed::Runs(script) => self.run_besides(&script, context, scope),
            Deed::Opens(mode, path, is_whole) => {
                let command: &[&str] = match mode {
                    Mode::Read => &["cat"],
                    Mode::Write => &["tee"],
                    Mode::Append => &["tee", "-a"],
                };
                self.opened(command, path, is_unknown || !is_whole, context);
            }
            Deed::Code => {
                let shell =
                    Vector { stdin: Stdin::Computed, ..Vector::literal(vec!["sh".to_owned()]) };
                self.push(&shell, &context.scripted());
            }
        }
    }
}

/// The script that pieces come to; `None` where not all of it is known.
fn script(
    pieces: &[Piece],
    vector: &Vector,
    context: &Context,
    is_shown: IsShown,
) -> Option<String> {
    let is_filled = |it: &str| context.placeholder.as_ref().is_some_and(|hole| it.contains(hole));
    let text = |piece: &Piece| match piece {
        Piece::Word(at, text) if vector.unknown.has(*at) => is_shown(text).then(String::new),
        Piece::Word(_, text) => (!is_filled(text)).then(|| text.clone()),
        Piece::File(path) if matches!(path.as_str(), "-" | "/dev/stdin") => match &vector.stdin {
            Stdin::Text(text) => Some(text.to_string()),
            _ => None,
        },
        Piece::File(_) => None,
    };
    let texts: Option<Vec<String>> = pieces.iter().map(text).collect();
    Some(texts?.join("\n"))
}

/// Characters of a script and where reading has come to.
#[derive(Debug)]
struct Cursor {
    text: Vec<char>,
    at: usize,
}

impl Cursor {
    fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[char] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let ch = self.peek()?;
        self.at += 1;
        Some(ch)
    }

    /// Whether `ch` comes next; it is passed then.
    fn takes(&mut self, ch: char) -> bool {
        let is_next = self.peek() == Some(ch);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes what `is_part` says, and gives it.
    fn run(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let part: String = self.rest().iter().take_while(|&&ch| is_part(ch)).collect();
        self.at += part.chars().count();
        part
    }

    /// Passes a delimited text to behind its end; `false` where that does not come in this line.
    ///
    /// With `has_brackets` the delimiter is a character like others in a bracket expression.
    fn delimited(&mut self, end: char, has_brackets: bool) -> bool {
        loop {
            match self.next() {
                None | Some('\n') => return false,
                Some(ch) if ch == end => return true,
                Some('\\') => self.at += 1,
                Some('[') if has_brackets && !self.bracketed() => return false,
                Some(_) => (),
            }
        }
    }

    /// Passes the rest of a bracket expression.
    fn bracketed(&mut self) -> bool {
        self.takes('^');
        self.takes(']');
        loop {
            match self.next() {
                None | Some('\n') => return false,
                Some(']') => return true,
                Some('[') => {
                    let Some(kind @ (':' | '.' | '=')) = self.peek() else { continue };
                    let rest = self.text.get(self.at + 1..).unwrap_or_default();
                    let is_end = |it: &[char]| it == [kind, ']'];
                    match rest.windows(2).position(is_end) {
                        Some(n_chars) => self.at += 1 + n_chars + 2,
                        None => return false,
                    }
                }
                Some(_) => (),
            }
        }
    }
}

/// Deeds as the tests write them.
#[cfg(test)]
fn shown(deeds: &[Deed]) -> String {
    let shown = |deed: &Deed| match deed {
        Deed::Opens(mode, path, is_whole) => format!("{mode:?} {path} {is_whole}"),
        deed => format!("{deed:?}"),
    };
    deeds.iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
