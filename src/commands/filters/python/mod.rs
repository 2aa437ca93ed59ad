//! Programs of Python in the arguments or on the standard input that do no more than compute and print.
//!
//! Nothing of the language is followed: every name, attribute and module that stands anywhere in a
//! program is one that computes, whatever the rest of it does. A name that runs code, reaches the inside of
//! an object or is not known ends it. Files that are opened by path are told.
//!
//! Modules are those of the library: whoever may write into the working directory may put another one in
//! its place, as with the code of a project that its tests run.
use std::collections::{BTreeMap, BTreeSet};

use self::{
    known::{METHODS, MODULES, Module, OPEN_BUILTINS, module_of},
    tokens::{Token, tokens},
};
use super::{Deed, Interpreter, Mode, Place};
use crate::commands::lists;

mod known;
mod tokens;

/// Options that change nothing of what a program does.
const FLAGS: &[&str] = &["-u", "-B", "-E", "-I", "-P", "-s", "-S", "-O", "-OO", "-q", "-b", "-bb"];

pub(super) const PYTHON: Interpreter = Interpreter {
    names: &["python"],
    place,
    has_options_behind: false,
    is_changed_by,
    deeds: |program, _| deeds(program),
};

/// Where the program of a vector is; `None` where it is in a file or a module.
fn place(argv: &[String]) -> Option<Place> {
    let is_flag = |it: &String| FLAGS.contains(&it.as_str());
    let at = 1 + argv.iter().skip(1).take_while(|it| is_flag(it)).count();
    match argv.get(at).map(String::as_str) {
        None | Some("-") => Some(Place::Stdin),
        Some("-c") if argv.len() > at + 1 => Some(Place::Word(at + 1)),
        Some(_) => None,
    }
}

/// Variables that change how the interpreter begins or ends, beside those that change code for all.
fn is_changed_by(variable: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "PYTHONIOENCODING",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
        "PYTHONUTF8",
    ];
    variable.starts_with("PYTHON") && !HARMLESS.contains(&variable)
}

/// The files that a program opens, where it does no more than that, compute and print.
fn deeds(program: &str) -> Option<Vec<Deed>> {
    let tokens = tokens(program)?;
    let mut reader = Reader { tokens: &tokens, ..Reader::default() };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.import(at)?.max(at + 1);
    }
    let mut at = 0;
    while at < tokens.len() {
        at = if reader.imports.contains(&at) { at + 1 } else { reader.token(at)? };
    }
    Some(reader.deeds)
}

#[derive(Default)]
struct Reader<'a> {
    tokens: &'a [Token<'a>],
    /// Names that a module has here.
    modules: BTreeMap<&'a str, &'static Module>,
    /// Methods that do more than usual here.
    spoiled: BTreeSet<&'static str>,
    /// Places of the tokens of imports.
    imports: BTreeSet<usize>,
    deeds: Vec<Deed>,
}

