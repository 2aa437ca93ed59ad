//! Is a value a secret, or does it only stand where one could?

/// Words that stand for a secret in documentation and templates.
const STAND_INS: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "dummy",
    "example",
    "fake",
    "foobar",
    "hidden",
    "insert",
    "masked",
    "mock",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "stub",
    "todo",
    "your-",
    "your_",
    "yourtoken",
    "yourpassword",
    "yourkey",
    "xxxx",
    "****",
    "...",
    "0000000000",
    "1234567890abcdef",
    "deadbeef",
    "abcdefgh",
];

/// Whole values that are types, names or states rather than secrets.
const WORDS: &[&str] = &[
    "",
    "abc",
    "abc123",
    "any",
    "api_key",
    "apikey",
    "args",
    "auth",
    "bar",
    "baz",
    "bearer",
    "bool",
    "boolean",
    "bytes",
    "config",
    "default",
    "empty",
    "env",
    "err",
    "error",
    "false",
    "file",
    "foo",
    "get",
    "here",
    "id",
    "input",
    "int",
    "invalid",
    "key",
    "missing",
    "my-secret",
    "my-token",
    "mytoken",
    "nil",
    "no",
    "none",
    "not-set",
    "null",
    "number",
    "off",
    "ok",
    "on",
    "optional",
    "pass",
    "passwd",
    "password",
    "private",
    "prompt",
    "public",
    "pwd",
    "read",
    "rint",
    "rint0",
    "rintf",
    "required",
    "secret",
    "self",
    "set",
    "stdin",
    "str",
    "string",
    "test",
    "text",
    "token",
    "true",
    "type",
    "undefined",
    "unset",
    "user",
    "username",
    "valid",
    "value",
    "var",
    "write",
    "yes",
];

/// Whether a value stands in for a secret: a variable, a marker, a path, a word of documentation.
pub(super) fn stands_in(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    let first = value.bytes().next().unwrap_or(b' ');
    matches!(first, b'$' | b'<' | b'`' | b'{' | b'(' | b'=' | b'>' | b':' | b'|' | b'&' | b'\\')
        || (first == b'%' && (value.ends_with('%') || value.len() < 4))
        || (first == b'@' && value.contains(['/', '.']))
        || value.contains("${")
        || value.contains("$(")
        || value.contains("{{")
        || value.contains("%redacted:")
        || value.contains("://")
        || [
            "/", "./", "../", "~", "C:\\", "file:", "vault:", "op://", "env.", "process.", "os.",
            "self.", "this.", "secrets.", "var.", "config.", "github.",
        ]
        .iter()
        .any(|it| lower.starts_with(&it.to_ascii_lowercase()))
        || WORDS.contains(&lower.as_str())
        || STAND_INS.iter().any(|it| lower.contains(it))
        || all_same(value)
}

fn all_same(value: &str) -> bool {
    let mut bytes = value.bytes();
    let first = bytes.next();
    bytes.all(|byte| Some(byte) == first)
}

/// Whether the value reads like code: a call, an index, a dotted or typed name.
pub(super) fn is_code(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b'-');
    value.bytes().any(|byte| {
        matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'*' | b'\\')
    }) || (value.contains('.') && value.bytes().all(plain))
        || value.ends_with(['.', ':', '?'])
}

/// Letters and digits both, or letters that no one writes so.
pub(super) fn is_mixed(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)) || is_scrambled(value)
}

/// Whether a value is no plain word, nor words joined by signs.
pub(super) fn is_no_word(value: &str) -> bool {
    let wordy = |byte: u8| byte.is_ascii_alphabetic() || b"_-./ ,".contains(&byte);
    !value.bytes().all(wordy) || is_scrambled(value)
}

/// Whether upper and lower case alternate as in random letters: in names they come in humps.
fn is_scrambled(value: &str) -> bool {
    let letters: Vec<bool> = value
        .bytes()
        .filter(u8::is_ascii_alphabetic)
        .map(|byte| byte.is_ascii_uppercase())
        .collect();
    let changes = letters.windows(2).filter(|pair| matches!(pair, [a, b] if a != b)).count();
    let doubled = letters.windows(2).any(|pair| matches!(pair, [true, true]));
    let n_runs = changes + 1;
    // Letters a run: 2.0 on average where the case is random, 3 and more in names.
    let most = if doubled { 32 } else { 20 };
    value.len() >= 8 && n_runs >= 4 && letters.len() * 10 <= n_runs * most
}

/// Shannon entropy, in bits a character.
///
/// # Source
/// Shannon 1948, over the value's own bytes.
pub(super) fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a value has no 2^52 bytes")]
    let len = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / len;
            -share * share.log2()
        })
        .sum()
}

/// Whether a value is random rather than written: long, of letters and digits, and no id that
/// programs show all day (a UUID, a hash, a version, a date).
pub(super) fn is_random(value: &str) -> bool {
    let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let plain =
        value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~:".contains(&byte));
    plain
        && !hex
        && value.len() >= 16
        && is_mixed(value)
        && value.matches(['-', '_', '.', '/']).count() * 8 <= value.len()
        && entropy(value) >= 3.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_known() {
        for value in [
            "$TOKEN",
            "${X}",
            "$(pass x)",
            "<token>",
            "YOUR_TOKEN",
            "xxxxxxxx",
            "changeme",
            "*****",
            "/run/secrets/x",
            "~/key",
            "password",
            "string",
            "%redacted:jwt%",
            "process.env.X",
            "{{ token }}",
            "aaaaaaaa",
            "@file.txt",
        ] {
            assert!(stands_in(value), "{value}");
        }
        for value in ["hunter2", "S3cr3t!", "correct-horse", "p4ss"] {
            assert!(!stands_in(value), "{value}");
        }
    }

    #[test]
    fn scrambled_letters_are_told_from_names() {
        for value in ["sFSZgTfntB", "IkzPIRQDqj", "cqJHKRRDOeNthPIytRtTjOZR", "AMBJgvVYOYWh"] {
            assert!(is_no_word(value) && is_mixed(value), "{value}");
        }
        for value in ["getUserPassword", "HelloWorld", "my-secret-name", "SECRET", "passwordInput"]
        {
            assert!(!is_no_word(value), "{value}");
        }
    }

    #[test]
    fn random_values_are_told_from_ids_and_names() {
        assert!(is_random("kJ8s0dPq2LmX9vBn4TzR"));
        for value in [
            "550e8400-e29b-41d4-a716-446655440000",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "node-modules-cache-v18",
            "short1",
            "src/main/java/App1.java",
            "aaaaaaaaaaaaaaaaaaa1",
        ] {
            assert!(!is_random(value), "{value}");
        }
        assert!(entropy("aaaa") < 0.01 && (entropy("abcd") - 2.0).abs() < 1e-9);
    }
}
