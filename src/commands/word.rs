//! One shell word: quotes removed, literal variables put in, the scripts inside it found.
use super::{
    open::{self, Expansion},
    scope::Scope,
};

/// Most fields that one word may become.
const MAX_FIELDS: usize = 64;

/// Deepest nesting of quotes and substitutions inside one word that is told apart.
const MAX_QUOTES: usize = 48;

/// What one word becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The fields: one for most words, several where an unquoted variable holds blanks or braces
    /// expand, none where an unquoted variable is empty.
    pub(super) fields: Vec<String>,
    /// Whether a part is not known; it stands in the text as it was written.
    pub(super) dynamic: bool,
    /// Whether a field begins with such a part: it may be an option.
    pub(super) begins_open: bool,
    /// Whether such a part is outside of quotes: it may be several words.
    pub(super) may_split: bool,
    /// Scripts of command substitutions, in order.
    pub(super) scripts: Vec<String>,
}

impl Value {
    /// All fields as one text, for places where the shell does not split.
    pub(super) fn text(&self) -> String {
        self.fields.join(" ")
    }

    /// Adds the fields of a word without braces to expand.
    fn read(&mut self, raw: &str, scope: &Scope) {
        let mut reader = Reader { scope, value: self, field: String::new(), begun: false };
        reader.unquoted(raw);
        let Reader { field, begun, .. } = reader;
        if begun {
            self.fields.push(field);
        }
    }
}

/// Reads a word as the tokenizer gives it, quotes and all.
pub(super) fn read(raw: &str, scope: &Scope) -> Value {
    if let Some(text) = bare(raw) {
        return Value { fields: vec![text.to_owned()], ..Value::default() };
    }
    let mut value = Value::default();
    if raw.contains('{') && raw.contains(',') {
        let (alternatives, is_whole) = braces(raw);
        for alternative in alternatives {
            value.read(&alternative, scope);
        }
        value.dynamic |= !is_whole;
    } else {
        value.read(raw, scope);
    }
    value
}

/// The text of a word that has nothing to be read in it: no quotes at all, or only around it.
fn bare(raw: &str) -> Option<&str> {
    let inner = |text: &str, specials: &[u8]| !text.bytes().any(|byte| specials.contains(&byte));
    match raw.as_bytes() {
        [b'\'', .., b'\''] => raw.get(1..raw.len() - 1).filter(|it| inner(it, b"'")),
        [b'"', .., b'"'] => raw.get(1..raw.len() - 1).filter(|it| inner(it, b"\"\\$`")),
        [] => None,
        _ => Some(raw).filter(|it| inner(it, b"'\"\\$`{")),
    }
}

/// The text of a heredoc body: substitutions are found in it, quotes are ordinary characters.
pub(super) fn read_heredoc(raw: &str, scope: &Scope) -> Value {
    let mut value = Value::default();
    let mut reader = Reader { scope, value: &mut value, field: String::new(), begun: true };
    reader.double_quoted(raw, true);
    let field = std::mem::take(&mut reader.field);
    value.fields.push(field);
    value
}

struct Reader<'a> {
    scope: &'a Scope,
    value: &'a mut Value,
    field: String,
    begun: bool,
}

