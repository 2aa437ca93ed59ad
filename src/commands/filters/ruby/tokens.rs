//! A program of Ruby, cut into tokens.
//!
//! Where what a sign means depends on which names are variables (`x /a/`, `x %w(a)`, `x <<A`), the program
//! is refused.
//!
//! # Source
//! The syntax documents of Ruby 3.4: literals, calling methods.
use crate::commands::filters::Cursor;

/// A token, and whether a blank stands in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) is_apart: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a constant, with its `?` or `!`.
    Name(String),
    /// `name:`, the key of a hash or an argument.
    Label,
    /// `:name`.
    Symbol(String),
    /// `$name`.
    Global(String),
    /// A number, a pattern, or a list of words.
    Value,
    /// A string, with its value where that stands there as it is.
    Text(Option<String>),
    /// `=` alone.
    Assign,
    /// `==`, `=~`, `=>`.
    Equals,
    /// `::`.
    Scope,
    Sign(char),
    /// The end of a line, or `;`.
    Newline,
}

/// Keywords that a value follows.
const OPENING: &[&str] = &[
    "and", "case", "do", "else", "elsif", "ensure", "if", "in", "next", "not", "or", "return",
    "then", "unless", "until", "when", "while",
];

/// Deepest nesting of programs in strings.
const MAX_DEPTH: usize = 4;

/// The tokens of a program; `None` where it is not known how Ruby cuts it.
pub(super) fn tokens(program: &str) -> Option<Vec<Token>> {
    let is_plain =
        !program.contains(['\r', '\0']) && !program.contains("\n=begin") && program.is_ascii();
    let is_whole = is_plain && !program.contains("__END__") && !program.starts_with("=begin");
    let mut reader = Reader { cursor: Cursor::new(program), tokens: Vec::new(), is_apart: true };
    is_whole.then(|| reader.read(None, 0))??;
    Some(reader.tokens)
}

struct Reader {
    cursor: Cursor,
    tokens: Vec<Token>,
    is_apart: bool,
}

const fn is_letter(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || ch == '_'
}

impl Reader {
    fn push(&mut self, kind: Kind) {
        let is_apart = std::mem::replace(&mut self.is_apart, false);
        self.tokens.push(Token { kind, is_apart });
    }

    /// Whether what stands in front is a value, so that an operator follows.
    fn is_behind_value(&self) -> bool {
        match self.tokens.last().map(|it| &it.kind) {
            Some(Kind::Name(name)) => !OPENING.contains(&name.as_str()),
            Some(Kind::Symbol(_) | Kind::Global(_) | Kind::Value | Kind::Text(_)) => true,
            Some(Kind::Sign(ch)) => matches!(ch, ')' | ']' | '}'),
            _ => false,
        }
    }

    fn follows(&self, offset: usize) -> Option<char> {
        self.cursor.rest().get(offset).copied()
    }

    fn is_blank(&self, offset: usize) -> bool {
        self.follows(offset).is_none_or(char::is_whitespace)
    }

    /// Reads to `end`, which is passed, or to the end of all.
    fn read(&mut self, end: Option<char>, depth: usize) -> Option<()> {
        (depth <= MAX_DEPTH).then_some(())?;
        let mut n_braces = 0_usize;
        loop {
            let Some(ch) = self.cursor.peek() else { return end.is_none().then_some(()) };
            if Some(ch) == end && n_braces == 0 {
                self.cursor.next();
                return Some(());
            }
            match ch {
                '{' => n_braces += 1,
                '}' => n_braces = n_braces.checked_sub(1)?,
                _ => (),
            }
            self.token(ch, depth)?;
        }
    }

