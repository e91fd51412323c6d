import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { credentials, type S3Place, s3Place, serverUrl } from "./support/s3.js";
import { S3Proxy } from "./support/s3-proxy.js";

const ROWS = 10_000;
/** A range of this size is hydration's: an open, a read and its neighbourhood take less. */
const HYDRATION_BYTES = 512 * 1024;
const COMMIT_MEDIAN_MAX_MS = 100;

/** About 10 MB that do not compress. */
async function sample(): Promise<S3Place> {
  const place = s3Place();
  await using db = await open(place.url, place.writer());
  await db.exec(`create table t (n integer primary key, b blob);
    with recursive c(n) as (select 1 union all select n + 1 from c where n < ${ROWS}) insert into t select n, randomblob(900) from c`);
  await db.close();
  return place;
}

function startProxy(): Promise<S3Proxy> {
  return S3Proxy.start(serverUrl.searchParams.get("endpoint") ?? "http://127.0.0.1");
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe("a store that takes its time", () => {
  it("commits go on during an upload and land in the next file", async () => {
    const place = await sample();
    await using proxy = await startProxy();
    await using db = await open(place.through(proxy.endpoint), place.writer());
    await db.run("insert into t values (?, 'before')", [ROWS + 1]);
    proxy.holdBack = ({ method }) => method === "PUT";
    const uploading = db.sync();
    await proxy.untilHeld("the put");

    const durations: number[] = [];
    for (let n = 1; n <= 50; n += 1) {
      const start = performance.now();
      await db.run("update t set b = ? where n = ?", [`during ${n}`, n]);
      durations.push(performance.now() - start);
      expect(await db.get("select b from t where n = ?", [n])).toEqual({ b: `during ${n}` });
    }
    expect(proxy.held).toBe(1);
    expect(db.status.sync).toMatchObject({ pendingTransactions: 51, durableTxid: "0000000000000001" });
    expect(median(durations)).toBeLessThan(COMMIT_MEDIAN_MAX_MS);

    proxy.release();
    expect(await uploading).toBe("0000000000000002");
    {
      await using reader = await open(place.url, { pollIntervalMs: 0 });
      expect(await reader.get("select count(*) as n from t where b like 'during%'")).toEqual({ n: 0 });
      expect(await reader.get("select b from t where n = ?", [ROWS + 1])).toEqual({ b: "before" });
    }
    expect(await db.sync()).toBe("0000000000000003");
    await using reader = await open(place.url, { pollIntervalMs: 0 });
    expect(await reader.get("select count(*) as n from t where b like 'during%'")).toEqual({ n: 50 });
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  it("the first write does not wait for hydration, nor does its sync", async () => {
    const place = await sample();
    await using proxy = await startProxy();
    proxy.holdBack = ({ method, rangeBytes = 0 }) => method === "GET" && rangeBytes > HYDRATION_BYTES;
    await using db = await open(place.through(proxy.endpoint), place.writer({ hydration: true, store: { credentials } }));
    await db.run("insert into t values (?, 'first')", [ROWS + 1]);
    await proxy.untilHeld("hydration");
    expect(await db.sync()).toBe("0000000000000002");
    expect(await db.get("select b from t where n = ?", [ROWS + 1])).toEqual({ b: "first" });
    expect(await db.get("select length(b) as length from t where n = ?", [ROWS >> 1])).toEqual({ length: 900 });
    expect(db.status.hydration).toMatchObject({ state: "running" });
    expect(db.status.hydration.pages).toBeLessThan(db.status.pageCount / 2);

    proxy.release();
    await db.hydrated();
    expect(await db.get("select count(*) as n from t")).toEqual({ n: ROWS + 1 });
    expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});