impl Reader<'_> {
    fn push(&mut self, text: &str) {
        self.field.push_str(text);
        self.begun = true;
    }

    /// Takes what comes before the first of `specials`; gives what follows.
    fn plain<'t>(&mut self, text: &'t str, specials: &[u8]) -> &'t str {
        let special = text.bytes().position(|byte| specials.contains(&byte));
        let (plain, rest) = split_at(text, special.unwrap_or(text.len()));
        if !plain.is_empty() {
            self.push(plain);
        }
        rest
    }

    /// Reads text outside quotes, to its end.
    fn unquoted(&mut self, text: &str) {
        let mut rest = text;
        loop {
            rest = self.plain(rest, b"\\'\"$`");
            let Some(ch) = rest.chars().next() else { break };
            let after = rest.get(ch.len_utf8()..).unwrap_or_default();
            rest = match ch {
                '\\' => {
                    let next = after.chars().next();
                    match next {
                        Some('\n') => (),
                        Some(next) => self.push(next.encode_utf8(&mut [0; 4])),
                        None => self.push("\\"),
                    }
                    after.get(next.map_or(0, char::len_utf8)..).unwrap_or_default()
                }
                '\'' => {
                    let (inner, after) = after.split_once('\'').unwrap_or((after, ""));
                    self.push(inner);
                    after
                }
                '"' => {
                    let end = close_double(after, MAX_QUOTES);
                    let (inner, after) = split_at(after, end);
                    self.begun = true;
                    self.double_quoted(inner, false);
                    after.strip_prefix('"').unwrap_or(after)
                }
                '$' if after.starts_with('\'') => {
                    let (text, after) = ansi_c(after.get(1..).unwrap_or_default());
                    self.push(&text);
                    after
                }
                '$' if after.starts_with('"') => after,
                '$' => self.dollar(rest, false),
                '`' => self.backquote(rest, false),
                ch => {
                    self.push(ch.encode_utf8(&mut [0; 4]));
                    after
                }
            };
        }
    }

    /// Reads text inside double quotes, to its end.
    fn double_quoted(&mut self, text: &str, heredoc: bool) {
        let mut rest = text;
        loop {
            rest = self.plain(rest, b"\\$`");
            let Some(ch) = rest.chars().next() else { break };
            let after = rest.get(ch.len_utf8()..).unwrap_or_default();
            rest = match ch {
                '\\' => match after.chars().next() {
                    Some('\n') => after.get(1..).unwrap_or_default(),
                    Some(next @ ('$' | '`' | '\\')) => {
                        self.push(next.encode_utf8(&mut [0; 4]));
                        after.get(1..).unwrap_or_default()
                    }
                    Some('"') if !heredoc => {
                        self.push("\"");
                        after.get(1..).unwrap_or_default()
                    }
                    _ => {
                        self.push("\\");
                        after
                    }
                },
                '$' => self.dollar(rest, true),
                '`' => self.backquote(rest, true),
                ch => {
                    self.push(ch.encode_utf8(&mut [0; 4]));
                    after
                }
            };
        }
    }

    /// Reads an expansion at the head of `rest`; gives what follows it.
    fn dollar<'t>(&mut self, rest: &'t str, quoted: bool) -> &'t str {
        let after = rest.get(1..).unwrap_or_default();
        if after.starts_with("((") {
            let (raw, after) = split_at(rest, 1 + close_paren(after, MAX_QUOTES) + 1);
            self.unknown(raw, quoted);
            inner_scripts(raw.get(3..).unwrap_or_default(), &mut self.value.scripts);
            return after;
        }
        if after.starts_with('(') {
            let (raw, after) = split_at(rest, 1 + close_paren(after, MAX_QUOTES) + 1);
            let script = raw.get(2..raw.len().saturating_sub(1)).unwrap_or_default();
            self.value.scripts.push(script.to_owned());
            self.unknown(raw, quoted);
            return after;
        }
        if let Some(inner) = after.strip_prefix('{') {
            let (inner, after) = split_at(inner, close_brace(inner));
            let raw_len = inner.len() + 3;
            let name = inner;
            if let Some(known) = self.scope.get(name) {
                self.known(known, quoted);
            } else {
                self.unknown(rest.get(..raw_len).unwrap_or(rest), quoted);
                inner_scripts(inner, &mut self.value.scripts);
            }
            return after.strip_prefix('}').unwrap_or(after);
        }
        let n_name = name_len(after);
        if n_name == 0 {
            self.push("$");
            return after;
        }
        let (name, after) = split_at(after, n_name);
        match self.scope.get(name) {
            Some(known) => self.known(known, quoted),
            None => self.unknown(rest.get(..=n_name).unwrap_or(rest), quoted),
        }
        after
    }

    fn backquote<'t>(&mut self, rest: &'t str, quoted: bool) -> &'t str {
        let inner = rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = inner.char_indices().find(|&(_, ch)| {
            let close = ch == '`' && !escaped;
            escaped = ch == '\\' && !escaped;
            close
        });
        let (inner, after) = split_at(inner, end.map_or(inner.len(), |(at, _)| at));
        let script = inner.replace("\\`", "`").replace("\\$", "$").replace("\\\\", "\\");
        self.value.scripts.push(script);
        self.unknown(rest.get(..inner.len() + 2).unwrap_or(rest), quoted);
        after.strip_prefix('`').unwrap_or(after)
    }

    /// A part that is not known stands as it was written.
    fn unknown(&mut self, raw: &str, quoted: bool) {
        self.value.dynamic = true;
        let expansion = open::expansion(raw, self.scope);
        let is_first = self.field.trim_start_matches('-').is_empty();
        self.value.begins_open |= is_first
            && match expansion {
                Expansion::Number => false,
                // Behind a dash it may be any option.
                Expansion::Words | Expansion::Text => !self.field.is_empty(),
                Expansion::Anything => true,
            };
        let is_split = matches!(expansion, Expansion::Text | Expansion::Anything);
        self.value.may_split |= !quoted && is_split;
        self.push(raw);
    }

    /// A variable's literal value; outside quotes it is split at blanks.
    fn known(&mut self, text: &str, quoted: bool) {
        if quoted {
            return self.push(text);
        }
        let mut words = text.split_ascii_whitespace().peekable();
        if text.starts_with(|ch: char| ch.is_ascii_whitespace()) {
            self.end_field();
        }
        while let Some(word) = words.next() {
            self.push(word);
            if words.peek().is_some() {
                self.end_field();
            }
        }
        if text.ends_with(|ch: char| ch.is_ascii_whitespace()) {
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        if self.begun && self.value.fields.len() < MAX_FIELDS {
            self.value.fields.push(std::mem::take(&mut self.field));
            self.begun = false;
        }
    }
}

