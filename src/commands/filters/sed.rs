//! The language of `sed`.
//!
//! Programs of that name do not agree on where a delimiter ends that stands in brackets, where labels
//! end, whether commands have to be parted, and whether `-i` takes the next word: each way is read, and
//! what any of them does counts.
//!
//! # Source
//! The manuals of GNU sed 4.9 and of FreeBSD 14, POSIX.1-2024, and trials of GNU sed 4.9 and of busybox 1.35.
use super::{
    Call, Cursor, Deed, Mode, Parsed, Piece,
    arguments::{Argument, Syntax},
};

/// In which way a script is read.
#[derive(Clone, Copy, Debug)]
struct Dialect {
    /// Whether a delimiter in brackets is none.
    has_brackets: bool,
    /// What ends a label besides the line.
    label_ends: &'static str,
    /// Whether a command may follow another one at once: `pw f`.
    is_joined: bool,
}

const GNU: Syntax = Syntax {
    valued: "efl",
    joined: "i",
    long: &["expression", "file", "line-length"],
    long_joined: &[],
    words: None,
    permutes: true,
};
const BSD: Syntax = Syntax { valued: "efiI", ..GNU };

/// A vector as GNU's program takes it, and as those of the BSDs do where that is another one.
pub(super) fn calls(argv: &[String]) -> Vec<Call> {
    let [gnu, bsd] = [GNU, BSD].map(|it| call(argv, it));
    let is_other = |it: &Piece| match it {
        // It is a file for the others, `web.go`, unless it has the looks of a script.
        Piece::Word(_, text) => {
            let is_path = |ch: char| ch.is_alphanumeric() || "._-".contains(ch);
            let is_substitution = |it: &str| it.starts_with(|ch| !is_path(ch));
            text.strip_prefix('s').is_some_and(is_substitution)
                || text.contains([' ', '\t', '\n', ';', '{', '}', '$', ',', '!', '\\'])
        }
        Piece::File(_) => true,
    };
    if gnu.pieces != bsd.pieces && bsd.pieces.iter().any(is_other) {
        vec![gnu, bsd]
    } else {
        vec![gnu]
    }
}

/// The pieces of the script in a vector.
fn call(argv: &[String], syntax: Syntax) -> Call {
    let mut pieces = Vec::new();
    let mut operand = None;
    for argument in syntax.arguments(argv) {
        match argument {
            Argument::Option("e" | "expression", at, text) => {
                pieces.push(Piece::Word(at, text.to_owned()));
            }
            Argument::Option("f" | "file", _, path) => pieces.push(Piece::File(path.to_owned())),
            Argument::Option(..) => (),
            Argument::Operand(at, word) => {
                operand.get_or_insert_with(|| Piece::Word(at, word.to_owned()));
            }
        }
    }
    if pieces.is_empty() {
        pieces.extend(operand);
    }
    Call { pieces, deeds: Vec::new() }
}

/// Whether a word that is not known shows or drops lines whose numbers alone are computed:
/// `$((n+1)),$((n+9))p`. Should it be text and no arithmetic, no `sed` takes it.
pub(super) fn has_computed_lines_only(text: &str) -> bool {
    text.split(';').all(|command| {
        let Some(addresses) = command.strip_suffix(['p', 'd', 'q', '=']) else { return false };
        let is_number = |it: &str| {
            let inner = it.strip_prefix("$((").and_then(|it| it.strip_suffix("))"));
            // Without brackets of its own, so that it is one expansion.
            let is_sum = |it: &str| {
                it.chars().all(|ch| ch.is_ascii_alphanumeric() || "_+-*/% $".contains(ch))
            };
            inner.is_some_and(is_sum) || it.bytes().all(|ch| ch.is_ascii_digit())
        };
        addresses.split(',').all(is_number)
    })
}

/// What a script does, in each way to read it.
pub(super) fn parse(script: &str) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    for has_brackets in [true, false] {
        for label_ends in [" \t;}", " \t;", ""] {
            let dialect = Dialect { has_brackets, label_ends, is_joined: false };
            let parted = read(script, dialect);
            if !parted.is_whole {
                parsed.push(read(script, Dialect { is_joined: true, ..dialect }));
            }
            parsed.push(parted);
            if !script.contains([':', 'b', 't', 'T']) {
                break; // No label.
            }
        }
        if !script.contains('[') {
            break;
        }
    }
    parsed
}

fn read(script: &str, dialect: Dialect) -> Parsed {
    let mut parser = Parser { cursor: Cursor::new(script), dialect, deeds: Vec::new() };
    let is_whole = parser.commands().is_some();
    Parsed { deeds: parser.deeds, is_whole }
}

#[derive(Debug)]
struct Parser {
    cursor: Cursor,
    dialect: Dialect,
    deeds: Vec<Deed>,
}

