import { open } from "headwater";
import type { Contender } from "../session.js";

export const contender: Contender = {
  open: async (target, { write = false }) => {
    const db = await open(target.url, { write });
    return {
      get: (sql, params) => db.get(sql, params),
      run: (sql, params) => db.run(sql, params),
      close: () => db.close(),
    };
  },
  openSync: async (target, { write = false, hydrate = false, syncIntervalMs }) => {
    const { openSync } = await import("headwater/sync");
    const hydration = hydrate === "later" ? { start: "manual" as const } : hydrate;
    const db = openSync(target.url, { write, hydration, ...(syncIntervalMs === undefined ? {} : { syncIntervalMs }) });
    return {
      prepare: (sql) => db.prepare(sql),
      exec: (sql) => db.exec(sql),
      hydrated: () => db.hydrated(),
      background: { start: () => db.hydrate(), done: () => db.status.hydration.state === "complete" },
      close: () => db.close(),
    };
  },
};