    fn token(&mut self, ch: char, depth: usize) -> Option<()> {
        match ch {
            ' ' | '\t' => {
                self.cursor.next();
                self.is_apart = true;
            }
            '\n' | ';' => {
                self.cursor.next();
                self.push(Kind::Newline);
                self.is_apart = true;
            }
            '#' => {
                // It may say how all of the program is encoded.
                let comment = self.cursor.run(|ch| ch != '\n');
                (!comment.contains("coding")).then_some(())?;
            }
            '\'' => {
                self.cursor.next();
                let text = self.until('\'')?;
                self.push(Kind::Text(Some(text).filter(|it| !it.contains('\\'))));
            }
            '"' => self.interpolated('"', depth)?,
            '0'..='9' => self.number(),
            '$' => {
                self.cursor.next();
                let name = self.cursor.run(is_letter);
                let name = if name.is_empty() { self.cursor.next()?.to_string() } else { name };
                self.push(Kind::Global(name));
            }
            ch if is_letter(ch) => self.name(),
            ':' => self.colon()?,
            '=' => {
                self.cursor.next();
                if matches!(self.cursor.peek(), Some('=' | '~' | '>')) {
                    self.cursor.next();
                    self.push(Kind::Equals);
                } else {
                    self.push(Kind::Assign);
                }
            }
            '/' => self.slash(depth)?,
            '%' => self.percent()?,
            '<' if self.follows(1) == Some('<') => {
                self.is_blank(2).then_some(())?;
                self.cursor.next();
                self.push(Kind::Sign('<'));
            }
            // `?a` is a text.
            '?' => {
                self.is_blank(1).then_some(())?;
                self.cursor.next();
                self.push(Kind::Sign('?'));
            }
            ch if "()[]{}.,+-*<>&|^~!".contains(ch) => {
                self.cursor.next();
                self.push(Kind::Sign(ch));
            }
            _ => return None,
        }
        Some(())
    }

    /// A text to its mark, which is passed; backslashes are left in it.
    fn until(&mut self, mark: char) -> Option<String> {
        let mut text = String::new();
        loop {
            let ch = self.cursor.next()?;
            if ch == mark {
                return Some(text);
            }
            text.push(ch);
            if ch == '\\' {
                text.push(self.cursor.next()?);
            }
        }
    }

    /// A string or a pattern with programs in it, whose tokens stand in brackets beside it.
    fn interpolated(&mut self, mark: char, depth: usize) -> Option<()> {
        self.cursor.next();
        let mut text = String::new();
        let mut is_plain = true;
        self.push(Kind::Sign('('));
        loop {
            match self.cursor.next()? {
                ch if ch == mark => break,
                '\\' => {
                    is_plain = false;
                    self.cursor.next()?;
                }
                '#' if self.cursor.takes('{') => {
                    is_plain = false;
                    self.push(Kind::Sign('('));
                    self.read(Some('}'), depth + 1)?;
                    self.push(Kind::Sign(')'));
                    self.push(Kind::Sign('+'));
                }
                // `#$x` and `#@x` show variables.
                '#' if matches!(self.cursor.peek(), Some('$' | '@')) => return None,
                ch => text.push(ch),
            }
        }
        if is_plain {
            // No brackets around what is one word.
            let open = self.tokens.pop()?;
            self.is_apart = open.is_apart;
            self.push(if mark == '/' { Kind::Value } else { Kind::Text(Some(text)) });
        } else {
            self.push(if mark == '/' { Kind::Value } else { Kind::Text(None) });
            self.push(Kind::Sign(')'));
        }
        Some(())
    }

    fn number(&mut self) {
        self.cursor.run(is_letter);
        if self.cursor.peek() == Some('.') && self.follows(1).is_some_and(|it| it.is_ascii_digit())
        {
            self.cursor.next();
            self.cursor.run(is_letter);
        }
        self.push(Kind::Value);
    }

