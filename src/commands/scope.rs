//! What a script has set so far: variables with literal values, and functions.
use std::{collections::BTreeMap, rc::Rc};

use brush_parser::ast::FunctionBody;

/// Variables and functions at one point of a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// `Some`: the literal text; `None`: set, but to what is not known.
    vars: BTreeMap<String, Option<String>>,
    /// `$1`, `$2`, ..., `None` for each that is not known; `None` where none is.
    pub(super) positional: Option<Vec<Option<String>>>,
    pub(super) functions: BTreeMap<String, Rc<FunctionBody>>,
    /// What commands find in their environment, by the script's own doing, in order.
    pub(super) exports: Vec<(String, String)>,
}

/// Most exported variables that are kept.
const MAX_EXPORTS: usize = 64;

impl Scope {
    /// The same variables and functions with other arguments.
    pub(super) fn with_positional(&self, positional: Option<Vec<Option<String>>>) -> Self {
        Self { positional, ..self.clone() }
    }

    /// The literal value of a variable, where the script itself set one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        if let Ok(number) = name.parse::<usize>() {
            let idx = number.checked_sub(1)?;
            return self.positional.as_ref()?.get(idx)?.as_deref();
        }
        self.vars.get(name)?.as_deref()
    }

    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.vars.insert(name.to_owned(), value);
    }

    /// Puts a variable into the environment of the commands that follow; `text` as it was written.
    pub(super) fn export(&mut self, name: &str, text: &str) {
        self.exports.retain(|(other, _)| other != name);
        if self.exports.len() < MAX_EXPORTS {
            self.exports.push((name.to_owned(), text.to_owned()));
        }
    }

    /// Joins the state after a part that may not have run: what differs is not known.
    pub(super) fn join(&mut self, other: &Self) {
        for (name, value) in &other.vars {
            if self.vars.get(name) != Some(value) {
                self.vars.insert(name.clone(), None);
            }
        }
        for (name, value) in &mut self.vars {
            if other.vars.get(name) != Some(value) {
                *value = None;
            }
        }
        // What may be in the environment counts as being there.
        for (name, text) in &other.exports {
            if self.exports.iter().all(|(known, _)| known != name) {
                self.export(name, text);
            }
        }
        for (name, body) in &other.functions {
            self.functions.entry(name.clone()).or_insert_with(|| Rc::clone(body));
        }
    }
}
