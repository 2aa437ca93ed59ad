-- Parts that do not count any more: the files are to be taken away, at once or when nobody reads them any more.
CREATE TABLE dropped_parts (
    name TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    readable_until_us BIGINT NOT NULL
);

-- When each directory was last read to its end.
CREATE TABLE directories_read (
    path TEXT PRIMARY KEY,
    read_us BIGINT NOT NULL
);
