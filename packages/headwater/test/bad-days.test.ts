import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, type Options, open } from "../src/index.js";
import { scratch, until } from "./support/scratch.js";
import { type RangeFault, SmallS3 } from "./support/small-s3.js";

const ROWS = 6000;
let server: SmallS3;
let reader: Options;
/** What the database holds, by row. */
let bodies: string[] = [];
/** One that waits as long as it takes, and one that gives up soon. */
let patient: Database;
let hasty: Database;

beforeAll(async () => {
  server = await SmallS3.start({ kept: true });
  const { writer } = scratch();
  const db = await open(server.url, writer({ store: server.store }));
  await db.exec(`create table t (n integer primary key, body text);
    with recursive c(n) as (select 1 union all select n + 1 from c where n < ${ROWS})
    insert into t select n, hex(randomblob(350)) from c`);
  bodies = ["", ...(await db.all<{ body: string }>("select body from t order by n")).map(({ body }) => body)];
  await db.close();
  reader = { store: server.store, pollIntervalMs: 0, cache: { maxBytes: 0 } };
  patient = await open(server.url, reader);
  hasty = await open(server.url, { ...reader, remoteTimeoutMs: 300 });
}, 60_000);

afterAll(async () => {
  await patient.close();
  await hasty.close();
  await server.stop();
});

let next = 0;
/** Looks up a row that was not read before, so many rows away from others that no request brought it along. */
async function lookUp(db: Database): Promise<void> {
  next += 1;
  const n = 1 + ((next * 1471) % ROWS);
  expect(await db.get("select body from t where n = ?", [n])).toEqual({ body: bodies[n] });
}

/** What each does where it never ends. */
const DAYS: [RangeFault, string][] = [
  ["whole", "right"],
  ["cut", "right"],
  ["gzip", "STORE_UNAVAILABLE"],
  ["otherRange", "STORE_UNAVAILABLE"],
  ["short", "STORE_UNAVAILABLE"],
  ["stall", "STORE_UNAVAILABLE"],
  ["otherEtag", "REPLICA_FILE_GONE"],
  ["gone", "REPLICA_FILE_GONE"],
  ["noise", "LTX_CORRUPT"],
];

describe("a server's bad day, through open()", () => {
  it.each(DAYS)("%s: once harms nothing; for ever it is %s, and the connection recovers", { timeout: 60_000 }, async (fault, always) => {
    // A connection that falls silent is given up after ten seconds only: that is tested where it can be shorter.
    server.spoilRanges(fault === "stall" ? "none" : fault, 1);
    await lookUp(patient);
    const db = always === "STORE_UNAVAILABLE" ? hasty : patient;
    server.spoilRanges(fault);
    if (always === "right") await lookUp(db);
    else await expect(lookUp(db)).rejects.toMatchObject({ code: always, isHeadwaterError: true });
    server.spoilRanges("none");
    await until("the connection has recovered", () =>
      lookUp(db).then(
        () => true,
        () => db === patient,
      ),
    );
  });

  it("is not remembered by a disk cache", { timeout: 60_000 }, async () => {
    const { dir } = scratch();
    const options: Options = { ...reader, cache: { disk: { path: dir, maxBytes: 64 << 20 } } };
    const db = await open(server.url, options);
    for (const fault of ["noise", "otherEtag"] as const) {
      server.spoilRanges(fault);
      await expect(lookUp(db)).rejects.toMatchObject({ isHeadwaterError: true });
    }
    server.spoilRanges("none");
    await db.close();
    await using again = await open(server.url, options);
    expect(await again.get("select count(*) as n, sum(length(body)) as s from t")).toEqual({ n: ROWS, s: 700 * ROWS });
    expect(await again.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});

describe("status.stale", () => {
  it("says why and since when a reader can't follow, and is null again when it can", { timeout: 60_000 }, async () => {
    await using following = await open(server.url, { ...reader, pollIntervalMs: 20 });
    expect(following.status.stale).toBeNull();
    const told = new Promise((resolve) => following.once("stale", resolve));
    server.fault = "denied";
    expect(await told).toMatchObject({ reason: expect.stringContaining("AccessDenied"), sinceMs: 0 });
    await until("it has been stale for a moment", () => (following.status.stale?.sinceMs ?? 0) > 5);
    const { stale } = following.status;
    expect(stale?.reason).toContain("AccessDenied");
    expect(JSON.parse(JSON.stringify(stale))).toEqual(stale);
    server.fault = "none";
    await until("it follows again", () => following.status.stale === null);
    await lookUp(following);
  });
});
