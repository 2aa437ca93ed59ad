//! The lines of a file, in order, as events and rejects: one parser a file.
use super::{
    Format, Line, Notes, Read, check,
    foreign::{Found, Given, Out, Place, Source},
    reject::excerpt,
    text_of,
};
use crate::events::Timestamp;

/// Reads the lines of one file after the other.
pub struct Parser<'a> {
    format: &'a Format,
    given: &'a Given,
    now: Timestamp,
    /// What is known of the file so far, for formats of whole files.
    source: Option<Box<dyn Source>>,
}

impl std::fmt::Debug for Parser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("format", &self.format.name).finish_non_exhaustive()
    }
}

impl<'a> Parser<'a> {
    /// A parser of a format's files.
    pub const fn new(format: &'a Format, given: &'a Given, now: Timestamp) -> Self {
        Self { format, given, now, source: None }
    }

    /// Takes one line; hands on what it gives, in order.
    pub fn line(&mut self, line: Line<'_>, notes: &mut Notes, each: &mut dyn FnMut(Found)) {
        let place = Place { number: line.number, byte_offset: line.byte_offset };
        let failed = |fault| Found { place, result: Err(fault), excerpt: excerpt(line.bytes) };
        let Read::Files(new) = self.format.read else {
            each(match self.format.read(line.bytes, self.now, notes) {
                Ok(parsed) => Found { place, result: Ok(parsed), excerpt: String::new() },
                Err(fault) => failed(fault),
            });
            return;
        };
        match text_of(line.bytes) {
            Err(fault) => each(failed(fault)),
            Ok(text) => {
                let mut found = Vec::new();
                let mut out = Out { given: self.given, notes, found: &mut found };
                if let Err(fault) = self.source.get_or_insert_with(new).line(place, text, &mut out)
                {
                    out.put(place, text, Err(fault));
                }
                self.hand_on(found, each);
            }
        }
    }

    /// Takes the end of a file; the next line is the first of another one.
    pub fn end(&mut self, notes: &mut Notes, each: &mut dyn FnMut(Found)) {
        let Some(mut source) = self.source.take() else { return };
        let mut found = Vec::new();
        source.end(&mut Out { given: self.given, notes, found: &mut found });
        self.hand_on(found, each);
    }

    fn hand_on(&self, found: Vec<Found>, each: &mut dyn FnMut(Found)) {
        for mut found in found {
            if let Ok(parsed) = &found.result
                && let Err(fault) = check(parsed, self.now)
            {
                found.excerpt = excerpt(parsed.event.event_id.as_bytes());
                found.result = Err(fault);
            }
            each(found);
        }
    }
}
