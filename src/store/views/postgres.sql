-- The stable views, PostgreSQL: timestamptz, jsonb and boolean. Columns are only ever appended:
-- CREATE OR REPLACE keeps the grants and the views that others have put on top.
CREATE OR REPLACE VIEW suggestions AS
SELECT b.batch_id, b.role, b.hosts, b.changes_add, b.changes_modify, b.changes_remove, b.confidence, b.risk,
    timestamptz 'epoch' + b.generated_us * interval '1 microsecond' AS generated_at,
    b.status, b.role_revision, b.sessions, b.events, b.window_hours,
    timestamptz 'epoch' + b.window_from_us * interval '1 microsecond' AS window_from,
    timestamptz 'epoch' + b.window_to_us * interval '1 microsecond' AS window_to,
    b.applied_revision,
    timestamptz 'epoch' + b.decided_us * interval '1 microsecond' AS decided_at,
    b.decided_by, b.reason,
    CASE WHEN b.status = 'pending' THEN (
        SELECT n.batch_id FROM batches n
        WHERE n.role = b.role AND (n.generated_us > b.generated_us OR (n.generated_us = b.generated_us AND n.batch_id > b.batch_id))
        ORDER BY n.generated_us DESC, n.batch_id DESC LIMIT 1
    ) END AS superseded_by
FROM batches b;

CREATE OR REPLACE VIEW suggestion_changes AS
SELECT batch_id, ordinal, change_id, kind, target, before_json::jsonb AS "before", after_json::jsonb AS "after", confidence, risk,
    reasoning, risk_if_wrong, evidence_json::jsonb AS evidence, effects_json::jsonb AS effects, techniques_json::jsonb AS techniques,
    requires_json::jsonb AS requires, state, modified_after_json::jsonb AS modified_after
FROM changes;

CREATE OR REPLACE VIEW suggestion_feedback AS
SELECT batch_id, sequence, role, change_id, verdict, reason, modified_after_json::jsonb AS modified_after,
    timestamptz 'epoch' + given_us * interval '1 microsecond' AS given_at,
    given_by
FROM feedback;

CREATE OR REPLACE VIEW policy_roles AS
SELECT r.name, r.description, h.hosts, r.mode, CASE WHEN h.hosts > 0 THEN 'active' ELSE 'draft' END AS status,
    (SELECT count(*) FROM rules u WHERE u.role = r.name AND u.revision = r.revision) AS rules,
    r.revision, v.default_action, v.evaluation, v.matching, v.trust_threshold, r.is_default = 1 AS is_default,
    timestamptz 'epoch' + v.made_us * interval '1 microsecond' AS changed_at
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

CREATE OR REPLACE VIEW policy_rules AS
SELECT u.role, u.revision, u.target, u.position, u.rule_id, u.pattern, u.action, u.when_json::jsonb AS "when", u.rationale, u.risk
FROM rules u
JOIN roles r ON r.name = u.role AND r.revision = u.revision
WHERE r.deleted_us IS NULL;

CREATE OR REPLACE VIEW policy_variables AS
SELECT v.name, v.value, v.patterns_json::jsonb AS patterns, v.builtin = 1 AS builtin,
    (SELECT count(*) FROM variable_uses u JOIN roles r ON r.name = u.role WHERE u.variable = v.name AND r.deleted_us IS NULL) AS used_by,
    v.position
FROM variables v;

CREATE OR REPLACE VIEW advisor_settings AS
SELECT s.role, coalesce(t.enabled, o.enabled) = 1 AS enabled,
    coalesce(t.analysis_schedule, o.analysis_schedule) AS analysis_schedule,
    coalesce(t.minimum_observation_window_hours, o.minimum_observation_window_hours) AS minimum_observation_window,
    coalesce(t.confidence_threshold, o.confidence_threshold) AS confidence_threshold,
    coalesce(t.retention_days, o.retention_days) AS retention_days
FROM (SELECT CAST(NULL AS TEXT) AS role, '' AS scope UNION ALL SELECT name, name FROM roles WHERE deleted_us IS NULL) s
JOIN settings o ON o.scope = ''
LEFT JOIN settings t ON t.scope = s.scope;

CREATE OR REPLACE VIEW advisor_runs AS
SELECT run_id, nullif(role, '') AS role,
    timestamptz 'epoch' + started_us * interval '1 microsecond' AS started_at,
    timestamptz 'epoch' + finished_us * interval '1 microsecond' AS finished_at,
    outcome, reason, batch_id, counts_json::jsonb AS counts
FROM runs;

CREATE OR REPLACE VIEW audit_alerts AS
SELECT alert_id,
    timestamptz 'epoch' + raised_us * interval '1 microsecond' AS raised_at,
    kind, severity, role, hostname, message, detail_json::jsonb AS detail, state,
    timestamptz 'epoch' + changed_us * interval '1 microsecond' AS changed_at,
    changed_by, resolution, note, events,
    timestamptz 'epoch' + last_seen_us * interval '1 microsecond' AS last_seen_at
FROM alerts;

-- The trail is only appended to, whoever asks for something else.
CREATE OR REPLACE FUNCTION trail_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'the trail is only appended to'; END$$;
DROP TRIGGER IF EXISTS trail_append_only ON trail;
CREATE TRIGGER trail_append_only BEFORE UPDATE OR DELETE ON trail FOR EACH ROW EXECUTE FUNCTION trail_refuse();
DROP TRIGGER IF EXISTS trail_keep ON trail;
CREATE TRIGGER trail_keep BEFORE TRUNCATE ON trail FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
