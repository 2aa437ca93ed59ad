//! The door to the shell parser: bounded in size, nesting and harm.
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use brush_parser::{
    ParseError, ParserOptions, Token, TokenizerError, ast::Program, parse_tokens,
    uncached_tokenize_str, unquote_str,
};

use super::{
    Doubt,
    plain::{self, Plain},
    word::heredoc_delimiter,
};

/// Longest script that is read, in bytes; the longest of 45,288 real agent events has 17,309.
pub(super) const MAX_SCRIPT_BYTES: usize = 128 * 1024;

/// Most characters that open a nesting, `(`, `{`, backquotes and keywords taken together.
///
/// The parser recurses once a level; this bounds its stack whatever the quoting.
const MAX_OPENERS: usize = 1_000;

/// Up to so many openers a script is parsed on the caller's own stack.
const OPENERS_ON_OWN_STACK: usize = 24;

/// Stack for scripts with more, in bytes.
const BIG_STACK_BYTES: usize = 256 * 1024 * 1024;

/// Parses a script and hands the result to `walk`, on a stack that is deep enough for both.
///
/// `n_tokens` are the words and signs that the full parser may still be given, and are after it.
pub(super) fn with_program<T>(
    script: &str,
    n_tokens: &Cell<usize>,
    walk: impl FnOnce(Result<&Program, Doubt>) -> T,
) -> T {
    if script.len() > MAX_SCRIPT_BYTES {
        return walk(Err(Doubt::TooLarge));
    }
    match plain::read(script) {
        Plain::Yes(program) => return walk(Ok(&program)),
        Plain::TooLarge => return walk(Err(Doubt::TooLarge)),
        Plain::No => (),
    }
    let n_openers = openers(script);
    if n_openers > MAX_OPENERS || pieces(script) > MAX_PIECES {
        return walk(Err(Doubt::TooLarge));
    }
    let run = || match parse_within(script, n_tokens) {
        Ok(program) => walk(Ok(&program)),
        Err(doubt) => walk(Err(doubt)),
    };
    if n_openers <= OPENERS_ON_OWN_STACK {
        return run();
    }
    stacker::maybe_grow(BIG_STACK_BYTES / 2, BIG_STACK_BYTES, run)
}

/// Parses a script with the full grammar, within no budget.
#[cfg(test)]
pub(super) fn parse_fully(script: &str) -> Result<Program, Doubt> {
    parse_within(script, &Cell::new(usize::MAX))
}

/// Parses a script with the full grammar, and what a shell forgives at its end: a lone backslash
/// stands for itself there, and the end of the text ends a heredoc.
fn parse_within(script: &str, n_tokens: &Cell<usize>) -> Result<Program, Doubt> {
    let error = match attempt(script, n_tokens) {
        Ok(program) => return Ok(program),
        Err(Failure::TooLarge) => return Err(Doubt::TooLarge),
        Err(Failure::GaveUp) => return Err(Doubt::ParseError),
        Err(Failure::Parser(error)) => error,
    };
    let n_backslashes = script.len() - script.trim_end_matches('\\').len();
    let repaired = match error {
        ParseError::Tokenizing {
            inner: TokenizerError::UnterminatedHereDocuments(tags, _),
            ..
        } => {
            let tags: Vec<String> = tags.split(", ").map(unquote_str).collect();
            // What stands in a substitution may be what is not closed there: the parser would wait
            // for it without end.
            let is_word =
                |tag: &String| tag.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
            if script.contains("$(") || !tags.iter().all(|tag| !tag.is_empty() && is_word(tag)) {
                return Err(Doubt::ParseError);
            }
            format!("{script}\n{}", tags.join("\n"))
        }
        _ if n_backslashes % 2 == 1 => format!("{script}\\"),
        _ => return Err(Doubt::ParseError),
    };
    attempt(&repaired, n_tokens).map_err(|_| Doubt::ParseError)
}

/// Why there is no tree.
enum Failure {
    Parser(ParseError),
    /// The parser broke, or would have taken too long over so little.
    GaveUp,
    TooLarge,
}

fn attempt(script: &str, n_tokens: &Cell<usize>) -> Result<Program, Failure> {
    let is_endless = has_open_heredoc(script) || has_nameless_heredoc(script);
    if has_huge_number(script) || is_slow_text(script) || is_endless {
        return Err(Failure::GaveUp);
    }
    let options = ParserOptions::default();
    // The parser unwraps in places that hostile text can reach; such text is a parse error to us.
    let parse = || {
        let tokens = uncached_tokenize_str(script, &options.tokenizer_options())
            .map_err(|inner| Failure::Parser(ParseError::Tokenizing { inner, position: None }))?;
        let left = n_tokens.get().checked_sub(tokens.len()).ok_or(Failure::TooLarge)?;
        n_tokens.set(left);
        if is_slow_nesting(&tokens) {
            return Err(Failure::GaveUp);
        }
        parse_tokens(&tokens, &options).map_err(Failure::Parser)
    };
    catch_unwind(AssertUnwindSafe(parse)).unwrap_or(Err(Failure::GaveUp))
}

/// Most bytes times levels of expansions: the tokenizer copies the text once a level.
const MAX_COPIED_BYTES: usize = 2 * 1024 * 1024;

