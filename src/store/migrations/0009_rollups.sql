-- The rollup of each day that has events; a day whose events have changed since is due.
CREATE TABLE rollups (
    day TEXT PRIMARY KEY,
    name TEXT,
    row_count BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    is_due BIGINT NOT NULL CHECK (is_due IN (0, 1))
);
INSERT INTO rollups (day, is_due) SELECT DISTINCT day, 1 FROM parts;
