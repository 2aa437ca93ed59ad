//! Walks a parsed script: every simple command in it, in order of appearance.
use std::rc::Rc;

use brush_parser::ast::{
    AndOr, AndOrList, AssignmentName, AssignmentValue, Command as Node,
    CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, ExtendedTestExpr,
    FunctionBody, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline,
    SeparatorOperator, SimpleCommand, Word,
};

use super::{
    Doubt, Origin,
    parse::with_program,
    scope::Scope,
    unwrap::{Context, Reader, Vector},
    word::{self, Value},
};

/// Most values of a `for` that are put in one by one.
const MAX_LOOP_VALUES: usize = 16;

/// Deepest nesting of scripts and calls.
const MAX_DEPTH: usize = 24;

impl Reader {
    /// Reads a script in a scope of variables.
    pub(super) fn script(&mut self, script: &str, context: &Context, scope: &mut Scope) {
        if self.depth > MAX_DEPTH {
            return self.doubt(Doubt::TooLarge, script);
        }
        with_program(script, |program| match program {
            Ok(program) => {
                self.depth += 1;
                for list in &program.complete_commands {
                    self.list(list, context, scope);
                }
                self.depth -= 1;
            }
            Err(reason) => self.doubt(reason, script),
        });
    }

    fn list(&mut self, list: &CompoundList, context: &Context, scope: &mut Scope) {
        for item in &list.0 {
            if matches!(item.1, SeparatorOperator::Async) {
                self.and_or(&item.0, context, &mut scope.clone());
            } else {
                self.and_or(&item.0, context, scope);
            }
        }
    }

