//! A quick parser for plain scripts: lists and pipelines of simple commands, as most scripts are.
//!
//! It gives the tree that the full parser gives, without places in the text, or nothing at the first
//! sign of anything more: then the full parser is asked.
use brush_parser::{
    SourceSpan,
    ast::{
        AndOr, AndOrList, Assignment, AssignmentName, AssignmentValue, Command, CommandPrefix,
        CommandPrefixOrSuffixItem as Item, CommandSuffix, CompoundList, CompoundListItem,
        IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, Program, SeparatorOperator,
        SimpleCommand, Word,
    },
};

/// Words that mean something else where a command may begin.
///
/// # Source
/// Reserved words of bash 5.2, and `time`, which is one in front of a pipeline.
const RESERVED: &[&str] = &[
    "!", "{", "}", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "time", "until", "while",
];

/// Most words and signs that are read: more than one event has work for.
const MAX_TOKENS: usize = 24_000;

/// A script in the eyes of the quick parser.
#[derive(Debug)]
pub(super) enum Plain {
    /// It is plain.
    Yes(Program),
    /// It is not plain, or no script.
    No,
    /// It is longer than anybody reads.
    TooLarge,
}

/// Parses a script.
pub(super) fn read(script: &str) -> Plain {
    let mut parser = Parser { text: script, at: 0, token: Token::End, n_left: MAX_TOKENS };
    match parser.advance().and_then(|()| parser.program()) {
        Some(program) => Plain::Yes(program),
        None if parser.n_left == 0 => Plain::TooLarge,
        None => Plain::No,
    }
}

/// Parses a script; `None` where it is not plain, or not a script.
#[cfg(test)]
fn parse(script: &str) -> Option<Program> {
    match read(script) {
        Plain::Yes(program) => Some(program),
        Plain::No | Plain::TooLarge => None,
    }
}

/// What the text is cut into.
#[derive(Debug)]
enum Token {
    /// Quotes and all, line continuations taken out; and whether a redirection follows at once.
    Word(String, bool),
    Redirect(Redirect),
    And,
    Or,
    Pipe,
    Separator(SeparatorOperator),
    Newline,
    End,
}

#[derive(Clone, Copy, Debug)]
enum Redirect {
    File(Kind),
    Duplicate(Kind),
    Both,
    BothAppend,
}

/// The kinds of redirections that are plain.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Read,
    Write,
    Append,
}

struct Parser<'a> {
    text: &'a str,
    /// Where the token after the current one begins.
    at: usize,
    token: Token,
    /// How many more tokens are read.
    n_left: usize,
}

