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
};
