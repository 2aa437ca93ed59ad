//! Acts that a role should stop, each as the language of all its spellings.
//!
//! A guard is a list of patterns; an act is what the patterns are about. `policy verify` asks a role
//! whether any spelling of an act passes, `policy closure` finds the patterns that stop them all.
mod aim;
mod closure;
mod files;
mod form;
mod git;
mod infra;
mod network;
mod secrets;
mod spelling;
mod system;
mod through;

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use super::GuardClass;
use crate::policy::{
    Matching, Role,
    proof::{Language, MAX_STATES, Openings, Verifier, lines},
};

pub use aim::{Aim, aims};
pub use closure::{Benign, Closed, Closure, closure};
pub use form::is_last_of_path;

use form::Form;
use through::through_runners;

/// Something that a command does, in every way it can be spelled.
#[derive(Debug)]
pub struct Act {
    /// Unique, `family.name`.
    pub id: String,
    /// For people: what is done, in a few words.
    pub title: String,
    /// The kind of harm.
    pub class: GuardClass,
    /// Where the facts are from.
    pub source: &'static str,
    /// Command lines that do it.
    pub hits: &'static [&'static str],
    /// Look-alikes that do not.
    pub misses: &'static [&'static str],
    /// Whether patterns can tell it from its look-alikes: some `closure` of it exists.
    pub is_closable: bool,
    forms: Vec<(Form, OnceLock<Language>)>,
    language: OnceLock<Language>,
    plain: OnceLock<Language>,
    /// Its lines for roles that look at commands one by one, and for those that do not.
    lines: [OnceLock<Language>; 2],
}

impl Act {
    fn new(id: &str, title: &str, class: GuardClass, source: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            class,
            source,
            hits: &[],
            misses: &[],
            is_closable: true,
            forms: Vec::new(),
            language: OnceLock::new(),
            plain: OnceLock::new(),
            lines: [OnceLock::new(), OnceLock::new()],
        }
    }

    fn by(mut self, form: Form) -> Self {
        self.forms.push((form, OnceLock::new()));
        self
    }

    /// What no list of patterns tells from its look-alikes.
    fn beyond_patterns(self) -> Self {
        Self { is_closable: false, ..self }
    }

    const fn examples(
        mut self,
        hits: &'static [&'static str],
        misses: &'static [&'static str],
    ) -> Self {
        self.hits = hits;
        self.misses = misses;
        self
    }

    /// Every canonical command line that does it of itself.
    pub fn language(&self) -> &Language {
        self.language.get_or_init(|| Language::any_of(self.forms().map(|(_, it)| it.clone())))
    }

    /// Whether some of its lines begin with a program of this name.
    pub fn may_be_of(&self, program: &str) -> bool {
        let names = self.forms.iter().map(|it| &it.0.names);
        names.into_iter().any(|it| it.is_empty() || it.iter().any(|name| name == program))
    }

    /// The forms, each with its lines.
    fn forms(&self) -> impl Iterator<Item = (&Form, &Language)> {
        self.forms.iter().map(|(form, language)| (form, language.get_or_init(|| form.language())))
    }

    /// The lines that do it, where commands are expanded only those that stand for themselves: what
    /// they run inside is decided as a command of its own. What a runner of a project runs is not, and is
    /// among them.
    pub fn lines(&self, matching: Matching) -> &Language {
        let [expanded, literal] = &self.lines;
        let (lines, own) = match matching {
            Matching::Expanded => (expanded, self.plain()),
            Matching::Literal => (literal, self.language()),
        };
        lines.get_or_init(|| {
            // What any binary does, a runner does anyway.
            let named = self.forms().filter(|it| !it.0.names.is_empty()).map(|it| it.1.clone());
            own.or(&through_runners(&Language::any_of(named)))
        })
    }

    /// Of these the lines that stand for themselves: nothing is unwrapped, nothing runs inside.
    pub fn plain(&self) -> &Language {
        self.plain.get_or_init(|| self.language().and(&lines().plain))
    }
}

/// Those of some acts of which a role lets a spelling through, each with what does; what a proof cannot
/// decide within its bound counts.
pub fn openings<'a>(
    role: &Role,
    acts: impl IntoIterator<Item = &'a Act>,
) -> Vec<(&'a Act, Openings)> {
    let verifier = Verifier::new(role, &BTreeMap::new(), MAX_STATES);
    let found = acts.into_iter().map(|act| (act, verifier.openings(act.lines(role.matching))));
    found.filter(|(_, it)| !it.open.is_empty() || !it.undecided.is_empty()).collect()
}

/// Every act, by family.
pub fn acts() -> &'static [Act] {
    static ACTS: LazyLock<Vec<Act>> = LazyLock::new(|| {
        let tables = [
            git::acts(),
            files::acts(),
            secrets::acts(),
            system::acts(),
            network::acts(),
            infra::acts(),
        ];
        tables.into_iter().flatten().collect()
    });
    &ACTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{canonical, split};

    #[test]
    fn every_act_has_its_hits_and_not_its_misses() {
        let mut wrong = Vec::new();
        for act in acts() {
            assert!(!act.hits.is_empty() && !act.misses.is_empty(), "{}: examples", act.id);
            assert!(!act.plain().is_empty(), "{}: no line of it stands for itself", act.id);
            let examples = act.hits.iter().map(|it| (it, true));
            for (line, want) in examples.chain(act.misses.iter().map(|it| (it, false))) {
                if *line != canonical(&split(line).unwrap()) {
                    wrong.push(format!("{}: `{line}` is not canonical", act.id));
                }
                if act.language().contains(line) != want {
                    wrong.push(format!("{}: `{line}` should be of it: {want}", act.id));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = acts().iter().map(|act| act.id.as_str()).collect();
        ids.sort_unstable();
        let n_acts = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), n_acts);
    }

    #[test]
    fn guards_that_stop_an_act_by_name_stop_hits_of_it() {
        let guards = super::super::guards();
        for act in acts().iter().filter(|act| act.id == "git.force-push") {
            let guard = guards.iter().find(|it| it.id == act.id).unwrap();
            for line in guard.hits {
                assert!(act.language().contains(line), "{line}");
            }
            for line in guard.misses {
                assert!(!act.language().contains(line), "{line}");
            }
        }
    }
}
