//! One permission: which commands or calls it stands for, in patterns over canonical lines.
use super::super::tool_glob;
use crate::{
    commands::{base_name, quote},
    policy::{Target, literal},
};

/// What a permission stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permitted {
    pub(super) target: Target,
    pub(super) patterns: Vec<String>,
    /// Where the program lies or what is set for it, where the permission asks for that.
    pub(super) place: Option<String>,
}

/// Why a permission is no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It means nothing.
    Invalid(&'static str),
    /// It is about something else, or more than a pattern can say.
    Other(&'static str),
}

/// What a permission stands for.
pub(super) fn permission(text: &str) -> Result<Permitted, Refused> {
    if let Some(name) = text.strip_prefix("mcp__") {
        return call(text, name);
    }
    let command = |pattern: String, place| Permitted {
        target: Target::Command,
        patterns: vec![pattern],
        place,
    };
    if text == "Bash" {
        return Ok(command("*".to_owned(), None));
    }
    let Some(spec) = text.strip_prefix("Bash(") else {
        let is_tool = text.starts_with(|ch: char| ch.is_ascii_alphabetic());
        return Err(if is_tool {
            Refused::Other("is about a tool of Claude Code itself, not a command or an MCP call")
        } else {
            Refused::Invalid("names no tool")
        });
    };
    let Some(spec) = spec.strip_suffix(')') else {
        return Err(Refused::Invalid("has no closing parenthesis"));
    };
    if spec.is_empty() {
        return Err(Refused::Invalid("names no command; `Bash` is every command"));
    }
    if let Some(prefix) = spec.strip_suffix(":*") {
        if prefix.trim().is_empty() {
            return Ok(command("*".to_owned(), None));
        }
        let (line, place) = canonical_pattern(prefix, false).map_err(Refused::Other)?;
        return Ok(command(format!("{line} *"), place));
    }
    let (line, place) = canonical_pattern(spec, true).map_err(Refused::Other)?;
    // A single star behind a blank takes the blank along; of several, the last one does not.
    let n_stars = spec.replace("\\\\", "").replace("\\*", "").matches('*').count();
    let pattern = match line.strip_suffix(" *") {
        Some(_) if n_stars > 1 => format!("{line}*"),
        _ => line,
    };
    Ok(command(pattern, place))
}

/// The calls of `mcp__server`, `mcp__server__tool`, or of a glob over such names.
fn call(text: &str, name: &str) -> Result<Permitted, Refused> {
    let invalid = Refused::Invalid("names no server and tool");
    if name.contains('(') {
        return Err(invalid);
    }
    let patterns = if name.contains('*') {
        // Older versions know a star for all tools of a server alone: to read more of them as stars
        // keeps a deny as strict as it may be meant.
        tool_glob::patterns(text).ok_or(invalid)?
    } else {
        let (server, tool) = match name.split_once("__") {
            Some((server, tool)) => (server, literal(tool)),
            None => (name, "*".to_owned()),
        };
        if server.is_empty() || tool.is_empty() {
            return Err(invalid);
        }
        vec![format!("{}/{tool}", literal(server))]
    };
    if patterns.is_empty() {
        return Err(invalid);
    }
    Ok(Permitted { target: Target::Mcp, patterns, place: None })
}

/// Where a star of a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Star {
    Bare,
    InSingle,
    InDouble,
}

/// A word of a command, as it is written and as a shell takes it.
#[derive(Debug, Default)]
struct Word {
    raw: String,
    /// The texts between stars.
    parts: Vec<String>,
    stars: Vec<Star>,
    is_quoted: bool,
}

impl Word {
    fn new() -> Self {
        Self { parts: vec![String::new()], ..Self::default() }
    }

    fn push(&mut self, ch: char) {
        if let Some(part) = self.parts.last_mut() {
            part.push(ch);
        }
    }

    fn star(&mut self, star: Star) {
        self.parts.push(String::new());
        self.stars.push(star);
    }

    /// Whether it sets a variable, as in front of a command.
    fn is_assignment(&self) -> bool {
        self.raw.split_once('=').is_some_and(|(name, _)| {
            let is_name = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
            name.chars().all(is_name) && name.starts_with(|ch: char| !ch.is_ascii_digit())
        })
    }