fn split_at(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Length of the parameter name at the head of `text`, 0 where there is none.
fn name_len(text: &str) -> usize {
    match text.bytes().next() {
        Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
            text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
        }
        Some(byte) if byte.is_ascii_digit() || b"@*#?$!-".contains(&byte) => 1,
        _ => 0,
    }
}

/// Where the double quote that was opened before `text` closes.
fn close_double(text: &str, depth_left: usize) -> usize {
    let Some(depth_left) = depth_left.checked_sub(1) else { return text.len() };
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                at += 2 + close_paren(text.get(at + 1..).unwrap_or_default(), depth_left);
            }
            b'`' => at += 1 + skip_to(bytes, at + 1, b'`') + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Where the brace that was opened before `text` closes.
fn close_brace(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'}' if depth == 0 => return at,
            b'}' => depth -= 1,
            b'{' => depth += 1,
            b'\\' => at += 1,
            b'\'' => at += 1 + skip_to(bytes, at + 1, b'\''),
            _ => (),
        }
        at += 1;
    }
    text.len()
}

/// Where the parenthesis at the head of `text` closes, quotes, comments and heredocs regarded.
fn close_paren(text: &str, depth_left: usize) -> usize {
    let Some(depth_left) = depth_left.checked_sub(1) else { return text.len().saturating_sub(1) };
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    let mut heredocs: Vec<String> = Vec::new();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' if depth <= 1 => return at,
            b')' => depth -= 1,
            b'\\' => at += 1,
            b'\'' => at += 1 + skip_to(bytes, at + 1, b'\''),
            b'"' => at += 1 + close_double(text.get(at + 1..).unwrap_or_default(), depth_left),
            b'`' => at += 1 + skip_to(bytes, at + 1, b'`'),
            b'#' if at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_whitespace) => {
                at += skip_to(bytes, at, b'\n').saturating_sub(1);
            }
            b'<' if bytes.get(at + 1) == Some(&b'<') && bytes.get(at + 2) != Some(&b'<') => {
                let (delimiter, len) = heredoc_delimiter(text.get(at + 2..).unwrap_or_default());
                heredocs.push(delimiter);
                at += 1 + len;
            }
            b'<' if text.get(at..).is_some_and(|it| it.starts_with("<<<")) => at += 2,
            b'\n' if !heredocs.is_empty() => {
                at += skip_heredocs(text.get(at + 1..).unwrap_or_default(), &heredocs);
                heredocs.clear();
            }
            _ => (),
        }
        at += 1;
    }
    text.len().saturating_sub(1)
}