    fn and_or(&mut self, list: &AndOrList, context: &Context, scope: &mut Scope) {
        self.pipeline(&list.first, context, scope);
        if list.additional.is_empty() {
            return;
        }
        let before = scope.clone();
        for next in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            self.pipeline(pipeline, context, scope);
        }
        scope.join(&before);
    }

    fn pipeline(&mut self, pipeline: &Pipeline, context: &Context, scope: &mut Scope) {
        if let [single] = pipeline.seq.as_slice() {
            return self.node(single, context, scope);
        }
        for node in &pipeline.seq {
            self.node(node, context, &mut scope.clone());
        }
    }

    fn node(&mut self, node: &Node, context: &Context, scope: &mut Scope) {
        let Some(budget) = self.budget.checked_sub(1) else {
            if self.reading.unresolved.iter().all(|it| it.reason != Doubt::TooLarge) {
                self.doubt(Doubt::TooLarge, "more loops and calls than are read");
            }
            return;
        };
        self.budget = budget;
        match node {
            Node::Simple(simple) => self.simple(simple, context, scope),
            Node::Compound(compound, redirects) => {
                self.compound(compound, context, scope);
                self.redirects(redirects.as_ref().map_or(&[], |it| &it.0), context, scope);
            }
            Node::Function(function) => {
                let name = function.fname.value.clone();
                // Read once where it stands, with arguments that are not known.
                let mut inner = scope.with_positional(None);
                self.function_body(&function.body, context, &mut inner);
                scope.functions.insert(name, Rc::new(function.body.clone()));
            }
            Node::ExtendedTest(test, redirects) => {
                self.test(&test.expr, context, scope);
                self.redirects(redirects.as_ref().map_or(&[], |it| &it.0), context, scope);
            }
        }
    }

    fn function_body(&mut self, body: &FunctionBody, context: &Context, scope: &mut Scope) {
        if self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        self.compound(&body.0, context, scope);
        self.redirects(body.1.as_ref().map_or(&[], |it| &it.0), context, scope);
        self.depth -= 1;
    }

    fn compound(&mut self, compound: &CompoundCommand, context: &Context, scope: &mut Scope) {
        match compound {
            CompoundCommand::Arithmetic(it) => self.raw(&it.expr.value, context, scope),
            CompoundCommand::ArithmeticForClause(it) => {
                let parts = [&it.initializer, &it.condition, &it.updater];
                for part in parts.into_iter().flatten() {
                    self.raw(&part.value, context, scope);
                }
                self.maybe(&it.body.list, context, scope);
            }
            CompoundCommand::BraceGroup(it) => self.list(&it.list, context, scope),
            CompoundCommand::Subshell(it) => self.list(&it.list, context, &mut scope.clone()),
            CompoundCommand::ForClause(it) => {
                let words = it.values.as_deref().unwrap_or_default();
                let values: Vec<Value> =
                    words.iter().map(|word| self.word(word, context, scope)).collect();
                self.for_each(&it.variable_name, &values, &it.body.list, context, scope);
            }
            CompoundCommand::CaseClause(it) => {
                self.word(&it.value, context, scope);
                for case in &it.cases {
                    for pattern in &case.patterns {
                        self.word(pattern, context, scope);
                    }
                    if let Some(list) = &case.cmd {
                        self.maybe(list, context, scope);
                    }
                }
            }
            CompoundCommand::IfClause(it) => {
                self.list(&it.condition, context, scope);
                self.maybe(&it.then, context, scope);
                for branch in it.elses.iter().flatten() {
                    if let Some(condition) = &branch.condition {
                        self.maybe(condition, context, scope);
                    }
                    self.maybe(&branch.body, context, scope);
                }
            }
            CompoundCommand::WhileClause(it) | CompoundCommand::UntilClause(it) => {
                self.forget_assigned(&it.1.list, scope);
                self.list(&it.0, context, scope);
                self.maybe(&it.1.list, context, scope);
            }
            CompoundCommand::Coprocess(it) => self.node(&it.body, context, &mut scope.clone()),
        }
    }

    /// A part that may or may not run: variables that it changes are not known after it.
    fn maybe(&mut self, list: &CompoundList, context: &Context, scope: &mut Scope) {
        let before = scope.clone();
        self.list(list, context, scope);
        scope.join(&before);
    }

    /// A loop body may run again after its own assignments: what it assigns is not known inside it.
    fn forget_assigned(&mut self, list: &CompoundList, scope: &mut Scope) {
        let mut probe = Reader { depth: self.depth + 1, budget: self.budget, ..Reader::default() };
        let mut after = scope.clone();
        probe.list(list, &Context::default(), &mut after);
        self.budget = probe.budget;
        scope.join(&after);
    }

    fn for_each(
        &mut self,
        variable: &str,
        values: &[Value],
        body: &CompoundList,
        context: &Context,
        scope: &mut Scope,
    ) {
        self.forget_assigned(body, scope);
        let before = scope.clone();
        let known =
            !values.iter().any(|value| value.dynamic || value.fields.iter().any(|it| is_glob(it)));
        let fields: Vec<&String> = values.iter().flat_map(|value| &value.fields).collect();
        if known && !fields.is_empty() && fields.len() <= MAX_LOOP_VALUES {
            let start = self.reading.commands.len();
            for field in fields {
                let round = self.reading.commands.len();
                let mut inner = before.clone();
                inner.set(variable, Some(field.clone()));
                self.list(body, context, &mut inner);
                scope.join(&inner);
                // Commands that do not look at the variable are the same in every round.
                let (earlier, new) = self.reading.commands.split_at(round);
                let earlier = earlier.get(start..).unwrap_or_default();
                let new: Vec<_> = new.iter().filter(|it| !earlier.contains(it)).cloned().collect();
                self.reading.commands.truncate(round);
                self.reading.commands.extend(new);
            }
            let mut seen = std::collections::BTreeSet::new();
            self.reading.unresolved.retain(|it| seen.insert(it.clone()));
        } else {
            scope.set(variable, None);
            self.list(body, context, scope);
            scope.join(&before);
        }
        scope.set(variable, None);
    }

    fn test(&mut self, test: &ExtendedTestExpr, context: &Context, scope: &mut Scope) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, context, scope);
                self.test(right, context, scope);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(inner, context, scope);
            }
            ExtendedTestExpr::UnaryTest(_, word) => {
                self.word(word, context, scope);
            }
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.word(left, context, scope);
                self.word(right, context, scope);
            }
        }
    }

    fn simple(&mut self, simple: &SimpleCommand, context: &Context, scope: &mut Scope) {
        let mut words = Words::default();
        for item in simple.prefix.iter().flat_map(|it| &it.0) {
            words.item(item, scope);
        }
        if let Some(name) = &simple.word_or_name {
            words.add(word::read(&name.value, scope));
        }
        for item in simple.suffix.iter().flat_map(|it| &it.0) {
            words.item(item, scope);
        }
        let Words { vector, assignments, scripts, redirects, substitutions } = words;
        let name = vector.argv.first().cloned();
        let mut own = context.clone();
        match name.as_deref() {
            None => {
                for (name, value) in assignments {
                    scope.set(&name, value);
                }
            }
            Some(name) => {
                let known =
                    |(name, value): (String, Option<String>)| (name, value.unwrap_or_default());
                own.assignments.extend(assignments.into_iter().map(known));
                set_by_builtin(name, &vector, scope);
                self.call(vector, &own, scope);
            }
        }
        for script in scripts {
            self.script(&script, context, &mut scope.clone());
        }
        for list in substitutions {
            self.list(list, context, &mut scope.clone());
        }
        for redirect in redirects {
            self.redirect(redirect, context, scope);
        }
    }

    /// A call of a function that the script defined, or a command.
    fn call(&mut self, vector: Vector, context: &Context, scope: &mut Scope) {
        let function = vector.argv.first().and_then(|name| scope.functions.get(name).cloned());
        let Some(body) = function.filter(|_| !vector.computed_name) else {
            return self.vector(vector, context, scope);
        };
        if self.depth > MAX_DEPTH || vector.argv.len() == 1 {
            return; // Its body has been read where it was defined.
        }
        let start = self.reading.commands.len();
        let n_unresolved = self.reading.unresolved.len();
        let outer = scope.positional.replace(vector.argv.get(1..).unwrap_or_default().to_vec());
        let mut inner = scope.clone();
        // A function does not see itself here: recursion adds nothing but rounds.
        if let Some(name) = vector.argv.first() {
            inner.functions.remove(name);
        }
        self.function_body(&body, context, &mut inner);
        scope.positional = outer;
        self.reading.unresolved.truncate(n_unresolved);
        let (earlier, new) = self.reading.commands.split_at(start);
        let new: Vec<_> = new.iter().filter(|it| !earlier.contains(it)).cloned().collect();
        self.reading.commands.truncate(start);
        self.reading.commands.extend(new);
    }

    /// Reads a word only for the scripts inside it.
    fn word(&mut self, word: &Word, context: &Context, scope: &mut Scope) -> Value {
        let value = word::read(&word.value, scope);
        for script in &value.scripts {
            self.script(script, context, &mut scope.clone());
        }
        value
    }

    /// The same for text that is no word.
    fn raw(&mut self, text: &str, context: &Context, scope: &mut Scope) {
        for script in word::read_heredoc(text, scope).scripts {
            self.script(&script, context, &mut scope.clone());
        }
    }

    fn redirects(&mut self, redirects: &[IoRedirect], context: &Context, scope: &mut Scope) {
        for redirect in redirects {
            self.redirect(redirect, context, scope);
        }
    }

    /// `> f` is `tee f`, `>> f` is `tee -a f`, `< f` is `cat f`; descriptors and `/dev/null` are free.
    fn redirect(&mut self, redirect: &IoRedirect, context: &Context, scope: &mut Scope) {
        let (command, target): (&[&str], &Word) = match redirect {
            IoRedirect::File(_, kind, target) => {
                let command: &[&str] = match kind {
                    IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => &["cat"],
                    IoFileRedirectKind::Append => &["tee", "-a"],
                    _ => &["tee"],
                };
                match target {
                    IoFileRedirectTarget::Filename(word) => (command, word),
                    IoFileRedirectTarget::Duplicate(word) if !is_descriptor(&word.value) => {
                        (command, word)
                    }
                    IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                        return self.list(&subshell.list, context, &mut scope.clone());
                    }
                    _ => return,
                }
            }
            IoRedirect::OutputAndError(word, append) => {
                (if *append { &["tee", "-a"] } else { &["tee"] }, word)
            }
            IoRedirect::HereDocument(_, here) => {
                if here.requires_expansion {
                    self.raw(&here.doc.value, context, scope);
                }
                return;
            }
            IoRedirect::HereString(_, word) => {
                self.word(word, context, scope);
                return;
            }
        };
        let value = self.word(target, context, scope);
        let text = value.text();
        if matches!(text.as_str(), "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty")
            || text.starts_with("/dev/fd/")
        {
            return;
        }
        let mut argv: Vec<String> = command.iter().map(|&it| it.to_owned()).collect();
        argv.push(text);
        self.push(&argv, &Context { origin: Origin::Redirect, ..Context::default() });
    }
}

