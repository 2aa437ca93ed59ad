//! Made-up secrets of every format, from templates: nothing that looks like a live key stands in the
//! source.
use super::formats::FORMATS;

/// A text with made-up secrets in it, to see whether they are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// The kind that their marker should name.
    pub kind: &'static str,
    /// As it may stand in a command.
    pub text: String,
    /// The secrets in it, eight characters and longer.
    pub secrets: Vec<String>,
}

/// One text for each form of each format; another seed gives other secrets.
pub fn planted(seed: u64) -> Vec<Planted> {
    let forms = FORMATS.iter().flat_map(|format| format.hits.iter().map(|hit| (format.kind, *hit)));
    let planted = |(at, (kind, hit)): (u64, (&'static str, &str))| {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(at);
        Planted { kind, text: fill(hit, seed), secrets: secrets(hit, seed) }
    };
    (0..).zip(forms).map(planted).collect()
}

/// A text from a template: `{a36}` is 36 letters and digits, `{h32}` lower-case hex, `{A16}` upper-case
/// letters and digits, `{l24}` lower-case letters and digits, `{w40}` also `_` and `-`, `{b86}` base64,
/// `{d10}` digits. A NUL is left out: it splits literal beginnings.
pub(super) fn fill(template: &str, seed: u64) -> String {
    parts(template, seed).into_iter().map(|part| part.0).collect::<String>().replace('\0', "")
}

/// The random parts of the same text, of eight characters and more; digits are ids, not secrets.
pub(super) fn secrets(template: &str, seed: u64) -> Vec<String> {
    let random = |part: (String, bool)| (part.1 && part.0.len() >= 8).then_some(part.0);
    parts(template, seed).into_iter().filter_map(random).collect()
}

fn parts(template: &str, seed: u64) -> Vec<(String, bool)> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let mut res = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (spec, behind) = after.split_once('}').unwrap_or(("", after));
        let len: Option<usize> = spec.get(1..).and_then(|it| it.parse().ok());
        let alphabet = spec.chars().next().and_then(alphabet);
        let (Some(len), Some(alphabet)) = (len, alphabet) else {
            res.push((format!("{before}{{"), false));
            rest = after;
            continue;
        };
        res.push((before.to_owned(), false));
        let mut random = String::new();
        for n in 0..len {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let pick = usize::try_from(state >> 33).unwrap_or_default() % alphabet.len();
            // A letter first and a digit second: every sample is mixed, none is a word.
            let pick = match n {
                0 if alphabet.len() > 16 => pick % 16 + 10,
                1 => pick % 10,
                _ => pick,
            };
            random.push(alphabet.get(pick).map_or('0', |byte| char::from(*byte)));
        }
        res.push((random, !spec.starts_with('d')));
        rest = behind;
    }
    res.push((rest.to_owned(), false));
    res
}

fn alphabet(spec: char) -> Option<&'static [u8]> {
    Some(match spec {
        'a' => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'b' => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/",
        'w' => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-",
        'l' => b"0123456789abcdefghijklmnopqrstuvwxyz",
        'A' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'h' => b"0123456789abcdef",
        'd' => b"0123456789",
        _ => return None,
    })
}
