//! The starter rules that every tenant of Interven begins with, as one policy with a name.
use super::document::{Action, Asked, IntervenPolicy, IntervenRule, Match};

/// The name by which the starter rules are asked for.
pub const BUILTIN: &str = "builtin:interven-starter";

/// id, server, operations, classes of data, action.
type Starter =
    (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Action);

/// # Source
/// Names, tools and actions are those of the page of policies; the operations are those of the MCP
/// servers of these tools that do what the rule's name says.
const STARTERS: &[Starter] = &[
    (
        "P1-github-external-collaborator",
        "github",
        &["add_collaborator", "add_external_collaborator"],
        &[],
        Action::Deny,
    ),
    (
        "P2-github-pull-request-review",
        "github",
        &["merge_pull_request", "create_pull_request_review"],
        &[],
        Action::RequireApproval,
    ),
    (
        "P3-slack-secret-egress",
        "slack",
        &["post_message", "chat_post_message", "slack_post_message", "conversations_add_message"],
        &["SECRETS"],
        Action::Deny,
    ),
    (
        "P4-slack-secret-upload",
        "slack",
        &["upload_file", "files_upload", "slack_upload_file"],
        &["SECRETS"],
        Action::Deny,
    ),
    (
        "P5-slack-pii-egress",
        "slack",
        &["post_message", "chat_post_message", "slack_post_message", "conversations_add_message"],
        &["PII"],
        Action::Sanitize,
    ),
    (
        "P6-aws-iam-user-creation",
        "aws",
        &["iam_create_user", "create_user"],
        &[],
        Action::RequireApproval,
    ),
    (
        "P7-aws-admin-policy-attachment",
        "aws",
        &["attach_admin_policy", "iam_attach_admin_policy"],
        &[],
        Action::Deny,
    ),
    ("P8-gdrive-external-sharing", "gdrive", &["share_file_external"], &[], Action::Deny),
    ("P9-gdrive-pii-export", "gdrive", &["export_file"], &["PII"], Action::Sanitize),
];

/// The starter rules.
pub fn starter_rules() -> IntervenPolicy {
    let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    let rules =
        (1..).zip(STARTERS).map(|(n, (id, tool, operations, classes, action))| IntervenRule {
            place: n - 1,
            rule_id: (*id).to_owned(),
            priority: 10 * i64::try_from(n).unwrap_or(i64::MAX / 10),
            matches: Match {
                tool_name: Some((*tool).to_owned()),
                operations: Some(owned(operations)),
                ..Match::default()
            },
            condition: Asked { has_data_class: owned(classes), ..Asked::default() },
            action: *action,
            sanitize_fields: Vec::new(),
            enabled: true,
        });
    IntervenPolicy { name: "Interven starter rules".to_owned(), rules: rules.collect() }
}
