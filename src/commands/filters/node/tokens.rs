//! A program of JavaScript, cut into tokens.
//!
//! Where a slash may begin a pattern or divide, depending on what a bracket was for, the program is refused.
//!
//! # Source
//! ECMA-262, 16th edition: lexical grammar, and comments of the web in annex B.
use crate::commands::filters::Cursor;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword.
    Name(String),
    Number,
    Pattern,
    /// A string or a template, with its value where that stands there as it is.
    Text(Option<String>),
    /// `=` alone, also behind another sign: `+=`.
    Assign,
    /// `=>`.
    Arrow,
    /// `==` and `===`.
    Equals,
    Sign(char),
}

/// Keywords that a value follows.
const OPENING: &[&str] = &[
    "await",
    "case",
    "delete",
    "do",
    "else",
    "in",
    "instanceof",
    "new",
    "return",
    "throw",
    "typeof",
    "void",
];

/// Keywords whose brackets are no value.
const CONTROLS: &[&str] = &["catch", "for", "if", "switch", "while"];

/// Names that are keywords here and there.
const CONTEXTUAL: &[&str] = &["async", "let", "of", "yield"];

/// Deepest nesting of programs in templates.
const MAX_DEPTH: usize = 4;

/// The tokens of a program; `None` where it is not known how it is cut.
pub(super) fn tokens(program: &str) -> Option<Vec<Token>> {
    const REFUSED: &[&str] = &["\r", "\0", "\u{2028}", "\u{2029}", "<!--", "-->"];
    let is_plain = !REFUSED.iter().any(|it| program.contains(it));
    let mut reader = Reader {
        cursor: Cursor::new(program),
        tokens: Vec::new(),
        brackets: Vec::new(),
        is_control: false,
    };
    is_plain.then(|| reader.read(false, 0))??;
    reader.brackets.is_empty().then_some(reader.tokens)
}

struct Reader {
    cursor: Cursor,
    tokens: Vec<Token>,
    /// Brackets that are open, and whether each is one of a control.
    brackets: Vec<(char, bool)>,
    /// Whether the bracket that was closed last was one of a control.
    is_control: bool,
}

const fn is_letter(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || matches!(ch, '_' | '$')
}

/// Whether an operator follows, or a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Operator,
    Value,
    Unknown,
}

impl Reader {
    fn next(&self) -> Next {
        match self.tokens.last() {
            Some(Token::Name(name)) if OPENING.contains(&name.as_str()) => {
                // `x.return / 2`
                let is_field = self.tokens.iter().nth_back(1) == Some(&Token::Sign('.'));
                if is_field { Next::Operator } else { Next::Value }
            }
            Some(Token::Name(name)) if CONTEXTUAL.contains(&name.as_str()) => Next::Unknown,
            Some(Token::Sign(')')) if self.is_control => Next::Value,
            Some(
                Token::Name(_)
                | Token::Number
                | Token::Pattern
                | Token::Text(_)
                | Token::Sign(']' | ')'),
            ) => Next::Operator,
            Some(Token::Sign('}')) => Next::Unknown,
            // `x++ / 2`
            Some(Token::Sign(sign @ ('+' | '-'))) => {
                let is_twice = self.tokens.iter().nth_back(1) == Some(&Token::Sign(*sign));
                if is_twice { Next::Unknown } else { Next::Value }
            }
            _ => Next::Value,
        }
    }

    /// Reads to the end of all, or to the brace that closes a part of a template, which is passed.
    fn read(&mut self, is_part: bool, depth: usize) -> Option<()> {
        (depth <= MAX_DEPTH).then_some(())?;
        let n_open = self.brackets.len();
        while let Some(ch) = self.cursor.peek() {
            if is_part && ch == '}' && self.brackets.len() == n_open {
                self.cursor.next();
                return Some(());
            }
            self.token(ch, depth)?;
        }
        (!is_part).then_some(())
    }

