-- What the lake holds and what ingest has read: committed together, so that no event is lost or counted twice.

-- Counts up with every commit of ingest; a writer that knows an older generation has been overtaken.
CREATE TABLE lake_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    generation BIGINT NOT NULL
);

INSERT INTO lake_state (id, generation) VALUES (1, 0);

-- Parquet files of the lake; a file without a row does not count.
CREATE TABLE parts (
    name TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    events BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    committed_us BIGINT NOT NULL
);

CREATE INDEX parts_day ON parts (day);

-- Runs of the id index.
CREATE TABLE id_runs (
    name TEXT PRIMARY KEY,
    ids BIGINT NOT NULL
);

-- Content that was read: everything that begins with these bytes was read up to here, whatever the file is called.
CREATE TABLE checkpoints (
    prefix_sha256 TEXT NOT NULL,
    byte_offset BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    head_sha256 TEXT NOT NULL,
    reached_us BIGINT NOT NULL,
    PRIMARY KEY (prefix_sha256, byte_offset)
);

-- Files as they were when they were last read to their end; one that looks the same is not opened again.
CREATE TABLE seen_files (
    path TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    inode TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    changed_ns BIGINT NOT NULL,
    torn_bytes BIGINT NOT NULL,
    seen_us BIGINT NOT NULL
);

-- Lines that are no events.
CREATE TABLE rejects (
    source TEXT NOT NULL,
    line BIGINT NOT NULL,
    byte_offset BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT,
    excerpt TEXT NOT NULL,
    rejected_us BIGINT NOT NULL
);

CREATE INDEX rejects_source ON rejects (source, line);
