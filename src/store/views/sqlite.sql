-- The stable views, SQLite: times as RFC 3339 text in UTC, booleans as 0 or 1, JSON as text.
DROP VIEW IF EXISTS suggestions;
CREATE VIEW suggestions AS
SELECT b.batch_id, b.role, b.hosts, b.changes_add, b.changes_modify, b.changes_remove, b.confidence, b.risk,
    strftime('%Y-%m-%dT%H:%M:%S', b.generated_us / 1000000, 'unixepoch') || printf('.%06dZ', b.generated_us % 1000000) AS generated_at,
    b.status, b.role_revision, b.sessions, b.events, b.window_hours,
    strftime('%Y-%m-%dT%H:%M:%S', b.window_from_us / 1000000, 'unixepoch') || printf('.%06dZ', b.window_from_us % 1000000) AS window_from,
    strftime('%Y-%m-%dT%H:%M:%S', b.window_to_us / 1000000, 'unixepoch') || printf('.%06dZ', b.window_to_us % 1000000) AS window_to,
    b.applied_revision,
    strftime('%Y-%m-%dT%H:%M:%S', b.decided_us / 1000000, 'unixepoch') || printf('.%06dZ', b.decided_us % 1000000) AS decided_at,
    b.decided_by, b.reason,
    CASE WHEN b.status = 'pending' THEN (
        SELECT n.batch_id FROM batches n
        WHERE n.role = b.role AND (n.generated_us > b.generated_us OR (n.generated_us = b.generated_us AND n.batch_id > b.batch_id))
        ORDER BY n.generated_us DESC, n.batch_id DESC LIMIT 1
    ) END AS superseded_by
FROM batches b;

DROP VIEW IF EXISTS suggestion_changes;
CREATE VIEW suggestion_changes AS
SELECT batch_id, ordinal, change_id, kind, target, before_json AS "before", after_json AS "after", confidence, risk,
    reasoning, risk_if_wrong, evidence_json AS evidence, effects_json AS effects, techniques_json AS techniques,
    requires_json AS requires, state, modified_after_json AS modified_after
FROM changes;

DROP VIEW IF EXISTS suggestion_feedback;
CREATE VIEW suggestion_feedback AS
SELECT batch_id, sequence, role, change_id, verdict, reason, modified_after_json AS modified_after,
    strftime('%Y-%m-%dT%H:%M:%S', given_us / 1000000, 'unixepoch') || printf('.%06dZ', given_us % 1000000) AS given_at,
    given_by
FROM feedback;

DROP VIEW IF EXISTS policy_roles;
CREATE VIEW policy_roles AS
SELECT r.name, r.description, h.hosts, r.mode, CASE WHEN h.hosts > 0 THEN 'active' ELSE 'draft' END AS status,
    (SELECT count(*) FROM rules u WHERE u.role = r.name AND u.revision = r.revision) AS rules,
    r.revision, v.default_action, v.evaluation, v.matching, v.trust_threshold, r.is_default,
    strftime('%Y-%m-%dT%H:%M:%S', v.made_us / 1000000, 'unixepoch') || printf('.%06dZ', v.made_us % 1000000) AS changed_at
FROM roles r
JOIN revisions v ON v.role = r.name AND v.revision = r.revision
JOIN (
    SELECT o.name, (SELECT count(*) FROM assignments a WHERE a.role = o.name AND a.until_us IS NULL)
        + CASE WHEN o.is_default = 1 THEN (
            SELECT count(*) FROM hosts t
            WHERE NOT EXISTS (SELECT 1 FROM assignments a WHERE a.hostname = t.hostname AND a.until_us IS NULL)
        ) ELSE 0 END AS hosts
    FROM roles o
) h ON h.name = r.name
WHERE r.deleted_us IS NULL;

DROP VIEW IF EXISTS policy_rules;
CREATE VIEW policy_rules AS
SELECT u.role, u.revision, u.target, u.position, u.rule_id, u.pattern, u.action, u.when_json AS "when", u.rationale, u.risk
FROM rules u
JOIN roles r ON r.name = u.role AND r.revision = u.revision
WHERE r.deleted_us IS NULL;

DROP VIEW IF EXISTS policy_variables;
CREATE VIEW policy_variables AS
SELECT v.name, v.value, v.patterns_json AS patterns, v.builtin,
    (SELECT count(*) FROM variable_uses u JOIN roles r ON r.name = u.role WHERE u.variable = v.name AND r.deleted_us IS NULL) AS used_by,
    v.position
FROM variables v;

DROP VIEW IF EXISTS advisor_settings;
CREATE VIEW advisor_settings AS
SELECT s.role, coalesce(t.enabled, o.enabled) AS enabled,
    coalesce(t.analysis_schedule, o.analysis_schedule) AS analysis_schedule,
    coalesce(t.minimum_observation_window_hours, o.minimum_observation_window_hours) AS minimum_observation_window,
    coalesce(t.confidence_threshold, o.confidence_threshold) AS confidence_threshold,
    coalesce(t.retention_days, o.retention_days) AS retention_days
FROM (SELECT NULL AS role, '' AS scope UNION ALL SELECT name, name FROM roles WHERE deleted_us IS NULL) s
JOIN settings o ON o.scope = ''
LEFT JOIN settings t ON t.scope = s.scope;

DROP VIEW IF EXISTS advisor_runs;
CREATE VIEW advisor_runs AS
SELECT run_id, nullif(role, '') AS role,
    strftime('%Y-%m-%dT%H:%M:%S', started_us / 1000000, 'unixepoch') || printf('.%06dZ', started_us % 1000000) AS started_at,
    strftime('%Y-%m-%dT%H:%M:%S', finished_us / 1000000, 'unixepoch') || printf('.%06dZ', finished_us % 1000000) AS finished_at,
    outcome, reason, batch_id, counts_json AS counts
FROM runs;

DROP VIEW IF EXISTS audit_alerts;
CREATE VIEW audit_alerts AS
SELECT alert_id,
    strftime('%Y-%m-%dT%H:%M:%S', raised_us / 1000000, 'unixepoch') || printf('.%06dZ', raised_us % 1000000) AS raised_at,
    kind, severity, role, hostname, message, detail_json AS detail, state,
    strftime('%Y-%m-%dT%H:%M:%S', changed_us / 1000000, 'unixepoch') || printf('.%06dZ', changed_us % 1000000) AS changed_at,
    changed_by, resolution, note, events,
    strftime('%Y-%m-%dT%H:%M:%S', last_seen_us / 1000000, 'unixepoch') || printf('.%06dZ', last_seen_us % 1000000) AS last_seen_at
FROM alerts;

-- The trail is only appended to, whoever asks for something else.
DROP TRIGGER IF EXISTS trail_no_update;
CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail
BEGIN SELECT raise(ABORT, 'the trail is only appended to'); END;
DROP TRIGGER IF EXISTS trail_no_delete;
CREATE TRIGGER trail_no_delete BEFORE DELETE ON trail
BEGIN SELECT raise(ABORT, 'the trail is only appended to'); END;
-- `INSERT OR REPLACE` deletes without asking the trigger above.
DROP TRIGGER IF EXISTS trail_no_replace;
CREATE TRIGGER trail_no_replace BEFORE INSERT ON trail
WHEN EXISTS (SELECT 1 FROM trail WHERE sequence = NEW.sequence)
BEGIN SELECT raise(ABORT, 'the trail is only appended to'); END;
