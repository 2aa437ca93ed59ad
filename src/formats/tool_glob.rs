//! Globs over names of tools, `mcp__server__tool`, and the patterns over `server/tool` they stand for.
use crate::policy::{Pattern, includes, literal, overlaps};

/// Whether a glob matches a name: `*` is anything, `?` any one character.
pub fn tool_matches(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(ch) if *ch == '?' || name.get(read) == Some(ch) => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob.get(at..).unwrap_or_default().iter().all(|ch| *ch == '*')
}

/// Whether two globs match a common name; where one has a `?`, that is taken for anything.
pub(super) fn globs_meet(one: &str, other: &str) -> bool {
    let of = |glob: &str| Pattern::new(&literal(glob).replace("\\*", "*").replace('?', "*"));
    overlaps(&of(one), &of(other))
}

/// The patterns over `server/tool` of the MCP tools that a glob matches; a server's name ends at the
/// first `__`. `None` where no pattern can say it.
pub(super) fn patterns(glob: &str) -> Option<Vec<String>> {
    if glob.contains('?') {
        return None;
    }
    let chars: Vec<char> = glob.chars().collect();
    // What of the glob stands before the server, then what stands before the tool.
    let mut res: Vec<String> = Vec::new();
    for rest in behind(&chars, "mcp__") {
        for (end, _) in rest.iter().enumerate().chain([(rest.len(), &'*')]) {
            // The server takes the glob up to here, a star it ends at included.
            for keep in [end, end + 1] {
                let Some(server) = rest.get(..keep) else { continue };
                if keep > end && server.last() != Some(&'*') {
                    continue;
                }
                let from = if keep > end { rest.get(end..) } else { rest.get(keep..) };
                let server = pattern(server);
                for tool in behind(from.unwrap_or_default(), "__") {
                    let text = format!("{server}/{}", pattern(&tool));
                    // No server's name holds `__` or ends in `_`.
                    let is_name = !server.contains("__") && !server.ends_with('_');
                    if is_name && !server.is_empty() && !tool.is_empty() {
                        res.push(text);
                    }
                }
            }
        }
    }
    res.sort();
    res.dedup();
    let held = |idx: usize, text: &String| {
        res.iter().enumerate().any(|(other, outer)| {
            let (outer, inner) = (Pattern::new(outer), Pattern::new(text));
            other != idx && includes(&outer, &inner) && (!includes(&inner, &outer) || other < idx)
        })
    };
    Some(
        res.iter()
            .enumerate()
            .filter(|(idx, it)| !held(*idx, it))
            .map(|(_, it)| it.clone())
            .collect(),
    )
}

/// What may be left of a glob once it has read a text.
fn behind(glob: &[char], text: &str) -> Vec<Vec<char>> {
    let mut states: Vec<&[char]> = vec![glob];
    for ch in text.chars() {
        let mut next: Vec<&[char]> = Vec::new();
        for state in states {
            let mut state = state;
            // A star takes the character and stays, or takes nothing and is passed.
            while let [first, rest @ ..] = state {
                if *first == '*' {
                    next.push(state);
                    state = rest;
                    continue;
                }
                if *first == ch {
                    next.push(rest);
                }
                break;
            }
        }
        next.dedup();
        states = next;
    }
    states.into_iter().map(<[char]>::to_vec).collect()
}

/// A glob without `?` as one of our patterns, in which a final blank and star would be optional.
fn pattern(glob: &[char]) -> String {
    let mut res = String::new();
    for ch in glob {
        match ch {
            '*' => res.push('*'),
            ch => res.push_str(&literal(&ch.to_string())),
        }
    }
    if res.ends_with(" *") {
        res.push('*');
    }
    res
}

/// The glob over names of tools that stands for a pattern over `server/tool`, and for nothing else.
pub(super) fn glob(text: &str) -> Option<String> {
    if text == "*" || text == "*/*" {
        return Some("mcp__*".to_owned());
    }
    let (server, tool) = text.split_once('/')?;
    let is_name = |text: &str, also: &str| {
        let plain =
            |ch: char| ch.is_ascii_alphanumeric() || "_-.".contains(ch) || also.contains(ch);
        !text.is_empty() && text.chars().all(plain)
    };
    let is_server = is_name(server, "") && !server.contains("__") && !server.ends_with('_');
    (is_server && is_name(tool, "*/")).then(|| format!("mcp__{server}__{tool}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs_match_what_their_page_says() {
        for (glob, name, want) in [
            ("mcp__browser__*", "mcp__browser__navigate", true),
            ("mcp__browser__*", "mcp__browsers__navigate", false),
            ("mcp__filesystem__read*", "mcp__filesystem__read_metadata", true),
            ("mcp__*__list*", "mcp__jira__list_issues", true),
            ("mcp__*__list*", "mcp__jira__get", false),
            ("custom_tool_v?", "custom_tool_v2", true),
            ("custom_tool_v?", "custom_tool_v", false),
            ("custom_tool_v?", "custom_tool_v12", false),
            ("*delete*", "mcp__fs__delete_file", true),
            ("a*b*c", "abbbc", true),
            ("a*b*c", "abcb", false),
        ] {
            assert_eq!(tool_matches(glob, name), want, "{glob} on {name}");
        }
    }

    #[test]
    fn globs_are_patterns_over_server_and_tool() {
        for (glob, want) in [
            ("mcp__browser__*", Some(&["browser/*"][..])),
            ("mcp__fs__read*", Some(&["fs/read*"])),
            ("mcp__*", Some(&["*/*"])),
            ("*", Some(&["*/*"])),
            ("mcp__*__list*", Some(&["*/*__list*", "*/_list*", "*/list*"])),
            ("mcp__a*", Some(&["a*/*"])),
            ("Bash", Some(&[])),
            ("custom_v?", None),
        ] {
            let got = patterns(glob);
            let want = want.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>());
            assert_eq!(got, want, "{glob}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn patterns_match_the_calls_whose_names_match(
            glob in r"(mcp__)?[a_*]{0,7}",
            server in "a|b|a_b",
            tool in "[a_b]{1,4}",
        ) {
            // The first `__` ends the server's name.
            let name = format!("mcp__{server}__{tool}");
            let rest = name.strip_prefix("mcp__").unwrap();
            prop_assume!(rest.split_once("__").unwrap().0 == server);
            let line = format!("{server}/{tool}");
            let found = patterns(&glob).unwrap();
            let is_match = found.iter().any(|it| Pattern::new(it).matches(&line));
            prop_assert_eq!(is_match, tool_matches(&glob, &name), "{} {:?}", name, found);
        }

        #[test]
        fn a_glob_for_a_pattern_stands_for_it(text in "(a|a_b)/[a_*]{1,5}") {
            if let Some(glob) = glob(&text) {
                let found = patterns(&glob).unwrap();
                prop_assert_eq!(found.len(), 1, "{}: {:?}", glob, found);
                let (ours, theirs) = (Pattern::new(&text), Pattern::new(&found[0]));
                prop_assert!(includes(&ours, &theirs) && includes(&theirs, &ours), "{}", glob);
            }
        }
    }
}