/// What the words of one simple command come to.
#[derive(Debug, Default)]
struct Words<'a> {
    vector: Vector,
    assignments: Vec<(String, Option<String>)>,
    scripts: Vec<String>,
    redirects: Vec<&'a IoRedirect>,
    substitutions: Vec<&'a CompoundList>,
}

impl<'a> Words<'a> {
    fn item(&mut self, item: &'a Item, scope: &Scope) {
        match item {
            Item::IoRedirect(IoRedirect::HereDocument(_, here)) => {
                let doc = &here.doc.value;
                let value = if here.requires_expansion {
                    word::read_heredoc(doc, scope)
                } else {
                    Value { fields: vec![doc.clone()], ..Value::default() }
                };
                self.vector.stdin = Some(value.text());
                self.scripts.extend(value.scripts);
            }
            Item::IoRedirect(IoRedirect::HereString(_, text)) => {
                let value = word::read(&text.value, scope);
                self.vector.stdin = Some(value.text());
                self.scripts.extend(value.scripts);
            }
            Item::IoRedirect(redirect) => self.redirects.push(redirect),
            Item::Word(raw) => self.add(word::read(&raw.value, scope)),
            Item::AssignmentWord(assignment, raw) => {
                if self.vector.argv.is_empty() {
                    let name = match &assignment.name {
                        AssignmentName::VariableName(name)
                        | AssignmentName::ArrayElementName(name, _) => name,
                    };
                    let value = match (&assignment.value, &assignment.name) {
                        (AssignmentValue::Scalar(text), AssignmentName::VariableName(_)) => {
                            let mut value = word::read(&text.value, scope);
                            self.scripts.append(&mut value.scripts);
                            let old = if assignment.append { scope.get(name) } else { Some("") };
                            old.filter(|_| !value.dynamic)
                                .map(|old| format!("{old}{}", value.text()))
                        }
                        (AssignmentValue::Scalar(text), _) => {
                            self.scripts.append(&mut word::read(&text.value, scope).scripts);
                            None
                        }
                        (AssignmentValue::Array(elements), _) => {
                            for (_, text) in elements {
                                self.scripts.append(&mut word::read(&text.value, scope).scripts);
                            }
                            None
                        }
                    };
                    self.assignments.push((name.clone(), value));
                } else {
                    self.add(word::read(&raw.value, scope));
                }
            }
            Item::ProcessSubstitution(_, subshell) => {
                self.substitutions.push(&subshell.list);
                self.vector.argv.push("/dev/fd/63".to_owned());
            }
        }
    }

