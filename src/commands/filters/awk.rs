//! The language of `awk`.
//!
//! Programs of that name do not agree on where a regular expression ends that has its delimiter in
//! brackets: each way is read, and what any of them does counts.
//!
//! # Source
//! POSIX.1-2024 with its grammar; the manuals of gawk 5.3 and mawk 1.3.4.
use super::{
    Call, Cursor, Deed, Mode, Parsed, Piece,
    arguments::{Argument, Syntax},
};

/// Options of all of these programs together; `-W` is mawk's.
const SYNTAX: Syntax = Syntax {
    valued: "fvFeEilW",
    joined: "opdD",
    long: &["source", "file", "exec", "include", "load", "assign", "field-separator"],
    long_joined: &["debug", "dump-variables", "pretty-print", "profile"],
    words: None,
    permutes: false,
};

/// The pieces of the program in a vector.
pub(super) fn call(argv: &[String]) -> Call {
    let mut pieces = Vec::new();
    let mut deeds = Vec::new();
    let mut is_in_place = false;
    let mut operands = Vec::new();
    for argument in SYNTAX.arguments(argv) {
        match argument {
            Argument::Option("e" | "source", at, text) => {
                pieces.push(Piece::Word(at, text.to_owned()));
            }
            Argument::Option("f" | "E" | "file" | "exec", _, path) => {
                pieces.push(Piece::File(path.to_owned()));
            }
            Argument::Option("i" | "include", _, "inplace") => is_in_place = true,
            Argument::Option("i" | "l" | "include" | "load", ..) => deeds.push(Deed::Code),
            // Of these `exec` alone takes a file.
            Argument::Option("W", _, value) if value.starts_with('e') => deeds.push(Deed::Code),
            Argument::Option("v" | "F" | "W" | "assign" | "field-separator", ..) => (),
            Argument::Option(_, _, path) => {
                deeds.push(Deed::Opens(Mode::Write, path.to_owned(), true));
            }
            Argument::Operand(at, word) => operands.push((at, word.to_owned())),
        }
    }
    let mut operands = operands.into_iter();
    if pieces.is_empty() {
        pieces.extend(operands.next().map(|(at, text)| Piece::Word(at, text)));
    }
    if is_in_place {
        deeds.extend(operands.map(|(_, path)| Deed::Opens(Mode::Write, path, true)));
    }
    Call { pieces, deeds }
}

/// What a program does, in each way to read it.
pub(super) fn parse(program: &str) -> Vec<Parsed> {
    let has_brackets: &[bool] = if program.contains('[') { &[true, false] } else { &[true] };
    has_brackets
        .iter()
        .map(|&has_brackets| {
            let tokens = tokens(program, has_brackets);
            let deeds = tokens.as_deref().map(deeds).unwrap_or_default();
            Parsed { deeds, is_whole: tokens.is_some() }
        })
        .collect()
}

/// A token of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name or a keyword, without its namespace.
    Name(String),
    /// The value of a string, where its escapes are plain.
    Text(Option<String>),
    /// A number or a regular expression.
    Value,
    Sign(&'static str),
    /// The end of a line.
    Newline,
}

/// Signs, those first that begin as others do.
const SIGNS: &[&str] = &[
    "**=", "**", "||", "|&", "|", "&&", ">>", ">=", "<=", "==", "!=", "++", "--", "+=", "-=", "*=",
    "/=", "%=", "^=", ">", "<", "=", "!", "~", "(", ")", "{", "}", "[", "]", ";", ",", "?", ":",
    "+", "-", "*", "/", "%", "^", "$", "@", "&",
];

