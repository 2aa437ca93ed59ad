//! Which patterns of a guard that asks deny in the built-in role: what cannot be taken back.
//!
//! A guard over a tool holds what changes things and what ends them. Roles that are made from
//! activity ask for both; the built-in role, which knows nobody, denies what ends them.
use super::Guard;
use crate::policy::RuleAction;

/// Guards, and the texts that mark their patterns as destroying; none marks all of them.
const MARKS: &[(&str, &[&str])] = &[
    ("infra.terraform", &["destroy", "state rm", "state push", "stack rm", "delete", "remove"]),
    (
        "infra.clouds",
        &[
            "delete",
            "terminate",
            "purge",
            "destroy",
            "remove",
            "deregister",
            "s3 rb",
            "s3 rm",
            " rm ",
            "*rm ",
            "*rb ",
            " rb ",
            " del ",
            "rm*",
            "-d*",
        ],
    ),
    ("infra.platforms", &["destroy", "delete", "remove", "reset", "*rm *"]),
    ("infra.kubernetes", &["delete", "drain", "uninstall", "reset", "replace"]),
    ("database.destroy-sql", &[]),
    ("database.destroy-stores", &["drop", "flush", "FLUSH", "delete", "DELETE", "DROP", "purge"]),
    ("services.backups", &[]),
    ("services.secret-stores", &["delete", "destroy", "disable", "rm "]),
    ("files.delete-tree", &[]),
    ("gh.destroy", &["repo delete", "repo archive", "release delete"]),
    ("network.ssh", &["ssh *"]),
];

/// Whether a pattern of a guard denies in the built-in role although its guard only asks.
pub(super) fn denies(guard: &Guard, pattern: &str) -> bool {
    let marks = MARKS.iter().find(|(id, _)| *id == guard.id).map(|(_, marks)| *marks);
    guard.action == RuleAction::RequireApproval
        && marks.is_some_and(|it| it.is_empty() || it.iter().any(|mark| pattern.contains(mark)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        commands::split,
        policy::{Engine, Subject},
        risk::{builtin_role, guards},
    };

    #[test]
    fn every_mark_is_for_a_pattern_of_its_guard() {
        for (id, marks) in MARKS {
            let guard = guards().iter().find(|it| it.id == *id).unwrap();
            for mark in *marks {
                assert!(guard.patterns.iter().any(|it| it.contains(mark)), "{id}: {mark}");
            }
        }
    }

    #[test]
    fn what_ends_things_is_denied_and_what_changes_them_is_asked() {
        let role = builtin_role();
        let engine = Engine::new(&role, &BTreeMap::new());
        for (line, action) in [
            ("terraform destroy -auto-approve", RuleAction::Deny),
            ("terraform apply", RuleAction::RequireApproval),
            ("pulumi up", RuleAction::RequireApproval),
            ("kubectl delete pod x", RuleAction::Deny),
            ("kubectl drain node-1", RuleAction::Deny),
            ("kubectl apply -f x.yaml", RuleAction::RequireApproval),
            ("helm uninstall api", RuleAction::Deny),
            ("helm upgrade api charts/api", RuleAction::RequireApproval),
            ("aws ec2 terminate-instances --instance-ids i-1", RuleAction::Deny),
            ("aws ec2 create-snapshot --volume-id v", RuleAction::RequireApproval),
            ("aws s3 rm s3://b --recursive", RuleAction::Deny),
            ("gcloud compute instances delete x", RuleAction::Deny),
            ("az group delete -n x", RuleAction::Deny),
            ("psql -c 'DROP DATABASE x'", RuleAction::Deny),
            ("redis-cli FLUSHALL", RuleAction::Deny),
            ("restic forget --keep-last 1", RuleAction::Deny),
            ("vault kv delete x", RuleAction::Deny),
            ("vault kv put x y=z", RuleAction::RequireApproval),
            ("rm -rf /home/x", RuleAction::Deny),
            ("rm -rf dist", RuleAction::Alert),
            ("ssh host uptime", RuleAction::Deny),
            ("scp a u@h:b", RuleAction::RequireApproval),
            ("gh repo delete x --yes", RuleAction::Deny),
            ("git push --force origin main", RuleAction::Deny),
        ] {
            let argv = split(line).unwrap();
            let decision = engine.decide(&Subject::Command(&argv));
            assert_eq!(decision.decision, action, "{line}: {:?}", decision.rule_ids);
        }
    }
}
