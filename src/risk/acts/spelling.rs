//! From one line of an act to the patterns that might stop it and its like.
use super::form::{Form, Word};
use crate::{
    commands::{quote, split},
    policy::{Pattern, literal},
};

/// Binaries of a form from which on a pattern may leave them out.
const MANY_NAMES: usize = 3;

/// Most patterns that one line is turned into.
const MAX_CANDIDATES: usize = 400;

/// Marks a fragment that is a whole word.
const WHOLE: char = '\0';

/// Words of a line that a pattern holds on to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    /// Index of the first.
    at: usize,
    /// Whether they are an operand, which alone may say what is done.
    is_operand: bool,
    /// How a pattern may have them, wide to narrow.
    options: Vec<String>,
}

impl Form {
    /// Patterns that match a line of the form, and hold on to what makes it one: the binary, the
    /// subcommand, the words that are needed. Where more than one would do, all of them.
    pub(super) fn candidates(&self, line: &str) -> Vec<String> {
        let Some(words) = split(line) else { return Vec::new() };
        let mut held = self.needed_words(&words);
        held.sort();
        held.dedup();
        let mut res = Vec::new();
        // What is worked on may be enough, where nothing else looks like it.
        let operands: Vec<Held> = held.iter().filter(|it| it.is_operand).cloned().collect();
        let fewer = (!operands.is_empty() && operands.len() < held.len()).then_some(operands);
        for held in fewer.into_iter().chain([held]) {
            res.extend(self.joined(&words, &held));
        }
        let ends = |it: String| {
            if let Some(whole) = it.strip_suffix(WHOLE) {
                return vec![format!("{whole} *")];
            }
            if it.ends_with('*') && !it.ends_with("\\*") {
                return vec![it];
            }
            vec![format!("{it}*"), format!("{it} *")]
        };
        let mut res: Vec<String> = res.into_iter().flat_map(ends).collect();
        res.sort();
        res.dedup();
        res
    }

    /// Patterns that hold on to these fragments of a line, in their order.
    fn joined(&self, words: &[String], held: &[Held]) -> Vec<String> {
        let mut res = self.heads(words);
        for Held { options, .. } in held {
            let mut longer = Vec::new();
            for head in &res {
                let head = head.trim_end_matches(WHOLE);
                for gap in ["* ", " ", " * "] {
                    longer.extend(options.iter().map(|it| format!("{head}{gap}{it}")));
                }
            }
            longer.truncate(MAX_CANDIDATES);
            res = longer;
        }
        res
    }

    /// How a pattern may begin: the binary, and the subcommand with or without a gap before it.
    fn heads(&self, words: &[String]) -> Vec<String> {
        let name = if self.names.is_empty() {
            "*".to_owned()
        } else {
            words.first().map(|it| literal(&quote(it))).unwrap_or_default()
        };
        let Some(path) = self.path_of(words) else {
            // What many programs can do alike is stopped whichever it is.
            let any = (self.names.len() > MANY_NAMES).then(|| "*".to_owned());
            return any.into_iter().chain([name]).collect();
        };
        let at: Vec<usize> = path.iter().map(|(at, _)| *at).collect();
        let is_first = at.first() == Some(&1);
        let is_together = at.windows(2).all(|pair| matches!(pair, [a, b] if a + 1 == *b));
        let texts: Vec<&str> = path.iter().map(|(_, text)| text.as_str()).collect();
        let joined = texts.join(if is_together { " " } else { " * " });
        if is_first {
            vec![format!("{name} *{joined}"), format!("{name} {joined}")]
        } else {
            let quoted = words.get(1).is_some_and(|it| quote(it) != it.as_str());
            let gap = if quoted { "'-*" } else { "-*" };
            vec![format!("{name} *{joined}"), format!("{name} {gap} {joined}")]
        }
    }