/// The delimiter after `<<`, quotes removed, and how many bytes it takes.
pub(super) fn heredoc_delimiter(text: &str) -> (String, usize) {
    let head = text.len() - text.trim_start_matches(['-', ' ', '\t']).len();
    let word = text.get(head..).unwrap_or_default();
    let len =
        word.find(|ch: char| ch.is_whitespace() || ";|&)<>".contains(ch)).unwrap_or(word.len());
    let delimiter = word.get(..len).unwrap_or_default().replace(['\'', '"', '\\'], "");
    (delimiter, head + len)
}

/// How many bytes the bodies of `heredocs` take at the head of `text`.
fn skip_heredocs(text: &str, heredocs: &[String]) -> usize {
    let mut lines = text.split_inclusive('\n');
    let mut n_bytes = 0;
    for delimiter in heredocs {
        for line in lines.by_ref() {
            n_bytes += line.len();
            if line.trim_end_matches('\n').trim_start_matches('\t') == delimiter {
                break;
            }
        }
    }
    // The newline that ends the last body is for the caller to see.
    n_bytes.saturating_sub(usize::from(n_bytes < text.len()))
}

/// How many bytes from `at` to the next `stop`, escapes not regarded.
fn skip_to(bytes: &[u8], at: usize, stop: u8) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|&byte| byte == stop).unwrap_or(rest.len())
}

/// Scripts of command substitutions inside text that is not read further.
fn inner_scripts(text: &str, scripts: &mut Vec<String>) {
    if text.contains("$(") || text.contains('`') {
        let scope = Scope::default();
        let mut value = Value::default();
        let mut reader =
            Reader { scope: &scope, value: &mut value, field: String::new(), begun: true };
        reader.double_quoted(text, true);
        scripts.append(&mut value.scripts);
    }
}

/// `$'...'`: the text up to the closing quote with its escapes decoded, and what follows.
fn ansi_c(text: &str) -> (String, &str) {
    let mut res = String::new();
    let mut chars = text.char_indices();
    while let Some((at, ch)) = chars.next() {
        match ch {
            '\'' => return (res, text.get(at + 1..).unwrap_or_default()),
            '\\' => {
                let Some((at, kind)) = chars.next() else { break };
                let rest = text.get(at + 1..).unwrap_or_default();
                let (radix, max, rest) = match kind {
                    'x' => (16, 2, rest),
                    'u' => (16, 4, rest),
                    'U' => (16, 8, rest),
                    '0'..='7' => (8, 3, text.get(at..).unwrap_or_default()),
                    _ => (0, 0, ""),
                };
                if radix == 0 {
                    res.push(match kind {
                        'a' => '\u{7}',
                        'b' => '\u{8}',
                        'e' | 'E' => '\u{1b}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'v' => '\u{b}',
                        other => other,
                    });
                    continue;
                }
                let n_digits = rest.chars().take(max).take_while(|ch| ch.is_digit(radix)).count();
                let digits = rest.get(..n_digits).unwrap_or_default();
                let code = u32::from_str_radix(digits, radix).unwrap_or(0);
                res.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                let n_skip = if radix == 8 { n_digits.saturating_sub(1) } else { n_digits };
                for _ in 0..n_skip {
                    chars.next();
                }
            }
            ch => res.push(ch),
        }
    }
    (res, "")
}

/// Most bytes of the words that one word with braces becomes.
const MAX_BRACED_BYTES: usize = 16 * 1024;

