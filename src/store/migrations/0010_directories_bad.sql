-- Directories whose lines since some time are all no events: how many, and since when.
CREATE TABLE directories_bad (
    path TEXT PRIMARY KEY,
    row_count BIGINT NOT NULL,
    since_us BIGINT NOT NULL
);
