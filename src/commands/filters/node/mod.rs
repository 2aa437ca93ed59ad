//! Programs of JavaScript in the arguments or on the standard input that do no more than compute and print.
//!
//! Nothing of the language is followed: methods that are called are ones that compute, whatever the object;
//! global objects and modules are asked for such things right where they stand; and what leads from an
//! object to functions that make code is refused wherever it stands. A name in brackets behind an object,
//! which might be such a name, is read only to be shown.
use std::collections::{BTreeMap, BTreeSet};

use self::{
    known::{
        CLASSES, CONVERSIONS, DENIED, FUNCTIONS, GLOBALS, KEYWORDS, METHODS, MODULES, Module,
        NUMBERS, REFUSED,
    },
    tokens::{Token, tokens},
};
use super::{Deed, Interpreter, MAX_TOKENS, Mode, Place};
use crate::commands::lists;

mod known;
mod tokens;

pub(super) const NODE: Interpreter = Interpreter {
    names: &["node", "nodejs"],
    place,
    has_options_behind: true,
    is_changed_by,
    deeds: |program, _| deeds(program),
};

/// Where the program of a vector is; options behind it are options, too.
fn place(argv: &[String]) -> Option<Place> {
    const PLAIN: &[&str] =
        &["--input-type=commonjs", "--input-type=module", "--no-deprecation", "--no-warnings"];
    let mut at = 1;
    let mut place = None;
    while let Some(word) = argv.get(at) {
        match word.as_str() {
            "--eval" | "--print" | "-e" | "-p" | "-pe" if place.is_none() => {
                place = Some(Place::Word(at + 1));
                at += 2;
            }
            word if PLAIN.contains(&word) => at += 1,
            "-" if place.is_none() => place = Some(Place::Stdin),
            "--" => break,
            word if word.starts_with('-') && word != "-" => return None,
            // A script, where no program was named.
            _ if place.is_none() => return None,
            _ => at += 1,
        }
        if place == Some(Place::Stdin) {
            let is_last = argv.iter().skip(at + 1).all(|it| !it.starts_with('-'));
            return is_last.then_some(Place::Stdin);
        }
    }
    match place {
        Some(Place::Word(at)) => (at < argv.len()).then_some(Place::Word(at)),
        None if at == argv.len() => Some(Place::Stdin),
        _ => None,
    }
}

/// Variables that change how the interpreter begins, beside those that change code for all.
fn is_changed_by(variable: &str) -> bool {
    variable.starts_with("NODE_")
        && !matches!(
            variable,
            "NODE_DISABLE_COLORS" | "NODE_ENV" | "NODE_NO_WARNINGS" | "NODE_PATH"
        )
}

/// The files that a program opens, where it does no more than that, compute and print.
fn deeds(program: &str) -> Option<Vec<Deed>> {
    let tokens = tokens(program).filter(|it| it.len() <= MAX_TOKENS)?;
    let is_refused = |token: &Token| match token {
        Token::Name(text) | Token::Text(Some(text)) => REFUSED.contains(&text.as_str()),
        _ => false,
    };
    if tokens.iter().any(is_refused) {
        return None;
    }
    let mut reader = Reader { tokens: &tokens, closings: closings(&tokens), ..Reader::default() };
    reader.declared = reader.declarations();
    let mut at = 0;
    while at < tokens.len() {
        at = reader.module_bound(at)?.max(at + 1);
    }
    let mut at = 0;
    while at < tokens.len() {
        at = if reader.bound.contains(&at) { at + 1 } else { reader.token(at)? };
    }
    Some(reader.deeds)
}

#[derive(Default)]
struct Reader<'a> {
    tokens: &'a [Token],
    /// The place of the bracket that closes the one at each place.
    closings: Vec<Option<usize>>,
    /// Names that are declared here with a word for that, or as what a function takes.
    declared: BTreeSet<&'a str>,
    /// Names that a module has here.
    modules: BTreeMap<&'a str, &'static Module>,
    /// Names that a function of a module has here.
    functions: BTreeMap<&'a str, (&'static Module, &'a str)>,
    /// Places of the tokens of what binds these names.
    bound: BTreeSet<usize>,
    deeds: Vec<Deed>,
}