/// The tokens of a program; `None` where a text has no end, or a character no meaning.
fn tokens(program: &str, has_brackets: bool) -> Option<Vec<Token>> {
    let mut cursor = Cursor::new(program);
    let mut tokens = Vec::new();
    // For each open bracket whether a statement follows it.
    let mut heads = Vec::new();
    // Whether the last `)` ended such a head.
    let mut is_headed = false;
    while let Some(ch) = cursor.peek() {
        match ch {
            '\n' => {
                cursor.at += 1;
                if !goes_on(tokens.last()) {
                    tokens.push(Token::Newline);
                }
            }
            ch if ch.is_whitespace() => cursor.at += 1,
            '#' => _ = cursor.run(|ch| ch != '\n'),
            '\\' => {
                cursor.at += 1;
                cursor.takes('\r');
                cursor.takes('\n').then_some(())?;
            }
            '"' => {
                cursor.at += 1;
                tokens.push(text(&mut cursor)?);
            }
            '/' if begins_value(tokens.last(), is_headed) => {
                cursor.at += 1;
                cursor.delimited('/', has_brackets).then_some(())?;
                tokens.push(Token::Value);
            }
            '0'..='9' | '.' => {
                number(&mut cursor);
                tokens.push(Token::Value);
            }
            ch if is_letter(ch) => tokens.push(Token::Name(name(&mut cursor))),
            _ => {
                let rest = cursor.rest();
                let is_next = |it: &&&str| it.chars().eq(rest.iter().take(it.len()).copied());
                let sign = SIGNS.iter().find(is_next)?;
                cursor.at += sign.len();
                match *sign {
                    "(" => heads.push(is_name(tokens.last(), &["if", "while", "for", "switch"])),
                    ")" => is_headed = heads.pop()?,
                    _ => (),
                }
                tokens.push(Token::Sign(sign));
            }
        }
    }
    Some(tokens)
}

fn is_letter(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

/// A name, with gawk's namespaces.
fn name(cursor: &mut Cursor) -> String {
    let mut name = cursor.run(is_letter);
    while cursor.rest().starts_with(&[':', ':']) {
        cursor.at += 2;
        name = cursor.run(is_letter);
    }
    name
}

/// Passes a number and no more: `1system("id")` is a number beside a call.
fn number(cursor: &mut Cursor) {
    let is_hex = matches!(cursor.rest(), ['0', 'x' | 'X', digit, ..] if digit.is_ascii_hexdigit());
    let exponent = if is_hex {
        cursor.at += 2;
        cursor.run(|ch| ch.is_ascii_hexdigit() || ch == '.');
        ['p', 'P']
    } else {
        cursor.run(|ch| ch.is_ascii_digit() || ch == '.');
        ['e', 'E']
    };
    let n_chars = match cursor.rest() {
        [letter, '+' | '-', digit, ..] if exponent.contains(letter) && digit.is_ascii_digit() => 2,
        [letter, digit, ..] if exponent.contains(letter) && digit.is_ascii_digit() => 1,
        _ => return,
    };
    cursor.at += n_chars;
    cursor.run(|ch| ch.is_ascii_digit());
}

/// Whether a statement goes on behind the end of a line that ends so.
fn goes_on(last: Option<&Token>) -> bool {
    matches!(last, Some(Token::Sign("," | "{" | "&&" | "||" | "?" | ":")))
        || is_name(last, &["do", "else"])
}

fn is_name(token: Option<&Token>, names: &[&str]) -> bool {
    matches!(token, Some(Token::Name(name)) if names.contains(&name.as_str()))
}

/// Whether a value is wanted behind a token, so that `/` begins a regular expression.
fn begins_value(last: Option<&Token>, is_headed: bool) -> bool {
    const BEFORE: &[&str] = &["print", "printf", "return", "exit", "in", "else", "do", "case"];
    match last {
        Some(Token::Value | Token::Text(_) | Token::Sign("]" | "++" | "--")) => false,
        Some(Token::Name(_)) => is_name(last, BEFORE),
        Some(Token::Sign(")")) => is_headed,
        None | Some(Token::Newline | Token::Sign(_)) => true,
    }
}

/// A string to its end, with its value where that has plain escapes only; `None` where it has no end.
fn text(cursor: &mut Cursor) -> Option<Token> {
    let mut text = Some(String::new());
    loop {
        let ch = match cursor.next()? {
            '"' => return Some(Token::Text(text)),
            '\n' => return None,
            '\\' => match cursor.next()? {
                '\n' => continue,
                'n' => '\n',
                't' => '\t',
                ch @ ('"' | '\\' | '/') => ch,
                _ => {
                    text = None;
                    continue;
                }
            },
            ch => ch,
        };
        if let Some(text) = &mut text {
            text.push(ch);
        }
    }
}

/// What the tokens of a program do.
fn deeds(tokens: &[Token]) -> Vec<Deed> {
    let mut deeds = Vec::new();
    // How deep in brackets the statement is, and whether `>` in it is a file's.
    let mut depth = 0_usize;
    let mut is_print = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = tokens.get(..at).unwrap_or_default();
        let behind = tokens.get(at + 1..).unwrap_or_default();
        match token {
            Token::Newline | Token::Sign(";" | "{" | "}") => (is_print, depth) = (false, 0),
            Token::Sign("(" | "[") => depth += 1,
            Token::Sign(")" | "]") => depth = depth.saturating_sub(1),
            Token::Name(name) => match name.as_str() {
                "print" | "printf" => (is_print, depth) = (true, 0),
                "system" => deeds.push(match behind {
                    [Token::Sign("("), Token::Text(Some(script)), Token::Sign(")"), ..] => {
                        Deed::Runs(script.clone())
                    }
                    _ => Deed::Code,
                }),
                _ => (),
            },
            Token::Sign("|" | "|&") => {
                let is_read =
                    is_name(behind.iter().find(|it| **it != Token::Newline), &["getline"]);
                let command = if is_read { only_before(before) } else { only_behind(behind) };
                deeds.push(command.map_or(Deed::Code, |it| Deed::Runs(it.to_owned())));
            }
            Token::Sign(sign @ (">" | ">>")) if is_print && depth == 0 => {
                let mode = if *sign == ">" { Mode::Write } else { Mode::Append };
                deeds.push(opens(mode, behind));
            }
            Token::Sign("<") if is_behind_getline(before) => deeds.push(opens(Mode::Read, behind)),
            // `@name()` calls what a variable names, `@load` and `@include` load code.
            Token::Sign("@") if !is_name(behind.first(), &["namespace"]) => deeds.push(Deed::Code),
            _ => (),
        }
    }
    deeds
}

