import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SlowProxy } from "../src/proxy/slow-proxy.js";
import { BUCKET_NAME, prepareReplica, type Replica } from "../src/replicas/replica.js";
import type { ReplicaSpec } from "../src/replicas/spec.js";
import { type RunOrder, runChild } from "../src/run/run-child.js";
import { Bucket } from "../src/store/bucket.js";
import { s3Store } from "../src/store/s3-store.js";

const child = fileURLToPath(new URL("../dist/child.js", import.meta.url));
const spec: ReplicaSpec = { name: "tiny", title: "tiny", databaseBytes: 200_000, updates: 3, snapshot: true };

describe("one run of Headwater, in a process of its own", () => {
  let dir: string;
  let replica: Replica;
  let proxy: SlowProxy;
  const bucket = new Bucket();

  beforeAll(async () => {
    dir = mkdtempSync(path.join(os.tmpdir(), "headwater-bench-test-"));
    replica = await prepareReplica(spec, dir);
    proxy = await SlowProxy.listen(s3Store(bucket));
    replica.load(bucket, true);
  });
  afterAll(async () => {
    await proxy.close();
    rmSync(dir, { recursive: true });
  });

  const order = (more: Partial<RunOrder>): RunOrder => ({
    contender: "headwater",
    program: "cold-start",
    mode: {},
    manifest: replica.manifest,
    options: { firstId: 17 },
    target: {
      url: `s3://${BUCKET_NAME}/${spec.name}?endpoint=${proxy.endpoint}&forcePathStyle=true&region=us-east-1`,
      endpoint: proxy.endpoint,
      bucket: BUCKET_NAME,
      plainKey: "",
    },
    ...more,
  });

  it("builds a replica once, with a snapshot at level 9, and its database as a plain file", async () => {
    expect(bucket.entries().map(([key]) => key.split("/").slice(1, 2)[0])).toEqual(["tiny.db", "0000", "0000", "0000", "0009"]);
    expect(
      readFileSync(replica.databaseFile ?? "")
        .subarray(0, 15)
        .toString(),
    ).toBe("SQLite format 3");
    expect((await prepareReplica(spec, dir)).manifest).toEqual(replica.manifest);
  });

  it("measures a cold start", async () => {
    const metrics = await runChild(order({}), proxy, child);
    expect(metrics).toMatchObject({ firstRowMs: expect.any(Number), processStartMs: expect.any(Number), requests: expect.any(Number) });
    expect(metrics["processStartMs"]).toBeGreaterThan(metrics["firstRowMs"] ?? Number.POSITIVE_INFINITY);
    expect(metrics["requestsLIST"]).toBeGreaterThan(0);
    expect(metrics["roundTrips"]).toBeLessThanOrEqual(metrics["requests"] ?? 0);
    expect(metrics["peakBytes"]).toBeGreaterThan(30e6);
  });

  it("fails where what was read is not what is in the replica", async () => {
    const manifest = { ...replica.manifest, versions: { "17": 99 } };
    await expect(runChild(order({ manifest }), proxy, child)).rejects.toThrow(/wrong row: id=17/);
  });
});
