//! The parsing threads: blocks of lines -> columns and rejects.
use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, SyncSender},
};

use super::{
    read::{Ending, Work},
    roles::{Roles, count_role},
};
use crate::{
    events::Timestamp,
    inputs::{
        Block, Checkpoint, Format, Found, Given, Input, Notes, Parser, Place, Reason, Reject,
    },
    lake::{Columns, LakeError, Rows},
};

/// What became of some work, in order.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Lines of a file.
    Block {
        /// Index of the file.
        file: usize,
        /// What was in them.
        lines: Box<Lines>,
    },
    /// There is no more of a file.
    Done {
        /// Index of the file.
        file: usize,
        /// How it went.
        ending: Ending,
    },
}

/// What was in a block.
#[derive(Debug)]
pub(super) struct Lines {
    /// The events.
    pub(super) rows: Rows,
    /// How many lines were no events, by reason.
    pub(super) rejected: BTreeMap<Reason, u64>,
    /// The first [`MAX_KEPT`] of them.
    pub(super) rejects: Vec<Reject>,
    /// Events of roles that nobody knows, by role.
    pub(super) roles_unknown: BTreeMap<String, u64>,
    /// How far the file was read, where it is read on from there.
    pub(super) end: Option<Checkpoint>,
}

/// So many rejects of one file are kept; the others are only counted. A file of garbage must not
/// fill the store with itself.
pub(super) const MAX_KEPT: usize = 1_000;

/// How lines are read, and whose they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct How<'a> {
    pub(super) given: &'a Given,
    pub(super) roles: &'a Roles,
    pub(super) now: Timestamp,
}

/// Parses until there is no more work, or nobody listens.
pub(super) fn parse(
    work: &Receiver<Work>,
    done: &SyncSender<Parsed>,
    files: &[Input],
    how: How<'_>,
) -> Result<Notes, LakeError> {
    let mut notes = Notes::default();
    let mut of_file: Option<(&Format, Parser<'_>)> = None;
    for work in work {
        let path = |file: usize| files.get(file).map(Input::name);
        let parsed = match work {
            Work::Done { file, ending } => {
                // What a format of whole files tells at the end of a file comes behind its lines.
                let mut gathered = Gathered::new(path(file).unwrap_or_default(), how.roles);
                if let Some((_, mut parser)) = of_file.take() {
                    parser.end(&mut notes, &mut |found| gathered.take(found));
                }
                if !gathered.is_empty() {
                    let lines = Box::new(gathered.finish(None)?);
                    if done.send(Parsed::Block { file, lines }).is_err() {
                        break;
                    }
                }
                Parsed::Done { file, ending }
            }
            Work::Block { file, format, block } => {
                // An object that was replaced on the way may be of another format.
                if of_file.as_ref().is_some_and(|(of, _)| of.name != format.name) {
                    of_file = None;
                }
                let new = || (format, Parser::new(format, how.given, how.now));
                let (_, parser) = of_file.get_or_insert_with(new);
                let mut gathered = Gathered::new(path(file).unwrap_or_default(), how.roles);
                parse_block(&block, parser, &mut notes, &mut gathered);
                let end = format.is_of_lines().then_some(block.end);
                Parsed::Block { file, lines: Box::new(gathered.finish(end)?) }
            }
        };
        if done.send(parsed).is_err() {
            break;
        }
    }
    Ok(notes)
}

fn parse_block(
    block: &Block,
    parser: &mut Parser<'_>,
    notes: &mut Notes,
    gathered: &mut Gathered<'_>,
) {
    for line in block.lines() {
        parser.line(line, notes, &mut |found| gathered.take(found));
    }
    if let Some((fault, excerpt)) = &block.fault {
        let place = Place { number: block.n_lines_before + 1, byte_offset: block.offset };
        gathered.take(Found { place, result: Err(fault.clone()), excerpt: excerpt.clone() });
    }
}

/// What is found on the way.
struct Gathered<'a> {
    source: String,
    roles: &'a Roles,
    columns: Columns,
    rejected: BTreeMap<Reason, u64>,
    rejects: Vec<Reject>,
    roles_unknown: BTreeMap<String, u64>,
    is_empty: bool,
}

impl<'a> Gathered<'a> {
    fn new(source: String, roles: &'a Roles) -> Self {
        Self {
            source,
            roles,
            columns: Columns::default(),
            rejected: BTreeMap::new(),
            rejects: Vec::new(),
            roles_unknown: BTreeMap::new(),
            is_empty: true,
        }
    }

    const fn is_empty(&self) -> bool {
        self.is_empty
    }

    fn take(&mut self, found: Found) {
        self.is_empty = false;
        match found.result {
            Ok(parsed) => {
                let role = self.roles.of(&parsed.event);
                if !self.roles.is_known(role) {
                    count_role(&mut self.roles_unknown, role, 1);
                }
                self.columns.push(&parsed.event, parsed.id, role, &self.source);
            }
            Err(fault) => {
                *self.rejected.entry(fault.reason).or_default() += 1;
                if self.rejects.len() < MAX_KEPT {
                    let Place { number: line, byte_offset } = found.place;
                    let (source, excerpt) = (self.source.clone(), found.excerpt);
                    self.rejects.push(Reject { source, line, byte_offset, fault, excerpt });
                }
            }
        }
    }

    fn finish(self, end: Option<Checkpoint>) -> Result<Lines, LakeError> {
        let Self { columns, rejected, rejects, roles_unknown, .. } = self;
        Ok(Lines { rows: columns.finish()?, rejected, rejects, roles_unknown, end })
    }
}
