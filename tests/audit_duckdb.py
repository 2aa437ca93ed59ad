#!/usr/bin/env python3
"""Asks DuckDB what the audit log was asked, over the same Parquet, and compares the answers.

    tests/audit_duckdb.py DIR

DIR has `events/` of a lake and `queries.ndjson`, as the test `audit::every_query_finds_what_a_slow_filter_finds` leaves
them where ADVISOR_TEST_AUDIT_DIR names a directory: one question a line, with the answer it was given.
"""
import json, pathlib, sys

import duckdb

TEXTS = ["event_id", "binary", "command", "rule", "session_id", "cwd", "user", "mcp_server", "mcp_tool", "mcp_arguments", "endpoint"]


def condition(query):
    """A question as SQL, and its parameters."""
    parts = ["epoch_us(timestamp) >= ? AND epoch_us(timestamp) < ?"]
    values = [query["from_us"], query["to_us"]]
    for column, wanted in query["columns"].items():
        parts.append(f'"{column}" IN ({", ".join("?" * len(wanted))})')
        values += wanted
    if query["binaries"]:
        marks = ", ".join("?" * len(query["binaries"]))
        parts.append(f"(list_last(string_split(\"binary\", '/')) IN ({marks}) OR \"binary\" IN ({marks}))")
        values += query["binaries"] * 2
    for text in query["texts"]:
        parts.append("(" + " OR ".join(f"coalesce(contains(lower(\"{it}\"), lower(?)), false)" for it in TEXTS) + ")")
        values += [text] * len(TEXTS)
    return " AND ".join(parts), values


def main(directory):
    lake = duckdb.connect()
    # Read once: a thousand questions are about the filters, not about opening files.
    glob = str(directory / "events" / "*" / "*.parquet").replace("'", "''")
    lake.execute(f"CREATE TABLE events AS SELECT * FROM read_parquet('{glob}', hive_partitioning = false)")
    n_asked = n_rows = 0
    for line in (directory / "queries.ndjson").read_text().splitlines():
        query = json.loads(line)
        where, values = condition(query)
        answer = query["answer"]
        if "by" in answer:
            sql = f'SELECT "{answer["by"]}" AS value, count(*) FROM events WHERE {where} GROUP BY ALL'
            found = {value: count for value, count in lake.execute(sql, values).fetchall()}
            told = {value: count for value, count in answer["counts"]}
        else:
            sql = f"SELECT event_id FROM events WHERE {where} ORDER BY timestamp DESC, event_id DESC LIMIT ? OFFSET ?"
            rows = lake.execute(sql, values + [answer["n"] + 1, answer["skip"]]).fetchall()
            found = ([row[0] for row in rows[: answer["n"]]], len(rows) > answer["n"])
            told = (answer["ids"], answer["has_more"])
        if found != told:
            sys.exit(f"the audit log and DuckDB do not agree\nasked: {line}\nDuckDB: {found}")
        n_asked += 1
        n_rows += len(found) if isinstance(found, dict) else len(found[0])
    if n_asked < 1_000 or n_rows < n_asked:
        sys.exit(f"{n_asked} questions with {n_rows} rows are not enough to compare")
    print(f"{n_asked:,} generated audit queries agree with DuckDB, {n_rows:,} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