/// Brace expansion of a word: `a{b,c}` is `ab` and `ac`; bounded, sequences are left as they are.
///
/// Tells also whether that is all of it.
fn braces(raw: &str) -> (Vec<String>, bool) {
    let mut done = Vec::new();
    let mut is_whole = true;
    let mut todo = vec![raw.to_owned()];
    let max_words = MAX_FIELDS.min(MAX_BRACED_BYTES / raw.len().max(1));
    while let Some(word) = todo.pop() {
        match first_braces(&word) {
            Some((start, end, commas)) if done.len() + todo.len() + commas.len() < max_words => {
                let mut cuts = vec![start];
                cuts.extend(commas);
                cuts.push(end);
                for pair in cuts.windows(2).rev() {
                    let &[from, to] = pair else { continue };
                    let parts = [word.get(..start), word.get(from + 1..to), word.get(end + 1..)];
                    todo.push(parts.into_iter().flatten().collect());
                }
            }
            left => {
                is_whole &= left.is_none();
                done.push(word);
            }
        }
    }
    (done, is_whole)
}

/// The first unquoted `{...,...}`: where it opens, closes, and its commas.
fn first_braces(word: &str) -> Option<(usize, usize, Vec<usize>)> {
    if !word.contains('{') || !word.contains(',') {
        return None;
    }
    let bytes = word.as_bytes();
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\'' => at += 1 + skip_to(bytes, at + 1, b'\''),
            b'"' => at += 1 + close_double(word.get(at + 1..).unwrap_or_default(), MAX_QUOTES),
            b'`' => at += 1 + skip_to(bytes, at + 1, b'`'),
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                at += 2 + close_brace(word.get(at + 2..).unwrap_or_default());
            }
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                at += 1 + close_paren(word.get(at + 1..).unwrap_or_default(), MAX_QUOTES);
            }
            b'{' => open.push((at, Vec::new())),
            b',' => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            b'}' => {
                if let Some((start, commas)) = open.pop()
                    && !commas.is_empty()
                {
                    return Some((start, at, commas));
                }
            }
            _ => (),
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(raw: &str) -> Vec<String> {
        let mut scope = Scope::default();
        scope.set("X", Some("lit".to_owned()));
        scope.set("FLAGS", Some("-r -f".to_owned()));
        scope.set("EMPTY", Some(String::new()));
        scope.set("LOST", None);
        read(raw, &scope).fields
    }

    #[test]
    fn words_lose_their_quotes_and_get_their_variables() {
        for (raw, want) in [
            ("plain", &["plain"][..]),
            (r#""a b"c'd e'"#, &["a bcd e"]),
            (
                r"a\ b\
c",
                &["a bc"],
            ),
            ("$X/y", &["lit/y"]),
            ("\"${X}y\"", &["lity"]),
            ("$FLAGS", &["-r", "-f"]),
            ("\"$FLAGS\"", &["-r -f"]),
            ("$EMPTY", &[]),
            ("\"$EMPTY\"", &[""]),
            ("$LOST/$HOME", &["$LOST/$HOME"]),
            (r"$'a\n\x41\'\101'", &["a\nA'A"]),
            ("a{b,c}d", &["abd", "acd"]),
            ("{rm,-rf,/}", &["rm", "-rf", "/"]),
            ("'{a,b}'", &["{a,b}"]),
            ("stash@{0}", &["stash@{0}"]),
            (r#""\$X \"q\" \n""#, &["$X \"q\" \\n"]),
        ] {
            assert_eq!(fields(raw), want, "{raw}");
        }
    }

    #[test]
    fn substitutions_are_found_whatever_stands_in_them() {
        for (raw, script) in [
            ("$(ls -l)", "ls -l"),
            ("\"a $(ls \"$(pwd)\") b\"", "ls \"$(pwd)\""),
            ("`ls \\`pwd\\``", "ls `pwd`"),
            ("\"$(cat <<'EOF'\ndon't (stop\nEOF\n)\"", "cat <<'EOF'\ndon't (stop\nEOF\n"),
            ("${Y:-$(whoami)}", "whoami"),
            ("$(( $(wc -l) + 1 ))", "wc -l"),
            ("$(a # it's)\nb)", "a # it's)\nb"),
        ] {
            let value = read(raw, &Scope::default());
            assert_eq!(value.scripts, [script], "{raw}");
            assert!(value.dynamic);
        }
    }
}
