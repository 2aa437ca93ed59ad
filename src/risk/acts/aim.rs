//! From a deny pattern to the acts it is meant to stop.
use super::{
    Act, acts,
    form::{self, Form, Word},
};
use crate::{
    commands::{
        canonical,
        grammar::{self, ArgumentKind, Join},
        split,
    },
    policy::Pattern,
    risk::GuardClass,
};

/// The acts that a deny pattern is meant to stop: those of the tables that its own words do, else
/// what its words say, in every spelling that its binary is known to take.
pub fn aims(pattern: &str) -> Vec<Aim> {
    let Some(sample) = sample(pattern) else { return Vec::new() };
    let known: Vec<Aim> =
        acts().iter().filter(|act| act.language().contains(&sample)).map(Aim::Known).collect();
    if !known.is_empty() {
        return known;
    }
    derived(pattern).map(|act| vec![Aim::Derived(Box::new(act))]).unwrap_or_default()
}

/// An act that a pattern is meant to stop.
#[derive(Debug)]
pub enum Aim {
    /// One of the tables.
    Known(&'static Act),
    /// What the pattern's words say.
    Derived(Box<Act>),
}

impl Aim {
    /// The act.
    pub fn act(&self) -> &Act {
        match self {
            Self::Known(act) => act,
            Self::Derived(act) => act,
        }
    }
}

/// The shortest line that a pattern means: itself without its stars, where that names a binary.
pub(super) fn sample(pattern: &str) -> Option<String> {
    Pattern::new(pattern).first_word()?;
    let bare = Pattern::new(pattern).parts().concat();
    let argv = split(&bare)?;
    argv.first()?;
    Some(canonical(&argv))
}

/// What the words of a pattern say: the binary, its subcommand, its options by all their names, its
/// operands.
fn derived(pattern: &str) -> Option<Act> {
    let argv = split(&sample(pattern)?)?;
    let parsed = grammar::parse(&argv);
    let name = argv.first()?.as_str();
    let path = parsed.subcommand.join(" ");
    let mut form = form::form(&[name]);
    if !path.is_empty() {
        form = form.below(&[&path]);
    }
    let known = Letters::of(name, &parsed.subcommand);
    form.valued.clone_from(&known.valued);
    form.flags = Some(known.flags.clone()).filter(|it| !it.is_empty());
    for argument in &parsed.arguments {
        let need = match &argument.kind {
            ArgumentKind::Flag(flag) => option(&flag.name, &flag.canonical, &known),
            ArgumentKind::Operand(text) => operand(pattern, text),
            ArgumentKind::Separator => continue,
        };
        form.needs.push(need);
    }
    // Each further need doubles the states; patterns that people write have few.
    form.needs.truncate(MAX_NEEDS);
    Some(of(pattern, form))
}

/// Most words of a pattern that its act is made of.
const MAX_NEEDS: usize = 4;

fn of(pattern: &str, form: Form) -> Act {
    Act::new(
        &format!("pattern `{pattern}`"),
        "what the pattern's words say, in every spelling",
        GuardClass::Evasion,
        "the descriptions of command-line tools in commands/grammar",
    )
    .by(form)
}

/// An option by all its names.
fn option(name: &str, canonical: &str, known: &Letters) -> Vec<Word> {
    let mut words = Vec::new();
    let aliases = known.aliases.iter().filter(|(_, long)| long == canonical || long == name);
    let mut letters: String = aliases.map(|(letter, _)| *letter).collect();
    if let Some(letter) = name.strip_prefix('-').filter(|it| it.chars().count() == 1) {
        letters.push_str(letter);
    }
    if !letters.is_empty() {
        words.push(form::short(&letters));
    }
    for long in [name, canonical] {
        match long.strip_prefix("--") {
            Some(long) if !long.is_empty() => words.push(form::long(long)),
            // Tools that write long options with one dash.
            None if long.len() > 2 => words.push(form::is(&[long])),
            _ => (),
        }
    }
    words
}

/// An operand, with the stars that the pattern has in its place.
fn operand(pattern: &str, text: &str) -> Vec<Word> {
    let words = pattern.split(' ').map(|it| it.trim_matches('\''));
    let own = words.clone().find(|it| Pattern::new(it).parts().concat() == text);
    vec![form::operand(&[own.unwrap_or(text)])]
}

/// What is known of the short options of a tool below a subcommand.
struct Letters {
    /// Those that take a value.
    valued: String,
    /// Those that take none.
    flags: String,
    /// Letters with the long names they stand for.
    aliases: Vec<(char, String)>,
}

impl Letters {
    fn of(name: &str, path: &[&str]) -> Self {
        let mut res = Self { valued: String::new(), flags: String::new(), aliases: Vec::new() };
        for letter in ('a'..='z').chain('A'..='Z').chain('0'..='9') {
            let mut argv = vec![name.to_owned()];
            argv.extend(path.iter().map(|&word| word.to_owned()));
            argv.extend([format!("-{letter}"), "x".to_owned()]);
            let parsed = grammar::parse(&argv);
            let flag = parsed.arguments.iter().find_map(|it| match &it.kind {
                ArgumentKind::Flag(flag) if flag.name.ends_with(letter) => Some(flag),
                _ => None,
            });
            let Some(flag) = flag else { continue };
            let takes = flag.value.is_some_and(|value| value.join == Join::Next);
            let letters = if takes { &mut res.valued } else { &mut res.flags };
            letters.push(letter);
            if flag.canonical.starts_with("--") {
                res.aliases.push((letter, flag.canonical.to_string()));
            }
        }
        res
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_aims_at_what_its_words_do() {
        for (pattern, ids) in [
            ("git push --force*", &["git.force-push"][..]),
            ("terraform apply*", &["infra.terraform-apply"]),
            ("kubectl exec *", &["infra.kubernetes-exec"]),
            ("rm -rf /etc*", &["files.delete-outside"]),
            ("ssh *", &["network.remote-login"]),
            ("* rm *", &[]),
            ("npm publish *", &["pattern `npm publish *`"]),
        ] {
            let found = aims(pattern);
            let found: Vec<&str> = found.iter().map(|aim| aim.act().id.as_str()).collect();
            assert_eq!(found, ids, "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_says_is_said_in_other_words_too() {
        for (pattern, line, want) in [
            ("rm -rf *", "rm -fr x", true),
            ("rm -rf *", "rm x -f --recursive", true),
            ("rm -rf *", "rm -f x", false),
            ("npm publish *", "npm --silent publish", true),
            ("docker run --privileged *", "docker run -it --privileged x", true),
            ("docker run --privileged *", "docker run x", false),
            ("chmod 777 *", "chmod -R 777 x", true),
            ("chmod 777 *", "chmod 755 x", false),
        ] {
            let found = aims(pattern);
            assert_eq!(found[0].act().language().contains(line), want, "{pattern}: {line}");
        }
    }
}