    /// The places and globs of the subcommand path's words in a line.
    fn path_of(&self, words: &[String]) -> Option<Vec<(usize, String)>> {
        self.paths.iter().find_map(|path| {
            let mut at = 1;
            let mut found = Vec::new();
            for glob in path {
                let wanted = Pattern::new(glob);
                loop {
                    let word = words.get(at)?;
                    if wanted.matches(word) {
                        break;
                    }
                    if !word.starts_with('-') {
                        return None;
                    }
                    at += if self.globals.contains(word) { 2 } else { 1 };
                }
                found.push((at, glob.clone()));
                at += 1;
            }
            Some(found)
        })
    }

    /// Simple lines of the form: each word that meets a need once, the others as they come first.
    pub(super) fn samples(&self) -> Vec<String> {
        let first = |need: &Vec<Word>| need.first().map(simple).and_then(|it| it.first().cloned());
        let usual: Vec<String> = self.needs.iter().filter_map(first).collect();
        let paths: Vec<String> = self.paths.iter().map(|path| path.join(" ")).collect();
        let heads = self.names.iter().flat_map(|name| {
            let below = paths.iter().map(move |path| format!("{name} {}", path.replace('*', "")));
            let bare = paths.is_empty().then(|| name.clone());
            below.chain(bare)
        });
        let mut res = Vec::new();
        for head in heads {
            for (at, need) in self.needs.iter().enumerate() {
                for word in need.iter().flat_map(simple) {
                    let mut words = usual.clone();
                    if let Some(slot) = words.get_mut(at) {
                        *slot = word;
                    }
                    res.push(format!("{head} {}", words.join(" ")));
                }
            }
            if self.needs.is_empty() {
                res.push(head);
            }
        }
        res
    }

    /// Whether a word of a line that is of the form may be the one that is needed.
    fn fits(&self, word: &Word, text: &str) -> bool {
        let cluster = text.strip_prefix('-').filter(|it| !it.starts_with('-') && !it.is_empty());
        match word {
            Word::Short(letters) => cluster.is_some_and(|it| {
                let end = it.find(|ch| self.valued.contains(ch)).unwrap_or(it.len());
                it.get(..end).is_some_and(|flags| flags.contains(|ch| letters.contains(ch)))
            }),
            Word::Long { name, least } => text.strip_prefix("--").is_some_and(|it| {
                let given = it.split('=').next().unwrap_or(it);
                given.len() >= *least && name.starts_with(given)
            }),
            Word::Value { short, long, globs } => {
                let long = text.strip_prefix("--").and_then(|it| it.strip_prefix(long.as_str()));
                let value = long.and_then(|it| it.strip_prefix('=')).or_else(|| {
                    let (_, value) = cluster?.split_once((*short)?)?;
                    Some(value)
                });
                value.is_some_and(|it| any_fits(globs, it))
            }
            Word::Operand(globs) | Word::Any(globs, _) | Word::Is(globs) => any_fits(globs, text),
            Word::Key(globs) => {
                let globs: Vec<String> = globs.iter().map(|it| it.to_ascii_lowercase()).collect();
                any_fits(&globs, &text.to_ascii_lowercase())
            }
            Word::Dashes(_) => text == "--",
        }
    }

