//! Files whose format their first lines tell; what they do not tell for certain is the signal schema.
use super::{
    Format, Read,
    detect::{LOOKED_AT, of_line, one},
    foreign::{Found, Out, Place, Source},
    reject::Fault,
};

/// A file, before and after its format is known.
#[derive(Default)]
struct Auto {
    /// Lines that wait until it is.
    waiting: Vec<(Place, String)>,
    reader: Option<Reader>,
}

/// How lines are read once the format is known.
enum Reader {
    Lines(super::ReadLine),
    Files(Box<dyn Source>),
}

/// A reader of one file.
pub(super) fn source() -> Box<dyn Source> {
    Box::new(Auto::default())
}

impl Source for Auto {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        if let Some(reader) = &mut self.reader {
            return reader.line(place, text, out);
        }
        self.waiting.push((place, text.to_owned()));
        if self.waiting.len() >= LOOKED_AT {
            self.begin(out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        if self.reader.is_none() {
            self.begin(out);
        }
        if let Some(Reader::Files(source)) = &mut self.reader {
            source.end(out);
        }
    }
}

impl Auto {
    /// Settles the format, and reads what has waited for it.
    fn begin(&mut self, out: &mut Out<'_>) {
        let found = one(self.waiting.iter().map(|(_, text)| of_line(text.as_bytes())));
        let format = found.unwrap_or_else(Format::default_format);
        let reader = self.reader.insert(match format.read {
            Read::Lines(read) => Reader::Lines(read),
            Read::Files(new) => Reader::Files(new()),
        });
        for (place, text) in std::mem::take(&mut self.waiting) {
            if let Err(fault) = reader.line(place, &text, out) {
                out.put(place, &text, Err(fault));
            }
        }
    }
}

impl Reader {
    fn line(&mut self, place: Place, text: &str, out: &mut Out<'_>) -> Result<(), Fault> {
        match self {
            Self::Files(source) => source.line(place, text, out),
            Self::Lines(read) => {
                let parsed = read(text, out.notes)?;
                out.found.push(Found { place, result: Ok(parsed), excerpt: String::new() });
                Ok(())
            }
        }
    }
}