/// What ends an expression.
fn is_end(token: &Token) -> bool {
    const ENDS: &[&str] =
        &[";", "{", "}", "(", ")", ",", "&&", "||", "!", "=", "?", ":", "|", "|&"];
    match token {
        Token::Newline => true,
        Token::Sign(sign) => ENDS.contains(sign),
        _ => false,
    }
}

/// The one string that an expression is which begins here.
fn only_behind(tokens: &[Token]) -> Option<&str> {
    let rest =
        tokens.iter().position(|it| *it != Token::Newline).and_then(|at| tokens.get(at..))?;
    match rest {
        [Token::Text(Some(text))] => Some(text),
        [Token::Text(Some(text)), end, ..] if is_end(end) && *end != Token::Sign("(") => Some(text),
        _ => None,
    }
}

/// The one string that an expression is which ends here.
fn only_before(tokens: &[Token]) -> Option<&str> {
    match tokens {
        [Token::Text(Some(text))] => Some(text),
        [.., end, Token::Text(Some(text))] if is_end(end) && *end != Token::Sign(")") => Some(text),
        _ => None,
    }
}

/// A file that an expression names which begins here.
fn opens(mode: Mode, tokens: &[Token]) -> Deed {
    match only_behind(tokens) {
        // gawk opens a connection there.
        Some(path) if path.starts_with("/inet") => return Deed::Code,
        Some(path) => return Deed::Opens(mode, path.to_owned(), true),
        None => (),
    }
    let first = match tokens.first() {
        Some(Token::Text(Some(text))) => text.clone(),
        _ => String::new(),
    };
    // What comes behind is not known.
    Deed::Opens(mode, first + "*", false)
}

/// Whether `<` here names a file: `getline < f`, `getline x < f`, `getline x[i] < f`.
fn is_behind_getline(tokens: &[Token]) -> bool {
    let mut statement = tokens.iter().rev().take_while(|it| {
        !matches!(
            it,
            Token::Newline | Token::Sign(";" | "{" | "}" | "<" | "|" | "|&" | "&&" | "||")
        )
    });
    statement.any(|it| is_name(Some(it), &["getline"]))
}