    /// For each need the first words that meet it.
    fn needed_words(&self, words: &[String]) -> Vec<Held> {
        let end = words.iter().position(|it| it == "--").unwrap_or(words.len());
        let start =
            self.path_of(words).and_then(|path| path.last().map(|(at, _)| at + 1)).unwrap_or(1);
        let mut letters = String::new();
        let mut clustered = None;
        let mut res = Vec::new();
        for need in &self.needs {
            let found = (start..words.len()).find_map(|at| {
                let word = words.get(at)?;
                let takes_options = at < end;
                need.iter().find_map(|it| {
                    let fits = match it {
                        Word::Operand(_) | Word::Any(..) => self.fits(it, word),
                        Word::Key(_) => self.fits(it, word) && at + 1 < words.len(),
                        Word::Dashes(_) => at == end,
                        Word::Value { short, long, globs } => {
                            let next = words.get(at + 1);
                            let is_flag = *word == format!("--{long}")
                                || short.is_some_and(|it| {
                                    word.starts_with('-')
                                        && !word.starts_with("--")
                                        && word.ends_with(it)
                                });
                            if is_flag && next.is_some_and(|it| any_fits(globs, it)) {
                                return Some((at, 2, it));
                            }
                            takes_options && self.fits(it, word)
                        }
                        _ => takes_options && self.fits(it, word),
                    };
                    fits.then_some((at, 1, it))
                })
            });
            let Some((at, len, word)) = found else { continue };
            if let (Word::Short(wanted), Some(text)) = (word, words.get(at)) {
                // Letters of one cluster are taken together.
                let letter = text.chars().skip(1).find(|ch| wanted.contains(*ch));
                if clustered.is_none_or(|it| it == at) {
                    letters.extend(letter);
                    clustered = Some(at);
                    continue;
                }
                let options = clusters(text, &letter.map_or(String::new(), String::from));
                res.push(Held { at, is_operand: false, options });
                continue;
            }
            let options = fragments(word, words.get(at..at + len).unwrap_or_default());
            let is_operand = matches!(word, Word::Operand(_) | Word::Key(_) | Word::Any(..));
            res.push(Held { at, is_operand, options });
        }
        if let Some((at, text)) = clustered.and_then(|at| Some((at, words.get(at)?))) {
            res.push(Held { at, is_operand: false, options: clusters(text, &letters) });
        }
        res
    }
}

/// The simplest ways to write a word.
fn simple(word: &Word) -> Vec<String> {
    let of_globs = |globs: &[String]| {
        let texts = globs.iter().map(|it| quote(&Pattern::new(it).parts().concat()).into_owned());
        texts.collect::<Vec<String>>()
    };
    match word {
        Word::Short(letters) => letters.chars().map(|it| format!("-{it}")).collect(),
        Word::Long { name, .. } => vec![format!("--{name}")],
        Word::Value { short, long, globs } => of_globs(globs)
            .into_iter()
            .flat_map(|it| {
                [short.map(|short| format!("-{short} {it}")), Some(format!("--{long} {it}"))]
            })
            .flatten()
            .collect(),
        Word::Operand(globs) | Word::Any(globs, _) | Word::Is(globs) => of_globs(globs),
        Word::Key(globs) => of_globs(globs).into_iter().map(|it| format!("{it} x")).collect(),
        Word::Dashes(_) => vec!["-- x".to_owned()],
    }
}

/// Whether one of these globs matches.
fn any_fits(globs: &[String], text: &str) -> bool {
    globs.iter().any(|glob| Pattern::new(glob).matches(text))
}

/// How a pattern may have a cluster of short options for the sake of some of its letters: `-*f*`,
/// `-u*f*`, `-uf*` for the `f` of `-uf`.
fn clusters(text: &str, letters: &str) -> Vec<String> {
    let all: Vec<char> = text.chars().skip(1).collect();
    let Some(last) = all.iter().rposition(|ch| letters.contains(*ch)) else { return Vec::new() };
    let mut res = Vec::new();
    let quote = if quote(text) == text { "" } else { "'" };
    for n_kept in 0..=last {
        let kept: String = all.iter().take(n_kept).collect();
        let mut rest = String::new();
        for ch in all.iter().skip(n_kept).filter(|ch| letters.contains(**ch)) {
            rest.push('*');
            rest.push(*ch);
        }
        res.push(format!("{quote}-{kept}{rest}*"));
    }
    let whole: String = all.iter().take(last + 1).collect();
    res.push(format!("{quote}-{whole}*"));
    res.dedup();
    res
}