impl Parser<'_> {
    fn program(&mut self) -> Option<Program> {
        let mut complete_commands = Vec::new();
        self.newlines()?;
        while !matches!(self.token, Token::End) {
            complete_commands.push(self.complete_command()?);
            match self.token {
                Token::End => (),
                Token::Newline => self.newlines()?,
                _ => return None,
            }
        }
        Some(Program { complete_commands })
    }

    fn complete_command(&mut self) -> Option<CompoundList> {
        let mut items = Vec::with_capacity(1);
        loop {
            let list = self.and_or()?;
            let Token::Separator(separator) = &self.token else {
                items.push(CompoundListItem(list, SeparatorOperator::Sequence));
                break;
            };
            items.push(CompoundListItem(list, separator.clone()));
            self.advance()?;
            if matches!(self.token, Token::Newline | Token::End) {
                break;
            }
        }
        Some(CompoundList(items))
    }

    fn and_or(&mut self) -> Option<AndOrList> {
        let first = self.pipeline()?;
        let mut additional = Vec::new();
        loop {
            let join = match self.token {
                Token::And => AndOr::And,
                Token::Or => AndOr::Or,
                _ => break,
            };
            self.advance()?;
            self.newlines()?;
            additional.push(join(self.pipeline()?));
        }
        Some(AndOrList { first, additional })
    }

    fn pipeline(&mut self) -> Option<Pipeline> {
        let mut seq = vec![self.command()?];
        while matches!(self.token, Token::Pipe) {
            self.advance()?;
            self.newlines()?;
            seq.push(self.command()?);
        }
        Some(Pipeline { timed: None, bang: false, seq })
    }

    fn command(&mut self) -> Option<Command> {
        let (mut prefix, mut suffix) = (Vec::new(), Vec::new());
        let mut name: Option<Word> = None;
        loop {
            let item = match self.take()? {
                Taken::Redirect(redirect) => Item::IoRedirect(self.redirect(None, redirect)?),
                Taken::Word(text, true) if is_number(&text) => {
                    let number = text.parse().ok()?;
                    let Taken::Redirect(redirect) = self.take()? else { return None };
                    Item::IoRedirect(self.redirect(Some(number), redirect)?)
                }
                Taken::Word(text, _) => match assignment(&text)? {
                    Some(assignment) => Item::AssignmentWord(assignment, word(text)),
                    None if name.is_some() => Item::Word(word(text)),
                    None if RESERVED.contains(&text.as_str()) => return None,
                    None => {
                        name = Some(word(text));
                        continue;
                    }
                },
                Taken::Other => break,
            };
            if name.is_some() { suffix.push(item) } else { prefix.push(item) }
        }
        if name.is_none() && prefix.is_empty() {
            return None;
        }
        Some(Command::Simple(SimpleCommand {
            prefix: (!prefix.is_empty()).then_some(CommandPrefix(prefix)),
            word_or_name: name,
            suffix: (!suffix.is_empty()).then_some(CommandSuffix(suffix)),
        }))
    }

    fn redirect(&mut self, number: Option<i32>, redirect: Redirect) -> Option<IoRedirect> {
        let Taken::Word(text, _) = self.take()? else { return None };
        let target = word(text);
        Some(match redirect {
            Redirect::File(kind) => {
                let kind = match kind {
                    Kind::Read => IoFileRedirectKind::Read,
                    Kind::Write => IoFileRedirectKind::Write,
                    Kind::Append => IoFileRedirectKind::Append,
                };
                IoRedirect::File(number, kind, IoFileRedirectTarget::Filename(target))
            }
            Redirect::Duplicate(kind) => {
                let kind = match kind {
                    Kind::Read => IoFileRedirectKind::DuplicateInput,
                    _ => IoFileRedirectKind::DuplicateOutput,
                };
                IoRedirect::File(number, kind, IoFileRedirectTarget::Duplicate(target))
            }
            // The full parser knows no number here.
            Redirect::Both | Redirect::BothAppend if number.is_some() => return None,
            Redirect::Both => IoRedirect::OutputAndError(target, false),
            Redirect::BothAppend => IoRedirect::OutputAndError(target, true),
        })
    }

    fn newlines(&mut self) -> Option<()> {
        while matches!(self.token, Token::Newline) {
            self.advance()?;
        }
        Some(())
    }

    /// The current token where it can be part of a simple command; then goes on to the next.
    fn take(&mut self) -> Option<Taken> {
        match &mut self.token {
            Token::Word(text, before_redirect) => {
                let taken = Taken::Word(std::mem::take(text), *before_redirect);
                self.advance()?;
                Some(taken)
            }
            Token::Redirect(redirect) => {
                let taken = Taken::Redirect(*redirect);
                self.advance()?;
                Some(taken)
            }
            _ => Some(Taken::Other),
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Reads the next token; `None` where it is not plain.
    fn advance(&mut self) -> Option<()> {
        self.n_left = self.n_left.checked_sub(1)?;
        loop {
            match self.byte(0) {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.byte(1) == Some(b'\n') => self.at += 2,
                Some(b'#') => self.at += self.run(|byte| byte != b'\n'),
                _ => break,
            }
        }
        let (token, n_bytes) = match (self.byte(0), self.byte(1)) {
            (None, _) => (Token::End, 0),
            (Some(b'\n'), _) => (Token::Newline, 1),
            (Some(b';'), Some(b';' | b'&'))
            | (Some(b'|'), Some(b'&'))
            | (Some(b'<'), Some(b'<' | b'>'))
            | (Some(b'>'), Some(b'|')) => return None,
            (Some(b';'), _) => (Token::Separator(SeparatorOperator::Sequence), 1),
            (Some(b'|'), Some(b'|')) => (Token::Or, 2),
            (Some(b'|'), _) => (Token::Pipe, 1),
            (Some(b'&'), Some(b'&')) => (Token::And, 2),
            (Some(b'&'), Some(b'>')) if self.byte(2) == Some(b'>') => {
                (Token::Redirect(Redirect::BothAppend), 3)
            }
            (Some(b'&'), Some(b'>')) => (Token::Redirect(Redirect::Both), 2),
            (Some(b'&'), _) => (Token::Separator(SeparatorOperator::Async), 1),
            (Some(b'<'), Some(b'&')) => (Token::Redirect(Redirect::Duplicate(Kind::Read)), 2),
            (Some(b'<'), _) => (Token::Redirect(Redirect::File(Kind::Read)), 1),
            (Some(b'>'), Some(b'>')) => (Token::Redirect(Redirect::File(Kind::Append)), 2),
            (Some(b'>'), Some(b'&')) => (Token::Redirect(Redirect::Duplicate(Kind::Write)), 2),
            (Some(b'>'), _) => (Token::Redirect(Redirect::File(Kind::Write)), 1),
            _ => (self.word()?, 0),
        };
        self.at += n_bytes;
        self.token = token;
        Some(())
    }

    /// How many bytes from here on satisfy `accept`.
    fn run(&self, accept: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        rest.iter().position(|byte| !accept(*byte)).unwrap_or(rest.len())
    }

    fn word(&mut self) -> Option<Token> {
        let mut word = String::new();
        // Up to here the text is in the word.
        let mut done = self.at;
        loop {
            self.at += self.run(|byte| !b" \t\n;&|<>()`\\'\"$".contains(&byte));
            match self.byte(0) {
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>') => break,
                Some(b'\\') => self.escape(&mut word, &mut done)?,
                Some(b'\'') => {
                    let before = self.text.get(done..self.at)?;
                    let before = if before.is_empty() { word.as_str() } else { before };
                    if before.ends_with('$') {
                        return None;
                    }
                    self.at += 1;
                    self.at += self.run(|byte| byte != b'\'');
                    self.byte(0)?;
                    self.at += 1;
                }
                Some(b'"') => {
                    self.at += 1;
                    loop {
                        self.at += self.run(|byte| !b"\"\\$`".contains(&byte));
                        match self.byte(0)? {
                            b'"' => break,
                            b'\\' => self.escape(&mut word, &mut done)?,
                            b'$' => self.dollar()?,
                            _ => return None,
                        }
                    }
                    self.at += 1;
                }
                Some(b'$') => self.dollar()?,
                _ => return None,
            }
        }
        word.push_str(self.text.get(done..self.at)?);
        Some(Token::Word(word, matches!(self.byte(0), Some(b'<' | b'>'))))
    }

    /// A backslash and what it escapes; before a newline both go.
    fn escape(&mut self, word: &mut String, done: &mut usize) -> Option<()> {
        let is_continuation = self.byte(1)? == b'\n';
        if is_continuation {
            word.push_str(self.text.get(*done..self.at)?);
        }
        self.at += 2;
        if is_continuation {
            *done = self.at;
        }
        Some(())
    }

    /// `$NAME`, `${NAME}`, `$(a few words)`, or a mere dollar sign.
    fn dollar(&mut self) -> Option<()> {
        self.at += 1;
        match self.byte(0) {
            Some(b'(') => {
                self.at += 1;
                let plain = |byte: u8| !b"()'\"\\`#<>{}\n\t".contains(&byte);
                let start = self.at;
                self.at += self.run(plain);
                // Arithmetic of old.
                let is_old = self.text.get(start..self.at)?.contains("$[");
                (self.byte(0)? == b')' && !is_old).then(|| self.at += 1)
            }
            Some(b'{') => {
                self.at += 1;
                self.at += self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                (self.byte(0)? == b'}').then(|| self.at += 1)
            }
            Some(b'[') => None,
            _ => Some(()),
        }
    }
}

/// A token of a simple command, owned.
enum Taken {
    Word(String, bool),
    Redirect(Redirect),
    Other,
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn word(value: String) -> Word {
    Word { value, loc: None }
}

/// `NAME=value` and `NAME+=value`; nothing at all where an element of an array is assigned.
#[expect(clippy::option_option, reason = "not plain, no assignment, assignment")]
fn assignment(text: &str) -> Option<Option<Assignment>> {
    let first = text.as_bytes().first();
    if !first.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return Some(None);
    }
    let n_name = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let (name, rest) = text.split_at_checked(n_name.count())?;
    let (append, value) = match rest.as_bytes() {
        [b'=', ..] => (false, rest.get(1..)?),
        [b'+', b'=', ..] => (true, rest.get(2..)?),
        [b'[', ..] if rest.contains('=') => return None,
        _ => return Some(None),
    };
    Some(Some(Assignment {
        name: AssignmentName::VariableName(name.to_owned()),
        value: AssignmentValue::Scalar(word(value.to_owned())),
        append,
        loc: SourceSpan::default(),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::commands::parse::parse_fully;

    /// A tree as text, without places.
    fn shown(program: &Program) -> String {
        let position = r"SourcePosition \{[^}]*\}";
        let span = format!(r"(?:Some\()?SourceSpan \{{ start: {position}, end: {position} \}}\)?");
        Regex::new(&span).unwrap().replace_all(&format!("{program:?}"), "None").into_owned()
    }

    #[test]
    fn plain_scripts_are_plain() {
        for script in [
            "cd x && git diff | head -5",
            "FOO=1 BAR=\"a b\" make test 2>&1 | tail -20; echo $?",
            "git commit -m 'it' \\\n  --no-verify > /dev/null 2> err.txt",
            "# a comment\nls; # another\n\nrm -rf \"$DIR/x\" ${Y}\n",
            "cd $(git rev-parse --show-toplevel) && ls &",
            "",
            "\n",
        ] {
            let program = parse(script);
            assert!(program.is_some(), "{script}");
            assert_eq!(shown(&program.unwrap()), shown(&parse_fully(script).unwrap()), "{script}");
        }
        for script in [
            "if true; then ls; fi",
            "cat <<EOF\nx\nEOF",
            "(ls)",
            "a() { ls; }",
            "! ls",
            "time ls",
            "x=(a b)",
            "echo $($[[)",
            "x[1]=2",
            "echo $'a'",
            "echo `ls`",
            "echo $(ls \"$(pwd)\")",
            "echo ${x:-y}",
            "ls |",
            "ls 'a",
            "ls && && ls",
            "; ls",
        ] {
            assert!(parse(script).is_none(), "{script}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let pieces = vec![
            "git",
            "ls",
            "a",
            "2",
            "12",
            "x=1",
            "x+=2",
            "x[1]=3",
            "x[1]",
            "=",
            "-n",
            "--y=z",
            "é",
            "{",
            "}",
            "{a,b}",
            "!",
            "if",
            "time",
            "in",
            "[[",
            "~/x",
            "*.rs",
            " ",
            " ",
            " ",
            " ",
            "  ",
            "\t",
            "\n",
            "\\\n",
            "\\",
            "\\$",
            "'",
            "'a b'",
            "\"",
            "\"a $x\"",
            "\"a\\\"b\"",
            "$",
            "$x",
            "${x}",
            "${x:-1}",
            "$(",
            "$(pwd)",
            "$(a | b && c)",
            ")",
            "$((1+2))",
            "`",
            "$'",
            "#",
            "# c",
            ";",
            ";;",
            "&",
            "&&",
            "|",
            "||",
            "|&",
            "<",
            ">",
            ">>",
            "2>&1",
            ">&",
            "&>",
            "&>>",
            "<<",
            "<&",
            "<>",
            ">|",
            "0<f",
            "(",
            "?",
            "@",
            "\r",
            "\u{a0}",
            "%redacted:jwt%",
        ];
        prop::sample::select(pieces).prop_map(str::to_owned)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn what_is_plain_is_what_the_full_parser_reads(pieces in prop::collection::vec(piece(), 0..14)) {
            let script = pieces.concat();
            if let Some(program) = parse(&script) {
                let full = parse_fully(&script);
                // The full parser is not asked where a `<<` might make it wait, quoted or not.
                if full.is_err() && script.contains("<<") {
                    return Ok(());
                }
                prop_assert!(full.is_ok(), "only the quick parser reads `{}`", script);
                prop_assert_eq!(shown(&program), shown(&full.unwrap()), "{}", script);
            }
        }
    }
}
