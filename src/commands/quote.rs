//! Words and lines: POSIX quoting, only where needed, and its inverse.
use std::borrow::Cow;

use super::base_name;

/// The canonical command line of an argument vector: base name, then every argument, POSIX-quoted
/// only where needed, joined by one blank.
pub fn canonical(argv: &[String]) -> String {
    let mut line = String::with_capacity(argv.iter().map(|word| word.len() + 3).sum());
    for (idx, word) in argv.iter().enumerate() {
        if idx > 0 {
            line.push(' ');
        }
        let word = if idx == 0 { base_name(word) } else { word };
        line.push_str(&quote(word));
    }
    line
}

/// A word as a POSIX shell would need it written: bare where every character is plain.
///
/// # Source
/// The plain characters are those of Python's `shlex.quote`: word characters and `@%+=:,./-`.
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r#"'"'"'"#)))
}

/// Splits a line into words as a POSIX shell does, without expanding anything.
///
/// `None` where a quote is not closed or the line ends in a backslash.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(ch) = chars.next() {
        match ch {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        ch => word.push(ch),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            ch @ ('"' | '\\' | '$' | '`') => word.push(ch),
                            '\n' => (),
                            ch => word.extend(['\\', ch]),
                        },
                        ch => word.push(ch),
                    }
                }
            }
            '\\' => match chars.next()? {
                '\n' => (),
                ch => word.get_or_insert_default().push(ch),
            },
            ch => word.get_or_insert_default().push(ch),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn canonical_lines_quote_only_where_needed_and_split_back() {
        for (words, line) in [
            (&["/usr/bin/git", "commit", "-m", "fix it"][..], "git commit -m 'fix it'"),
            (&["echo", ""], "echo ''"),
            (&["echo", "it's"], r#"echo 'it'"'"'s'"#),
            (&["ls", "-la", "./a_b@1.0,2+3=4%:/x"], "ls -la ./a_b@1.0,2+3=4%:/x"),
            (&["echo", "a\nb", "*"], "echo 'a\nb' '*'"),
        ] {
            assert_eq!(canonical(&argv(words)), line);
            let back = split(line).unwrap();
            assert_eq!(back[1..], argv(words)[1..]);
        }
    }

    #[test]
    fn open_quotes_do_not_split() {
        for line in ["echo 'a", "echo \"a", "echo \\"] {
            assert_eq!(split(line), None);
        }
        assert_eq!(split(r#"a "b \"c" d\ e ''"#).unwrap(), argv(&["a", "b \"c", "d e", ""]));
    }
}
