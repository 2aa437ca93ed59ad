-- Alerts count up while they are not resolved: one at a time for each kind and key.
ALTER TABLE alerts ADD COLUMN alert_key TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN events BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN last_seen_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN resolution TEXT CHECK (resolution IN ('handled', 'approved', 'blocked', 'dismissed'));
ALTER TABLE alerts ADD COLUMN note TEXT;
CREATE UNIQUE INDEX alerts_unresolved ON alerts (kind, alert_key) WHERE state <> 'resolved';
CREATE INDEX alerts_by_key ON alerts (kind, alert_key);

-- When the events of a part were looked at for alerts; those from before there were any count as seen.
ALTER TABLE parts ADD COLUMN watched_us BIGINT;
UPDATE parts SET watched_us = committed_us;

-- What other systems are to be told, in order, written in the transaction that made it so; the newest row stays.
CREATE TABLE outbox (
    sequence BIGINT PRIMARY KEY,
    made_us BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('suggestion', 'review', 'alert')),
    payload_json TEXT NOT NULL
);
