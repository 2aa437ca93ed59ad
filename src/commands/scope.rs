//! What a script has set so far: variables with literal values, and functions.
use std::{collections::BTreeMap, rc::Rc};

use brush_parser::ast::FunctionBody;

/// Variables and functions at one point of a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// `Some`: the literal text; `None`: set, but to what is not known.
    vars: BTreeMap<String, Option<String>>,
    /// `$1`, `$2`, ...; `None` where they are not known.
    pub(super) positional: Option<Vec<String>>,
    pub(super) functions: BTreeMap<String, Rc<FunctionBody>>,
}

impl Scope {
    /// The same variables and functions with other arguments.
    pub(super) fn with_positional(&self, positional: Option<Vec<String>>) -> Self {
        Self { positional, ..self.clone() }
    }

    /// The literal value of a variable, where the script itself set one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        if let Ok(number) = name.parse::<usize>() {
            let idx = number.checked_sub(1)?;
            return self.positional.as_ref()?.get(idx).map(String::as_str);
        }
        self.vars.get(name)?.as_deref()
    }

    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.vars.insert(name.to_owned(), value);
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
        for (name, body) in &other.functions {
            self.functions.entry(name.clone()).or_insert_with(|| Rc::clone(body));
        }
    }
}