/// Most words and signs on a line that begins a heredoc: the tokenizer moves all of them for each.
const MAX_HEREDOC_WORDS: usize = 1_000;

/// Whether the tokenizer would take more than linear time over a text.
fn is_slow_text(script: &str) -> bool {
    let (mut depth, mut deepest) = (0_usize, 1);
    let mut before = b' ';
    for byte in script.bytes() {
        match byte {
            b'(' | b'{' | b'[' if before == b'$' => depth += 1,
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            _ => (),
        }
        deepest = deepest.max(depth);
        before = byte;
    }
    let is_sign = |byte: &u8| b" \t|&;<>()".contains(byte);
    let is_long = |line: &str| {
        line.contains("<<")
            && line.as_bytes().iter().filter(|it| is_sign(it)).count() > MAX_HEREDOC_WORDS
    };
    deepest * script.len() > MAX_COPIED_BYTES || script.lines().any(is_long)
}

/// Deepest nesting where the grammar tries each level in more than one way: parentheses that could
/// be arithmetic or a regular expression, process substitutions, and `case` in `case`. Its time
/// doubles with each.
const MAX_RETRIED_DEPTH: usize = 6;

/// Whether the grammar would take exponential time over these tokens.
fn is_slow_nesting(tokens: &[Token]) -> bool {
    let (mut parens, mut cases) = (0_usize, 0_usize);
    let (mut deepest_parens, mut deepest_cases) = (0, 0);
    let mut is_retried = false;
    let mut before = "";
    for token in tokens {
        let text = token.to_str();
        match (token, text) {
            (Token::Operator(..), "(") => {
                parens += 1;
                is_retried |= before.ends_with(['(', '<', '>']);
            }
            (Token::Operator(..), "<(" | ">(") => {
                parens += 1;
                is_retried = true;
            }
            (Token::Operator(..), ")") => parens = parens.saturating_sub(1),
            (Token::Word(..), "=~") => is_retried = true,
            (Token::Word(..), "case") => cases += 1,
            (Token::Word(..), "esac") => cases = cases.saturating_sub(1),
            _ => (),
        }
        deepest_parens = deepest_parens.max(parens);
        deepest_cases = deepest_cases.max(cases);
        before = text;
    }
    is_retried && deepest_parens > MAX_RETRIED_DEPTH || deepest_cases > MAX_RETRIED_DEPTH
}

/// Whether a heredoc may be open at the end of a substitution: the tokenizer would wait for it without
/// end. Text that only looks like a heredoc, such as a shift, counts: what is not read is no allow.
fn has_open_heredoc(script: &str) -> bool {
    if !["$(", "${", "$["].iter().any(|it| script.contains(it)) {
        return false;
    }
    let mut rest = script;
    while let Some((_, after)) = rest.split_once("<<") {
        if let Some(after) = after.strip_prefix('<') {
            rest = after;
            continue;
        }
        let (delimiter, _) = heredoc_delimiter(after);
        let mut lines = after.split_inclusive('\n');
        let mut n_bytes = lines.next().map_or(0, str::len);
        let is_closed = !delimiter.is_empty()
            && lines.any(|line| {
                n_bytes += line.len();
                line.trim_end_matches('\n').trim_start_matches('\t') == delimiter
            });
        if !is_closed {
            return true;
        }
        rest = after.get(n_bytes..).unwrap_or_default();
    }
    false
}

/// Whether a heredoc ends at an empty line, as that of `<<''` does: the tokenizer may look for it
/// without end.
fn has_nameless_heredoc(script: &str) -> bool {
    script.split("<<").skip(1).any(|after| {
        let word = after.trim_start_matches(['-', ' ', '\t']);
        let n_quotes = word.bytes().take_while(|byte| b"'\"\\$".contains(byte)).count();
        let rest = word.get(n_quotes..).unwrap_or_default();
        n_quotes > 1 && !rest.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_')
    })
}

/// Whether a redirection has a number that is none of a file: the parser would panic over it.
fn has_huge_number(script: &str) -> bool {
    let mut n_digits = 0;
    script.bytes().any(|byte| {
        let is_huge = matches!(byte, b'<' | b'>') && n_digits > 9;
        n_digits = if byte.is_ascii_digit() { n_digits + 1 } else { 0 };
        is_huge
    })
}

/// Most pieces of text between blanks and signs that the tokenizer is given, those in quotes and
/// heredocs counted, too: it takes about as long for each, however short.
const MAX_PIECES: usize = 24_000;

fn pieces(script: &str) -> usize {
    script.bytes().filter(|byte| b" \t\n;&|<>()".contains(byte)).count()
}

/// How many characters and keywords of `script` may open a nesting, quotes not regarded.
fn openers(script: &str) -> usize {
    let brackets = script.bytes().filter(|byte| matches!(byte, b'(' | b'{' | b'`')).count();
    let is_keyword =
        |word: &&str| matches!(*word, "if" | "while" | "until" | "for" | "case" | "do" | "!");
    let keywords =
        script.split(|ch: char| ch.is_ascii_whitespace() || ch == ';').filter(is_keyword);
    brackets + keywords.count()
}
