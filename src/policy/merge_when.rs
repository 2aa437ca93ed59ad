//! The conditions of two rules as one: when both apply.
use super::{Input, When};

/// Two conditions as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Both {
    /// Both never hold.
    Never,
    /// Both hold where this does.
    Exactly(When),
    /// Where both hold this does, and elsewhere, too: conditions cannot say it exactly. The first
    /// one holds wherever this does.
    Within(When),
}

/// When both conditions hold.
pub(super) fn both(first: &When, second: &When) -> Both {
    let mut res = first.clone();
    let mut is_exact = true;
    for (key, values) in second {
        let Some(other) = first.get(key) else {
            // One and the same act has to be of both kinds: asked for in one rule that is another
            // question than in two.
            if is_act(key) && first.keys().any(|it| is_act(it)) {
                is_exact = false;
            } else {
                res.insert(key.clone(), values.clone());
            }
            continue;
        };
        if same(values, other) {
            continue;
        }
        if !has_one_value(key) {
            is_exact = false;
            continue;
        }
        let common: Vec<String> = other.iter().filter(|it| values.contains(it)).cloned().collect();
        if common.is_empty() {
            return Both::Never;
        }
        res.insert(key.clone(), common);
    }
    if second.keys().any(|it| is_act(it)) && first.keys().any(|it| is_act(it)) {
        let acts = |when: &When| -> Vec<(String, Vec<String>)> {
            let acts = when.iter().filter(|(key, _)| is_act(key));
            acts.map(|(key, values)| (key.clone(), values.clone())).collect()
        };
        is_exact &= acts(first) == acts(second);
    }
    if is_exact { Both::Exactly(res) } else { Both::Within(res) }
}

/// Whether an action has at most one value of this key, compared letter by letter.
fn has_one_value(key: &str) -> bool {
    match Input::parse(key) {
        None => true,
        Some(input) => {
            matches!(input, Input::Environment | Input::RiskLevel | Input::Approval)
        }
    }
}

fn is_act(key: &str) -> bool {
    matches!(Input::parse(key), Some(Input::ActionType | Input::ResourceType))
}

fn same(a: &[String], b: &[String]) -> bool {
    a.iter().all(|it| b.contains(it)) && b.iter().all(|it| a.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_conditions_are_one_where_that_can_be_said() {
        let when = |json: &str| serde_json::from_str::<When>(json).unwrap();
        for (first, second, want) in [
            ("{}", "{}", Both::Exactly(when("{}"))),
            (r#"{"env":["a"]}"#, "{}", Both::Exactly(when(r#"{"env":["a"]}"#))),
            (
                r#"{"env":["a","b"]}"#,
                r#"{"env":["b","c"]}"#,
                Both::Exactly(when(r#"{"env":["b"]}"#)),
            ),
            (r#"{"env":["a"]}"#, r#"{"env":["c"]}"#, Both::Never),
            (
                r#"{"env":["a"]}"#,
                r#"{"agent":["x*"]}"#,
                Both::Exactly(when(r#"{"env":["a"],"agent":["x*"]}"#)),
            ),
            (
                r#"{"agent":["a*"]}"#,
                r#"{"agent":["*b"]}"#,
                Both::Within(when(r#"{"agent":["a*"]}"#)),
            ),
            (
                r#"{"data_class":["secret"]}"#,
                r#"{"data_class":["system"]}"#,
                Both::Within(when(r#"{"data_class":["secret"]}"#)),
            ),
            (
                r#"{"action_type":["read"]}"#,
                r#"{"resource_type":["secret"]}"#,
                Both::Within(when(r#"{"action_type":["read"]}"#)),
            ),
            (
                r#"{"action_type":["read"],"env":["a"]}"#,
                r#"{"action_type":["read"]}"#,
                Both::Exactly(when(r#"{"action_type":["read"],"env":["a"]}"#)),
            ),
        ] {
            assert_eq!(both(&when(first), &when(second)), want, "{first} and {second}");
        }
    }
}
