//! Programs of Perl in the arguments that look for text, replace it and print it.
//!
//! Only statements that are known are taken: substitutions, transliterations, `print`, `next` and `last`, with
//! conditions of patterns and numbers of lines. Nothing in a pattern or a replacement may be a program.
//!
//! # Source
//! perlrun(1), perlop(1) and perlre(1) of Perl 5.40.
use super::{Cursor, Deed, Interpreter, Mode, Place};

pub(super) const PERL: Interpreter = Interpreter {
    names: &["perl"],
    place: |argv| Some(Place::Word(call(argv)?.program)),
    has_options_behind: true,
    is_changed_by,
    deeds: |program, argv| is_known(program).then(|| files(argv))?,
};

/// Modules that change how text is read, and nothing else.
const PRAGMAS: &[&str] = &["-Mstrict", "-Mutf8", "-Mwarnings"];

/// Letters behind a pattern that say how it is looked for; `e` makes a program of a replacement.
const FLAGS: &str = "acgilmnopsux";

/// A vector.
struct Call<'a> {
    /// The place of the program.
    program: usize,
    /// Whether it runs for each line of its files, and puts what is left of it in its place.
    is_loop: bool,
    is_in_place: bool,
    files: Vec<&'a str>,
}

fn call(argv: &[String]) -> Option<Call<'_>> {
    let mut call = Call { program: 0, is_loop: false, is_in_place: false, files: Vec::new() };
    let mut at = 1;
    loop {
        let word = argv.get(at)?;
        let letters = word.strip_prefix('-').filter(|it| !it.is_empty())?;
        at += 1;
        if PRAGMAS.contains(&word.as_str()) {
            continue;
        }
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(1..)?;
            match letter {
                'n' | 'p' => call.is_loop = true,
                'a' | 'w' | 'l' => (),
                '0' => rest = rest.trim_start_matches(|ch: char| ch.is_ascii_digit()),
                'C' => {
                    rest.chars().all(|ch| ch.is_ascii_alphanumeric()).then_some(())?;
                    rest = "";
                }
                // What follows would be the ending of copies.
                'i' => {
                    rest.is_empty().then_some(())?;
                    call.is_in_place = true;
                }
                'e' if rest.is_empty() => {
                    argv.get(at)?;
                    call.program = at;
                    call.files = argv.iter().skip(at + 1).map(String::as_str).collect();
                    call.files.iter().all(|it| is_file(it)).then_some(())?;
                    return Some(call);
                }
                _ => return None,
            }
        }
    }
}

/// Whether a word is the name of a file, and no command to Perl, which `|x`, `x|` and `>x` are.
fn is_file(word: &str) -> bool {
    let is_plain = |ch: char| ch.is_ascii_alphanumeric() || "./_~".contains(ch);
    word.starts_with(is_plain) && word.ends_with(is_plain) && !word.contains(['|', '<', '>'])
}

/// Variables that change how the interpreter begins, beside those that change code for all.
fn is_changed_by(variable: &str) -> bool {
    variable.starts_with("PERL") && variable != "PERL_UNICODE"
}

/// The files of a vector: each is read, and written where it is changed in its place.
fn files(argv: &[String]) -> Option<Vec<Deed>> {
    let call = call(argv)?;
    let opens = |mode| call.files.iter().map(move |it| Deed::Opens(mode, (*it).to_owned(), true));
    let read = opens(Mode::Read).filter(|_| call.is_loop);
    Some(read.chain(opens(Mode::Write).filter(|_| call.is_loop && call.is_in_place)).collect())
}

/// Whether all statements of a program are known, none of which opens a file.
fn is_known(program: &str) -> bool {
    let mut reader = Reader { cursor: Cursor::new(program) };
    !program.contains(['\r', '\0', '`']) && reader.statements().is_some()
}

struct Reader {
    cursor: Cursor,
}

impl Reader {
    fn blanks(&mut self) {
        self.cursor.run(char::is_whitespace);
    }

    fn word(&mut self) -> String {
        self.blanks();
        self.cursor.run(|ch| ch.is_ascii_alphanumeric() || ch == '_')
    }

