//! A program of Python, cut into tokens.
//!
//! Versions of Python cut differently where a text with fields holds its own quotation mark, where a
//! number runs into a word, and where a letter stands in front of a text: such programs are refused, so that
//! what is left is cut so by all of them, or is no program to them.
//!
//! # Source
//! The language reference of Python 3.14, lexical analysis; PEP 701 and PEP 750.

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a keyword.
    Name(&'a str),
    Number,
    /// A string, with its value where that stands there as it is.
    Text(Option<&'a str>),
    Sign(char),
    /// The end of a line, outside of brackets.
    Newline,
}

/// Deepest nesting of texts in fields of texts.
const MAX_FIELDS: usize = 4;

const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// The tokens of a program; `None` where not every Python cuts it so.
pub(super) fn tokens(program: &str) -> Option<Vec<Token<'_>>> {
    let mut reader = Reader { tokens: Vec::new(), n_open: 0, n_fields: 0 };
    reader.read(program)?;
    Some(reader.tokens)
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    /// Brackets that are open.
    n_open: usize,
    /// Fields that this stands in.
    n_fields: usize,
}

impl<'a> Reader<'a> {
    fn read(&mut self, text: &'a str) -> Option<()> {
        let mut rest = text;
        while let Some(ch) = rest.chars().next() {
            rest = match ch {
                ' ' | '\t' => rest.get(1..)?,
                '\n' => {
                    if self.n_open == 0 {
                        self.tokens.push(Token::Newline);
                    }
                    rest.get(1..)?
                }
                '#' => {
                    let (comment, rest) = rest.split_at(rest.find('\n').unwrap_or(rest.len()));
                    // It may say how all of the program is encoded.
                    (!comment.contains("coding") && !comment.contains('\r')).then_some(rest)?
                }
                '\\' => rest.strip_prefix("\\\n")?,
                '"' | '\'' => self.text(rest, "")?,
                '.' if rest.get(1..)?.starts_with(|ch: char| ch.is_ascii_digit()) => {
                    self.number(rest)?
                }
                '0'..='9' => self.number(rest)?,
                ch if is_letter(ch) => {
                    let (name, rest) = run(rest, is_letter);
                    match rest.chars().next() {
                        Some('"' | '\'') if is_prefix(name) => self.text(rest, name)?,
                        // What other letters in front of a text mean depends on the version.
                        Some('"' | '\'') if !is_keyword(name) => return None,
                        _ => {
                            self.tokens.push(Token::Name(name));
                            rest
                        }
                    }
                }
                ch if "()[]{}.,:;=+-*/%@<>&|^~!".contains(ch) => {
                    match ch {
                        '(' | '[' | '{' => self.n_open += 1,
                        ')' | ']' | '}' => self.n_open = self.n_open.saturating_sub(1),
                        _ => (),
                    }
                    self.tokens.push(Token::Sign(ch));
                    rest.get(1..)?
                }
                _ => return None,
            };
        }
        Some(())
    }

    /// Passes a number that no letter follows.
    fn number(&mut self, text: &'a str) -> Option<&'a str> {
        let digits = |rest| run(rest, |ch| ch.is_ascii_digit() || ch == '_').1;
        let (word, behind) = run(text, is_letter);
        let radix = word.get(..2).map(str::to_ascii_lowercase);
        let rest = if matches!(radix.as_deref(), Some("0x" | "0o" | "0b")) {
            let is_hex = word.chars().skip(2).all(|ch| ch.is_ascii_hexdigit() || ch == '_');
            is_hex.then_some(behind)?
        } else {
            let mut rest = digits(text);
            rest = rest.strip_prefix('.').map_or(rest, digits);
            if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
                rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
            }
            rest.strip_prefix(['j', 'J']).unwrap_or(rest)
        };
        self.tokens.push(Token::Number);
        (!rest.starts_with(is_letter)).then_some(rest)
    }