    fn name(&mut self) {
        let mut name = self.cursor.run(is_letter);
        let is_field =
            matches!(self.tokens.last().map(|it| &it.kind), Some(Kind::Sign('.') | Kind::Scope));
        if let Some(mark @ ('?' | '!')) = self.cursor.peek()
            && self.follows(1) != Some('=')
        {
            self.cursor.next();
            name.push(mark);
        }
        let is_label = self.cursor.peek() == Some(':') && self.is_blank(1) && !is_field;
        // In `a ? b: c` the name is a value.
        let is_choice = || self.tokens.iter().any(|it| it.kind == Kind::Sign('?'));
        if is_label && !is_choice() {
            self.cursor.next();
            self.push(Kind::Label);
        } else {
            self.push(Kind::Name(name));
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.cursor.next();
        if self.cursor.takes(':') {
            self.push(Kind::Scope);
        } else if self.cursor.peek().is_some_and(|ch| ch.is_ascii_alphabetic() || ch == '_') {
            let name = self.cursor.run(is_letter);
            self.push(Kind::Symbol(name));
        } else {
            self.is_blank(0).then(|| self.push(Kind::Sign(':')))?;
        }
        Some(())
    }

    fn slash(&mut self, depth: usize) -> Option<()> {
        if !self.is_behind_value() {
            self.interpolated('/', depth)?;
            self.cursor.run(|ch| ch.is_ascii_lowercase());
            return Some(());
        }
        self.is_blank(1).then_some(())?;
        self.cursor.next();
        self.push(Kind::Sign('/'));
        Some(())
    }

    fn percent(&mut self) -> Option<()> {
        if self.is_behind_value() {
            self.is_blank(1).then_some(())?;
            self.cursor.next();
            self.push(Kind::Sign('%'));
            return Some(());
        }
        self.cursor.next();
        matches!(self.cursor.next()?, 'w' | 'i').then_some(())?;
        let end = match self.cursor.next()? {
            '(' => ')',
            '[' => ']',
            _ => return None,
        };
        let words = self.until(end)?;
        // Brackets in brackets are part of the words.
        (!words.contains(['(', '[', '\\'])).then(|| self.push(Kind::Value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(program: &str) -> Option<String> {
        let shown = |token: &Token| match &token.kind {
            Kind::Name(name) => name.clone(),
            Kind::Label => "label:".to_owned(),
            Kind::Symbol(name) => format!(":{name}"),
            Kind::Global(name) => format!("${name}"),
            Kind::Value => "0".to_owned(),
            Kind::Text(Some(text)) => format!("'{text}'"),
            Kind::Text(None) => "''".to_owned(),
            Kind::Assign => "=".to_owned(),
            Kind::Equals => "==".to_owned(),
            Kind::Scope => "::".to_owned(),
            Kind::Sign(sign) => sign.to_string(),
            Kind::Newline => ";".to_owned(),
        };
        Some(tokens(program)?.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn programs_are_cut_into_tokens() {
        for (program, wanted) in [
            ("puts 'a' # one", "puts 'a'"),
            (
                "x = YAML.safe_load(File.read(\"a.yml\"))",
                "x = YAML . safe_load ( File . read ( 'a.yml' ) )",
            ),
            ("puts \"a#{x.y}b\"", "puts ( ( x . y ) + '' )"),
            ("\"#{h.map { |k| \"#{k}\" }}\"", "( ( h . map { | k | ( ( k ) + '' ) } ) + '' )"),
            ("a.empty? ? 1 : 2", "a . empty? ? 0 : 0"),
            ("{a: 1, :b => 2}", "{ label: 0 , :b == 0 }"),
            ("x =~ /a'b/i; y / 2", "x == 0 ; y / 0"),
            ("%w[a b].each", "0 . each"),
            ("1.5.round(2)", "0 . round ( 0 )"),
            ("a != b", "a ! = b"),
            ("JSON::ParserError", "JSON :: ParserError"),
            ("$stdin.read", "$stdin . read"),
        ] {
            assert_eq!(shown(program).as_deref(), Some(wanted), "{program}");
        }
    }

    #[test]
    fn what_may_be_cut_otherwise_is_refused() {
        for program in [
            "`id`",
            "%x(id)",
            "x %x(id)",
            "x /a/",
            "puts <<A\nid\nA",
            "puts <<~A\nid\nA",
            "x ?a : b",
            "\"#$x\"",
            "=begin\nx\n=end",
            "x\n__END__\ny",
            "# coding: x",
            "'a",
            "\"#{x\"",
            "@x",
            ":\"a b\"",
            "x\u{e9}",
        ] {
            assert_eq!(shown(program), None, "{program:?}");
        }
    }
}