    fn add(&mut self, value: Value) {
        if self.vector.argv.is_empty() {
            self.vector.computed_name = value.dynamic;
        }
        self.vector.dynamic |= value.dynamic;
        self.vector.argv.extend(value.fields);
        self.scripts.extend(value.scripts);
    }
}

/// `export X=lit` and its kin set a variable; `read X` and `unset X` make it unknown.
fn set_by_builtin(name: &str, vector: &Vector, scope: &mut Scope) {
    let arguments = vector.argv.get(1..).unwrap_or_default();
    match name {
        "export" | "declare" | "local" | "readonly" | "typeset" => {
            for (name, value) in arguments.iter().filter_map(|it| it.split_once('=')) {
                // A word that is not known shows its `$`, and so does not become literal text.
                let known = !vector.dynamic || !value.contains(['$', '`']);
                scope.set(name.trim_end_matches('+'), known.then(|| value.to_owned()));
            }
        }
        "read" | "unset" | "mapfile" | "readarray" | "getopts" | "let" | "printf" => {
            for name in arguments.iter().filter(|it| !it.starts_with('-')) {
                scope.set(name.split('=').next().unwrap_or(name), None);
            }
        }
        _ => (),
    }
}

/// Whether the shell would look for files by this text.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// `>&1`, `>&-`, `<&3-`.
fn is_descriptor(text: &str) -> bool {
    text.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit())
}
