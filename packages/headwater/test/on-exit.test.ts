import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Options, open } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { type Leaving, leave } from "./support/leaver.js";
import { scratch } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

interface Ending {
  readonly how: string;
  readonly signal?: "SIGTERM" | "SIGINT";
  readonly status: number | null;
  readonly by?: string;
}

const ENDINGS: readonly Ending[] = [
  { how: "natural", status: 0 },
  { how: "exit", status: 7 },
  { how: "throw", status: 1 },
  { how: "reject", status: 1 },
  { how: "signal", signal: "SIGTERM", status: null, by: "SIGTERM" },
  { how: "signal", signal: "SIGINT", status: null, by: "SIGINT" },
  { how: "signal, exits", signal: "SIGTERM", status: 7 },
  { how: "signal, closes", signal: "SIGTERM", status: 0 },
  { how: "signal, signal-exit", signal: "SIGTERM", status: null, by: "SIGTERM" },
];

/** A slow server, and what a process on it is told. */
async function world(more: Options = {}): Promise<{ server: SmallS3; base: Omit<Leaving, "how">; reopen: Options }> {
  const server = await SmallS3.start();
  const { dir } = scratch();
  const options: Options = { write: true, syncIntervalMs: 0, buffer: { path: path.join(dir, "buffer") }, ...more };
  return { server, base: { url: server.url, options, env: server.env }, reopen: { ...options, store: server.store } };
}

async function rowsIn(server: SmallS3): Promise<unknown> {
  await using reader = await open(server.url, { store: server.store });
  return (await reader.get<{ n: number }>("select count(*) as n from t"))?.n;
}

describe("a process that ends without close()", () => {
  for (const api of ["async", "sync"] as const) {
    it.each(api === "async" ? ENDINGS : ENDINGS.filter(({ how }) => ["natural", "throw", "signal"].includes(how)))(
      `syncs first, ${api}: $how $signal`,
      { timeout: 60_000 },
      async ({ how, signal, status, by = null }) => {
        const { server, base } = await world();
        server.putDelayMs = 300;
        const left = await leave({ ...base, how, api, ...(signal === undefined ? {} : { signal }) });
        expect(left).toMatchObject({ status, signal: by });
        expect(await rowsIn(server)).toBe(5);
      },
    );
  }

  it("takes a put of two seconds", { timeout: 60_000 }, async () => {
    const { server, base } = await world();
    server.putDelayMs = 2000;
    const left = await leave({ ...base, how: "signal", signal: "SIGTERM" });
    expect(left).toMatchObject({ signal: "SIGTERM" });
    expect(left.tookMs).toBeGreaterThan(1900);
    expect(await rowsIn(server)).toBe(5);
  });

  it.each(["exit", "signal"])(
    "gives up at the deadline when storage is down (%s); the next open uploads the buffer",
    { timeout: 60_000 },
    async (how) => {
      const { server, base, reopen } = await world({ onExit: { deadlineMs: 400 } });
      {
        await using db = await open(server.url, reopen);
        await db.exec("create table t (n)");
      }
      // It can still open and read; its puts hang.
      server.putDelayMs = 60_000;
      const left = await leave({ ...base, how, ...(how === "signal" ? { signal: "SIGTERM" } : {}) });
      expect(left).toMatchObject(how === "exit" ? { status: 7 } : { signal: "SIGTERM" });
      server.putDelayMs = 0;
      expect(await rowsIn(server)).toBe(0);
      await using db = await open(server.url, reopen);
      expect(await db.get("select count(*) as n from t")).toEqual({ n: 5 });
      await db.sync();
      expect(await rowsIn(server)).toBe(5);
    },
  );

  it.each(["exit", "signal"])("leaves everything in the buffer when that is turned off (%s)", { timeout: 60_000 }, async (how) => {
    const { server, base, reopen } = await world({ onExit: false });
    const left = await leave({ ...base, how, ...(how === "signal" ? { signal: "SIGTERM" } : {}) });
    expect(left).toMatchObject(how === "exit" ? { status: 7 } : { signal: "SIGTERM" });
    expect(server.count("puts")).toBe(0);
    await using db = await open(server.url, reopen);
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 5 });
  });
});

describe("signal handlers of ours", () => {
  const counts = (): number[] => (["SIGTERM", "SIGINT", "exit"] as const).map((name) => process.listenerCount(name as "SIGTERM"));

  it("exist only while a writer is open that wants them", async () => {
    const before = counts();
    const [a, b] = [scratch(), scratch()];
    const first = await open(a.url, a.writer());
    const second = openSync(b.url, b.writer());
    second.exec("create table t (n)");
    second.sync();
    expect(counts()).toEqual(before.map((n) => n + 1));
    await using reader = await open(b.url);
    await first.close();
    expect(counts()).toEqual(before.map((n) => n + 1));
    second.close();
    expect(counts()).toEqual(before);
    expect(reader.status.mode).toBe("read");

    const [c, d] = [scratch(), scratch()];
    await using quiet = await open(c.url, c.writer({ onExit: { signals: false } }));
    expect(counts()).toEqual(before.map((n, i) => (i === 2 ? n + 1 : n)));
    await using off = await open(d.url, d.writer({ onExit: false }));
    expect(counts()).toEqual(before.map((n, i) => (i === 2 ? n + 1 : n)));
    expect([quiet.status.mode, off.status.mode]).toEqual(["write", "write"]);
  });
});
