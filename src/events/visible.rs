//! Text chosen by others, made safe to print: what is invisible becomes a visible escape.
use std::{borrow::Cow, fmt::Write as _};

/// `text` with control, bidirectional, zero-width and tag characters as escapes such as `\u{202e}`.
///
/// Newlines and tabs become `\n` and `\t`: one value stays on one line.
///
/// # Source
/// Unicode categories Cc and Cf and the default-ignorable tag block; CVE-2021-42574 (bidirectional
/// text that reads differently from what it does).
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut res = String::with_capacity(text.len() + 16);
    for ch in text.chars() {
        match ch {
            '\n' => res.push_str("\\n"),
            '\r' => res.push_str("\\r"),
            '\t' => res.push_str("\\t"),
            ch if is_hidden(ch) => {
                let _ = write!(res, "\\u{{{:x}}}", u32::from(ch));
            }
            ch => res.push(ch),
        }
    }
    Cow::Owned(res)
}

/// JSON text with the same characters as escapes of JSON: the same value, and nothing hidden in it.
///
/// Newlines stay: in JSON they stand between values only.
pub fn visible_json(json: String) -> String {
    let hides = |ch: char| ch != '\n' && is_hidden(ch);
    if !json.contains(hides) {
        return json;
    }
    let mut res = String::with_capacity(json.len() + 64);
    for ch in json.chars() {
        if hides(ch) {
            for unit in ch.encode_utf16(&mut [0; 2]) {
                let _ = write!(res, "\\u{unit:04x}");
            }
        } else {
            res.push(ch);
        }
    }
    res
}

/// Whether a character does not show, or changes how its neighbors show.
const fn is_hidden(ch: char) -> bool {
    matches!(
        ch,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}'
            | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_show_and_plain_text_is_borrowed() {
        for (text, shown) in [
            ("git status", "git status"),
            ("naïve 名前", "naïve 名前"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert!(matches!(visible("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_the_same_value_with_nothing_hidden_in_it() {
        let value = vec!["a\u{202e}b\u{7f}", "\u{e0041} \n", "plain é"];
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = visible_json(text.clone());
        assert!(shown.contains(r"a\u202eb\u007f") && shown.contains(r"\udb40\udc41 \n"), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), value);
        assert_eq!(visible_json("[\n1\n]".to_owned()), "[\n1\n]");
    }
}
