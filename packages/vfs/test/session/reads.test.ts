import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { type PageRequest, SharedState } from "@headwater/engine";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BlockingClient } from "../../src/channel/blocking-client.js";
import { Session } from "../../src/session/session.js";
import { type Connection, SqliteRuntime } from "../../src/sqlite/index.js";
import { openPlain } from "../../src/testing/plain.js";

const PAGE_SIZE = 4096;
const random = new SeededRandom(testSeed("session-reads"));
let runtime: SqliteRuntime;
/** A table of 2000 rows on some 500 pages. */
let bytes: Uint8Array;
let connection: Connection | undefined;

beforeAll(async () => {
  runtime = await SqliteRuntime.load();
  const plain = await openPlain();
  plain.run(`pragma page_size = ${PAGE_SIZE}; create table t (id integer primary key, b text);
    insert into t with recursive s(i) as (select 1 union all select i + 1 from s where i < 2000) select i, hex(zeroblob(450)) from s`);
  bytes = plain.bytes().slice();
  plain.close();
});

afterEach(() => {
  connection?.close();
  connection = undefined;
});

const pageOf = (pgno: number): Uint8Array => bytes.slice((pgno - 1) * PAGE_SIZE, pgno * PAGE_SIZE);

/** A read connection whose I/O thread answers from `bytes`, with `along` pages behind the one that was asked for. */
function connect(along: number, cacheBytes = 32e6): { session: Session; db: Connection; asked: PageRequest[] } {
  const asked: PageRequest[] = [];
  const commit = bytes.byteLength / PAGE_SIZE;
  const client = {
    tell: () => undefined,
    call: (op: string, request: PageRequest) => {
      if (op !== "read") throw new Error(`unexpected call of ${op}`);
      asked.push(request);
      const last = Math.min(commit, request.pgno + along);
      return { pages: new Map(Array.from({ length: last - request.pgno + 1 }, (_, i) => [request.pgno + i, pageOf(request.pgno + i)])) };
    },
  } as unknown as BlockingClient;
  const shared = new SharedState();
  shared.newestView = 1;
  const opened = { shared: shared.buffer, viewId: 1, txid: 1n, pageSize: PAGE_SIZE, commit, pages: new Map([[1, pageOf(1)]]) };
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const limits = { cacheBytes, bufferBytesMax: 1e6, remoteTimeoutMs: 1000 };
  const fs = new MemoryFileSystem();
  const session = new Session({ client, opened, fs, logFs: fs, random, clock, ...limits });
  const db = runtime.open("main.db", session, { readonly: true, pageSize: PAGE_SIZE });
  connection = db;
  return { session, db, asked };
}

/** What SQLite reads from now on: bytes of each read. */
function watch(session: Session): number[] {
  const lengths: number[] = [];
  const readPage = session.readPage.bind(session);
  session.readPage = (pgno, into, offset) => {
    lengths.push(into.byteLength);
    readPage(pgno, into, offset);
  };
  return lengths;
}

describe("a read connection", () => {
  it("lets SQLite keep its cache while nothing changes: a repeated point read is one read of 16 bytes", () => {
    const { session, db, asked } = connect(0);
    const statement = db.prepare("select length(b) as n from t where id = ?");
    expect(statement.get(1234)).toEqual({ n: 900 });
    const before = asked.length;
    const lengths = watch(session);
    for (let i = 0; i < 1000; i += 1) statement.get(1234);
    statement.finalize();
    expect(lengths).toEqual(new Array(1000).fill(16));
    expect(asked).toHaveLength(before);
  });

  it("says with each question what SQLite read since the last one", () => {
    const { db, asked } = connect(3);
    expect(db.prepare("select sum(length(b)) as n from t").get()).toEqual({ n: 900 * 2000 });
    const scan = asked.slice(-100);
    for (const [i, { pgno, seen }] of scan.entries()) {
      if (i > 0) expect(Array.from(seen ?? [])).toEqual([1, 2, 3].map((n) => (scan[i - 1]?.pgno ?? 0) + n));
      expect(pgno).toBeGreaterThan(scan[i - 1]?.pgno ?? 0);
    }
  });

  it("asks for each page once while the cache holds them, however small the answers", () => {
    const { db, asked } = connect(0);
    for (let i = 0; i < 3; i += 1) db.prepare("select sum(length(b)) from t").get();
    expect(new Set(asked.map(({ pgno }) => pgno)).size).toBe(asked.length);
  });

  it("reads what came along before it makes room for more, with a cache of a few answers", () => {
    const { db, asked } = connect(15, 64 * PAGE_SIZE);
    db.prepare("select sum(length(b)) from t").get();
    expect(asked.length).toBeLessThanOrEqual(bytes.byteLength / PAGE_SIZE / 16 + 5);
  });

  it("works without a cache", () => {
    const { db } = connect(15, 0);
    expect(db.prepare("select count(*) as n from t").get()).toEqual({ n: 2000 });
  });
});
