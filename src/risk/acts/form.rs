//! One way to spell an act, and the language of all command lines that spell it so.
use crate::policy::{
    Pattern,
    proof::{Bytes, Graph, Language, any_argument, argument, begins, words},
};

/// Words that say what is done to what stands in front of them, and beginnings of such words.
const LAST_OF_PATH: &[&str] =
    &["cat", "describe", "get", "info", "list", "ls", "read", "show", "tail", "version"];
const LAST_BEGIN_SO: &[&str] = &["describe-", "get-", "list-", "show-"];

/// Whether no further subcommand follows a word of a path: `gcloud compute instances list`.
///
/// # Source
/// The command references of Google Cloud and Azure: groups are nouns, and what only looks is one of these.
pub fn is_last_of_path(word: &str) -> bool {
    LAST_OF_PATH.contains(&word) || LAST_BEGIN_SO.iter().any(|it| word.starts_with(it))
}

/// The same as a language.
fn last_of_path() -> Language {
    let begin = Language::any_of(LAST_BEGIN_SO.iter().map(|it| begins(it)));
    Language::one_of(LAST_OF_PATH.iter().copied()).or(&begin)
}

/// A way to do something: which binary, below which subcommand, with what in its arguments.
///
/// Options stand in any order, before and after operands, up to a `--`; short ones in clusters; long
/// ones with `=` and, where the tool takes that, cut short.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    /// Base names; none stands for any.
    pub(super) names: Vec<String>,
    /// Subcommand paths, alternatives, each word a glob; none where the tool has no subcommands.
    pub(super) paths: Vec<Vec<String>>,
    /// Whether words that say what is done are the last of a path, see [`is_last_of_path`].
    pub(super) ends: bool,
    /// Options before the subcommand that take the next word.
    pub(super) globals: Vec<String>,
    /// Letters of short options that take a value: the rest of the cluster, or the next word.
    pub(super) valued: String,
    /// Letters of short options that take none, and so may stand in one cluster; `None`: any may.
    pub(super) flags: Option<String>,
    /// Long options that take the next word.
    pub(super) valued_long: Vec<String>,
    /// What the arguments must hold: something of each.
    pub(super) needs: Vec<Vec<Word>>,
}

/// One word of a command line, or an option with its value.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// A short option with one of these letters, alone or in a cluster.
    Short(String),
    /// A long option, with or without `=value`, down to its shortest unambiguous form.
    Long {
        /// Without the dashes.
        name: String,
        /// Length of the shortest form.
        least: usize,
    },
    /// An option with a value that one of these globs matches: `-XDELETE`, `-X DELETE`, `--request=DELETE`.
    Value {
        /// The letter of the short form.
        short: Option<char>,
        /// The long form without its dashes.
        long: String,
        /// What the value must be.
        globs: Vec<String>,
    },
    /// A word that is no option and that one of these globs matches.
    Operand(Vec<String>),
    /// A word that one of these globs matches, in capitals or not, and one behind it: a key and what
    /// it is set to.
    Key(Vec<String>),
    /// Any word that one of the first globs matches and none of the others, behind a `--` or not.
    Any(Vec<String>, Vec<String>),
    /// A word that one of these globs matches, where options are taken.
    Is(Vec<String>),
    /// The `--` that ends the options, and behind it a word that is not plain, or ends in none of these.
    Dashes(Vec<String>),
}

/// A short option.
pub(super) fn short(letters: &str) -> Word {
    Word::Short(letters.to_owned())
}

/// A long option that is not cut short.
pub(super) fn long(name: &str) -> Word {
    Word::Long { name: name.to_owned(), least: name.len() }
}

/// A long option that may be cut down to `least`, a beginning of its name.
pub(super) fn cut(name: &str, least: &str) -> Word {
    Word::Long { name: name.to_owned(), least: least.len() }
}

/// An option with a value.
pub(super) fn value(short: Option<char>, long: &str, globs: &[&str]) -> Word {
    Word::Value { short, long: long.to_owned(), globs: owned(globs) }
}

/// An operand.
pub(super) fn operand(globs: &[&str]) -> Word {
    Word::Operand(owned(globs))
}

/// A key that is set, in capitals or not.
pub(super) fn key(globs: &[&str]) -> Word {
    Word::Key(owned(globs))
}

/// Any word that one of `globs` matches, and none of `except`.
pub(super) fn any_word(globs: &[&str], except: &[&str]) -> Word {
    Word::Any(owned(globs), owned(except))
}

/// The `--` that ends the options, with a word behind it that is not the plain name of a file with one of
/// these endings.
pub(super) fn dashes(endings: &[&str]) -> Word {
    Word::Dashes(owned(endings))
}

