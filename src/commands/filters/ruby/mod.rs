//! Programs of Ruby in the arguments or on the standard input that do no more than compute and print.
//!
//! As with Python nothing of the language is followed: every method, function and constant that stands
//! anywhere in a program is one that computes. Names that are assigned to are variables, which take no
//! arguments; a program that defines methods or classes is refused.
use std::collections::BTreeSet;

use self::{
    known::{FUNCTIONS, KEYWORDS, LIBRARIES, METHODS, MODULES, TYPES},
    tokens::{Kind, Token, tokens},
};
use super::{Deed, Interpreter, MAX_TOKENS, Mode, Place};
use crate::commands::lists;

mod known;
mod tokens;

pub(super) const RUBY: Interpreter = Interpreter {
    names: &["ruby"],
    place,
    has_options_behind: true,
    is_changed_by,
    deeds: |program, _| deeds(program),
};

/// Where the program of a vector is: behind options that load libraries and warn.
fn place(argv: &[String]) -> Option<Place> {
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        match word.as_str() {
            "-w" | "-W0" | "-W" => at += 1,
            "-r" => {
                argv.get(at + 1).filter(|it| lists(LIBRARIES, it))?;
                at += 2;
            }
            // Another one is a second line of the program.
            "-e" => {
                let is_last = argv.iter().skip(at + 2).all(|it| !it.starts_with('-'));
                return (is_last && argv.len() > at + 1).then_some(Place::Word(at + 1));
            }
            "-" => return Some(Place::Stdin),
            word => {
                word.strip_prefix("-r").filter(|it| lists(LIBRARIES, it))?;
                at += 1;
            }
        }
    }
    Some(Place::Stdin)
}

/// Variables that change how the interpreter begins, beside those that change code for all.
fn is_changed_by(variable: &str) -> bool {
    variable.starts_with("RUBY") || variable.starts_with("BUNDLE")
}

/// The files that a program opens, where it does no more than that, compute and print.
fn deeds(program: &str) -> Option<Vec<Deed>> {
    let tokens = tokens(program).filter(|it| it.len() <= MAX_TOKENS)?;
    let mut reader = Reader { variables: variables(&tokens), tokens: &tokens, deeds: Vec::new() };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.token(at)?;
    }
    Some(reader.deeds)
}

/// Names that are assigned to, or that blocks and loops bind.
fn variables(tokens: &[Token]) -> BTreeSet<&str> {
    let name = |at: usize| match tokens.get(at).map(|it| &it.kind) {
        Some(Kind::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    let is = |at: usize, sign: char| tokens.get(at).is_some_and(|it| it.kind == Kind::Sign(sign));
    let is_field = |at: usize| at > 0 && is(at - 1, '.');
    let mut found = BTreeSet::from(["it", "_1", "_2"]);
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Assign => {
                // `a, b = x`
                let mut before = at;
                while let Some(name) = before.checked_sub(1).and_then(name) {
                    if !is_field(before - 1) {
                        found.insert(name);
                    }
                    let is_list = before >= 2 && is(before - 2, ',');
                    before = if is_list { before - 2 } else { 0 };
                }
            }
            // `rescue X => e`
            Kind::Equals => found.extend(name(at + 1)),
            Kind::Name(word) if word == "for" => found.extend(name(at + 1)),
            // `{ |a, (b, c)| ... }`, `do |a| ... end`
            Kind::Sign('|') if at > 0 && (is(at - 1, '{') || name(at - 1) == Some("do")) => {
                let inside = (at + 1..tokens.len()).take_while(|it| !is(*it, '|'));
                found.extend(inside.filter_map(name));
            }
            _ => (),
        }
    }
    found
}

struct Reader<'a> {
    tokens: &'a [Token],
    variables: BTreeSet<&'a str>,
    deeds: Vec<Deed>,
}

