//! Texts that have to be in an event, upper or lower case.
use crate::lake::View;

/// Texts of which each has to be in one of the event's texts.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// In lower case.
    wanted: Vec<String>,
}

impl Texts {
    pub(super) fn new(texts: &[String]) -> Self {
        Self { wanted: texts.iter().map(|it| it.to_lowercase()).collect() }
    }

    /// Whether all of them are in an event.
    pub(super) fn are_in(&self, view: &View<'_>) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        let fields = [
            Some(view.event_id),
            view.binary,
            view.command,
            view.rule,
            view.session_id,
            view.cwd,
            view.user,
            view.mcp_server,
            view.mcp_tool,
            view.mcp_arguments,
            view.endpoint,
        ];
        self.wanted.iter().all(|text| fields.iter().flatten().any(|field| has(field, text)))
    }
}

/// Whether a text has another one in it that is in lower case.
fn has(text: &str, lower: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(lower);
    }
    // Most texts are ASCII, whose lower case is ASCII, too: nothing is copied for them.
    let (text, lower) = (text.as_bytes(), lower.as_bytes());
    let Some(first) = lower.first() else { return true };
    let Some(last) = text.len().checked_sub(lower.len()) else { return false };
    let begins = text.iter().take(last + 1).enumerate();
    let mut begins = begins.filter(|(_, byte)| byte.eq_ignore_ascii_case(first));
    begins.any(|(at, _)| {
        text.get(at..at + lower.len()).is_some_and(|it| it.eq_ignore_ascii_case(lower))
    })
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn case_makes_no_difference_in_any_alphabet() {
        for (text, wanted, want) in [
            ("git PUSH --force", "push", true),
            ("git push", "push ", false),
            ("push", "", true),
            ("", "", true),
            ("", "x", false),
            ("ppush", "push", true),
            ("ÀÉ x", "àé", true),
            ("AE", "àé", false),
            ("naïve", "NAÏVE", true),
            // A sign whose lower case is an ASCII letter.
            ("\u{212a}ey", "key", true),
            ("key", "\u{212a}", true),
        ] {
            assert_eq!(has(text, &wanted.to_lowercase()), want, "{wanted} in {text}");
        }
    }
}