    fn statements(&mut self) -> Option<()> {
        loop {
            self.cursor.run(|ch| ch.is_whitespace() || ch == ';');
            if self.cursor.peek().is_none() {
                return Some(());
            }
            self.statement()?;
            self.blanks();
            if !matches!(self.cursor.peek(), None | Some(';')) {
                return None;
            }
        }
    }

    fn statement(&mut self) -> Option<()> {
        let word = self.word();
        match word.as_str() {
            "s" => self.substitution(true)?,
            "tr" | "y" => self.substitution(false)?,
            "print" => {
                self.blanks();
                if self.cursor.takes('"') {
                    let text = self.delimited('"')?;
                    is_replacement(&text).then_some(())?;
                }
            }
            "next" | "last" | "chomp" => (),
            _ => return None,
        }
        self.blanks();
        if matches!(self.cursor.peek(), None | Some(';')) {
            return Some(());
        }
        matches!(self.word().as_str(), "if" | "unless").then(|| self.condition())?
    }

    /// Patterns and numbers of lines, with `and` and `or` between them.
    fn condition(&mut self) -> Option<()> {
        loop {
            self.blanks();
            while self.cursor.takes('!') {
                self.blanks();
            }
            match self.cursor.peek()? {
                '/' => {
                    self.cursor.next();
                    self.pattern('/')?;
                }
                '$' => {
                    self.cursor.next();
                    self.cursor.takes('.').then_some(())?;
                    self.blanks();
                    let sign = self.cursor.run(|ch| "<>=".contains(ch));
                    matches!(sign.as_str(), "<" | ">" | "<=" | ">=" | "==").then_some(())?;
                    (!self.word().is_empty()).then_some(())?;
                }
                ch if ch.is_ascii_digit() => _ = self.word(),
                _ => return None,
            }
            self.blanks();
            let sign = self.cursor.run(|ch| "&|.".contains(ch));
            match sign.as_str() {
                "&&" | "||" | ".." | "..." => (),
                "" => return Some(()),
                _ => return None,
            }
        }
    }

    /// The rest of a pattern behind its first mark, with its flags.
    fn pattern(&mut self, end: char) -> Option<()> {
        let pattern = self.delimited(end)?;
        let flags = self.cursor.run(|ch| ch.is_ascii_alphanumeric());
        let is_known = flags.chars().all(|ch| FLAGS.contains(ch));
        (is_known && is_pattern(&pattern)).then_some(())
    }

    /// `s/PATTERN/REPLACEMENT/FLAGS`, or `tr/LIST/LIST/FLAGS`.
    fn substitution(&mut self, has_pattern: bool) -> Option<()> {
        let mark = self.cursor.next().filter(|ch| "/|,#!:{".contains(*ch))?;
        let end = if mark == '{' { '}' } else { mark };
        let first = self.delimited(end)?;
        if mark == '{' {
            self.blanks();
            self.cursor.takes('{').then_some(())?;
        }
        let second = self.delimited(end)?;
        let flags = self.cursor.run(|ch| ch.is_ascii_alphanumeric());
        let known = if has_pattern { FLAGS } else { "cdsr" };
        let are_texts = !has_pattern || (is_pattern(&first) && is_replacement(&second));
        (are_texts && flags.chars().all(|ch| known.contains(ch))).then_some(())
    }

    /// A text to its end, which is passed; backslashes are left in it.
    fn delimited(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        loop {
            let ch = self.cursor.next()?;
            if ch == end {
                return Some(text);
            }
            // Pairs in pairs are counted.
            (end != '}' || ch != '{').then_some(())?;
            text.push(ch);
            if ch == '\\' {
                text.push(self.cursor.next()?);
            }
        }
    }
}

/// The signs of a text, each with what follows it, but for those behind a backslash.
fn signs(text: &str) -> impl Iterator<Item = (char, &str)> {
    let mut chars = text.char_indices();
    std::iter::from_fn(move || {
        let (_, mut ch) = chars.next()?;
        while ch == '\\' {
            chars.next();
            ch = chars.next()?.1;
        }
        Some((ch, chars.as_str()))
    })
}

