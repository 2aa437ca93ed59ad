//! Laws of merging: never weaker, exact where rules can say it, and what is told is proved.
use proptest::prelude::*;

use super::*;
use crate::{
    commands::split,
    policy::{Engine, Matching, Subject},
};

fn role(name: &str, default: RuleAction, rules: &[(&str, RuleAction)]) -> Role {
    let rules = (1..).zip(rules).map(|(n, (pattern, action))| Rule {
        rule_id: format!("{name}{n}"),
        pattern: (*pattern).to_owned(),
        action: *action,
        when: When::new(),
        risk: None,
        rationale: None,
    });
    Role { rules: rules.collect(), default_action: default, ..Role::new(name) }
}

fn lines(role: &Role) -> Vec<String> {
    role.rules.iter().map(|it| format!("{} {}", it.action, it.pattern)).collect()
}

use RuleAction::{Alert, Allow, Deny, Redact, RequireApproval as Ask, Terminate};

#[test]
fn the_floor_holds_and_the_role_adds_to_it() {
    let floor = role("f", Allow, &[("git push *--force*", Deny), ("terraform *", Ask)]);
    let own = role(
        "r",
        Deny,
        &[
            ("git push --force-with-lease *", Allow),
            ("git *", Allow),
            ("terraform apply *", Terminate),
            ("terraform plan *", Allow),
            ("ls *", Alert),
        ],
    );
    let merged = merge(&floor, &own);
    assert_eq!(
        lines(&merged.role),
        [
            "deny git push *--force*",
            "terminate terraform apply *",
            "require_approval terraform plan *",
            "deny terraform *",
            "allow git *",
            "alert ls *",
        ]
    );
    let weakened: Vec<String> = merged
        .weakened
        .iter()
        .map(|it| {
            let (rule, floor) = (it.rule.as_deref(), it.floor_rule.as_deref());
            format!(
                "{} under {}: {}",
                rule.unwrap_or("default"),
                floor.unwrap_or("default"),
                it.line
            )
        })
        .collect();
    assert_eq!(
        weakened,
        [
            "r1 under f1: git push --force-with-lease",
            "r2 under f1: git push --force",
            "r4 under f2: terraform plan",
        ]
    );
    assert_eq!(merged.stricter, []);
    assert_eq!(merged.role.default_action, Deny);
}

#[test]
fn thresholds_modes_and_defaults_take_the_stricter() {
    let mut floor = role("f", Deny, &[]);
    floor.risk_policy.trust_threshold = Some(70);
    floor.mode = Mode::Enforce;
    floor.mcp_rules = role("f", Deny, &[("github/*", Allow), ("github/delete_*", Deny)]).rules;
    let mut own = role("r", Allow, &[("ls", Allow)]);
    own.risk_policy.trust_threshold = Some(20);
    own.mcp_rules = role("r", Deny, &[("*/delete_repo", Ask), ("github/*", Allow)]).rules;
    let merged = merge(&floor, &own);
    assert_eq!(merged.role.risk_policy.trust_threshold, Some(70));
    assert_eq!((merged.role.mode, merged.role.default_action), (Mode::Enforce, Deny));
    assert_eq!(merged.notes.len(), 2);
    let mcp: Vec<String> =
        merged.role.mcp_rules.iter().map(|it| format!("{} {}", it.action, it.pattern)).collect();
    let asked = ["require_approval github/*/delete_repo", "require_approval github/delete_repo"];
    assert_eq!(mcp, [asked[0], asked[1], "allow github/*"]);
    // `ls` and a call on another server under the floor's default, and the default itself.
    assert_eq!(merged.weakened.len(), 3);
}

#[test]
fn placeholders_are_never_taken_for_text() {
    let floor = role("f", Allow, &[("deploy {{env}} *", Deny)]);
    let own = role("r", Allow, &[("deploy prod *", Allow), ("deploy * now", Alert)]);
    let merged = merge(&floor, &own);
    for env in ["prod", "dev"] {
        let variables = BTreeMap::from([("env".to_owned(), env.to_owned())]);
        let decide = |role: &Role, line: &str| {
            let argv = split(line).unwrap();
            Engine::new(role, &variables).decide(&Subject::Command(&argv)).decision
        };
        for line in ["deploy prod x", "deploy dev x", "deploy dev now", "deploy prod now", "deploy"]
        {
            let want = decide(&floor, line).max(decide(&own, line));
            assert!(decide(&merged.role, line) >= want, "{env}: {line}");
        }
    }
}

fn actions() -> impl Strategy<Value = RuleAction> {
    prop::sample::select(vec![Allow, Alert, Redact, Ask, Deny, Terminate])
}