    fn token(&mut self, ch: char, depth: usize) -> Option<()> {
        match ch {
            ' ' | '\t' | '\n' => _ = self.cursor.next(),
            '"' | '\'' => {
                self.cursor.next();
                self.text(ch)?;
            }
            '`' => self.template(depth)?,
            '/' => self.slash()?,
            '0'..='9' => self.number()?,
            ch if is_letter(ch) => {
                let name = self.cursor.run(is_letter);
                self.tokens.push(Token::Name(name));
            }
            '=' => {
                self.cursor.next();
                let token = match self.cursor.peek() {
                    Some('>') => Token::Arrow,
                    Some('=') => Token::Equals,
                    _ => Token::Assign,
                };
                if token != Token::Assign {
                    self.cursor.next();
                    self.cursor.takes('=');
                }
                self.tokens.push(token);
            }
            '!' => {
                self.cursor.next();
                self.tokens.push(Token::Sign('!'));
                // `!=` and `!==` assign nothing.
                if self.cursor.takes('=') {
                    self.cursor.takes('=');
                }
            }
            '<' | '>' => {
                self.cursor.next();
                self.tokens.push(Token::Sign(ch));
                // `>>=` assigns.
                let is_shift = self.tokens.iter().nth_back(1) == Some(&Token::Sign(ch));
                if !is_shift {
                    self.cursor.takes('=');
                }
            }
            '(' | '[' | '{' => {
                self.cursor.next();
                let is_control = match self.tokens.last() {
                    Some(Token::Name(name)) => CONTROLS.contains(&name.as_str()),
                    _ => false,
                };
                self.brackets.push((ch, is_control));
                self.tokens.push(Token::Sign(ch));
            }
            ')' | ']' | '}' => {
                self.cursor.next();
                let (open, is_control) = self.brackets.pop()?;
                matches!((open, ch), ('(', ')') | ('[', ']') | ('{', '}')).then_some(())?;
                self.is_control = is_control;
                self.tokens.push(Token::Sign(ch));
            }
            ch if ".,;:?+-*%&|^~".contains(ch) => {
                self.cursor.next();
                self.tokens.push(Token::Sign(ch));
            }
            _ => return None,
        }
        Some(())
    }

    fn text(&mut self, mark: char) -> Option<()> {
        let mut text = String::new();
        let mut is_plain = true;
        loop {
            match self.cursor.next()? {
                ch if ch == mark => break,
                '\n' => return None,
                '\\' => {
                    is_plain = false;
                    self.cursor.next()?;
                }
                ch => text.push(ch),
            }
        }
        self.tokens.push(Token::Text(is_plain.then_some(text)));
        Some(())
    }

    /// A template, whose programs stand in brackets beside it; none that a function takes.
    fn template(&mut self, depth: usize) -> Option<()> {
        (self.next() == Next::Value).then_some(())?;
        self.cursor.next();
        let at = self.tokens.len();
        let mut text = String::new();
        let mut is_plain = true;
        self.tokens.push(Token::Sign('('));
        loop {
            match self.cursor.next()? {
                '`' => break,
                '\\' => {
                    is_plain = false;
                    self.cursor.next()?;
                }
                '$' if self.cursor.takes('{') => {
                    is_plain = false;
                    self.tokens.push(Token::Sign('('));
                    self.read(true, depth + 1)?;
                    self.tokens.extend([Token::Sign(')'), Token::Sign('+')]);
                }
                ch => text.push(ch),
            }
        }
        if is_plain {
            self.tokens.truncate(at);
            self.tokens.push(Token::Text(Some(text)));
        } else {
            self.tokens.extend([Token::Text(None), Token::Sign(')')]);
            self.is_control = false;
        }
        Some(())
    }

    fn slash(&mut self) -> Option<()> {
        match self.cursor.rest().get(1) {
            Some('/') => {
                self.cursor.run(|ch| ch != '\n');
                return Some(());
            }
            Some('*') => {
                self.cursor.next();
                self.cursor.next();
                loop {
                    if self.cursor.next()? == '*' && self.cursor.takes('/') {
                        return Some(());
                    }
                }
            }
            _ => (),
        }
        self.cursor.next();
        match self.next() {
            Next::Unknown => return None,
            Next::Operator => {
                self.tokens.push(Token::Sign('/'));
                return Some(());
            }
            Next::Value => (),
        }
        let mut is_class = false;
        loop {
            match self.cursor.next()? {
                '\n' => return None,
                '\\' => _ = self.cursor.next().filter(|ch| *ch != '\n')?,
                '[' => is_class = true,
                ']' => is_class = false,
                '/' if !is_class => break,
                _ => (),
            }
        }
        // Sets in sets of the newest kind end otherwise.
        let flags = self.cursor.run(is_letter);
        (!flags.contains('v')).then(|| self.tokens.push(Token::Pattern))
    }