impl<'a> Reader<'a> {
    fn at(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).copied()
    }

    fn name(&self, at: usize) -> Option<&'a str> {
        match self.at(at)? {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    fn is(&self, at: usize, sign: char) -> bool {
        self.at(at) == Some(Token::Sign(sign))
    }

    /// Whether a name is a field of what stands before it.
    fn is_field(&self, at: usize) -> bool {
        at > 0 && self.is(at - 1, '.')
    }

    /// Takes in the import that begins here; gives the place behind it, `None` for one that is not known.
    fn import(&mut self, at: usize) -> Option<usize> {
        let word = self.name(at).filter(|_| !self.is_field(at));
        let end = match word {
            Some("import") if !self.imports.contains(&at) => self.whole_modules(at + 1)?,
            Some("from") => {
                let is_path = |it: &usize| {
                    self.is(*it, '.') || self.name(*it).is_some_and(|it| it != "import")
                };
                let behind = (at + 1..self.tokens.len()).take_while(is_path).count() + at + 1;
                // `yield from x` and `raise x from y` are no imports.
                if self.name(behind) != Some("import") {
                    return Some(at);
                }
                let path = self.path(at + 1)?;
                (path.1 == behind).then_some(())?;
                self.members(&path.0, behind + 1)?
            }
            _ => return Some(at),
        };
        self.imports.extend(at..end);
        Some(end)
    }

    /// A dotted name, and the place behind it.
    fn path(&self, at: usize) -> Option<(String, usize)> {
        let mut path = self.name(at)?.to_owned();
        let mut at = at + 1;
        while self.is(at, '.') {
            path = format!("{path}.{}", self.name(at + 1)?);
            at += 2;
        }
        Some((path, at))
    }

    /// The name that is given with `as`, and the place behind it.
    fn alias(&self, at: usize) -> Option<(&'a str, usize)> {
        (self.name(at) == Some("as")).then(|| Some((self.name(at + 1)?, at + 2)))?
    }

    /// `import a, b.c as d`.
    fn whole_modules(&mut self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let (path, behind) = self.path(at)?;
            let module = module_of(&path)?;
            let first = self.name(at)?;
            at = if let Some((name, behind)) = self.alias(behind) {
                self.bind(name, module);
                behind
            } else {
                self.bind(first, module_of(first)?);
                behind
            };
            self.spoil(module);
            if !self.is(at, ',') {
                return Some(at);
            }
            at += 1;
        }
    }

    /// `from a.b import c, d as e`, behind `import`.
    fn members(&mut self, path: &str, at: usize) -> Option<usize> {
        let module = module_of(path)?;
        self.spoil(module);
        let has_brackets = self.is(at, '(');
        let mut at = at + usize::from(has_brackets);
        loop {
            let found = self.name(at)?;
            let (name, behind) = self.alias(at + 1).unwrap_or((found, at + 1));
            if let Some(inner) = module_of(&format!("{path}.{found}")) {
                self.bind(name, inner);
                self.spoil(inner);
            } else {
                lists(module.plain, found).then_some(())?;
            }
            at = behind;
            let is_over = !self.is(at, ',');
            at += usize::from(!is_over);
            if has_brackets && self.is(at, ')') {
                return Some(at + 1);
            }
            if is_over {
                return (!has_brackets).then_some(at);
            }
        }
    }

    fn bind(&mut self, name: &'a str, module: &'static Module) {
        self.modules.insert(name, module);
    }

    fn spoil(&mut self, module: &'static Module) {
        self.spoiled.extend(module.spoils.split_ascii_whitespace());
    }

    /// Takes in a token; gives the place behind it, `None` where it does more than compute.
    fn token(&mut self, at: usize) -> Option<usize> {
        let Some(name) = self.name(at) else { return Some(at + 1) };
        if self.is_field(at) {
            return self.field(name, at).then_some(at + 1);
        }
        if let Some(module) = self.modules.get(name) {
            return self.of_module(module, at + 1);
        }
        match name {
            "open" => self.open(at + 1)?,
            // Patterns look into objects without naming a field.
            "case" => return None,
            "__name__" => (),
            name if name.starts_with("__") || OPEN_BUILTINS.contains(&name) => return None,
            _ => (),
        }
        Some(at + 1)
    }

    /// What is asked of a module, which has to be something that only computes: it goes nowhere else.
    fn of_module(&mut self, module: &'static Module, at: usize) -> Option<usize> {
        let name = self.is(at, '.').then(|| self.name(at + 1))??;
        let behind = at + 2;
        if let Some(inner) = MODULES.iter().find(|it| {
            it.name.strip_prefix(module.name).and_then(|it| it.strip_prefix('.')) == Some(name)
        }) {
            return self.of_module(inner, behind);
        }
        if lists(module.readers, name) {
            let (path, is_whole) = self.first_argument(&self.arguments(behind)?);
            self.deeds.push(Deed::Opens(Mode::Read, path, is_whole));
            return Some(behind);
        }
        lists(module.plain, name).then_some(behind)
    }

    /// Whether a field or method of any object does no more than compute.
    fn field(&mut self, name: &str, at: usize) -> bool {
        match name {
            "format" => {
                // Its fields reach into what it is given.
                let before = at.checked_sub(2).and_then(|it| self.at(it));
                let is_joined = at >= 3 && matches!(self.at(at - 3), Some(Token::Text(_)));
                matches!(before, Some(Token::Text(Some(text))) if !is_joined && !text.contains('_'))
            }
            "read_text" | "read_bytes" => {
                self.deeds.push(Deed::Opens(Mode::Read, "*".to_owned(), false));
                true
            }
            name => !self.spoiled.contains(name) && lists(METHODS, name),
        }
    }

    /// The arguments of a call whose bracket is here, each as the places of its tokens.
    fn arguments(&self, at: usize) -> Option<Vec<Vec<Token<'a>>>> {
        self.is(at, '(').then_some(())?;
        let mut arguments = vec![Vec::new()];
        let mut depth = 0_usize;
        for token in self.tokens.get(at + 1..)? {
            match token {
                Token::Sign(')') if depth == 0 => {
                    arguments.retain(|it: &Vec<_>| !it.is_empty());
                    return Some(arguments);
                }
                Token::Sign(',') if depth == 0 => {
                    arguments.push(Vec::new());
                    continue;
                }
                Token::Sign('(' | '[' | '{') => depth += 1,
                Token::Sign(')' | ']' | '}') => depth = depth.checked_sub(1)?,
                _ => (),
            }
            arguments.last_mut()?.push(*token);
        }
        None
    }

    /// The path that a first argument is, as far as it stands there, and whether that is all of it.
    fn first_argument(&self, arguments: &[Vec<Token<'a>>]) -> (String, bool) {
        let text = match arguments.first().map(Vec::as_slice) {
            Some([Token::Text(text)]) => *text,
            Some([Token::Name(name)]) => self.constant(name),
            _ => None,
        };
        text.map_or_else(|| ("*".to_owned(), false), |it| (it.to_owned(), true))
    }

    /// The text that a name stands for: it is set once, to this, and stands elsewhere only where it is
    /// opened.
    fn constant(&self, wanted: &str) -> Option<&'a str> {
        let mut value = None;
        for at in (0..self.tokens.len()).filter(|it| self.name(*it) == Some(wanted)) {
            let before = at.checked_sub(1).and_then(|it| self.at(it));
            let is_first = matches!(before, None | Some(Token::Newline | Token::Sign(';')));
            let is_last =
                |at| matches!(self.at(at), None | Some(Token::Newline | Token::Sign(';')));
            match self.at(at + 2) {
                Some(Token::Text(text)) if is_first && self.is(at + 1, '=') && is_last(at + 3) => {
                    (value.is_none() && text.is_some()).then_some(())?;
                    value = text;
                }
                _ => {
                    let is_opened = at >= 2 && self.is(at - 1, '(') && {
                        self.name(at - 2) == Some("open") && !self.is_field(at - 2)
                    };
                    let is_alone = self.is(at + 1, ',') || self.is(at + 1, ')');
                    (is_opened && is_alone).then_some(())?;
                }
            }
        }
        value
    }

    /// `open(...)`, behind the name; anything else that is done with it ends the program.
    fn open(&mut self, at: usize) -> Option<()> {
        const PLAIN: &[&str] = &["buffering", "closefd", "encoding", "errors", "newline"];
        let arguments = self.arguments(at)?;
        let mut mode = Some("r");
        for (idx, argument) in arguments.iter().enumerate() {
            let value = |it: &[Token<'a>]| match it {
                [Token::Text(text)] => *text,
                _ => None,
            };
            match argument.as_slice() {
                [Token::Sign('*'), ..] => return None,
                [Token::Name("mode"), Token::Sign('='), rest @ ..] => mode = value(rest),
                [Token::Name(name), Token::Sign('='), second, ..]
                    if *second != Token::Sign('=') =>
                {
                    PLAIN.contains(name).then_some(())?;
                }
                rest if idx == 1 => mode = value(rest),
                _ => (),
            }
        }
        let mode = mode.filter(|it| it.chars().all(|ch| "rwaxbtU+".contains(ch)))?;
        // A number is a file that is open already.
        if matches!(arguments.first()?.as_slice(), [Token::Number]) {
            return Some(());
        }
        let mode = if mode.contains(['w', 'x', '+']) {
            Mode::Write
        } else if mode.contains('a') {
            Mode::Append
        } else {
            Mode::Read
        };
        let (path, is_whole) = self.first_argument(&arguments);
        self.deeds.push(Deed::Opens(mode, path, is_whole));
        Some(())
    }
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
            ("print(1)", ""),
            ("import json,sys; d=json.load(sys.stdin); print(d['a'])", ""),
            ("import json, sys\nfor l in sys.stdin:\n  e = json.loads(l)\n  print(e.get('x'))", ""),
            ("import re as r\nprint(r.sub('a', lambda m: m.group(0).upper(), 'x'))", ""),
            (
                "from datetime import datetime, timezone as tz\nprint(datetime.now(tz.utc).isoformat())",
                "",
            ),
            (
                "from collections import (Counter,\n defaultdict,)\nprint(Counter('x').most_common(3))",
                "",
            ),
            ("import urllib.parse\nprint(urllib.parse.quote('x'))", ""),
            ("import os.path as p, os\nprint(os.path.join('a', os.sep), p.exists('x'))", ""),
            ("from os import path\nprint(path.getsize('x'))", ""),
            (
                "def f():\n  yield from g()\ntry:\n  f()\nexcept ValueError as e:\n  raise SystemExit from e",
                "",
            ),
            ("print(f'{len(x):>4} {x[0].y!r}')", "@"),
            ("print('{} {:>3}'.format(1, 2), '%s' % 3)", ""),
            ("if __name__ == '__main__': print(2)", ""),
            ("print(open('a.json').read())", "Read a.json true"),
            ("p = 'a b'\nwith open(p, encoding='utf-8') as f: pass", "Read a b true"),
            ("import sys\nopen(sys.argv[1])", "Read * false"),
            ("open(0).read(); open('x', 'w').write('y')", "Write x true"),
            ("open('x', mode='ab'); open('y', \"r+\")", "Append x true, Write y true"),
            ("open(f'{a}')", "Read * false"),
            ("open('a' + b)", "Read * false"),
            ("p = 'a'\np = 'b'\nopen(p)", "Read * false"),
            ("p = 'a'\nfor p in q: pass\nopen(p)", "Read * false"),
            ("from pathlib import Path\nprint(Path('x').read_text())", "Read * false"),
            (
                "import xml.etree.ElementTree as ET\nprint(ET.parse('x').getroot().tag)",
                "Read x true",
            ),
            ("x = [i for i in range(3) if i % 2 == 0][::-1]", ""),
        ] {
            let wanted = if wanted == "@" { None } else { Some(wanted) };
            // A field that is not known.
            assert_eq!(shown(program).as_deref(), wanted, "{program}");
        }
    }

    #[test]
    fn programs_that_do_more_are_told_from_them() {
        for program in [
            "import os; os.system('id')",
            "import os as json; json.remove('x')",
            "import json, os\nos = json\nos.loads",
            "from os import system",
            "from os import *",
            "from . import x",
            "import subprocess",
            "import json as j\nf(j)",
            "import json\njson\n.codecs",
            "import json; (json.\n codecs)",
            "import json; json.codecs.open('x')",
            "import re; re.enum.sys.modules",
            "import sys; sys.modules['os'].system('id')",
            "__import__('os').system('id')",
            "getattr(x, 'y')",
            "eval(input())",
            "exec 'import os'",
            "().__class__.__base__.__subclasses__()",
            "(().\n__class__)",
            "x._y",
            "o = open\no('x', 'w')",
            "open('x', m)",
            "open('x', 'w', opener=f)",
            "open(*a)",
            "open(file='c')",
            "map(open, x)",
            "match json:\n  case object(loads=f): f()",
            "from pathlib import Path; Path('a').replace('b')",
            "from pathlib import Path; Path('a').write_text('b')",
            "from xml.etree import ElementTree as E; E.fromstring('x').write('y')",
            "'{0.__init__.__globals__}'.format(f)",
            "'{0._' '_init__}'.format(f)",
            "s.format(f)",
            "from operator import attrgetter",
            "import uuid; uuid.getnode()",
            "import yaml; yaml.load(x)",
            "import os; print(os.environ)",
            "import os.path as p\nfor p in x: p.remove()",
            "f'{__import__(\"os\").system(\"id\")}'",
            "class A:\n  def __del__(self): pass",
            "import",
            "print 'x'\n`id`",
        ] {
            assert_eq!(shown(program), None, "{program}");
        }
    }

    #[test]
    fn a_program_is_found_behind_flags() {
        for (line, wanted) in [
            ("python3 -c 'print(1)' a", Some(Place::Word(2))),
            ("python3 -u -B -c x", Some(Place::Word(4))),
            ("python3", Some(Place::Stdin)),
            ("python3 - a", Some(Place::Stdin)),
            ("python3 -c", None),
            ("python3 -i -c x", None),
            ("python3 -ic x", None),
            ("python3 -X a -c x", None),
            ("python3 x.py", None),
            ("python3 -m json.tool", None),
        ] {
            assert_eq!(place(&split(line).unwrap()), wanted, "{line}");
        }
    }

    #[test]
    fn no_name_stands_twice_and_no_method_is_one_that_opens() {
        let mut methods: Vec<&str> = METHODS.split_ascii_whitespace().collect();
        methods.sort_unstable();
        let n_methods = methods.len();
        methods.dedup();
        assert_eq!(methods.len(), n_methods);
        for name in ["open", "system", "write_text", "rename", "unlink", "exec", "load_module"] {
            assert!(!lists(METHODS, name), "{name}");
        }
    }
}