/// How a pattern may have a word, or an option and its value.
fn fragments(word: &Word, texts: &[String]) -> Vec<String> {
    let Some(text) = texts.first() else { return Vec::new() };
    let spelled = literal(&quote(text));
    match word {
        Word::Long { name, least } => {
            let name =
                text.split('=').next().map_or(name.as_str(), |it| it.trim_start_matches('-'));
            let shortest = name.get(..*least).unwrap_or(name);
            let whole = format!("--{name}{WHOLE}");
            vec![format!("--{shortest}*"), format!("--{name}*"), whole, format!("--{name}=*")]
        }
        Word::Operand(globs) | Word::Key(globs) | Word::Any(globs, _) | Word::Is(globs) => {
            let fitting = globs.iter().filter(|it| Pattern::new(it).matches(text));
            let mut res: Vec<String> = fitting.flat_map(|glob| quoted(glob, text)).collect();
            res.push(format!("{spelled}{WHOLE}"));
            res
        }
        Word::Value { short, .. } => valued(*short, text, texts.get(1), spelled),
        Word::Short(_) => vec![format!("{spelled}*"), format!("{spelled}{WHOLE}")],
        Word::Dashes(_) => vec!["-- *".to_owned()],
    }
}

/// How a pattern may have an option and its value, in one word or in two.
fn valued(short: Option<char>, text: &str, next: Option<&String>, spelled: String) -> Vec<String> {
    if let Some(value) = next {
        let value = literal(&quote(value));
        // Behind a quote the next character is the first of the value.
        let n_chars = if value.starts_with('\'') { 2 } else { 1 };
        let first: String = value.chars().take(n_chars).collect();
        return vec![
            format!("{spelled} *"),
            format!("{spelled} {first}*"),
            format!("{spelled} {value}"),
        ];
    }
    let quote = if quote(text) == text { "" } else { "'" };
    let is_long = text.starts_with("--");
    let last = if is_long { text.find('=') } else { short.and_then(|it| text.find(it)) };
    let flag = last.and_then(|at| text.get(..=at)).unwrap_or(text);
    let first = text.get(flag.len()..).and_then(|it| it.chars().next());
    let first = first.map(|it| literal(&it.to_string())).unwrap_or_default();
    let wide = short.filter(|_| !is_long).map(|it| format!("{quote}-{it}*"));
    let narrow = [format!("{quote}{flag}*"), format!("{quote}{flag}{first}*")];
    wide.into_iter().chain(narrow).chain([spelled + &WHOLE.to_string()]).collect()
}

/// A glob as the words that it matches are spelled: in quotes where this one is.
fn quoted(glob: &str, text: &str) -> Vec<String> {
    let begins_open = glob.starts_with('*');
    let ends_open = glob.ends_with('*') && !glob.ends_with("\\*");
    let is_quoted = quote(text) != text;
    let open = if begins_open || !is_quoted { "" } else { "'" };
    let close = if ends_open || !is_quoted { "" } else { "'" };
    let end = if ends_open { String::new() } else { WHOLE.to_string() };
    vec![format!("{open}{glob}{close}{end}")]
}

#[cfg(test)]
mod tests {
    use super::{
        super::form::{cut, form, long, operand, short},
        Pattern,
    };

    #[test]
    fn candidates_match_their_line_from_wide_to_narrow() {
        let push = form(&["git"]).below(&["push"]).globals(&["-C"]).with(&[
            short("f"),
            long("force"),
            operand(&["+*"]),
        ]);
        for (line, some) in [
            ("git push -uvf", &["git push -uvf*", "git *push* -*f*", "git push * -u*f*"][..]),
            ("git -C d push origin --force", &["git -* push* --force*", "git *push --force *"]),
            ("git push '+a b'", &["git push '+*", "git *push* '+*"]),
        ] {
            let found = push.candidates(line);
            for pattern in some.iter().filter(|it| Pattern::new(it).matches(line)) {
                assert!(found.iter().any(|it| it == pattern), "{line}: {pattern} of {found:?}");
            }
            assert!(found.iter().any(|it| Pattern::new(it).matches(line)), "{line}");
        }
        let remove = form(&["rm"])
            .with(&[short("r"), cut("recursive", "r")])
            .with(&[short("f")])
            .with(&[operand(&["/", "/etc*"])]);
        for line in ["rm -rf /etc", "rm /etc -r -f", "rm -fvr /", "rm --rec -f /"] {
            let found = remove.candidates(line);
            assert!(found.iter().any(|it| Pattern::new(it).matches(line)), "{line}: {found:?}");
        }
    }
}
