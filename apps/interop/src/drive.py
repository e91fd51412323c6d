"""Runs SQL in a process of its own, one JSON line a request and one a reply.

Arguments: the path of an SQLite extension to load first ("" for none), and the database (a path or a file: URI).
A request is {"sql": text, "params": [...]}; a reply {"rows": [[...], ...]} or {"error": text}. Blobs are {"hex": text}.
The end of the input closes the database.
"""

import json
import sqlite3
import sys

extension, database = sys.argv[1:]


def encode(value):
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def decode(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def reply(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


keeper = None
if extension != "":
    keeper = sqlite3.connect(":memory:")  # the extension is unloaded with the connection that loaded it
    keeper.enable_load_extension(True)
    keeper.load_extension(extension)
try:
    db = sqlite3.connect(database, uri=database.startswith("file:"), isolation_level=None, timeout=30)
    # Opening is lazy: this is what really opens.
    db.execute("select * from sqlite_schema limit 1").fetchall()
    reply({"rows": []})
except Exception as error:
    reply({"error": str(error)})
    sys.exit(0)

for line in sys.stdin:
    request = json.loads(line)
    try:
        rows = db.execute(request["sql"], [decode(v) for v in request["params"]]).fetchall()
        reply({"rows": [[encode(v) for v in row] for row in rows]})
    except Exception as error:
        reply({"error": str(error)})
db.close()
