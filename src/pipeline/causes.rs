//! A chain of causes taken apart for people: what failed, and what to do.

/// What an error says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes {
    /// All causes as one sentence.
    pub sentence: String,
    /// The hints of the chain, each once.
    pub hints: Vec<String>,
}

impl Causes {
    /// Takes an error apart; its own text may end in a line that begins with `hint: `.
    pub fn of(err: &anyhow::Error) -> Self {
        let mut causes: Vec<String> = Vec::new();
        let mut hints: Vec<String> = Vec::new();
        for cause in err.chain() {
            let text = cause.to_string();
            let (text, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
            // Some foreign errors repeat their source.
            if !causes.iter().any(|known| known.ends_with(text)) {
                causes.push(text.to_owned());
            }
            if !hint.is_empty() && !hints.iter().any(|known| known.contains(hint)) {
                hints.push(hint.to_owned());
            }
        }
        Self { sentence: causes.join(": "), hints }
    }
}
