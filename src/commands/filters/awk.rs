//! The language of `awk`.
//!
//! Programs of that name do not agree on where a regular expression ends that has its delimiter in
//! brackets: each way is read, and what any of them does counts.
//!
//! # Source
//! POSIX.1-2024 with its grammar; the manuals of gawk 5.3 and mawk 1.3.4.
use super::{Call, Cursor, Deed, Mode, Parsed, Piece};

/// The pieces of the program in a vector.
pub(super) fn call(argv: &[String]) -> Call {
    let mut pieces = Vec::new();
    let mut deeds = Vec::new();
    let mut is_in_place = false;
    let mut at = 1;
    while let Some(word) = argv.get(at).filter(|it| it.len() > 1 && it.starts_with('-')) {
        let own = at;
        at += 1;
        if word == "--" {
            break;
        }
        let (name, joined) = match word.strip_prefix("--") {
            Some(long) => long.split_once('=').map_or((long, None), |it| (it.0, Some(it.1))),
            None => {
                let Some(idx) = word.find(|ch| "fvFeEilopdDW".contains(ch)) else { continue };
                let joined = word.get(idx + 1..).filter(|it| !it.is_empty());
                (word.get(idx..=idx).unwrap_or_default(), joined)
            }
        };
        let option = option(name);
        let value = match joined {
            Some(joined) => Some((own, joined.to_owned())),
            // These have a value only where it is joined.
            None if matches!(option, Taken::Output | Taken::Nothing) => None,
            None => {
                at += 1;
                argv.get(own + 1).map(|it| (own + 1, it.clone()))
            }
        };
        let Some((place, value)) = value else { continue };
        match option {
            Taken::Source => pieces.push(Piece::Word(place, value)),
            Taken::Program => pieces.push(Piece::File(value)),
            Taken::Library if value == "inplace" => is_in_place = true,
            Taken::Library => deeds.push(Deed::Code),
            Taken::Output => deeds.push(Deed::Opens(Mode::Write, value, true)),
            // mawk's own, of which `exec` alone takes a file.
            Taken::Other if value.starts_with('e') => deeds.push(Deed::Code),
            Taken::Value | Taken::Other | Taken::Nothing => (),
        }
    }
    if pieces.is_empty() {
        pieces.extend(argv.get(at).map(|it| Piece::Word(at, it.clone())));
        at += 1;
    }
    if is_in_place {
        let files = argv.get(at..).unwrap_or_default().iter();
        deeds.extend(files.map(|it| Deed::Opens(Mode::Write, it.clone(), true)));
    }
    Call { pieces, deeds }
}

/// What the value of an option is.
#[derive(Clone, Copy, Debug)]
enum Taken {
    Source,
    Program,
    Library,
    Output,
    Value,
    Other,
    Nothing,
}

/// What an option takes, by its letter or its long name, which may be cut short.
fn option(name: &str) -> Taken {
    const LONG: &[(&str, Taken)] = &[
        ("source", Taken::Source),
        ("file", Taken::Program),
        ("exec", Taken::Program),
        ("include", Taken::Library),
        ("load", Taken::Library),
        ("assign", Taken::Value),
        ("field-separator", Taken::Value),
        ("debug", Taken::Output),
        ("dump-variables", Taken::Output),
        ("pretty-print", Taken::Output),
        ("profile", Taken::Output),
    ];
    match name {
        "e" => Taken::Source,
        "f" | "E" => Taken::Program,
        "i" | "l" => Taken::Library,
        "o" | "p" | "d" | "D" => Taken::Output,
        "v" | "F" => Taken::Value,
        "W" => Taken::Other,
        _ => LONG
            .iter()
            .find(|it| name.len() > 1 && it.0.starts_with(name))
            .map_or(Taken::Nothing, |it| it.1),
    }
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
    /// A name or a keyword.
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
                tokens.push(Token::Newline);
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
                tokens.push(Token::Text(text(&mut cursor)?));
            }
            '/' if begins_value(tokens.last(), is_headed) => {
                cursor.at += 1;
                cursor.delimited('/', has_brackets).then_some(())?;
                tokens.push(Token::Value);
            }
            '0'..='9' | '.' => {
                cursor.run(|ch| ch.is_ascii_alphanumeric() || ch == '.');
                tokens.push(Token::Value);
            }
            ch if ch.is_alphabetic() || ch == '_' => {
                let name = cursor.run(|ch| ch.is_alphanumeric() || ch == '_' || ch == ':');
                tokens.push(Token::Name(name));
            }
            _ => {
                let rest = cursor.text.get(cursor.at..).unwrap_or_default();
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

fn is_name(token: Option<&Token>, names: &[&str]) -> bool {
    matches!(token, Some(Token::Name(name)) if names.contains(&name.as_str()))
}

/// Whether a value is wanted behind a token, so that `/` begins a regular expression.
fn begins_value(last: Option<&Token>, is_headed: bool) -> bool {
    const BEFORE: &[&str] = &["print", "printf", "return", "exit", "in", "else", "do", "case"];
    match last {
        None | Some(Token::Newline) => true,
        Some(Token::Value | Token::Text(_)) => false,
        Some(Token::Name(_)) => is_name(last, BEFORE),
        Some(Token::Sign(")")) => is_headed,
        Some(Token::Sign("]" | "++" | "--")) => false,
        Some(Token::Sign(_)) => true,
    }
}

/// The value of a string to its end, where it has plain escapes only.
fn text(cursor: &mut Cursor) -> Option<Option<String>> {
    let mut text = Some(String::new());
    loop {
        let ch = match cursor.next()? {
            '"' => return Some(text),
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
        text = text.map(|it| it + ch.encode_utf8(&mut [0; 4]));
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
                "system" | "awk::system" => deeds.push(match behind {
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
    if let Some(path) = only_behind(tokens) {
        return Deed::Opens(mode, path.to_owned(), true);
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
    let statement = tokens.iter().rev().take_while(|it| {
        !matches!(
            it,
            Token::Newline | Token::Sign(";" | "{" | "}" | "<" | "|" | "|&" | "&&" | "||")
        )
    });
    statement.clone().any(|it| is_name(Some(it), &["getline"]))
}
