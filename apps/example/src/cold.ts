import cliProgress from "cli-progress";
import { type Database, open, type Status } from "headwater";

/** What the cold process tells its parent. */
export interface ColdReport {
  readonly insertedId: number;
  readonly txid: string;
  readonly requestsBeforeFirstRow: number;
  readonly requests: Status["requests"];
  readonly hydrationBytes: number;
}

const [url, bufferPath, expectedBody] = process.argv.slice(2);
if (url === undefined || bufferPath === undefined || expectedBody === undefined)
  throw new Error("usage: cold.js URL BUFFER_PATH EXPECTED_BODY");

/** Milliseconds since this process started. */
const stamp = (what: string): void => console.log(`${performance.now().toFixed(0).padStart(8)} ms  ${what}`);
const total = (requests: Status["requests"]): number => Object.values(requests).reduce((sum, { count }) => sum + count, 0);

stamp("process and modules loaded");
const db = await open(url, { write: true, hydration: true, buffer: { path: bufferPath } });
stamp("open");
const row = await db.get<{ body: string }>("select body from notes where id = ?", [30_000]);
stamp("first row read");
if (row?.body !== expectedBody) throw new Error("the first row is not what was written");
const requestsBeforeFirstRow = total(db.status.requests);
const { lastInsertRowid } = await db.run("insert into notes (body) values (?)", ["written before anything was downloaded"]);
stamp("first write accepted");
const txid = await db.sync();
stamp(`first sync durable (TXID ${txid})`);
await hydrate(db);
stamp(`hydrated (${(db.status.hydration.bytes / 1e6).toFixed(1)} MB fetched)`);

const before = total(db.status.requests);
const { n } = (await db.get<{ n: number }>("select count(*) as n from notes")) ?? { n: -1 };
if (total(db.status.requests) !== before) throw new Error("a hydrated read went to the store");
stamp(`${n} rows counted, all from the local copy`);

const report: ColdReport = {
  insertedId: Number(lastInsertRowid),
  txid,
  requestsBeforeFirstRow,
  requests: db.status.requests,
  hydrationBytes: db.status.hydration.bytes,
};
await db.close();
process.send?.(report);

/** Waits for the hydration, with a bar where there is a terminal. */
async function hydrate(database: Database): Promise<void> {
  if (!process.stdout.isTTY) return database.hydrated();
  const bar = new cliProgress.SingleBar({ format: "            hydration {bar} {percentage}% | {value}/{total} pages", hideCursor: true });
  const { pages, pageCount } = database.status.hydration;
  bar.start(pageCount, pages);
  database.on("hydration", (h) => {
    bar.setTotal(h.pageCount);
    bar.update(h.pages);
  });
  try {
    await database.hydrated();
    bar.update(database.status.hydration.pages);
  } finally {
    bar.stop();
  }
}
