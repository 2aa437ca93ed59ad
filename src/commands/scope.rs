//! What a script has set so far: variables with literal values, and functions.
//!
//! A scope is copied at every place where what follows may not have run; copies share what neither
//! has changed.
use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use brush_parser::ast::FunctionBody;

/// What a variable is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    /// This literal text.
    Known(String),
    /// Something that is not known, and begins as no option does.
    Word,
    /// Something that is not known.
    Unknown,
}

/// Variables and functions at one point of a script.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    vars: Rc<BTreeMap<String, Variable>>,
    /// `$1`, `$2`, ..., `None` for each that is not known; `None` where none is.
    pub(super) positional: Option<Rc<[Option<String>]>>,
    functions: Rc<BTreeMap<String, Rc<FunctionBody>>>,
    /// What commands find in their environment, by the script's own doing.
    exports: Rc<BTreeMap<String, String>>,
    /// Whether what is read from standard input are paths that find found.
    pub(super) reads_paths: bool,
    /// How many more bytes of values are put in, in all scopes of an event.
    budget: Rc<Cell<usize>>,
}

/// Most exported variables that are kept.
const MAX_EXPORTS: usize = 64;

/// Longest value that is kept, in bytes.
const MAX_VALUE_BYTES: usize = 16 * 1024;

/// Most bytes of values that are put in for one event.
const MAX_FILLED_BYTES: usize = 128 * 1024;

impl Default for Scope {
    fn default() -> Self {
        Self {
            vars: Rc::default(),
            positional: None,
            functions: Rc::default(),
            exports: Rc::default(),
            reads_paths: false,
            budget: Rc::new(Cell::new(MAX_FILLED_BYTES)),
        }
    }
}

impl Scope {
    /// A new shell's scope, within the same bounds.
    pub(super) fn fresh(&self) -> Self {
        Self { budget: Rc::clone(&self.budget), ..Self::default() }
    }

    /// The same variables and functions with other arguments.
    pub(super) fn with_positional(&self, positional: Option<Vec<Option<String>>>) -> Self {
        Self { positional: positional.map(Rc::from), ..self.clone() }
    }

    /// The literal value of a variable, where the script itself set one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = if let Ok(number) = name.parse::<usize>() {
            let idx = number.checked_sub(1)?;
            self.positional.as_ref()?.get(idx)?.as_deref()
        } else {
            match self.vars.get(name)? {
                Variable::Known(text) => Some(text.as_str()),
                Variable::Word | Variable::Unknown => None,
            }
        };
        let value = value?;
        self.budget.set(self.budget.get().checked_sub(value.len())?);
        Some(value)
    }

    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        let value = value.filter(|it| it.len() <= MAX_VALUE_BYTES);
        let value = value.map_or(Variable::Unknown, Variable::Known);
        Rc::make_mut(&mut self.vars).insert(name.to_owned(), value);
    }

    /// Sets a variable to what is not known, and begins as no option does.
    pub(super) fn set_word(&mut self, name: &str) {
        Rc::make_mut(&mut self.vars).insert(name.to_owned(), Variable::Word);
    }

    /// Whether the script set a variable.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.vars.contains_key(name)
    }

    /// Whether a variable is set to what is no option.
    pub(super) fn is_word(&self, name: &str) -> bool {
        self.vars.get(name) == Some(&Variable::Word)
    }

    /// The body of a function that the script defined.
    pub(super) fn function(&self, name: &str) -> Option<Rc<FunctionBody>> {
        self.functions.get(name).cloned()
    }

    pub(super) fn define(&mut self, name: String, body: Rc<FunctionBody>) {
        Rc::make_mut(&mut self.functions).insert(name, body);
    }

    pub(super) fn undefine(&mut self, name: &str) {
        Rc::make_mut(&mut self.functions).remove(name);
    }

    /// What commands find in their environment.
    pub(super) fn exports(&self) -> &BTreeMap<String, String> {
        &self.exports
    }

    /// Puts a variable into the environment of the commands that follow; `text` as it was written.
    pub(super) fn export(&mut self, name: &str, text: &str) {
        let exports = Rc::make_mut(&mut self.exports);
        if exports.len() < MAX_EXPORTS || exports.contains_key(name) {
            let is_short = text.len() <= MAX_VALUE_BYTES / MAX_EXPORTS;
            exports.insert(name.to_owned(), if is_short { text } else { "..." }.to_owned());
        }
    }

    /// Joins the state after a part that may not have run: what differs is not known.
    pub(super) fn join(&mut self, other: &Self) {
        if !Rc::ptr_eq(&self.vars, &other.vars) {
            let vars = Rc::make_mut(&mut self.vars);
            for (name, value) in &*other.vars {
                if vars.get(name) != Some(value) {
                    vars.insert(name.clone(), Variable::Unknown);
                }
            }
            for (name, value) in vars {
                if other.vars.get(name) != Some(value) {
                    *value = Variable::Unknown;
                }
            }
        }
        // What may be in the environment counts as being there.
        if !Rc::ptr_eq(&self.exports, &other.exports) {
            for (name, text) in &*other.exports {
                if !self.exports.contains_key(name) {
                    self.export(name, text);
                }
            }
        }
        if !Rc::ptr_eq(&self.functions, &other.functions) {
            let functions = Rc::make_mut(&mut self.functions);
            for (name, body) in &*other.functions {
                functions.entry(name.clone()).or_insert_with(|| Rc::clone(body));
            }
        }
    }
}
