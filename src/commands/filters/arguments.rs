//! The arguments of a filter, taken apart as `getopt_long` does.

/// Which options take a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// Letters of short ones that take it joined, or else as the next word.
    pub(super) valued: &'static str,
    /// Letters of short ones that take it joined, or else none.
    pub(super) joined: &'static str,
    /// Names of long ones that take it behind `=`, or else as the next word.
    pub(super) long: &'static [&'static str],
    /// Names of long ones that take it behind `=`, or else none.
    pub(super) long_joined: &'static [&'static str],
    /// Where a word behind one dash is one option, as none of letters is: the names of those that take the next
    /// word. A letter may be joined to its value, and a long name goes on as it likes.
    pub(super) words: Option<&'static [&'static str]>,
    /// Whether options may stand behind operands.
    pub(super) permutes: bool,
}

/// An argument; values and operands with their place in the vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// The letter of a short option, or the full name of a long one, with its value.
    Option(&'a str, usize, &'a str),
    /// What is no option and no value of one.
    Operand(usize, &'a str),
}

impl Syntax {
    /// The operands, and the options with a value, in order.
    pub(super) fn arguments<'a>(&self, argv: &'a [String]) -> Vec<Argument<'a>> {
        let mut arguments = Vec::new();
        let mut words = argv.iter().map(String::as_str).enumerate().skip(1);
        let mut is_over = false;
        while let Some((at, word)) = words.next() {
            let option = word.strip_prefix('-').filter(|it| !is_over && !it.is_empty());
            let Some(option) = option else {
                is_over |= !self.permutes;
                arguments.push(Argument::Operand(at, word));
                continue;
            };
            if option == "-" {
                is_over = true;
                continue;
            }
            let Some((name, joined, takes_next)) = self.option(option) else { continue };
            let value = joined.map(|it| (at, it));
            if let Some((at, value)) = value.or_else(|| words.next().filter(|_| takes_next)) {
                arguments.push(Argument::Option(name, at, value));
            }
        }
        arguments
    }

    /// The option that takes a value among those of a word, without its first `-`: its name, what is
    /// joined to it, whether it takes the next word where nothing is.
    fn option<'a>(&self, word: &'a str) -> Option<(&'a str, Option<&'a str>, bool)> {
        if let Some(words) = self.words {
            let word = word.trim_start_matches('-');
            let is_it = |it: &&str| word == *it || (it.len() > 1 && word.starts_with(*it));
            return words.iter().any(is_it).then_some((word, None, true));
        }
        if let Some(long) = word.strip_prefix('-') {
            let (given, joined) =
                long.split_once('=').map_or((long, None), |it| (it.0, Some(it.1)));
            // Names may be cut short.
            let full =
                |names: &[&'static str]| names.iter().copied().find(|it| it.starts_with(given));
            let found = full(self.long).map(|name| (name, joined, true));
            return found.or_else(|| {
                full(self.long_joined).filter(|_| joined.is_some()).map(|it| (it, joined, false))
            });
        }
        let mut letters = word.char_indices();
        let (at, letter) = letters.find(|&(at, ch)| {
            let has_rest = word.len() > at + ch.len_utf8();
            self.valued.contains(ch) || (self.joined.contains(ch) && has_rest)
        })?;
        let (name, rest) = word.get(at..)?.split_at(letter.len_utf8());
        Some((name, Some(rest).filter(|it| !it.is_empty()), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn arguments_are_taken_apart() {
        let syntax = Syntax {
            valued: "ef",
            joined: "i",
            long: &["expression", "file"],
            long_joined: &["profile"],
            words: None,
            permutes: true,
        };
        let shown = |it: &Argument<'_>| match it {
            Argument::Option(name, _, value) => format!("{name}={value}"),
            Argument::Operand(_, word) => (*word).to_owned(),
        };
        for (line, wanted) in [
            ("x a -n b", "a b"),
            ("x -e a b", "e=a b"),
            ("x -nea b", "e=a b"),
            ("x -ie a", "i=e a"),
            ("x -i a", "a"),
            ("x -ni a", "a"),
            ("x a -f", "a"),
            ("x --expr a --file=b c", "expression=a file=b c"),
            ("x --profile a", "a"),
            ("x --profile=a", "profile=a"),
            ("x --quiet a - -- -e b", "a - -e b"),
        ] {
            let argv = split(line).unwrap();
            let found: Vec<String> = syntax.arguments(&argv).iter().map(shown).collect();
            assert_eq!(found.join(" "), wanted, "{line}");
            let posix = Syntax { permutes: false, ..syntax };
            let found: Vec<String> = posix.arguments(&argv).iter().map(shown).collect();
            assert_eq!(found.join(" ").ends_with("-n b"), line.ends_with("-n b"), "{line}");
        }
        let words = Syntax { words: Some(&["c", "cols"]), permutes: false, ..syntax };
        for (line, wanted) in [
            ("x -exec -c 8 a -s", "c=8 a -s"),
            ("x -c8 -cols 8 --cols 9 -- -a b", "cols=8 cols=9 -a b"),
            ("x - -c a", "- -c a"),
        ] {
            let argv = split(line).unwrap();
            let found: Vec<String> = words.arguments(&argv).iter().map(shown).collect();
            assert_eq!(found.join(" "), wanted, "{line}");
        }
    }
}
