-- Roles, their revisions, hosts, variables, settings, batches, reviews, runs and the trail of who did what.
-- Types both databases share: TEXT, BIGINT, DOUBLE PRECISION. Times are microseconds since 1970 UTC,
-- booleans 0 or 1, JSON is text; the views give native types where there are some.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL
);

-- Mode and description belong to the role and take effect at once; what decides belongs to the revision.
CREATE TABLE roles (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('monitor', 'enforce')),
    revision BIGINT NOT NULL,
    rules_given BIGINT NOT NULL,
    is_default BIGINT NOT NULL CHECK (is_default IN (0, 1)),
    created_us BIGINT NOT NULL,
    deleted_us BIGINT
);

CREATE TABLE revisions (
    role TEXT NOT NULL REFERENCES roles (name),
    revision BIGINT NOT NULL,
    default_action TEXT NOT NULL,
    evaluation TEXT NOT NULL,
    matching TEXT NOT NULL,
    trust_threshold BIGINT CHECK (trust_threshold BETWEEN 0 AND 100),
    made_us BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    batch_id TEXT,
    PRIMARY KEY (role, revision)
);

CREATE TABLE rules (
    role TEXT NOT NULL,
    revision BIGINT NOT NULL,
    target TEXT NOT NULL CHECK (target IN ('command', 'mcp')),
    position BIGINT NOT NULL,
    rule_id TEXT NOT NULL,
    pattern TEXT NOT NULL,
    action TEXT NOT NULL,
    when_json TEXT NOT NULL,
    rationale TEXT,
    PRIMARY KEY (role, revision, target, position),
    UNIQUE (role, revision, rule_id),
    FOREIGN KEY (role, revision) REFERENCES revisions (role, revision)
);

-- Which variables the current revision of a role names.
CREATE TABLE variable_uses (
    role TEXT NOT NULL REFERENCES roles (name),
    variable TEXT NOT NULL,
    PRIMARY KEY (role, variable)
);

CREATE TABLE hosts (
    hostname TEXT PRIMARY KEY,
    first_seen_us BIGINT,
    last_seen_us BIGINT
);

-- A host has the role from `from_us` up to, not including, `until_us`.
CREATE TABLE assignments (
    hostname TEXT NOT NULL REFERENCES hosts (hostname),
    from_us BIGINT NOT NULL,
    until_us BIGINT,
    role TEXT NOT NULL REFERENCES roles (name),
    assigned_by TEXT NOT NULL,
    PRIMARY KEY (hostname, from_us)
);

CREATE INDEX assignments_role ON assignments (role, until_us);

CREATE TABLE variables (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    position BIGINT NOT NULL,
    patterns_json TEXT NOT NULL,
    builtin BIGINT NOT NULL CHECK (builtin IN (0, 1)),
    PRIMARY KEY (name, value)
);

-- Scope '' is the organization, anything else a role; NULL in a role's row: as the organization.
CREATE TABLE settings (
    scope TEXT PRIMARY KEY,
    enabled BIGINT CHECK (enabled IN (0, 1)),
    analysis_schedule TEXT,
    minimum_observation_window_hours DOUBLE PRECISION,
    confidence_threshold DOUBLE PRECISION,
    retention_days BIGINT,
    changed_us BIGINT,
    changed_by TEXT
);

CREATE TABLE batches (
    batch_id TEXT PRIMARY KEY,
    schema_version TEXT NOT NULL,
    role TEXT NOT NULL,
    role_revision BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'applied', 'partially_applied', 'dismissed')),
    generated_us BIGINT NOT NULL,
    window_from_us BIGINT NOT NULL,
    window_to_us BIGINT NOT NULL,
    window_hours DOUBLE PRECISION NOT NULL,
    hosts BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    events BIGINT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    risk TEXT NOT NULL,
    changes_add BIGINT NOT NULL,
    changes_modify BIGINT NOT NULL,
    changes_remove BIGINT NOT NULL,
    applied_revision BIGINT,
    decided_us BIGINT,
    decided_by TEXT,
    reason TEXT
);

CREATE INDEX batches_role ON batches (role, generated_us);

CREATE TABLE changes (
    batch_id TEXT NOT NULL REFERENCES batches (batch_id),
    ordinal BIGINT NOT NULL,
    change_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('add', 'modify', 'remove')),
    target TEXT NOT NULL CHECK (target IN ('command', 'mcp')),
    before_json TEXT NOT NULL,
    after_json TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    risk TEXT NOT NULL,
    reasoning TEXT NOT NULL,
    risk_if_wrong TEXT NOT NULL,
    evidence_json TEXT NOT NULL,
    effects_json TEXT NOT NULL,
    techniques_json TEXT NOT NULL,
    requires_json TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'modified')),
    modified_after_json TEXT,
    PRIMARY KEY (batch_id, ordinal),
    UNIQUE (batch_id, change_id)
);

CREATE TABLE feedback (
    batch_id TEXT NOT NULL REFERENCES batches (batch_id),
    sequence BIGINT NOT NULL,
    role TEXT NOT NULL,
    change_id TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'modify', 'apply', 'dismiss')),
    reason TEXT,
    -- What the change proposes and stood on, for the next analysis.
    identity TEXT,
    mark_json TEXT,
    modified_after_json TEXT,
    given_us BIGINT NOT NULL,
    given_by TEXT NOT NULL,
    PRIMARY KEY (batch_id, sequence)
);

CREATE INDEX feedback_role ON feedback (role, given_us);

-- One row a role and run; role '' is the run as a whole.
CREATE TABLE runs (
    run_id TEXT NOT NULL,
    role TEXT NOT NULL,
    started_us BIGINT NOT NULL,
    finished_us BIGINT,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    batch_id TEXT,
    counts_json TEXT NOT NULL,
    PRIMARY KEY (run_id, role)
);

CREATE INDEX runs_role ON runs (role, started_us);

CREATE TABLE alerts (
    alert_id TEXT PRIMARY KEY,
    raised_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    role TEXT,
    hostname TEXT,
    message TEXT NOT NULL,
    detail_json TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'escalated', 'resolved')),
    changed_us BIGINT,
    changed_by TEXT
);

-- Who did what, appended only.
CREATE TABLE trail (
    sequence BIGINT PRIMARY KEY,
    done_us BIGINT NOT NULL,
    done_by TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT
);

INSERT INTO settings (scope, enabled, analysis_schedule, minimum_observation_window_hours, confidence_threshold, retention_days)
VALUES ('', 1, 'weekly', 48.0, 0.6, 90);

INSERT INTO variables (name, value, position, patterns_json, builtin) VALUES
    ('env', 'production', 1, '["^prod-.*"]', 1),
    ('env', 'staging', 2, '["^staging-.*","^stg-.*"]', 1),
    ('env', 'dev', 3, '["^dev-.*","^[a-z]+-mbp.*"]', 1);
