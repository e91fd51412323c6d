import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import type { Target } from "../protocol.js";
import type { Contender } from "../session.js";
import { sqliteSession, syncSession } from "./sqlite-session.js";

const peer = createRequire(import.meta.url)("litestream-vfs") as { getLoadablePath(): string };
/** The extension is unloaded with the connection that loaded it. */
const keeper = new Sqlite(":memory:");
keeper.loadExtension(peer.getLoadablePath());
let isDefault = false;
/** How often it is asked how far it is. */
const PROGRESS_EVERY_MS = 5;

/** `litestream-vfs`. Its settings come from the environment of the process. */
export const contender: Contender = {
  open: (target) => sqliteSession(connect(target)),
  openSync: (target) => {
    const db = connect(target);
    return syncSession(db, async () => {
      while (Number(db.pragma("litestream_hydration_progress", { simple: true })) < 100) await sleep(PROGRESS_EVERY_MS);
    });
  },
};

function connect({ defaultVfs }: Target): Sqlite.Database {
  if (!isDefault) keeper.loadExtension(defaultVfs ?? "");
  isDefault = true;
  return new Sqlite("main.db");
}