fn patterns() -> impl Strategy<Value = String> {
    prop_oneof!["(a|b|sudo|echo|\\*)( (a|b|\\*)){0,2}", "(a|b|sudo|echo)[ab *]{0,4}", "[ab *]{1,4}",]
}

fn whens() -> impl Strategy<Value = When> {
    prop_oneof![
        4 => Just(When::new()),
        1 => prop::sample::subsequence(vec!["x", "y", "none"], 1..=2).prop_map(|values| {
            let values = values.into_iter().map(str::to_owned).collect();
            When::from([("env".to_owned(), values)])
        }),
        1 => prop::sample::select(vec!["x*", "*"]).prop_map(|glob| {
            When::from([("agent".to_owned(), vec![glob.to_owned()])])
        }),
    ]
}

prop_compose! {
    fn roles(name: &'static str)(
        rules in prop::collection::vec((patterns(), actions(), whens()), 0..6),
        default_action in actions(),
        overrides in any::<bool>(),
    ) -> Role {
        let rules = (1..).zip(rules).map(|(n, (pattern, action, when))| Rule {
            rule_id: format!("{name}{n}"), pattern, action, when, risk: None, rationale: None,
        });
        Role {
            rules: rules.collect(),
            default_action,
            evaluation: if overrides { Evaluation::DenyOverrides } else { Evaluation::FirstMatch },
            ..Role::new(name)
        }
    }
}

fn argvs() -> Vec<Vec<String>> {
    let words = ["a", "b", "ab", "sudo", "echo"];
    let mut res: Vec<Vec<String>> = words.iter().map(|it| vec![(*it).to_owned()]).collect();
    for first in words {
        for second in words {
            res.push(vec![first.to_owned(), second.to_owned()]);
            for third in ["a", "b", "aa"] {
                res.push(vec![first.to_owned(), second.to_owned(), third.to_owned()]);
            }
        }
    }
    res
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_merged_role_is_never_weaker(floor in roles("f"), own in roles("r"), literal in any::<bool>()) {
        let (mut floor, mut own) = (floor, own);
        if literal {
            (floor.matching, own.matching) = (Matching::Literal, Matching::Literal);
        }
        let merged = merge(&floor, &own);
        for env in ["x", "y", ""] {
            let mut variables = BTreeMap::from([("env".to_owned(), env.to_owned())]);
            variables.retain(|_, value| !value.is_empty());
            let engines = [&floor, &own, &merged.role].map(|it| Engine::new(it, &variables));
            for argv in argvs() {
                let [floor, own, both] =
                    engines.each_ref().map(|it| it.decide(&Subject::Command(&argv)).decision);
                prop_assert!(both >= floor && both >= own, "{:?} in `{}`: {:#?}", argv, env, merged);
                let is_plain = literal
                    || !argv.iter().any(|it| matches!(it.as_str(), "sudo" | "echo"));
                if is_plain && merged.stricter.is_empty() {
                    prop_assert_eq!(both, floor.max(own), "{:?} in `{}`: {:#?}", argv, env, merged);
                }
            }
        }
    }

    #[test]
    fn what_is_weakened_is_proved_by_its_line_and_nothing_else_is(
        floor in roles("f"), own in roles("r"),
    ) {
        let (mut floor, mut own) = (floor, own);
        for rule in floor.rules.iter_mut().chain(&mut own.rules) {
            rule.when.clear();
        }
        (floor.matching, own.matching) = (Matching::Literal, Matching::Literal);
        let merged = merge(&floor, &own);
        let variables = BTreeMap::new();
        let (floor, own) = (Engine::new(&floor, &variables), Engine::new(&own, &variables));
        let known: BTreeSet<(Option<String>, Option<String>)> = merged
            .weakened
            .iter()
            .map(|it| (it.rule.clone(), it.floor_rule.clone()))
            .collect();
        // Every pair of a milder rule of the role and a stricter one of the floor that decides some
        // line is told.
        for argv in argvs() {
            let line = argv.join(" ");
            let of = |engine: &Engine<'_>| {
                let decision = engine.decide(&Subject::Command(&argv));
                (decision.decision, decision.rule_ids.first().cloned())
            };
            let (strict, mild) = (of(&floor), of(&own));
            if mild.0 < strict.0 && mild.1.is_some() {
                prop_assert!(known.contains(&(mild.1, strict.1)), "`{}`: {:#?}", line, merged);
            }
        }
        for it in merged.weakened.iter().filter(|it| it.rule.is_some()) {
            // One word, so that it is quoted and matched as it stands, unless quoting changes it.
            let argv = split(&it.line).unwrap_or_default();
            if argv.is_empty() || crate::commands::canonical(&argv) != it.line {
                continue;
            }
            let of = |engine: &Engine<'_>| engine.decide(&Subject::Command(&argv)).decision;
            prop_assert!(of(&own) < of(&floor), "{:?}", it);
        }
    }
}
