//! Words, strings and marks of the small languages that policies are written in, with their lines.
use super::Invalid;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// 1-based.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a number.
    Word(String),
    /// A string, its escapes resolved; whether each character was escaped.
    Text(Vec<(char, bool)>),
    /// Anything else, one character each.
    Mark(char),
}

/// Takes a text apart; `comment` begins a comment, up to the end of its line.
pub(super) fn scan(text: &str, comment: &str) -> Result<Vec<Token>, Invalid> {
    let mut tokens = Vec::new();
    for (idx, line) in text.lines().enumerate() {
        scan_line(line, idx + 1, comment, &mut tokens)?;
    }
    Ok(tokens)
}

fn scan_line(
    text: &str,
    line: usize,
    comment: &str,
    tokens: &mut Vec<Token>,
) -> Result<(), Invalid> {
    let mut rest = text;
    while let Some(ch) = rest.chars().next() {
        let is_name = |ch: char| ch.is_alphanumeric() || ch == '_';
        if rest.starts_with(comment) {
            break;
        }
        let kind = if ch.is_whitespace() {
            rest = rest.trim_start();
            continue;
        } else if is_name(ch) {
            let end = rest.find(|ch| !is_name(ch)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            Kind::Word(word.to_owned())
        } else if ch == '"' || ch == '\'' {
            let mut chars = rest.chars();
            chars.next();
            let string = string(&mut chars, ch).ok_or_else(|| Invalid {
                line,
                field: String::new(),
                message: "has a string that is not closed, or a bad escape in it".to_owned(),
            })?;
            rest = chars.as_str();
            Kind::Text(string)
        } else {
            rest = rest.get(ch.len_utf8()..).unwrap_or_default();
            Kind::Mark(ch)
        };
        tokens.push(Token { line, kind });
    }
    Ok(())
}

/// The rest of a string, up to its closing quote.
fn string(chars: &mut std::str::Chars<'_>, quote: char) -> Option<Vec<(char, bool)>> {
    let mut res = Vec::new();
    loop {
        match chars.next()? {
            ch if ch == quote => return Some(res),
            '\\' => {
                let ch = match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '0' => '\0',
                    'x' => digits(chars, 2)?,
                    'u' if chars.as_str().starts_with('{') => {
                        let (hex, rest) = chars.as_str().get(1..)?.split_once('}')?;
                        *chars = rest.chars();
                        char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
                    }
                    'u' => digits(chars, 4)?,
                    'U' => digits(chars, 8)?,
                    ch @ ('\\' | '"' | '\'' | '*') => ch,
                    _ => return None,
                };
                res.push((ch, true));
            }
            ch => res.push((ch, false)),
        }
    }
}

fn digits(chars: &mut std::str::Chars<'_>, n: usize) -> Option<char> {
    let hex: String = chars.by_ref().take(n).collect();
    if hex.len() != n {
        return None;
    }
    char::from_u32(u32::from_str_radix(&hex, 16).ok()?)
}

/// Tokens that are taken one by one.
#[derive(Debug)]
pub(super) struct Tokens {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    line: usize,
}

impl Tokens {
    /// The tokens of a text.
    pub(super) fn new(text: &str, comment: &str) -> Result<Self, Invalid> {
        Ok(Self { tokens: scan(text, comment)?.into_iter().peekable(), line: 1 })
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<Kind> {
        let token = self.tokens.next()?;
        self.line = token.line;
        Some(token.kind)
    }

    pub(super) fn peek(&mut self) -> Option<&Kind> {
        self.tokens.peek().map(|it| &it.kind)
    }

    /// Takes a mark, where it is next.
    pub(super) fn takes(&mut self, mark: char) -> bool {
        let is_next = self.peek() == Some(&Kind::Mark(mark));
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes marks in a row, where they are next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Kind::Word(it)) if it == word);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes each of these marks.
    ///
    /// # Errors
    /// Where another token comes.
    pub(super) fn need(&mut self, marks: &str) -> Result<(), Invalid> {
        for mark in marks.chars() {
            if !self.takes(mark) {
                return Err(self.expected(&format!("`{marks}`")));
            }
        }
        Ok(())
    }

    /// Takes a name.
    ///
    /// # Errors
    /// Where another token comes.
    pub(super) fn word(&mut self) -> Result<String, Invalid> {
        match self.next() {
            Some(Kind::Word(word)) => Ok(word),
            _ => Err(self.bad("expected a name")),
        }
    }

    /// Takes a string.
    ///
    /// # Errors
    /// Where another token comes.
    pub(super) fn text(&mut self) -> Result<Vec<(char, bool)>, Invalid> {
        match self.next() {
            Some(Kind::Text(text)) => Ok(text),
            _ => Err(self.bad("expected a string")),
        }
    }

    /// The line of the last token.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// A problem here.
    pub(super) fn bad(&self, message: &str) -> Invalid {
        Invalid { line: self.line, field: String::new(), message: message.to_owned() }
    }

    fn expected(&mut self, what: &str) -> Invalid {
        if let Some(token) = self.tokens.peek() {
            self.line = token.line;
        }
        self.bad(&format!("expected {what}"))
    }
}

/// The characters of a string.
pub(super) fn plain(text: &[(char, bool)]) -> String {
    text.iter().map(|(ch, _)| ch).collect()
}

/// A text as a string in double quotes, in escapes that all of these languages know.
pub(super) fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut res = String::from('"');
    for ch in text.chars() {
        match ch {
            '"' | '\\' => res.extend(['\\', ch]),
            '\n' => res.push_str("\\n"),
            '\r' => res.push_str("\\r"),
            '\t' => res.push_str("\\t"),
            ' '..='~' => res.push(ch),
            ch if ch.is_alphanumeric() => res.push(ch),
            ch => {
                let _ = write!(res, "\\u{{{:x}}}", u32::from(ch));
            }
        }
    }
    res.push('"');
    res
}

/// A text as a comment of one line.
pub(super) fn comment(text: &str) -> String {
    crate::events::visible(text).replace(['\n', '\r'], " ")
}
