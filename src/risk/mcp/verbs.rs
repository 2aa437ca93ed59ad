//! The verbs of MCP tools: what each does to whatever it acts on.

/// What a verb does to whatever it acts on; of several in one name the last here counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Read,
    Send,
    Change,
    Publish,
    Destroy,
    Run,
}

/// One verb.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads the examples"))]
pub(super) struct Verb {
    word: &'static str,
    deed: Deed,
    /// A tool that does so by this verb, with its server.
    hit: &'static str,
    /// A tool that has its letters and does not.
    miss: &'static str,
}

const fn verb(word: &'static str, deed: Deed, hit: &'static str, miss: &'static str) -> Verb {
    Verb { word, deed, hit, miss }
}

/// All verbs.
///
/// # Source
/// The tools that public MCP servers list, and our judgment of what they do.
const VERBS: &[Verb] = &[
    verb("get", Deed::Read, "github/get_issue", "ui/widget_of"),
    verb("list", Deed::Read, "github/list_branches", "music/make_playlist"),
    verb("read", Deed::Read, "filesystem/read_file", "mail/thread_of"),
    verb("search", Deed::Read, "notion/search_pages", "lab/research_topic"),
    verb("find", Deed::Read, "filesystem/find_files", "lab/findings_of"),
    verb("fetch", Deed::Read, "web/fetch_url", "cache/prefetch_all"),
    verb("query", Deed::Read, "postgres/query_table", "site/jquery_of"),
    verb("view", Deed::Read, "github/view_file", "ui/preview_pane"),
    verb("show", Deed::Read, "git/show_head", "shop/showcase_of"),
    verb("describe", Deed::Read, "kubernetes/describe_pod", "x/described_by"),
    verb("lookup", Deed::Read, "dns/lookup_domain", "x/lookups_of"),
    verb("count", Deed::Read, "postgres/count_rows", "shop/discount_of"),
    verb("check", Deed::Read, "github/check_runs", "git/checkout_branch"),
    verb("status", Deed::Read, "git/status", "x/statuses_of"),
    verb("download", Deed::Read, "drive/download_file", "x/downloads_folder"),
    verb("navigate", Deed::Read, "playwright/browser_navigate", "x/navigated_to"),
    verb("browse", Deed::Read, "web/browse_page", "x/browser_of"),
    verb("open", Deed::Read, "browser/open_page", "x/openai_models"),
    verb("snapshot", Deed::Read, "playwright/browser_snapshot", "x/snapshots_of"),
    verb("screenshot", Deed::Read, "browser/screenshot_page", "x/screenshots_of"),
    verb("resolve", Deed::Read, "context7/resolve-library-id", "x/unresolved_of"),
    verb("inspect", Deed::Read, "docker/inspect_container", "x/inspector_of"),
    verb("diff", Deed::Read, "git/git_diff", "game/difficulty_of"),
    verb("log", Deed::Read, "git/git_log", "shop/catalog_of"),
    verb("info", Deed::Read, "redis/info", "x/infobox_of"),
    verb("retrieve", Deed::Read, "vault/retrieve_secret", "x/retriever_of"),
    verb("extract", Deed::Read, "web/extract_page", "x/extractor_of"),
    verb("scrape", Deed::Read, "firecrawl/scrape_url", "x/scraper_of"),
    verb("crawl", Deed::Read, "firecrawl/crawl_website", "x/crawler_of"),
    verb("verify", Deed::Read, "dns/verify_domain", "x/verifying_of"),
    verb("analyze", Deed::Read, "sentry/analyze_issue", "x/analyzed_by"),
    verb("compare", Deed::Read, "github/compare_branches", "x/compared_to"),
    verb("select", Deed::Read, "postgres/select_rows", "x/selection_of"),
    verb("recall", Deed::Read, "memory/recall_entity", "x/recalled_by"),
    verb("create", Deed::Change, "github/create_issue", "x/recreated_by"),
    verb("write", Deed::Change, "filesystem/write_file", "x/rewritten_writer"),
    verb("edit", Deed::Change, "filesystem/edit_file", "bank/credit_of"),
    verb("update", Deed::Change, "linear/update_issue", "x/updates_of"),
    verb("add", Deed::Change, "github/add_reviewer", "mail/address_of"),
    verb("set", Deed::Change, "redis/set_key", "x/asset_of"),
    verb("move", Deed::Change, "filesystem/move_file", "x/movement_remover_moves"),
    verb("rename", Deed::Change, "filesystem/rename_file", "x/renamed_to"),
    verb("copy", Deed::Change, "filesystem/copy_file", "x/copyright_of"),
    verb("insert", Deed::Change, "postgres/insert_row", "x/inserted_by"),
    verb("append", Deed::Change, "drive/append_to_file", "x/appendix_of"),
    verb("apply", Deed::Change, "terraform/apply_plan", "x/applying_of"),
    verb("patch", Deed::Change, "kubernetes/patch_deployment", "x/dispatched_by"),
    verb("modify", Deed::Change, "gmail/modify_message", "x/modifying_of"),
    verb("change", Deed::Change, "github/change_branch", "bank/exchange_rate"),
    verb("save", Deed::Change, "memory/save_entity", "x/saved_by"),
    verb("put", Deed::Change, "s3/put_object", "x/input_of"),
    verb("assign", Deed::Change, "linear/assign_issue", "x/assigned_to"),
    verb("close", Deed::Change, "github/close_issue", "x/closed_by"),
    verb("reopen", Deed::Change, "github/reopen_issue", "x/reopened_by"),
    verb("comment", Deed::Change, "linear/comment", "x/commentary_of"),
    verb("label", Deed::Change, "linear/label", "x/labelled_by"),
    verb("fork", Deed::Change, "github/fork_repository", "x/forklift_of"),
    verb("upsert", Deed::Change, "postgres/upsert_row", "x/upserted_by"),
    verb("replace", Deed::Change, "filesystem/replace_text", "x/replacement_of"),
    verb("start", Deed::Change, "docker/start_container", "x/starting_at"),
    verb("stop", Deed::Change, "docker/stop_container", "x/stopwatch_of"),
    verb("restart", Deed::Change, "kubernetes/restart_deployment", "x/restarts_of"),
    verb("scale", Deed::Change, "kubernetes/scale_deployment", "x/upscaled_by"),
    verb("rollback", Deed::Change, "helm/rollback", "x/rollbacks_of"),
    verb("invite", Deed::Change, "slack/invite_member", "x/invited_by"),
    verb("schedule", Deed::Change, "cron/schedule_job", "x/scheduler_of"),
    verb("reschedule", Deed::Change, "calendar/reschedule_event", "x/rescheduled_by"),
    verb("reserve", Deed::Change, "travel/reserve_hotel", "x/reserved_by"),
    verb("book", Deed::Change, "travel/book_flight", "x/bookmark_of"),
    verb("cancel", Deed::Change, "calendar/cancel_event", "x/cancelled_by"),
    verb("click", Deed::Change, "browser/click_button", "x/clicked_by"),
    verb("fill", Deed::Change, "browser/fill_form", "x/refilled_by"),
    verb("type", Deed::Change, "browser/type_text", "x/prototype_of"),
    verb("commit", Deed::Change, "git/git_commit", "x/commits_of"),
    verb("enable", Deed::Change, "sentry/enable_project", "x/enabled_by"),
    verb("disable", Deed::Change, "sentry/disable_project", "x/disabled_by"),
    verb("migrate", Deed::Change, "supabase/migrate_schema", "x/migrated_by"),
    verb("alter", Deed::Change, "postgres/alter_table", "x/alternative_of"),
    verb("checkout", Deed::Change, "git/git_checkout", "x/checkouts_of"),
    verb("install", Deed::Change, "pip/install_package", "x/installed_by"),
    verb("clone", Deed::Change, "git/clone_repository", "x/cyclones_of"),
    verb("import", Deed::Change, "drive/import_document", "x/important_of"),
    verb("restore", Deed::Change, "neon/restore_branch", "x/restored_by"),
    verb("archive", Deed::Change, "github/archive_repository", "x/archived_by"),
    verb("approve", Deed::Change, "github/approve_pull", "x/approved_by"),
    verb("remember", Deed::Change, "memory/remember_entity", "x/remembered_by"),
    verb("sync", Deed::Change, "argocd/sync_cluster", "x/async_of"),
    verb("send", Deed::Send, "slack/send_message", "x/sender_of"),
    verb("post", Deed::Send, "slack/post_message", "x/poster_of"),
    verb("upload", Deed::Send, "drive/upload_file", "x/uploads_folder"),
    verb("share", Deed::Send, "drive/share_file", "x/shared_with"),
    verb("email", Deed::Send, "gmail/email_draft", "x/emails_of"),
    verb("reply", Deed::Send, "gmail/reply_message", "x/replying_to"),
    verb("forward", Deed::Send, "gmail/forward_message", "x/forwarding_of"),
    verb("notify", Deed::Send, "slack/notify_channel", "x/notifying_of"),
    verb("transfer", Deed::Send, "bank/transfer_money", "x/transfers_of"),
    verb("pay", Deed::Send, "bank/pay_bill", "x/payload_of"),
    verb("submit", Deed::Send, "web/submit_form", "x/submitted_by"),
    verb("export", Deed::Send, "drive/export_document", "x/exported_by"),
    verb("push", Deed::Publish, "git/git_push", "x/pushed_by"),
    verb("publish", Deed::Publish, "npm/publish_package", "x/publisher_of"),
    verb("merge", Deed::Publish, "github/merge_pull_request", "x/emerged_from"),
    verb("release", Deed::Publish, "github/release_tag", "x/released_by"),
    verb("deploy", Deed::Publish, "vercel/deploy_project", "x/deployment_of"),
    verb("delete", Deed::Destroy, "github/delete_branch", "x/deleted_by"),
    verb("remove", Deed::Destroy, "s3/remove_bucket", "x/removed_by"),
    verb("destroy", Deed::Destroy, "terraform/destroy_stack", "x/destroyer_of"),
    verb("drop", Deed::Destroy, "postgres/drop_table", "x/dropbox_of"),
    verb("purge", Deed::Destroy, "redis/purge_keys", "x/purged_by"),
    verb("truncate", Deed::Destroy, "postgres/truncate_table", "x/truncated_by"),
    verb("terminate", Deed::Destroy, "aws/terminate_instances", "x/terminated_by"),
    verb("wipe", Deed::Destroy, "disk/wipe_volume", "x/swiped_by"),
    verb("uninstall", Deed::Destroy, "helm/uninstall", "x/uninstalled_by"),
    verb("revoke", Deed::Destroy, "vault/revoke_token", "x/revoked_by"),
    verb("drain", Deed::Destroy, "kubernetes/drain_node", "x/drained_by"),
    verb("flush", Deed::Destroy, "redis/flush_database", "x/flushed_by"),
    verb("unsubscribe", Deed::Destroy, "mail/unsubscribe", "x/unsubscribed_by"),
    verb("clear", Deed::Destroy, "redis/clear_database", "x/clearing_of"),
    verb("reset", Deed::Destroy, "supabase/reset_branch", "x/presets_of"),
    verb("kill", Deed::Destroy, "process/kill_server", "x/skills_of"),
    verb("prune", Deed::Destroy, "docker/prune_containers", "x/pruned_by"),
    verb("execute", Deed::Run, "supabase/execute_sql", "x/executed_by"),
    verb("exec", Deed::Run, "docker/exec_container", "x/executive_of"),
    verb("run", Deed::Run, "jenkins/run_job", "x/running_of"),
    verb("eval", Deed::Run, "browser/eval", "x/evaluation_of"),
    verb("evaluate", Deed::Run, "browser/browser_evaluate", "x/evaluated_by"),
    verb("invoke", Deed::Run, "aws/invoke_lambda", "x/invoked_by"),
    verb("shell", Deed::Run, "desktop/shell", "game/eggshell_of"),
    verb("bash", Deed::Run, "desktop/bash", "x/bashful_of"),
    verb("command", Deed::Run, "desktop/command", "x/commander_of"),
    verb("terminal", Deed::Run, "desktop/terminal", "x/terminals_of"),
    verb("trigger", Deed::Run, "zapier/trigger_zap", "x/triggered_by"),
];

/// What a verb does.
pub(super) fn deed(word: &str) -> Option<Deed> {
    VERBS.iter().find(|it| it.word == word).map(|it| it.deed)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{deed_of_call, words},
        *,
    };

    /// The strongest deed of a tool's verbs, one of them left out.
    fn without(tool: &str, left_out: &str) -> Option<Deed> {
        let words = words(tool).into_iter().filter(|it| it != left_out);
        deed_of_call(&words.collect::<Vec<_>>().join("_"))
    }

    #[test]
    fn every_verb_does_its_deed_in_its_hit_and_not_in_its_miss() {
        let mut wrong = Vec::new();
        for Verb { word, deed, hit, miss } in VERBS {
            let (_, tool) = hit.split_once('/').unwrap();
            if without(tool, "") != Some(*deed) || without(tool, word) == Some(*deed) {
                wrong.push(format!("hit `{hit}` of `{word}`"));
            }
            let (_, tool) = miss.split_once('/').unwrap();
            if !tool.contains(word) || without(tool, "") == Some(*deed) {
                wrong.push(format!("miss `{miss}` of `{word}`"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