/// Whether nothing in a pattern is a program or a variable.
fn is_pattern(text: &str) -> bool {
    signs(text).all(|(ch, rest)| match ch {
        '@' => false,
        '$' => rest.is_empty() || rest.starts_with([')', '|']),
        '(' => !rest.starts_with("?{") && !rest.starts_with("??{") && !rest.starts_with('*'),
        _ => true,
    })
}

/// Whether nothing in a replacement is one but for what was matched.
fn is_replacement(text: &str) -> bool {
    signs(text).all(|(ch, rest)| match ch {
        '@' => false,
        '$' => {
            let behind = rest
                .strip_prefix('&')
                .unwrap_or_else(|| rest.trim_start_matches(|ch: char| ch.is_ascii_digit()));
            behind.len() < rest.len()
                && !behind.starts_with(['[', '{'])
                && !behind.starts_with("->")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn statements_that_look_and_replace_are_known() {
        for program in [
            "s/a/b/g",
            "s/\\bfoo\\(out,/foo2(out,/g; s/x$/y/",
            "s|a/b|$1c|",
            "s{a}{b}gi",
            "s#a#\\$x \\@y#",
            "tr/a-z/A-Z/",
            "print if /x|y$/i",
            "print unless !/x/",
            "print if 3..5",
            "print if $. >= 3 && $. <= 5",
            "s/a/b/ if /c/",
            "next if /x/; print",
            "print \"$1\\n\" if /(x)/",
            "s/(\\t\"a\",\\n)/$1\\t\"b\",\\n/",
        ] {
            assert!(is_known(program), "{program}");
        }
    }

    #[test]
    fn what_is_a_program_in_it_is_refused() {
        for program in [
            "system 'id'",
            "`id`",
            "s/a/system('id')/e",
            "s/a/b/gee",
            "s/a/@{[system('id')]}/",
            "s/a/${\\ system('id')}/",
            "s/a/$x{system('id')}/",
            "s/a/$1[system('id')]/",
            "s/a/$1->[system('id')]/",
            "s/a/$&{system('id')}/",
            "s/(?{system('id')})//",
            "s/(??{system('id')})//",
            "s/@{[system('id')]}//",
            "s/$x[system('id')]//",
            "s/${system('id')}//",
            "s'a'b'e",
            "s(a)(b)e",
            "s{a}{b}e",
            "s{a{}}{b}",
            "print `id`",
            "print system('id')",
            "print STDERR if /x/",
            "print if /x/ and system('id')",
            "print if system('id')",
            "print \"@{[system('id')]}\"",
            "open F, 'x'",
            "unlink",
            "s/a/b/w",
            "s/a/b",
            "BEGIN { system('id') }",
        ] {
            assert!(!is_known(program), "{program}");
        }
    }

    #[test]
    fn files_are_read_and_changed_in_their_place() {
        let shown = |line: &str| {
            let argv = split(line).unwrap();
            let found = files(&argv)?;
            let shown = |deed: &Deed| match deed {
                Deed::Opens(mode, path, _) => format!("{mode:?} {path}"),
                deed => format!("{deed:?}"),
            };
            Some(found.iter().map(shown).collect::<Vec<_>>().join(", "))
        };
        for (line, wanted) in [
            ("perl -pe x", Some("")),
            ("perl -ne x a b", Some("Read a, Read b")),
            ("perl -pi -e x a.go", Some("Read a.go, Write a.go")),
            ("perl -0777 -pi -e x a.go", Some("Read a.go, Write a.go")),
            ("perl -0pi -e x src/*.go", Some("Read src/*.go, Write src/*.go")),
            ("perl -CSD -Mutf8 -lne x a", Some("Read a")),
            ("perl -e x a", Some("")),
            ("perl -pie x a", None),
            ("perl -pi.bak -e x a", None),
            ("perl -MFile::Copy -e x", None),
            ("perl -ne x 'id|'", None),
            ("perl -ne x '|id'", None),
            ("perl -pi -e x '>a'", None),
            ("perl -ne x *", None),
            ("perl -ne x -e y", None),
            ("perl -I. -e x", None),
            ("perl -d -e x", None),
            ("perl x.pl", None),
            ("perl", None),
        ] {
            assert_eq!(shown(line).as_deref(), wanted, "{line}");
        }
    }
}