/// A word, where options are taken.
pub(super) fn is(globs: &[&str]) -> Word {
    Word::Is(owned(globs))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A form of one of these binaries.
pub(super) fn form(names: &[&str]) -> Form {
    Form { names: owned(names), ..Form::default() }
}

/// Two words in a row.
struct Pair {
    first: Language,
    second: Language,
    /// Whether they count behind a `--`, too.
    is_operand: bool,
}

impl Form {
    /// Below one of these subcommands, words joined by blanks.
    pub(super) fn below(mut self, paths: &[&str]) -> Self {
        let split = |path: &&str| path.split(' ').map(str::to_owned).collect();
        self.paths = paths.iter().map(split).collect();
        self
    }

    /// With paths of words that say what to do it to, and one that says what.
    pub(super) fn ending(mut self) -> Self {
        self.ends = true;
        self
    }

    /// With options before the subcommand that take the next word.
    pub(super) fn globals(mut self, globals: &[&str]) -> Self {
        self.globals = owned(globals);
        self
    }

    /// With short and long options that take a value.
    pub(super) fn valued(mut self, letters: &str, long: &[&str]) -> Self {
        letters.clone_into(&mut self.valued);
        self.valued_long = owned(long);
        self
    }

    /// With these letters as short options that take no value, and no others.
    pub(super) fn flags(mut self, letters: &str) -> Self {
        self.flags = Some(letters.to_owned());
        self
    }

    /// With one of these words.
    pub(super) fn with(mut self, words: &[Word]) -> Self {
        self.needs.push(words.to_vec());
        self
    }

    /// Every canonical line that spells it.
    pub(super) fn language(&self) -> Language {
        let mut graph = Graph::default();
        let start = graph.node(false);
        let before_path = graph.node(false);
        let (name, any) = (self.name(), any_argument());
        graph.edge(start, &name, before_path);
        let full = (1_usize << self.needs.len()) - 1;
        // By the needs that are met: where options are taken, and behind a `--`.
        let mut nodes = Vec::new();
        for met in 0..=full {
            nodes.push((graph.node(met == full), graph.node(met == full)));
        }
        if self.paths.is_empty() {
            if let Some(&(open, _)) = nodes.first() {
                graph.edge(start, &name, open);
            }
        } else {
            let globals = Language::one_of(self.globals.iter().map(String::as_str));
            let option = begins("-").minus(&globals).minus(&Language::one_of(["-", "--"]));
            let (option, globals) = (argument(&option), argument(&globals));
            // A subcommand is a name.
            let plain = Language::byte(plain()).star();
            for path in &self.paths {
                let mut from = before_path;
                for (idx, word) in path.iter().enumerate() {
                    let waiting = graph.node(false);
                    graph.edge(from, &option, from);
                    graph.edge(from, &globals, waiting);
                    graph.edge(waiting, &any, from);
                    let last = idx + 1 == path.len();
                    let to = match nodes.first().filter(|_| last) {
                        Some(&(open, _)) => open,
                        None => graph.node(false),
                    };
                    let mut word = any_glob(std::slice::from_ref(word)).and(&plain);
                    if self.ends && !last {
                        word = word.minus(&last_of_path());
                    }
                    graph.edge(from, &argument(&word), to);
                    from = to;
                }
            }
        }
        self.arguments(&mut graph, &nodes);
        graph.language()
    }

    fn name(&self) -> Language {
        if self.names.is_empty() {
            let plain = Bytes::ALL.minus(Bytes::of("/"));
            let no_slash = Language::byte(plain).then(&Language::byte(plain).star());
            return words(&no_slash.and(&Language::anything()));
        }
        words(&Language::one_of(self.names.iter().map(String::as_str)))
    }

    /// Draws the arguments: `nodes` are by the set of needs that are met.
    fn arguments(&self, graph: &mut Graph, nodes: &[(usize, usize)]) {
        let anything = Language::anything();
        let any = any_argument();
        let end = argument(&Language::text("--"));
        let valued = self.valued_options();
        let ordinary = anything.minus(&valued).minus(&Language::text("--"));
        let (ordinary, waiting_words) = (argument(&ordinary), argument(&valued));
        let options: Vec<Language> = self
            .needs
            .iter()
            .map(|need| Language::any_of(need.iter().map(|word| self.content(word))))
            .map(|language| language.minimal())
            .collect();
        let operands: Vec<Language> = self
            .needs
            .iter()
            .map(|need| Language::any_of(need.iter().map(|word| behind_dashes(word, &anything))))
            .collect();
        // One word may meet several needs: `-rf`.
        let meeting: Vec<(Language, Language)> = (0..nodes.len())
            .map(|chosen| {
                let meets = |needs: &[Language]| {
                    let needs = needs.iter().enumerate().filter(|(idx, _)| chosen >> idx & 1 == 1);
                    argument(&needs.fold(anything.clone(), |all, (_, need)| all.and(need)))
                };
                (meets(&options), meets(&operands))
            })
            .collect();
        let pairs: Vec<Vec<Pair>> = self.needs.iter().map(|need| self.pairs(need)).collect();
        for (met, &(open, closed)) in nodes.iter().enumerate() {
            graph.edge(open, &ordinary, open);
            let waiting = graph.node(false);
            graph.edge(open, &waiting_words, waiting);
            graph.edge(waiting, &any, open);
            graph.edge(open, &end, closed);
            graph.edge(closed, &any, closed);
            for (more, (option, operand)) in meeting.iter().enumerate().skip(1) {
                let Some(&(open_to, closed_to)) = nodes.get(met | more).filter(|_| met & more == 0)
                else {
                    continue;
                };
                graph.edge(open, option, open_to);
                graph.edge(closed, operand, closed_to);
            }
            for idx in (0..self.needs.len()).filter(|idx| met >> idx & 1 == 0) {
                let Some(&(to, closed_to)) = nodes.get(met | 1 << idx) else { continue };
                for pair in pairs.get(idx).into_iter().flatten() {
                    let waiting = graph.node(false);
                    graph.edge(open, &pair.first, waiting);
                    graph.edge(waiting, &pair.second, to);
                    if pair.is_operand {
                        let waiting = graph.node(false);
                        graph.edge(closed, &pair.first, waiting);
                        graph.edge(waiting, &pair.second, closed_to);
                    }
                }
            }
        }
    }

    /// The two words in a row that meet a need.
    fn pairs(&self, need: &[Word]) -> Vec<Pair> {
        let pair = |word: &Word| match word {
            Word::Key(globs) => Some(Pair {
                first: argument(&any_case(globs)),
                second: any_argument(),
                is_operand: true,
            }),
            Word::Value { short, long, globs } => {
                let mut flag = Language::text(&format!("--{long}"));
                if let Some(short) = short {
                    let cluster = Language::byte(self.flag_letters()).star();
                    let letter = Language::text(&short.to_string());
                    flag = flag.or(&Language::chain([Language::text("-"), cluster, letter]));
                }
                let second = argument(&any_glob(globs));
                Some(Pair { first: argument(&flag), second, is_operand: false })
            }
            _ => None,
        };
        need.iter().filter_map(pair).collect()
    }

    /// Letters of short options without a value.
    fn flag_letters(&self) -> Bytes {
        if let Some(flags) = &self.flags {
            return Bytes::of(flags);
        }
        let letters = Bytes::range(b'a', b'z').or(Bytes::range(b'A', b'Z'));
        letters.or(Bytes::range(b'0', b'9')).minus(Bytes::of(&self.valued))
    }

    /// Options whose value is the next word.
    fn valued_options(&self) -> Language {
        let cluster = Language::text("-").then(&Language::byte(self.flag_letters()).star());
        let short = cluster.then(&Language::byte(Bytes::of(&self.valued)));
        let long = self.valued_long.iter().map(|name| Language::text(&format!("--{name}")));
        Language::any_of(long).or(&short)
    }

    /// What one word may say, where options are taken.
    fn content(&self, word: &Word) -> Language {
        let anything = Language::anything();
        match word {
            Word::Short(letters) => {
                let letters = Bytes::of(letters).minus(Bytes::of(&self.valued));
                let flags = Language::byte(self.flag_letters().or(letters)).star();
                let (dash, letter) = (Language::text("-"), Language::byte(letters));
                let valued = Language::byte(Bytes::of(&self.valued)).then(&anything).maybe();
                Language::chain([dash, flags.clone(), letter, flags, valued])
            }
            Word::Long { name, least } => {
                let forms = (*least..=name.len()).filter_map(|len| name.get(..len));
                let names = Language::any_of(forms.map(|it| Language::text(&format!("--{it}"))));
                // A value that needs quotes belongs to an option that takes one.
                names.then(&Language::text("=").then(&Language::byte(plain()).star()).maybe())
            }
            Word::Value { short, long, globs } => {
                let mut forms = vec![Language::text(&format!("--{long}="))];
                if let Some(short) = short {
                    let cluster = Language::byte(self.flag_letters()).star();
                    let letter = Language::text(&short.to_string());
                    forms.push(Language::chain([Language::text("-"), cluster, letter]));
                }
                Language::any_of(forms).then(&any_glob(globs))
            }
            Word::Operand(globs) => any_glob(globs).minus(&options()),
            Word::Any(globs, except) => any_glob(globs).minus(&any_glob(except)),
            Word::Dashes(_) | Word::Key(_) => Language::nothing(),
            Word::Is(globs) => any_glob(globs),
        }
    }
}

/// Characters of names and simple values.
fn plain() -> Bytes {
    let letters = Bytes::range(b'a', b'z').or(Bytes::range(b'A', b'Z'));
    letters.or(Bytes::range(b'0', b'9')).or(Bytes::of("-_.:"))
}

/// What one word may say behind a `--`.
fn behind_dashes(word: &Word, anything: &Language) -> Language {
    match word {
        Word::Operand(globs) => any_glob(globs).and(anything),
        Word::Any(globs, except) => any_glob(globs).minus(&any_glob(except)),
        Word::Dashes(endings) => {
            let name = Language::byte(plain().or(Bytes::of("/+@"))).star();
            // `:/x` and `:!x` are more than one file.
            let is_magic = begins(":");
            let endings = endings.iter().map(|it| Language::text(&format!(".{it}")));
            anything.minus(&name.then(&Language::any_of(endings)).minus(&is_magic))
        }
        _ => Language::nothing(),
    }
}

/// Words that a tool takes for options.
fn options() -> Language {
    begins("-").minus(&Language::text("-"))
}

/// The texts that one of these globs matches, whatever is in capitals.
fn any_case(globs: &[String]) -> Language {
    let anything = Language::anything();
    let texts = globs.iter().map(|glob| {
        Language::chain(glob.chars().map(|ch| {
            if ch == '*' {
                return anything.clone();
            }
            let cases = [ch.to_ascii_lowercase(), ch.to_ascii_uppercase()];
            Language::byte(Bytes::of(&String::from_iter(cases)))
        }))
    });
    Language::any_of(texts).and(&anything).minimal()
}

/// The texts that one of these globs matches; `*` stands for any text, `\*` for itself.
fn any_glob(globs: &[String]) -> Language {
    let patterns: Vec<Pattern> = globs.iter().map(|it| Pattern::new(it)).collect();
    Language::matching(&patterns).and(&Language::anything()).minimal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_of_the_language_and_look_alikes_are_not() {
        let push = form(&["git"])
            .below(&["push"])
            .globals(&["-C", "-c"])
            .valued("o", &["push-option"])
            .with(&[short("f"), long("force"), cut("mirror", "m"), operand(&["+*"])]);
        let language = push.language();
        for (line, want) in [
            ("git push -f", true),
            ("git push origin -f", true),
            ("git push -uf origin x", true),
            ("git push --force", true),
            ("git push --force=x", true),
            ("git push --mir", true),
            ("git push origin +main", true),
            ("git push origin '+refs/*:refs/*'", true),
            ("git -C d push -f", true),
            ("git -c a=b --no-pager push origin -- +main", true),
            ("git push", false),
            ("git push -o -f", false),
            ("git push -of", false),
            ("git push -fo x", true),
            ("git push -uo -f", false),
            ("git push --push-option --force", false),
            ("git push origin -- -f", false),
            ("git push --force-with-lease", false),
            ("git push -u origin feature", false),
            ("git -C push status -f", false),
            ("git pull -f", false),
            ("git push  -f", false),
        ] {
            assert_eq!(language.contains(line), want, "{line}");
        }
    }

    #[test]
    fn one_word_meets_several_needs_and_values_stand_in_every_place() {
        let remove = form(&["rm"])
            .with(&[short("rR"), cut("recursive", "r")])
            .with(&[operand(&["/", "/etc*", "*'*"])]);
        let curl = form(&["curl"]).with(&[value(Some('X'), "request", &["DELETE"])]);
        let (remove, curl) = (remove.language(), curl.language());
        for (line, want) in [
            ("rm -r /", true),
            ("rm / -fr", true),
            ("rm --rec -f /etc/x", true),
            ("rm -r -- /", true),
            (r#"rm -r 'it'"'"'s'"#, true),
            ("rm -r -- -r", false),
            ("rm -f /", false),
            ("rm -r x", false),
        ] {
            assert_eq!(remove.contains(line), want, "{line}");
        }
        for (line, want) in [
            ("curl -X DELETE u", true),
            ("curl -sXDELETE u", true),
            ("curl -sX DELETE u", true),
            ("curl u --request=DELETE", true),
            ("curl u --request DELETE", true),
            ("curl -X GET u", false),
            ("curl DELETE", false),
        ] {
            assert_eq!(curl.contains(line), want, "{line}");
        }
    }
}