impl<'a> Reader<'a> {
    fn kind(&self, at: usize) -> Option<&'a Kind> {
        self.tokens.get(at).map(|it| &it.kind)
    }

    fn name(&self, at: usize) -> Option<&'a str> {
        match self.kind(at)? {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }

    fn is(&self, at: usize, sign: char) -> bool {
        self.kind(at) == Some(&Kind::Sign(sign))
    }

    /// Takes in a token; gives the place behind it, `None` where it does more than compute.
    fn token(&mut self, at: usize) -> Option<usize> {
        match self.kind(at)? {
            Kind::Name(name) if name.starts_with(|ch: char| ch.is_ascii_uppercase()) => {
                self.constant(at)
            }
            Kind::Name(name) => self.bare(name, at),
            Kind::Sign('.') | Kind::Scope => {
                // `..` is a range, `.(` a call.
                if self.is(at + 1, '.') {
                    return Some(
                        at + 1
                            + (at + 1..self.tokens.len())
                                .take_while(|it| self.is(*it, '.'))
                                .count(),
                    );
                }
                let name = self.name(at + 1)?;
                is_method(name).then_some(at + 2)
            }
            // What is given for a block is a method of that name.
            Kind::Sign('&') => match self.tokens.get(at + 1)? {
                Token { kind: Kind::Symbol(name), .. } => is_method(name).then_some(at + 2),
                Token { kind: Kind::Sign('.' | '&'), .. } | Token { is_apart: true, .. } => {
                    Some(at + 1)
                }
                _ => None,
            },
            Kind::Global(name) => {
                const KNOWN: &[&str] = &["stdin", "stdout", "stderr", "~", "!", "1", "2", "3", "_"];
                KNOWN.contains(&name.as_str()).then_some(at + 1)
            }
            _ => Some(at + 1),
        }
    }

    /// A name in front of which no object stands.
    fn bare(&self, name: &str, at: usize) -> Option<usize> {
        if name == "require" {
            let at = at + 1 + usize::from(self.is(at + 1, '('));
            let Some(Kind::Text(Some(library))) = self.kind(at) else { return None };
            return lists(LIBRARIES, library).then_some(at + 1);
        }
        let is_known = lists(KEYWORDS, name) || lists(FUNCTIONS, name);
        let is_variable = self.variables.contains(name) && !self.has_argument(at);
        (is_known || is_variable).then_some(at + 1)
    }

    /// Whether what follows is an argument: a method of that name is called then, whatever is assigned to it,
    /// or was in a block that is over.
    fn has_argument(&self, at: usize) -> bool {
        let Some(Token { kind, is_apart }) = self.tokens.get(at + 1) else { return false };
        match kind {
            Kind::Name(name) => !lists(KEYWORDS, name),
            Kind::Scope => *is_apart,
            // `x -1` is a call, `x - 1` and `x-1` are none.
            Kind::Sign(sign) => {
                let is_operator = self.tokens.get(at + 2).is_none_or(|next| {
                    next.is_apart
                        || matches!(next.kind, Kind::Assign | Kind::Equals)
                        || (*sign != '*' && next.kind == Kind::Sign(*sign))
                });
                *sign == '(' || (*is_apart && "-*&+!~:[<".contains(*sign) && !is_operator)
            }
            kind => !matches!(kind, Kind::Assign | Kind::Equals | Kind::Newline),
        }
    }

    /// A constant: a type, or a module that is asked for something.
    fn constant(&mut self, at: usize) -> Option<usize> {
        let mut path = self.name(at)?.to_owned();
        let mut behind = at + 1;
        while let (Some(Kind::Scope), Some(name)) = (self.kind(behind), self.name(behind + 1))
            && name.starts_with(|ch: char| ch.is_ascii_uppercase())
        {
            path = format!("{path}::{name}");
            behind += 2;
        }
        if matches!(path.as_str(), "ARGV" | "STDERR" | "STDIN" | "STDOUT") {
            return Some(behind);
        }
        let is_asked = self.is(behind, '.') || self.kind(behind) == Some(&Kind::Scope);
        if !is_asked {
            let is_function = lists(FUNCTIONS, &path) && self.is(behind, '(');
            return (is_function || lists(TYPES, &path)).then_some(behind);
        }
        let module = MODULES.iter().find(|it| it.name == path)?;
        let name = self.name(behind + 1)?;
        if lists(module.readers, name) {
            let (path, is_whole) = self.first_argument(behind + 2);
            self.deeds.push(Deed::Opens(Mode::Read, path, is_whole));
            return Some(behind + 2);
        }
        lists(module.plain, name).then_some(behind + 2)
    }

    /// The path that a first argument is, as far as it stands there, and whether that is all of it.
    fn first_argument(&self, at: usize) -> (String, bool) {
        let at = at + usize::from(self.is(at, '('));
        let is_all = || {
            let behind = self.kind(at + 1);
            matches!(behind, None | Some(Kind::Newline | Kind::Sign(')' | ',')))
        };
        match self.kind(at) {
            Some(Kind::Text(Some(text))) if is_all() => (text.clone(), true),
            _ => ("*".to_owned(), false),
        }
    }
}

