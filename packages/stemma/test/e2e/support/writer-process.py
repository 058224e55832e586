"""The same program as writer-process.ts, by another language and another version of SQLite."""

import json
import os
import sqlite3
import sys
import time


def tell(message):
    os.write(1, (json.dumps(message) + "\n").encode())


MOVE = """
  UPDATE account SET balance = balance - 7, note = hex(randomblob(8)) WHERE id = abs(random() % 100) + 1;
  UPDATE account SET balance = balance + 10000 - (SELECT sum(balance) FROM account) WHERE id = abs(random() % 100) + 1;
"""

writers = []
for path in sys.argv[1:]:
    database = sqlite3.connect(path, timeout=5, isolation_level=None)
    database.execute("PRAGMA wal_autocheckpoint = 30")
    database.execute("CREATE TABLE IF NOT EXISTS entry (n INTEGER PRIMARY KEY, x TEXT, y BLOB)")
    n = database.execute("SELECT coalesce(max(n), 0) FROM entry").fetchone()[0]
    writers.append([database, n])
tell({"kind": "up"})

count = 0
while True:
    count += 1
    for writer in writers:
        database = writer[0]
        writer[1] += 1
        database.execute("INSERT INTO entry VALUES (?, hex(randomblob(8)), randomblob(abs(random() % 600)))", [writer[1]])
        if count % 5 == 0:
            database.executescript("BEGIN IMMEDIATE;" + MOVE + "COMMIT")
        if count % 40 == 0:
            database.execute("DELETE FROM entry WHERE n < (SELECT max(n) FROM entry) - 200")
    tell({"kind": "wrote", "counts": [n for _, n in writers]})
    time.sleep(0.003)