impl Parser {
    /// Reads all commands; `None` where one is none.
    fn commands(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.cursor.run(|ch| ch.is_whitespace() || ch == ';');
            match self.cursor.peek() {
                None => return (depth == 0).then_some(()),
                Some('#') => {
                    self.line();
                    continue;
                }
                Some(_) => (),
            }
            self.addresses()?;
            match self.cursor.next()? {
                '{' => depth += 1,
                '}' => {
                    depth = depth.checked_sub(1)?;
                    self.end()?;
                }
                command => self.command(command)?,
            }
        }
    }

    fn command(&mut self, command: char) -> Option<()> {
        match command {
            '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F' => {
                self.end()
            }
            'l' | 'L' | 'q' | 'Q' => {
                self.blanks();
                self.number();
                self.end()
            }
            // Without text some refuse it, and none runs anything.
            'a' | 'i' | 'c' => {
                self.text();
                Some(())
            }
            ':' | 'b' | 't' | 'T' | 'v' => {
                self.blanks();
                let ends = self.dialect.label_ends;
                self.cursor.run(|ch| ch != '\n' && !ends.contains(ch));
                Some(())
            }
            'r' | 'R' => self.file(Mode::Read),
            'w' | 'W' => self.file(Mode::Write),
            'e' => {
                let text = self.text();
                // Without a command of its own it runs what was read.
                self.deeds.push(if text.is_empty() { Deed::Code } else { Deed::Runs(text) });
                Some(())
            }
            's' => self.substitution(),
            'y' => {
                let end = self.delimiter()?;
                let is_read =
                    self.cursor.delimited(end, false) && self.cursor.delimited(end, false);
                is_read.then_some(())?;
                self.end()
            }
            _ => None,
        }
    }

    fn substitution(&mut self) -> Option<()> {
        let end = self.delimiter()?;
        let is_read = self.cursor.delimited(end, self.dialect.has_brackets)
            && self.cursor.delimited(end, false);
        is_read.then_some(())?;
        loop {
            match self.cursor.peek() {
                Some('}' | '#') | None => return Some(()),
                Some(_) => (),
            }
            match self.cursor.next()? {
                'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' | ' ' | '\t' | '\r' => (),
                'e' => self.deeds.push(Deed::Code),
                'w' => return self.file(Mode::Write),
                ';' | '\n' => return Some(()),
                _ if self.dialect.is_joined => {
                    self.cursor.at -= 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn delimiter(&mut self) -> Option<char> {
        self.cursor.next().filter(|ch| !matches!(ch, '\n' | '\\'))
    }

    /// Up to two addresses and `!`.
    fn addresses(&mut self) -> Option<()> {
        self.address()?;
        self.blanks();
        if self.cursor.takes(',') {
            self.blanks();
            self.cursor.run(|ch| ch == '+' || ch == '~');
            self.address()?;
            self.blanks();
        }
        self.cursor.run(|ch| ch == '!' || ch.is_whitespace());
        Some(())
    }

    fn address(&mut self) -> Option<()> {
        match self.cursor.peek() {
            Some('0'..='9') => {
                self.number();
                if self.cursor.takes('~') {
                    self.number();
                }
            }
            Some('$') => self.cursor.at += 1,
            Some('/' | '\\') => {
                let first = self.cursor.next()?;
                let end = if first == '/' { first } else { self.delimiter()? };
                self.cursor.delimited(end, self.dialect.has_brackets).then_some(())?;
                self.cursor.run(|ch| ch == 'I' || ch == 'M');
            }
            _ => (),
        }
        Some(())
    }

    /// Text to the end of a line that no backslash hides; backslashes are taken off.
    fn text(&mut self) -> String {
        let mut text = String::new();
        self.blanks();
        if self.cursor.peek() == Some('\n') {
            return text;
        }
        while let Some(ch) = self.cursor.next() {
            match ch {
                '\n' => break,
                '\\' => text.extend(self.cursor.next()),
                ch => text.push(ch),
            }
        }
        text
    }

    /// A file is named by the rest of the line.
    fn file(&mut self, mode: Mode) -> Option<()> {
        self.blanks();
        let path = self.line();
        (!path.is_empty()).then_some(())?;
        self.deeds.push(Deed::Opens(mode, path, true));
        Some(())
    }

    fn line(&mut self) -> String {
        self.cursor.run(|ch| ch != '\n')
    }

    fn blanks(&mut self) {
        self.cursor.run(|ch| ch.is_whitespace() && ch != '\n');
    }

    fn number(&mut self) {
        self.cursor.run(|ch| ch.is_ascii_digit());
    }

    /// The end of a command that takes nothing more.
    fn end(&mut self) -> Option<()> {
        self.blanks();
        match self.cursor.peek() {
            None | Some('}' | '#') => Some(()),
            Some(';' | '\n') => {
                self.cursor.at += 1;
                Some(())
            }
            Some(_) => self.dialect.is_joined.then_some(()),
        }
    }
}