    fn number(&mut self) -> Option<()> {
        let digits = self.cursor.run(is_letter);
        let is_decimal = digits.chars().all(|ch| ch.is_ascii_digit() || ch == '_');
        if is_decimal && self.cursor.peek() == Some('.') {
            self.cursor.next();
            self.cursor.run(|ch| ch.is_ascii_digit() || ch == '_');
            // `1.e3`, and no `1.x`.
            (!self.cursor.peek().is_some_and(is_letter)).then_some(())?;
        }
        let is_known = is_decimal
            || digits.strip_suffix('n').is_some_and(|it| it.chars().all(|ch| ch.is_ascii_digit()))
            || digits
                .strip_prefix("0x")
                .is_some_and(|it| it.chars().all(|ch| ch.is_ascii_hexdigit()))
            || digits.split_once('e').is_some_and(|(a, b)| {
                [a, b].iter().all(|it| !it.is_empty() && it.chars().all(|ch| ch.is_ascii_digit()))
            });
        is_known.then(|| self.tokens.push(Token::Number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(program: &str) -> Option<String> {
        let shown = |token: &Token| match token {
            Token::Name(name) => name.clone(),
            Token::Number => "0".to_owned(),
            Token::Pattern => "/x/".to_owned(),
            Token::Text(Some(text)) => format!("'{text}'"),
            Token::Text(None) => "''".to_owned(),
            Token::Assign => "=".to_owned(),
            Token::Arrow => "=>".to_owned(),
            Token::Equals => "==".to_owned(),
            Token::Sign(sign) => sign.to_string(),
        };
        Some(tokens(program)?.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn programs_are_cut_into_tokens() {
        for (program, wanted) in [
            ("console.log(1) // one", "console . log ( 0 )"),
            ("x /* ' */ = \"a\"", "x = 'a'"),
            ("a.replace(/['\"/]/g, '')", "a . replace ( /x/ , '' )"),
            ("a / b / c", "a / b / c"),
            ("if (x) /'/.test(y)", "if ( x ) /x/ . test ( y )"),
            ("(x) / 2 / y", "( x ) / 0 / y"),
            ("return /x/", "return /x/"),
            ("x => x !== 1 && x >= 2", "x => x ! 0 & & x > 0"),
            ("x += 1; x === y", "x + = 0 ; x == y"),
            ("`a${b.c}d`", "( ( b . c ) + '' )"),
            ("`${`${x}`}`", "( ( ( ( x ) + '' ) ) + '' )"),
            ("`${{a: 1}.a}`", "( ( { a : 0 } . a ) + '' )"),
            ("`a`.length", "'a' . length"),
            ("1.5 + 0xff + 1e3 + 10n", "0 + 0 + 0 + 0"),
            ("'\\x63'", "''"),
        ] {
            assert_eq!(shown(program).as_deref(), Some(wanted), "{program}");
        }
    }

    #[test]
    fn what_may_be_cut_otherwise_is_refused() {
        for program in [
            "} /x/",
            "{} /x/ 1",
            "x++ /y/ 1",
            "of /y/ 1",
            "x`a`",
            "x()`a`",
            "x[0]`a`",
            "<!-- x",
            "x --> y",
            "// a\rx",
            "// a\u{2028}x",
            "ev\\u0061l",
            "'a",
            "`a",
            "`${x`",
            "/[a]",
            "/[[a]/]/v",
            "(]",
            "#x",
            "@x",
            "1.x",
            "3in x",
            "\u{e9}",
        ] {
            assert_eq!(shown(program), None, "{program:?}");
        }
    }
}
