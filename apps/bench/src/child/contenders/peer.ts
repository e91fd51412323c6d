import { createRequire } from "node:module";
import Sqlite from "better-sqlite3";
import type { Contender } from "../session.js";
import { sqliteSession } from "./sqlite-session.js";

const peer = createRequire(import.meta.url)("litestream-vfs") as { getLoadablePath(): string };
/** The extension is unloaded with the connection that loaded it. */
const keeper = new Sqlite(":memory:");
keeper.loadExtension(peer.getLoadablePath());
let isDefault = false;

/** `litestream-vfs`. Its settings come from the environment of the process. */
export const contender: Contender = {
  open: ({ defaultVfs }) => {
    if (!isDefault) keeper.loadExtension(defaultVfs ?? "");
    isDefault = true;
    return sqliteSession(new Sqlite("main.db"));
  },
};
