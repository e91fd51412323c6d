// Commits without a sync, says so, and ends in the way that it is told.
import { open } from "headwater";
import { openSync } from "headwater/sync";

const { url, options, how, api, rows } = JSON.parse(process.argv[2]);
const db = api === "sync" ? openSync(url, options) : await open(url, options);
const insert = "insert into t values (?)";
await db.exec("create table if not exists t (n)");
for (let n = 0; n < rows; n += 1) await (api === "sync" ? db.prepare(insert).run(n) : db.run(insert, [n]));

const HOWS = {
  natural: () => undefined,
  exit: () => process.exit(7),
  throw: () =>
    setImmediate(() => {
      throw new Error("uncaught, as told");
    }),
  reject: () => void Promise.reject(new Error("unhandled, as told")),
  signal: () => setInterval(() => undefined, 1000),
  "signal, exits": () => {
    process.on("SIGTERM", () => process.exit(7));
    HOWS.signal();
  },
  "signal, closes": () => {
    const timer = HOWS.signal();
    process.on("SIGTERM", async () => {
      await db.close();
      clearInterval(timer);
    });
  },
  // As the package signal-exit does it.
  "signal, signal-exit": () => {
    const emitter = { count: 1 };
    globalThis[Symbol.for("signal-exit emitter")] = emitter;
    const listener = () => {
      if (process.listeners("SIGTERM").length !== emitter.count) return;
      process.off("SIGTERM", listener);
      process.kill(process.pid, "SIGTERM");
    };
    process.on("SIGTERM", listener);
    HOWS.signal();
  },
};
process.stdout.write("ready\n");
HOWS[how]();