    /// The pattern of the words that are meant, quoted as in canonical lines.
    fn pattern(&self, is_first: bool) -> Result<String, &'static str> {
        let texts = || self.parts.iter();
        if self.stars.contains(&Star::InDouble)
            || self.stars.contains(&Star::Bare) && self.stars.contains(&Star::InSingle)
        {
            return Err("has a wildcard within quotes, which canonical lines set in other ways");
        }
        let joined = |say: &dyn Fn(&str) -> String| {
            texts().map(|it| say(it)).collect::<Vec<String>>().join("*")
        };
        Ok(if self.stars.is_empty() {
            let word: String = texts().map(String::as_str).collect();
            literal(&quote(if is_first { base_name(&word) } else { &word }))
        } else if self.stars.contains(&Star::InSingle) {
            format!("'{}'", joined(&|it| literal(&it.replace('\'', r#"'"'"'"#))))
        } else if self.is_quoted {
            let quoted = |it: &str| if it.is_empty() { String::new() } else { literal(&quote(it)) };
            joined(&quoted)
        } else if is_first {
            base_name(&self.raw).to_owned()
        } else {
            self.raw.clone()
        })
    }
}

/// A command as a pattern over canonical lines, and where its program lies; with `is_glob`, stars
/// are anything.
///
/// Canonical lines have a program's base name, one blank between words, and quotes of one kind. A
/// text with a quote that is not closed is taken as it stands.
///
/// # Errors
/// Where no pattern over the line of one command says it.
pub(super) fn canonical_pattern(
    spec: &str,
    is_glob: bool,
) -> Result<(String, Option<String>), &'static str> {
    let Some(words) = words(spec, is_glob)? else { return Ok((spec.to_owned(), None)) };
    // Variables that are set for one command are not in its line.
    let n_set = words.iter().take_while(|it| it.is_assignment()).count();
    let n_set = if n_set < words.len() { n_set } else { 0 };
    let named: Vec<&str> = words.iter().take(n_set + 1).map(|it| it.raw.as_str()).collect();
    let is_narrow = n_set > 0 || named.last().is_some_and(|it| it.contains('/'));
    let place = is_narrow.then(|| named.join(" "));
    let mut line = Vec::with_capacity(words.len());
    for (idx, word) in words.iter().skip(n_set).enumerate() {
        line.push(word.pattern(idx == 0)?);
    }
    Ok((line.join(" "), place))
}

/// The words of a text, split as a shell does; `None` where a quote is not closed.
fn words(spec: &str, is_glob: bool) -> Result<Option<Vec<Word>>, &'static str> {
    let mut res = Vec::new();
    let mut open: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut is_escaped = false;
    let mut has_operator = false;
    for ch in spec.chars() {
        if quote.is_none() && !is_escaped && ch.is_whitespace() {
            res.extend(open.take());
            continue;
        }
        let word = open.get_or_insert_with(Word::new);
        word.raw.push(ch);
        if std::mem::take(&mut is_escaped) {
            // In double quotes a backslash is one, but for a few characters.
            if quote == Some('"') && !['"', '\\', '$', '`'].contains(&ch) {
                word.push('\\');
            }
            word.push(ch);
            continue;
        }
        match (ch, quote) {
            ('\\', None | Some('"')) => {
                is_escaped = true;
                word.is_quoted = true;
            }
            ('\'' | '"', None) => {
                quote = Some(ch);
                word.is_quoted = true;
            }
            (_, Some(open)) if open == ch => quote = None,
            ('*', None) if is_glob => word.star(Star::Bare),
            ('*', Some('"')) if is_glob => word.star(Star::InDouble),
            ('*', Some(_)) if is_glob => word.star(Star::InSingle),
            (';' | '&' | '|' | '<' | '>' | '(' | ')' | '`' | '$', None)
            | ('`' | '$', Some('"')) => {
                has_operator = true;
                word.push(ch);
            }
            _ => word.push(ch),
        }
    }
    if quote.is_some() || is_escaped {
        return Ok(None);
    }
    if has_operator {
        return Err("has signs of a shell, which no line of a single command has");
    }
    res.extend(open);
    Ok(if res.is_empty() { None } else { Some(res) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> Option<Vec<String>> {
        permission(text).ok().map(|it| it.patterns)
    }

    #[test]
    fn permissions_mean_what_their_page_says() {
        for (text, pattern) in [
            ("Bash", "*"),
            ("Bash(:*)", "*"),
            ("Bash(npm run build)", "npm run build"),
            ("Bash(npm run test:*)", "npm run test *"),
            ("Bash(git push *)", "git push *"),
            ("Bash(ls*)", "ls*"),
            ("Bash(git * main)", "git * main"),
            ("Bash(git * -- *)", "git * -- **"),
            ("mcp__github", "github/*"),
            ("mcp__github__*", "github/*"),
            ("mcp__github__get_issue", "github/get_issue"),
            ("mcp__github__delete_*", "github/delete_*"),
            ("mcp__*", "*/*"),
            // As canonical lines are spelled.
            ("Bash(/bin/rm:*)", "rm *"),
            ("Bash(/bin/rm *)", "rm *"),
            ("Bash(FOO=1 rm:*)", "rm *"),
            ("Bash(a=b)", "a=b"),
            ("Bash(*/rm -rf *)", "rm -rf **"),
            (r#"Bash(git commit -m "wip")"#, "git commit -m wip"),
            (r#"Bash(git commit -m "in work" *)"#, "git commit -m 'in work' *"),
            ("Bash(git   log:*)", "git log *"),
            (r"Bash(cat \*)", r"cat '\*'"),
            ("Bash(cat ~/.ssh/id_rsa)", "cat '~/.ssh/id_rsa'"),
            ("Bash(git log *~1*)", "git log *~1*"),
            ("Bash(git commit -m 'wip*')", "git commit -m 'wip*'"),
            ("Bash(echo 'a b'*)", "echo 'a b'*"),
        ] {
            assert_eq!(patterns(text), Some(vec![pattern.to_owned()]), "{text}");
        }
        for text in [
            "Bash(",
            "Bash()",
            "(x)",
            "mcp__",
            "mcp__x(y)",
            "Read(./.env)",
            "WebFetch",
            r#"Bash(git commit -m "wip*")"#,
            "Bash(cd x && make)",
            "Bash(echo $HOME:*)",
        ] {
            assert_eq!(patterns(text), None, "{text}");
        }
        let place = |text: &str| permission(text).ok().and_then(|it| it.place);
        assert_eq!(place("Bash(/bin/rm:*)").as_deref(), Some("/bin/rm"));
        assert_eq!(place("Bash(FOO=1 rm:*)").as_deref(), Some("FOO=1 rm"));
        assert_eq!(place("Bash(cat /etc/passwd)"), None);
    }
}
