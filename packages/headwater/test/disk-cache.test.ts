import { readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Options, open } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { scratch } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

const MIB = 1024 * 1024;
const QUERIES = [
  "select body from t where n = 17",
  "select body from t where n = 4000",
  "select count(*) as c, sum(length(body)) as s from t",
  "select n from t where tag = 'tag-1234'",
];

/** A database of about 3 MB on an S3 server, and options of readers that share one folder. */
async function database(): Promise<{ server: SmallS3; cacheDir: string; reader: Options; dir: string }> {
  const server = await SmallS3.start();
  const { writer, dir } = scratch();
  await using db = await open(server.url, writer({ store: server.store }));
  await db.exec(`create table t (n integer primary key, tag text, body text); create index t_tag on t (tag);
    with recursive c(n) as (select 1 union all select n + 1 from c where n < 5000)
    insert into t select n, 'tag-' || n, hex(randomblob(250)) from c`);
  await db.close();
  const cacheDir = path.join(dir, "cache");
  const cache = { disk: { path: cacheDir, maxBytes: 32 * MIB } };
  return { server, cacheDir, dir, reader: { store: server.store, pollIntervalMs: 0, cache } };
}

describe("cache.disk", () => {
  it("makes a restart and the queries of before cost listings only", async () => {
    const { server, cacheDir, reader } = await database();
    const answers: unknown[] = [];
    const requests: { lists: number; gets: number }[] = [];
    for (let run = 0; run < 2; run += 1) {
      const before = { lists: server.count("lists"), gets: server.count("gets") };
      await using db = await open(server.url, reader);
      const rows: unknown[] = [];
      for (const sql of QUERIES) rows.push(await db.all(sql));
      answers.push(rows);
      await db.close();
      requests.push({ lists: server.count("lists") - before.lists, gets: server.count("gets") - before.gets });
      const { hits = 0, misses = 0, bytes = 0, path: shown } = db.status.cache.disk ?? {};
      expect(shown).toBe(cacheDir);
      expect(bytes).toBeGreaterThan(run === 0 ? 0 : 1_000_000);
      if (run === 0) expect(misses).toBeGreaterThan(3);
      else expect([hits > 3, misses]).toEqual([true, 0]);
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(requests[0]?.gets).toBeGreaterThan(3);
    expect(requests[1]).toEqual({ lists: requests[0]?.lists, gets: 0 });
  });

  it("works for openSync() too", async () => {
    const { server, reader } = await database();
    for (let run = 0; run < 2; run += 1) {
      const before = server.count("gets");
      using db = openSync(server.url, reader);
      for (const sql of QUERIES) db.prepare(sql).all();
      db.close();
      expect(server.count("gets") - before > 0).toBe(run === 0);
    }
  });

  it("keeps files that only the user may read", async () => {
    const { server, cacheDir, reader } = await database();
    await using db = await open(server.url, reader);
    await db.all("select count(*) from t");
    await db.close();
    const folders = readdirSync(cacheDir);
    expect(folders).toHaveLength(1);
    const folder = path.join(cacheDir, folders[0] ?? "");
    const modes = [cacheDir, folder, ...readdirSync(folder).map((name) => path.join(folder, name))].map((f) => statSync(f).mode & 0o777);
    // Two files a segment, and as many segments as what was read takes.
    expect(modes.length).toBeGreaterThanOrEqual(4);
    expect(modes).toEqual([0o700, 0o700, ...new Array(modes.length - 2).fill(0o600)]);
  });

  it("fails the open where its folder can't be made, and says where it would be", async () => {
    const { server, reader, dir } = await database();
    const blocked = path.join(dir, "file");
    writeFileSync(blocked, "");
    const cache = { disk: { path: path.join(blocked, "cache"), maxBytes: MIB } };
    await expect(open(server.url, { ...reader, cache })).rejects.toMatchObject({
      code: "CACHE_UNWRITABLE",
      message: expect.stringContaining(path.join(blocked, "cache")),
    });
  });

  it("is shared by databases and by handles of one, which never see each other's pages", async () => {
    const one = await database();
    const two = await database();
    const { cache } = one.reader;
    for (let run = 0; run < 2; run += 1) {
      await using a = await open(one.server.url, one.reader);
      await using b = await open(two.server.url, { ...two.reader, ...(cache === undefined ? {} : { cache }) });
      await using c = await open(two.server.url, { ...two.reader, ...(cache === undefined ? {} : { cache }) });
      const [x, y, z] = await Promise.all([a, b, c].map((db) => db.all("select n, body from t")));
      expect(z).toEqual(y);
      expect(x).not.toEqual(y);
      expect(x?.length).toBe(5000);
    }
  });
});
