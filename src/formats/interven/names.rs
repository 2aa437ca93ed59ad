//! How names of a policy are compared with those of a call: in any case, and categories by whole words.
use super::super::tool_glob::tool_matches;

/// Whether two names are the same in whatever case: who spells `Slack` or `POST_MESSAGE` gets past no rule.
pub fn is_same(asked: &str, name: &str) -> bool {
    asked == name || asked.to_lowercase() == name.to_lowercase()
}

/// Whether a glob takes a name, in whatever case.
pub fn is_taken(glob: &str, name: &str) -> bool {
    tool_matches(&glob.to_lowercase(), &name.to_lowercase())
}

/// Whether a tool is of a category: the words of the category are words of its name, one behind the
/// other, each in the singular or plural.
pub fn is_of(category: &str, tool: &str) -> bool {
    let (asked, found) = (words(category), words(tool));
    !asked.is_empty() && found.windows(asked.len()).any(|it| *it == asked)
}

/// The words of a name, in lower case and in the singular. They end at signs and where capital letters
/// begin another one: `getIssue`, `PRReview`; the `s` of `PRs` is none.
pub(super) fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let at = |idx: usize| chars.get(idx).copied().unwrap_or('_');
    let mut res = vec![String::new()];
    for (idx, char) in chars.iter().enumerate() {
        let is_inner = idx > 0 && at(idx - 1).is_uppercase();
        let goes_on =
            at(idx + 1).is_lowercase() && (at(idx + 1) != 's' || at(idx + 2).is_lowercase());
        if !char.is_alphanumeric() || char.is_uppercase() && (!is_inner || goes_on) {
            res.push(String::new());
        }
        if let Some(word) = res.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_lowercase());
        }
    }
    res.retain(|it| !it.is_empty());
    res.iter().map(|it| singular(it)).collect()
}

/// `issue` for `issues`, `repository` for `repositories`, `access` for itself.
fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|it| !it.is_empty()) {
        return format!("{stem}y");
    }
    let stem = word.strip_suffix('s').filter(|it| !it.is_empty() && !it.ends_with('s'));
    stem.unwrap_or(word).to_owned()
}

/// `issues` for `issue`, `repositories` for `repository`.
pub(super) fn plural(word: &str) -> String {
    let stem = word.strip_suffix('y');
    stem.map_or_else(|| format!("{word}s"), |stem| format!("{stem}ies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_of_whole_words() {
        for tool in [
            "issues",
            "get_issue",
            "create-issues",
            "issue.list",
            "listIssues",
            "issues/get",
            "CREATE_ISSUE",
            "Issue2",
        ] {
            assert_eq!(is_of("issues", tool), tool != "Issue2", "{tool}");
            assert_eq!(is_of("Issue", tool), tool != "Issue2", "{tool}");
        }
        for tool in ["tissues", "get_tissue", "issuers", "reissue", "createissue", ""] {
            assert!(!is_of("issues", tool), "{tool}");
        }
        for tool in ["merge_pull_request", "listPullRequests", "pull-request"] {
            assert!(is_of("pull_requests", tool), "{tool}");
        }
        assert!(!is_of("pull_requests", "request_pull"));
        assert!(is_of("repositories", "get_repository") && is_of("access", "grant_access"));
        assert!(is_of("PRs", "list_prs") && is_of("prs", "getPRReview") && is_of("prs", "listPRs"));
        assert!(!is_of("_", "x"));
        for word in ["issue", "repository"] {
            assert_eq!(singular(&plural(word)), word);
        }
    }
}