    /// Passes a string behind its prefix; what stands in its fields is read as tokens beside it.
    fn text(&mut self, text: &'a str, prefix: &str) -> Option<&'a str> {
        let quote = text.chars().next()?;
        let long = quote.to_string().repeat(3);
        let mark = if text.starts_with(&long) { long } else { quote.to_string() };
        let text = text.strip_prefix(mark.as_str())?;
        let end = end_of(text, &mark)?;
        let (content, behind) = text.split_at(end);
        let is_raw = prefix.contains(['r', 'R']);
        if prefix.contains(['f', 'F']) {
            self.tokens.extend([Token::Sign('('), Token::Text(None)]);
            self.n_fields += 1;
            self.n_open += 1;
            (self.n_fields <= MAX_FIELDS).then_some(())?;
            self.fields(content, quote)?;
            self.n_open -= 1;
            self.n_fields -= 1;
            self.tokens.push(Token::Sign(')'));
        } else {
            let is_plain = is_raw || !content.contains('\\');
            self.tokens.push(Token::Text(Some(content).filter(|_| is_plain)));
        }
        behind.strip_prefix(mark.as_str())
    }

    /// Reads the fields of a formatted string.
    fn fields(&mut self, content: &'a str, quote: char) -> Option<()> {
        let mut rest = content;
        while let Some(at) = rest.find(['{', '}', '\\']) {
            rest = rest.get(at..)?;
            rest = match rest.as_bytes() {
                // A brace behind a backslash is a brace like others.
                [b'\\', b'{' | b'}', ..] => rest.get(1..)?,
                [b'\\', ..] => {
                    let mut chars = rest.chars();
                    chars.nth(1)?;
                    chars.as_str()
                }
                [b'{', b'{', ..] | [b'}', b'}', ..] => rest.get(2..)?,
                [b'{', ..] => self.field(rest.get(1..)?, quote)?,
                _ => return None,
            };
        }
        Some(())
    }

    /// Reads one field behind its opening brace, and passes the closing one.
    fn field(&mut self, text: &'a str, quote: char) -> Option<&'a str> {
        let mut depth = 0_usize;
        let mut chars = text.char_indices();
        let (end, ch) = loop {
            let (at, ch) = chars.next()?;
            match ch {
                '\\' | '#' => return None,
                ch if ch == quote => return None,
                '"' | '\'' => {
                    let inner = chars.as_str().find(ch)?;
                    let inner = chars.as_str().get(..inner)?;
                    (!inner.contains(['\\', quote, '#'])).then_some(())?;
                    chars.by_ref().take(inner.chars().count() + 1).for_each(drop);
                }
                '}' | ':' if depth == 0 => break (at, ch),
                '!' if depth == 0 && !chars.as_str().starts_with('=') => break (at, ch),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.checked_sub(1)?,
                _ => (),
            }
        };
        self.tokens.push(Token::Sign(','));
        self.read(text.get(..end)?)?;
        let mut rest = chars.as_str();
        let mut last = ch;
        if last == '!' {
            rest = rest.strip_prefix(['r', 's', 'a'])?;
            last = rest.chars().next()?;
            rest = rest.get(1..)?;
        }
        match last {
            '}' => Some(rest),
            ':' => self.spec(rest, quote),
            _ => None,
        }
    }

    /// Passes what says how a field is shown, with the fields in it, and the closing brace.
    fn spec(&mut self, text: &'a str, quote: char) -> Option<&'a str> {
        let mut rest = text;
        loop {
            let at = rest.find(['{', '}', '"', '\'', '\\', '\n'])?;
            rest = rest.get(at..)?;
            rest = match rest.as_bytes() {
                [b'}', ..] => return rest.get(1..),
                [b'{', b'{', ..] => return None,
                [b'{', ..] => self.field(rest.get(1..)?, quote)?,
                _ => return None,
            };
        }
    }
}

const fn is_letter(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || ch == '_'
}

/// Whether letters in front of a string say how it is written.
fn is_prefix(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "r" | "u" | "b" | "br" | "rb" | "f" | "fr" | "rf")
}

/// The characters in front that are of a kind, and the rest.
fn run(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|ch| !is_part(ch)).unwrap_or(text.len()))
}

/// Where a string ends; one with a single mark does so in its line.
fn end_of(text: &str, mark: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, ch)) = chars.next() {
        match ch {
            '\\' => _ = chars.next()?,
            '\n' if mark.len() == 1 => return None,
            '\r' | '\0' => return None,
            _ if text.get(at..)?.starts_with(mark) => return Some(at),
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(program: &str) -> Option<String> {
        let shown = |token: &Token<'_>| match token {
            Token::Name(name) => (*name).to_owned(),
            Token::Number => "0".to_owned(),
            Token::Text(Some(text)) => format!("'{text}'"),
            Token::Text(None) => "''".to_owned(),
            Token::Sign(sign) => sign.to_string(),
            Token::Newline => ";".to_owned(),
        };
        Some(tokens(program)?.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn programs_are_cut_into_tokens() {
        for (program, wanted) in [
            ("print(1)  # one", "print ( 0 )"),
            ("a = [\n1,\n2]\nb", "a = [ 0 , 0 ] ; b"),
            ("a \\\n+ b", "a + b"),
            ("x.y[0].z", "x . y [ 0 ] . z"),
            ("1.5e-3+.5-0xFf*1_000j", "0 + 0 - 0 * 0"),
            ("1..real", "0 . real"),
            ("'a' r'\\d' b\"x\" '\\n'", "'a' '\\d' 'x' ''"),
            ("'''a\n'b''' + ''", "'a\n'b' + ''"),
            ("x if y in'ab'else z", "x if y in 'ab' else z"),
            ("f'a{x}b{y.z!r:>{w}}'", "( '' , x , y . z , w )"),
            ("f'{{x}} {d[\"k\"]:,}'", "( '' , d [ 'k' ] )"),
            ("f'{a!=b} {x=}'", "( '' , a ! = b , x = )"),
            ("rf'\\{x}'", "( '' , x )"),
            ("f'''{x}\n{f\"{y}\"}'''", "( '' , x , ( '' , y ) )"),
        ] {
            assert_eq!(shown(program).as_deref(), Some(wanted), "{program}");
        }
    }

    #[test]
    fn what_not_every_python_cuts_so_is_refused() {
        for program in [
            "x = 1if y else 2",
            "1.real",
            "0x1for x in y",
            "t'{x}'",
            "ur'x'",
            "print'x'",
            "f'{d['k']}'",
            "f'{x:{{}}'",
            "f'{\"\\n\"}'",
            "f'{x",
            "f'}'",
            "f'{x # y\n}'",
            "f'{x:\"}\"}'",
            "'abc",
            "'a\nb'",
            "`x`",
            "x$",
            "# -*- coding: utf-7 -*-\nx",
            "# x\ry",
            "\u{1d4f8}s",
            "x = \"\"\"",
            "a\rb",
            "'a\rb'",
            "\u{c}x",
        ] {
            assert_eq!(shown(program), None, "{program:?}");
        }
    }
}