impl<'a> Reader<'a> {
    fn at(&self, at: usize) -> Option<&'a Token> {
        self.tokens.get(at)
    }

    fn name(&self, at: usize) -> Option<&'a str> {
        match self.at(at)? {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    fn text(&self, at: usize) -> Option<&'a str> {
        match self.at(at)? {
            Token::Text(Some(text)) => Some(text),
            _ => None,
        }
    }

    fn is(&self, at: usize, sign: char) -> bool {
        self.at(at) == Some(&Token::Sign(sign))
    }

    fn is_before(&self, at: usize, sign: char) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, sign))
    }

    /// The place of the bracket that closes the one here.
    fn closing(&self, open: usize) -> Option<usize> {
        self.closings.get(open).copied()?
    }

    /// What is declared: no call of another name is known.
    fn declarations(&self) -> BTreeSet<&'a str> {
        let mut declared = BTreeSet::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let before = |n: usize| at.checked_sub(n).and_then(|it| self.name(it));
            match token {
                Token::Name(word)
                    if matches!(word.as_str(), "const" | "function" | "let" | "var") =>
                {
                    declared.extend(self.name(at + 1));
                }
                Token::Arrow => declared.extend(before(1)),
                Token::Sign('(') => {
                    let Some(close) = self.closing(at) else { continue };
                    let is_function = self.at(close + 1) == Some(&Token::Arrow)
                        || [before(1), before(2)].contains(&Some("function"));
                    if is_function {
                        declared.extend((at..close).filter_map(|it| self.name(it)));
                    }
                }
                _ => (),
            }
        }
        declared
    }

    /// Takes in what gives a module or its functions a name, where that begins here: `const fs = require('fs')`,
    /// `const { join } = require('path')`, `import fs from 'fs'`; gives the place behind it.
    fn module_bound(&mut self, at: usize) -> Option<usize> {
        let is_field = self.is_before(at, '.');
        match self.name(at).filter(|_| !is_field) {
            Some("const" | "let" | "var") => (),
            Some("import") => {
                let (behind, from) = self.target(at + 1)?;
                (self.name(from) == Some("from")).then_some(())?;
                let module = module_of(self.text(from + 1)?)?;
                return self.bind(at, at + 1, behind, module, from + 2);
            }
            _ => return Some(at),
        }
        let Some((behind, equals)) = self.target(at + 1) else { return Some(at) };
        let is_require = self.at(equals) == Some(&Token::Assign)
            && self.name(equals + 1) == Some("require")
            && self.is(equals + 2, '(')
            && self.is(equals + 4, ')');
        let path = self.text(equals + 3).filter(|_| is_require);
        let Some(module) = path.and_then(module_of) else { return Some(at) };
        // What is asked of it right away is a value, and none of the module's names.
        if self.is(equals + 5, '.') || self.is(equals + 5, '[') || self.is(equals + 5, '(') {
            return Some(at);
        }
        self.bind(at, at + 1, behind, module, equals + 5)
    }

    /// A name, `* as NAME`, or braces around names: where that ends, and what is behind it.
    fn target(&self, at: usize) -> Option<(usize, usize)> {
        if self.is(at, '{') {
            let close = self.closing(at)?;
            return Some((close, close + 1));
        }
        let at = if self.is(at, '*') && self.name(at + 1) == Some("as") { at + 2 } else { at };
        self.name(at)?;
        Some((at, at + 1))
    }

    fn bind(
        &mut self,
        from: usize,
        target: usize,
        last: usize,
        module: &'static Module,
        to: usize,
    ) -> Option<usize> {
        if self.is(target, '{') {
            let mut at = target + 1;
            while at < last {
                let function = self.name(at)?;
                is_function(module, function).then_some(())?;
                let is_renamed = self.is(at + 1, ':') || self.name(at + 1) == Some("as");
                let name = if is_renamed { self.name(at + 2)? } else { function };
                self.functions.insert(name, (module, function));
                at += if is_renamed { 3 } else { 1 };
                (at == last || self.is(at, ',')).then_some(())?;
                at += 1;
            }
        } else {
            self.modules.insert(self.name(last)?, module);
        }
        self.bound.extend(from..to);
        Some(to)
    }

    /// Takes in a token; gives the place behind it, `None` where it does more than compute.
    fn token(&mut self, at: usize) -> Option<usize> {
        match self.at(at)? {
            Token::Name(name) if self.is_before(at, '.') && !self.is_spread(at - 1) => {
                (!self.is(at + 1, '(') || lists(METHODS, name)).then_some(at + 1)
            }
            Token::Name(name) => self.bare(name, at),
            Token::Sign('[') => self.bracket(at),
            // A key that is no plain one may be any.
            Token::Text(None) if self.is(at + 1, ':') => {
                (!self.is_before(at, '{') && !self.is_before(at, ',')).then_some(at + 1)
            }
            Token::Sign('.') if self.is(at + 1, '(') => None,
            _ => Some(at + 1),
        }
    }

    /// Whether a dot is the last of three: what follows is no field.
    fn is_spread(&self, dot: usize) -> bool {
        dot >= 2 && self.is(dot - 1, '.') && self.is(dot - 2, '.')
    }

    /// A name in front of which no object stands.
    fn bare(&mut self, name: &'a str, at: usize) -> Option<usize> {
        let is_key = self.is(at + 1, ':') && (self.is_before(at, '{') || self.is_before(at, ','));
        if is_key {
            return Some(at + 1);
        }
        if let Some(&(module, function)) = self.functions.get(name) {
            return self.is(at + 1, '(').then(|| self.asked(module, function, at + 1))?;
        }
        let global = || GLOBALS.iter().find(|it| it.name == name);
        if let Some(module) = self.modules.get(name).copied().or_else(global) {
            return self.of_module(module, at + 1);
        }
        if name == "require" {
            return self.required(at);
        }
        if name == "new" {
            let is_class = self.name(at + 1).is_some_and(|it| lists(CLASSES, it));
            let is_made = !self.is(at + 2, '.') && !self.is(at + 2, '[');
            return (is_class && is_made).then_some(at + 2);
        }
        if lists(CLASSES, name) {
            return self.class(name, at);
        }
        let is_known = lists(KEYWORDS, name) || lists(FUNCTIONS, name);
        // A call of what is no function of this program's would be one of another's.
        let is_own =
            !lists(DENIED, name) && (!self.is(at + 1, '(') || self.declared.contains(name));
        (is_known || is_own).then_some(at + 1)
    }

    /// A class: under another name it could be asked for anything.
    fn class(&self, name: &str, at: usize) -> Option<usize> {
        let is_given = self.is(at + 1, ')') || self.is(at + 1, ',');
        let is_type = at > 0 && self.name(at - 1) == Some("instanceof");
        if self.is(at + 1, '(') || is_type || (is_given && lists(CONVERSIONS, name)) {
            return Some(at + 1);
        }
        let asked = self.is(at + 1, '.').then(|| self.name(at + 2))??;
        (lists(METHODS, asked) || lists(NUMBERS, asked)).then_some(at + 3)
    }

    /// `require(...)` that no name is given to.
    fn required(&mut self, at: usize) -> Option<usize> {
        let path = self.text(at + 2).filter(|_| self.is(at + 1, '(') && self.is(at + 3, ')'))?;
        if let Some(module) = module_of(path) {
            return self.of_module(module, at + 4);
        }
        // Other files are run.
        let ending = std::path::Path::new(path).extension();
        let is_data = path.starts_with(['.', '/']) && ending.is_some_and(|it| it == "json");
        is_data.then(|| self.deeds.push(Deed::Opens(Mode::Read, path.to_owned(), true)))?;
        Some(at + 4)
    }

    /// What is asked of a module, which goes nowhere else.
    fn of_module(&mut self, module: &'static Module, at: usize) -> Option<usize> {
        let name = self.is(at, '.').then(|| self.name(at + 1))??;
        if module.name == "fs" && name == "promises" {
            return self.of_module(module_of("fs/promises")?, at + 2);
        }
        if lists(module.values, name) {
            // A stream is asked for something, or read from.
            let is_stream = matches!(name, "stderr" | "stdin" | "stdout");
            let is_asked = || {
                let asked =
                    self.name(at + 3).filter(|_| self.is(at + 2, '.') && self.is(at + 4, '('));
                let is_read = at >= 2 && self.name(at - 2) == Some("of") && self.is(at + 2, ')');
                asked.is_some_and(|it| lists(METHODS, it)) || is_read
            };
            return (!is_stream || is_asked()).then_some(at + 2);
        }
        if self.is(at + 2, '(') {
            return self.asked(module, name, at + 2);
        }
        // `forEach(console.log)`
        let is_given = self.is(at + 2, ')') || self.is(at + 2, ',');
        (is_given && lists(module.plain, name)).then_some(at + 2)
    }

    /// The call of a function of a module, whose bracket is here.
    fn asked(&mut self, module: &'static Module, name: &str, at: usize) -> Option<usize> {
        let mode = if lists(module.readers, name) {
            Mode::Read
        } else if lists(module.writers, name) {
            Mode::Write
        } else if lists(module.appenders, name) {
            Mode::Append
        } else {
            return lists(module.plain, name).then_some(at);
        };
        // What a file is opened for may be told by an option.
        let close = self.closing(at)?;
        let has_flag = (at..close).any(|it| {
            self.name(it).or_else(|| self.text(it)).is_some_and(|it| matches!(it, "flag" | "flags"))
                || matches!(self.at(it), Some(Token::Text(None))) && self.is(it + 1, ':')
        });
        (!has_flag).then_some(())?;
        let is_alone = self.is(at + 2, ')') || self.is(at + 2, ',');
        match self.at(at + 1)? {
            // A number is a file that is open already.
            Token::Number if is_alone => (),
            Token::Text(Some(path)) if is_alone => {
                self.deeds.push(Deed::Opens(mode, path.clone(), true));
            }
            _ => self.deeds.push(Deed::Opens(mode, "*".to_owned(), false)),
        }
        Some(at)
    }

    /// An opening `[`: a list, or a field that is named by what is in it.
    fn bracket(&self, at: usize) -> Option<usize> {
        let close = self.closing(at)?;
        let before = at.checked_sub(1).and_then(|it| self.at(it));
        let is_field = match before {
            Some(Token::Name(name)) => !lists(KEYWORDS, name) || self.is_before(at - 1, '.'),
            Some(Token::Text(_) | Token::Number | Token::Pattern) => true,
            Some(Token::Sign(sign)) => {
                matches!(sign, ')' | ']' | '}' | '.') && !self.is_spread(at - 1)
            }
            _ => false,
        };
        if !is_field {
            // `{ [x]: y }` names a field, too.
            return (!self.is(close + 1, ':') && !self.is(close + 1, '(')).then_some(at + 1);
        }
        let inside = self.tokens.get(at + 1..close)?;
        let is_called = self.is(close + 1, '(');
        let is_number = match inside {
            [Token::Number] => true,
            [Token::Text(Some(name))] => !is_called || lists(METHODS, name),
            // Whatever is taken from: a number, or none.
            [rest @ .., Token::Sign('-'), Token::Number] => !rest.iter().any(|it| {
                matches!(
                    it,
                    Token::Sign(',' | '?' | '|' | '&' | ':') | Token::Assign | Token::Arrow
                )
            }),
            _ => false,
        };
        (is_number || self.is_shown(at, close)).then_some(at + 1)
    }

    /// Whether a field in brackets is an argument of what shows it, and goes nowhere else.
    fn is_shown(&self, open: usize, close: usize) -> bool {
        let mut behind = close + 1;
        loop {
            behind += usize::from(self.is(behind, '?') && self.is(behind + 1, '.'));
            if !self.is(behind, '.') || self.name(behind + 1).is_none() {
                break;
            }
            behind += 2;
        }
        let is_over =
            matches!(self.at(behind), Some(Token::Sign(')' | ',' | '+' | '[') | Token::Equals));
        let mut depth = 0_usize;
        let call = (0..open).rev().find(|&at| match self.at(at) {
            Some(Token::Sign(')' | ']' | '}')) => {
                depth += 1;
                false
            }
            Some(Token::Sign('(' | '[' | '{')) if depth > 0 => {
                depth -= 1;
                false
            }
            // In a list or an object it would go further.
            Some(Token::Sign('(' | '[' | '{')) => true,
            _ => false,
        });
        let Some(call) = call.filter(|it| self.is(*it, '(')) else { return false };
        let words: Vec<Option<&str>> = (1..=3).map(|it| self.name(call.checked_sub(it)?)).collect();
        // As in `((x) + '')`: what is joined is a text.
        let is_joined = self.closing(call).is_some_and(|it| self.is(it + 1, '+'));
        let is_template = is_joined && (self.is_before(call, '(') || self.is_before(call, '+'));
        let shows = match words.as_slice() {
            [Some("log" | "error" | "info" | "warn"), None, Some("console")] => {
                self.is_before(call - 1, '.')
            }
            [Some("stringify"), None, Some("JSON")] => self.is_before(call - 1, '.'),
            _ => is_template,
        };
        let close = self.closing(call).unwrap_or(call);
        let is_kept = (call..close).any(|it| {
            matches!(self.at(it), Some(Token::Assign | Token::Arrow))
                || self.name(it) == Some("function")
        });
        is_over && shows && !is_kept
    }
}

/// For each token the place of the bracket that closes it, where it opens one.
fn closings(tokens: &[Token]) -> Vec<Option<usize>> {
    let mut closings = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => open.push(at),
            Token::Sign(')' | ']' | '}') => {
                if let Some(slot) = open.pop().and_then(|it: usize| closings.get_mut(it)) {
                    *slot = Some(at);
                }
            }
            _ => (),
        }
    }
    closings
}

fn module_of(path: &str) -> Option<&'static Module> {
    let name = path.strip_prefix("node:").unwrap_or(path);
    MODULES.iter().find(|it| it.name == name)
}

fn is_function(module: &Module, name: &str) -> bool {
    [module.plain, module.readers, module.writers, module.appenders]
        .iter()
        .any(|it| lists(it, name))
}

#[cfg(test)]
mod tests;