/// Whether no object does more than compute by this name.
fn is_method(name: &str) -> bool {
    lists(METHODS, name.trim_end_matches(['?', '!']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    fn shown(program: &str) -> Option<String> {
        Some(crate::commands::filters::shown(&deeds(program)?))
    }

    #[test]
    fn programs_that_compute_are_known_with_the_files_they_open() {
        for (program, wanted) in [
            ("puts 1", ""),
            ("YAML.safe_load(File.read('a.yml')); puts 'valid'", "Read a.yml true"),
            ("require 'json'; d = JSON.parse(File.read(ARGV[0]))", "Read * false"),
            ("x = 1; puts x - 1, x[0], x != 2, x -= 1, x << 1, x && 2", ""),
            (
                "require 'json'\nd = JSON.parse($stdin.read)\nputs d['a'].map { |x| x['b'] }.join(', ')",
                "",
            ),
            (
                "x = YAML.safe_load_file(\"a.yml\", aliases: true)\nputs x.keys.inspect",
                "Read a.yml true",
            ),
            ("f = 'x'; puts File.read(f).lines.count", "Read * false"),
            ("puts File.read('a' + x = 'b')", "Read * false"),
            (
                "begin\n  JSON.parse(File.read('a'))\nrescue JSON::ParserError => e\n  puts \"bad: #{e.message}\"\nend",
                "Read a true",
            ),
            ("a, b = 1, 2; puts a if a < b && !b.nil?", ""),
            ("%w[a b].each_with_index { |x, i| puts \"#{i} #{x}\" }", ""),
            ("puts [1, 2].map(&:to_s).sum { |it| it.to_i }", ""),
            ("puts (1..3).to_a.inspect", ""),
            ("for i in 1..3 do puts i end", ""),
            ("puts x&.size if x = nil", ""),
        ] {
            assert_eq!(shown(program).as_deref(), Some(wanted), "{program}");
        }
    }

    #[test]
    fn programs_that_do_more_are_refused() {
        for program in [
            "system('id')",
            "system = 1; system 'id'",
            "system = 1; system('id')",
            "system [\"id\"]\nsystem = 1",
            "[1].each { |system| }; system [\"id\"]",
            "[1].each { |system| }; system *%w[id]",
            "[1].each { |system| }; system -x = 1",
            "[1].each { |system| }; system ::File.read('x')",
            "[1].each { |system| }; system !1",
            "exec 'id'",
            "`id`",
            "puts `id`",
            "eval('x')",
            "puts \"#{`id`}\"",
            "puts \"#{system('id')}\"",
            "Kernel.system('id')",
            "Kernel::system('id')",
            "IO.popen('id')",
            "IO.read('|id')",
            "open('|id')",
            "File.open('x', 'w')",
            "File.write('x', 'y')",
            "File.delete('x')",
            "f = File; f.delete('x')",
            "File::delete('x')",
            "ENV['HOME']",
            "ENV.to_h",
            "require 'open3'",
            "require_relative 'x'",
            "load 'x'",
            "YAML.load(File.read('x'))",
            "YAML.load_file('x')",
            "Marshal.load(x)",
            "1.send(:system, 'id')",
            "1.public_send(:x)",
            "method(:system).call('id')",
            "[1].each(&method(:system))",
            "['id'].map(&x = :y)",
            "x = :system; ['id'].map(&x)",
            "['id'].map(&:instance_eval)",
            "['id'].inject(:system)",
            "Object.const_get(:File)",
            "$stdout.class.read('|id')",
            "$stdout.reopen('x', 'w')",
            "def x; end",
            "class X; end",
            "alias x system",
            "BEGIN { x }",
            "x.()",
            "$LOAD_PATH << 'x'",
            "self.x",
            "binding.eval('x')",
            "trap('x') { }",
            "Process.kill(9, 1)",
            "Struct.new(:a)",
            "x = true ? system: 1",
            "puts DATA.read",
        ] {
            assert_eq!(shown(program), None, "{program}");
        }
    }

    #[test]
    fn the_program_is_where_ruby_takes_it_from() {
        for (line, wanted) in [
            ("ruby -e 'puts 1'", Some(Place::Word(2))),
            ("ruby -ryaml -rjson -e x a.yml", Some(Place::Word(4))),
            ("ruby -r yaml -e x", Some(Place::Word(4))),
            ("ruby", Some(Place::Stdin)),
            ("ruby -", Some(Place::Stdin)),
            ("ruby x.rb", None),
            ("ruby -ropen3 -e x", None),
            ("ruby -r./x -e y", None),
            ("ruby -I. -e x", None),
            ("ruby -ne x a", None),
            ("ruby -e x -e y", None),
            ("ruby -c x.rb", None),
        ] {
            assert_eq!(place(&split(line).unwrap()), wanted, "{line}");
        }
    }
}
