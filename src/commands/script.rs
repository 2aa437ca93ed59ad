//! Walks a parsed script: every simple command in it, in order of appearance.
use std::{collections::BTreeSet, rc::Rc};

use brush_parser::ast::{
    AndOr, AndOrList, AssignmentName, AssignmentValue, Command as Node,
    CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, ExtendedTestExpr,
    FunctionBody, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline,
    SeparatorOperator, SimpleCommand, Word,
};

use super::{
    Command, Doubt, Origin, open,
    parse::with_program,
    scope::Scope,
    stdin::{here_text, redirected, said, stdin},
    unwrap::{Context, Reader},
    vector::{Stdin, Vector},
    word::{self, Value},
};

/// Most values of a `for` that are put in one by one.
const MAX_LOOP_VALUES: usize = 16;

/// Deepest nesting of scripts and calls.
const MAX_DEPTH: usize = 24;

impl Reader {
    /// Reads a script in a scope of variables.
    pub(super) fn script(&mut self, script: &str, context: &Context, scope: &mut Scope) {
        let left = self.budget.script_bytes.checked_sub(script.len());
        let Some(left) = left.filter(|_| self.depth <= MAX_DEPTH) else {
            return self.doubt(Doubt::TooLarge, script);
        };
        self.budget.script_bytes = left;
        let n_tokens = Rc::clone(&self.n_tokens);
        with_program(script, &n_tokens, |program| match program {
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
        self.is_there = false;
        self.pipeline(&list.first, context, scope);
        if !list.additional.is_empty() {
            let before = scope.clone();
            for next in &list.additional {
                let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
                // What comes next runs where the `cd` before it failed.
                self.is_there &= matches!(next, AndOr::And(_));
                self.pipeline(pipeline, context, scope);
            }
            scope.join(&before);
        }
        self.is_there = false;
    }

    fn pipeline(&mut self, pipeline: &Pipeline, context: &Context, scope: &mut Scope) {
        if let [single] = pipeline.seq.as_slice() {
            match single {
                Node::Simple(simple) if pipeline.timed.is_some() && self.spend() => {
                    self.simple(Some("time"), simple, context, scope);
                }
                single => self.node(single, context, scope),
            }
            self.is_there &= !pipeline.bang;
            return;
        }
        let (folder, is_there) = (self.folder.clone(), self.is_there);
        let mut before = None;
        for node in &pipeline.seq {
            self.said = Stdin::Computed;
            self.is_there = is_there && self.folder == folder;
            let mut own = scope.clone();
            own.reads_paths = before.is_some_and(|it| open::finds_paths(it, scope));
            self.node(node, context, &mut own);
            before = Some(node);
            self.piped = std::mem::replace(&mut self.said, Stdin::Computed);
        }
        self.piped = Stdin::Inherited;
        // Each part goes where it goes alone.
        self.is_there = is_there && self.folder == folder;
    }

    /// Takes one node off the budget; `false` where it is spent.
    fn spend(&mut self) -> bool {
        if let Some(left) = self.budget.nodes.checked_sub(1) {
            self.budget.nodes = left;
            return true;
        }
        if self.reading.unresolved.iter().all(|it| it.reason != Doubt::TooLarge) {
            self.doubt(Doubt::TooLarge, "more loops and calls than are read");
        }
        false
    }

    fn node(&mut self, node: &Node, context: &Context, scope: &mut Scope) {
        if !self.spend() {
            return;
        }
        match node {
            Node::Simple(simple) => self.simple(None, simple, context, scope),
            Node::Compound(compound, redirects) => {
                let redirects = redirects.as_ref().map_or(&[][..], |it| &it.0);
                let piped = std::mem::take(&mut self.piped);
                let stdin = redirects.iter().rev().find_map(|it| redirected(it, scope));
                scope.reads_paths &= stdin.is_none();
                self.fed(&stdin.unwrap_or(piped), |it| it.compound(compound, context, scope));
                self.said = Stdin::Computed;
                self.redirects(redirects, context, scope);
            }
            Node::Function(function) => {
                let name = function.fname.value.clone();
                // Read once where it stands, with arguments that are not known.
                let mut inner = scope.with_positional(None);
                self.function_body(&function.body, context, &mut inner);
                scope.define(name, Rc::new(function.body.clone()));
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
        let mut probe = Reader {
            depth: self.depth + 1,
            budget: self.budget,
            n_tokens: Rc::clone(&self.n_tokens),
            ..Reader::default()
        };
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
                self.keep_new_commands(start, round);
            }
            let mut seen = BTreeSet::new();
            self.reading.unresolved.retain(|it| seen.insert(it.clone()));
        } else {
            // A file that a shell finds by `*x` has no slash in its name: as an option it reaches no further than
            // the folder.
            let is_word = !fields.iter().any(|it| it.starts_with('-'));
            if is_word && !values.iter().any(|it| it.dynamic) {
                scope.set_word(variable);
            } else {
                scope.set(variable, None);
            }
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

    /// Reads a simple command; `first` is a word of the shell's that stands in front of it.
    fn simple(
        &mut self,
        first: Option<&str>,
        simple: &SimpleCommand,
        context: &Context,
        scope: &mut Scope,
    ) {
        let mut words = Words::default();
        words.vector.stdin = std::mem::take(&mut self.piped);
        if words.vector.stdin == Stdin::Inherited {
            words.vector.stdin = self.stdin.clone();
        }
        for item in simple.prefix.iter().flat_map(|it| &it.0) {
            words.item(item, scope);
        }
        words.vector.argv.extend(first.map(str::to_owned));
        if let Some(name) = &simple.word_or_name {
            words.add(word::read(&name.value, scope));
        }
        for item in simple.suffix.iter().flat_map(|it| &it.0) {
            words.item(item, scope);
        }
        let Words { vector, assignments, scripts, redirects, substitutions } = words;
        let said = if redirects.is_empty() { said(&vector) } else { Stdin::Computed };
        match vector.argv.first() {
            None => {
                for Assigned { name, text, is_known, is_word } in assignments {
                    if scope.exports().contains_key(&name) || name == "PATH" {
                        scope.export(&name, &text);
                    }
                    if is_word && !is_known {
                        scope.set_word(&name);
                    } else {
                        scope.set(&name, is_known.then_some(text));
                    }
                }
            }
            Some(name) => {
                set_by_builtin(name, &vector, scope);
                open::read_path(&vector, redirects.is_empty(), scope);
                if assignments.is_empty() && scope.exports().is_empty() {
                    self.call(vector, context, scope);
                } else {
                    let mut own = context.clone();
                    own.assignments.extend(scope.exports().clone());
                    own.assignments.extend(assignments.into_iter().map(|it| (it.name, it.text)));
                    self.call(vector, &own, scope);
                }
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
        self.said = said;
    }

    /// A call of a function that the script defined, or a command.
    fn call(&mut self, vector: Vector, context: &Context, scope: &mut Scope) {
        let function = vector.argv.first().and_then(|name| scope.function(name));
        let Some(body) = function.filter(|_| !vector.unknown.has(0)) else {
            return self.vector(vector, context, scope);
        };
        if self.depth > MAX_DEPTH || vector.argv.len() == 1 {
            return; // Its body has been read where it was defined.
        }
        let start = self.reading.commands.len();
        let n_unresolved = self.reading.unresolved.len();
        let words = vector.argv.iter().enumerate().skip(1);
        let words = words.map(|(at, word)| (!vector.unknown.has(at)).then(|| word.clone()));
        let outer = scope.positional.replace(words.collect());
        let mut inner = scope.clone();
        // A function does not see itself here: recursion adds nothing but rounds.
        if let Some(name) = vector.argv.first() {
            inner.undefine(name);
        }
        self.fed(&vector.stdin, |it| it.function_body(&body, context, &mut inner));
        scope.positional = outer;
        let (before, new) = self.reading.unresolved.split_at(n_unresolved);
        let new: Vec<_> = new.iter().filter(|it| !before.contains(it)).cloned().collect();
        self.reading.unresolved.truncate(n_unresolved);
        self.reading.unresolved.extend(new);
        self.keep_new_commands(0, start);
    }

    /// Of the commands from `round` on, keeps those that are not among the ones from `start` on.
    fn keep_new_commands(&mut self, start: usize, round: usize) {
        let (earlier, new) = self.reading.commands.split_at(round);
        let earlier: BTreeSet<&Command> = earlier.iter().skip(start).collect();
        let new: Vec<Command> = new.iter().filter(|it| !earlier.contains(it)).cloned().collect();
        self.reading.commands.truncate(round);
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
        self.opened(command, value.text(), value.dynamic, context);
    }

    /// A file that is opened, as the command that does no more than that.
    pub(super) fn opened(
        &mut self,
        command: &[&str],
        path: String,
        is_unknown: bool,
        context: &Context,
    ) {
        if matches!(path.as_str(), "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty")
            || path.starts_with("/dev/fd/")
        {
            return;
        }
        let mut vector = Vector::literal(command.iter().map(|&it| it.to_owned()).collect());
        vector.push(path, is_unknown);
        let context =
            Context { origin: Origin::Redirect, assignments: Vec::new(), ..context.clone() };
        self.push(&vector, &context);
    }
}

/// What the words of one simple command come to.
#[derive(Debug, Default)]
struct Words<'a> {
    vector: Vector,
    assignments: Vec<Assigned>,
    scripts: Vec<String>,
    redirects: Vec<&'a IoRedirect>,
    substitutions: Vec<&'a CompoundList>,
}

/// `NAME=value` in front of a command or alone.
#[derive(Debug)]
struct Assigned {
    name: String,
    /// The value; what is not known of it stands as it was written.
    text: String,
    is_known: bool,
    /// Whether it begins with what is known, as no option does.
    is_word: bool,
}

impl Assigned {
    fn unknown(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new(), is_known: false, is_word: false }
    }
}

impl<'a> Words<'a> {
    fn item(&mut self, item: &'a Item, scope: &Scope) {
        match item {
            Item::IoRedirect(redirect) => {
                if let Some(value) = here_text(redirect, scope) {
                    self.vector.stdin = stdin(&value);
                    self.scripts.extend(value.scripts);
                    return;
                }
                if let Some(stdin) = redirected(redirect, scope) {
                    self.vector.stdin = stdin;
                }
                self.redirects.push(redirect);
            }
            Item::Word(raw) => self.add(word::read(&raw.value, scope)),
            Item::AssignmentWord(assignment, raw) => {
                if self.vector.argv.is_empty() {
                    let name = match &assignment.name {
                        AssignmentName::VariableName(name)
                        | AssignmentName::ArrayElementName(name, _) => name,
                    };
                    let assigned = match (&assignment.value, &assignment.name) {
                        (AssignmentValue::Scalar(text), AssignmentName::VariableName(_)) => {
                            let mut value = word::read(&text.value, scope);
                            self.scripts.append(&mut value.scripts);
                            let old = if assignment.append { scope.get(name) } else { Some("") };
                            let is_known = old.is_some() && !value.dynamic;
                            let is_word = !assignment.append && !value.begins_open;
                            let text = format!("{}{}", old.unwrap_or_default(), value.text());
                            let is_word = is_word && !text.is_empty() && !text.starts_with('-');
                            Assigned { name: name.clone(), text, is_known, is_word }
                        }
                        (AssignmentValue::Scalar(text), _) => {
                            self.scripts.append(&mut word::read(&text.value, scope).scripts);
                            Assigned::unknown(name)
                        }
                        (AssignmentValue::Array(elements), _) => {
                            for (_, text) in elements {
                                self.scripts.append(&mut word::read(&text.value, scope).scripts);
                            }
                            Assigned::unknown(name)
                        }
                    };
                    self.assignments.push(assigned);
                } else {
                    self.add(word::read(&raw.value, scope));
                }
            }
            Item::ProcessSubstitution(_, subshell) => {
                self.substitutions.push(&subshell.list);
                self.vector.push("/dev/fd/63".to_owned(), false);
            }
        }
    }

    fn add(&mut self, value: Value) {
        for field in value.fields {
            self.vector.push(field, value.dynamic);
            self.vector.note_open(value.begins_open, value.may_split);
        }
        self.scripts.extend(value.scripts);
    }
}

/// `export X=lit` and its kin set a variable; `read X` and `unset X` make it unknown.
fn set_by_builtin(name: &str, vector: &Vector, scope: &mut Scope) {
    let arguments = vector.argv.get(1..).unwrap_or_default();
    match name {
        "export" | "declare" | "local" | "readonly" | "typeset" => {
            let is_exported = name == "export"
                || arguments.iter().any(|it| it.starts_with('-') && it.contains('x'));
            for (at, word) in vector.argv.iter().enumerate().skip(1) {
                let Some((name, value)) = word.split_once('=') else {
                    if is_exported && !word.starts_with('-') {
                        let value = scope.get(word).unwrap_or_default().to_owned();
                        scope.export(word, &value);
                    }
                    continue;
                };
                let name = name.trim_end_matches('+');
                if is_exported {
                    scope.export(name, value);
                }
                let is_known = !vector.unknown.has(at) && !word.contains("+=");
                scope.set(name, is_known.then(|| value.to_owned()));
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
