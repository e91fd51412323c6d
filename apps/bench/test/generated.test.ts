import { decodeHeader, decodePageFrame, decodeTail, HEADER_SIZE } from "@headwater/ltx";
import fc from "fast-check";
import { open } from "headwater";
import { describe, expect, it } from "vitest";
import { SlowProxy } from "../src/proxy/slow-proxy.js";
import { generatedRow } from "../src/replicas/generated/generated-row.js";
import { HugeFile } from "../src/replicas/generated/huge-file.js";
import { HugeTable } from "../src/replicas/generated/huge-table.js";
import { checkRow } from "../src/replicas/rows.js";
import { Bucket } from "../src/store/bucket.js";
import { s3Store } from "../src/store/s3-store.js";

const LEAVES = 2500;
const table = new HugeTable(LEAVES);
const file = new HugeFile(table);
const whole = file.read(0, file.size);

describe("a generated snapshot", () => {
  it("is an LTX file: header, index and every frame fit each other", () => {
    const header = decodeHeader(whole.subarray(0, HEADER_SIZE));
    expect(header).toMatchObject({ pageSize: 4096, commit: table.commit, minTXID: 1n, maxTXID: 1n, noChecksum: true });
    const tail = decodeTail(whole, file.size);
    if (tail.kind !== "ok") throw new Error("the tail is not whole");
    expect(tail.index.count).toBe(table.pages);
    for (let n = 0; n < tail.index.count; n += 1) {
      const [offset = 0, size = 0] = [tail.index.offsets[n], tail.index.sizes[n]];
      const { pgno, data } = decodePageFrame(whole.subarray(offset, offset + size), 0, 4096);
      expect(pgno).toBe(tail.index.pgnos[n]);
      expect(Buffer.compare(data, table.make(n).bytes)).toBe(0);
    }
  });

  it("gives the same bytes for any range", () => {
    fc.assert(
      fc.property(fc.nat(file.size - 1), fc.nat(200_000), (start, length) => {
        const end = Math.min(file.size, start + length);
        expect(Buffer.compare(file.read(start, end), whole.subarray(start, end))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it("leaves the lock page out", () => {
    const large = new HugeTable(300_000);
    expect(large.pgno(262_143)).toBe(262_144);
    expect(large.pgno(262_144)).toBe(262_146);
    expect(large.commit).toBe(large.pages + 1);
  });

  it("is a database that SQLite finds in order", async () => {
    const bucket = new Bucket();
    bucket.seed("huge/0009/0000000000000001-0000000000000001.ltx", file);
    const proxy = await SlowProxy.listen(s3Store(bucket));
    const credentials = { accessKeyId: "a", secretAccessKey: "b" };
    const db = await open(`s3://bench/huge?endpoint=${proxy.endpoint}&forcePathStyle=true&region=us-east-1`, { store: { credentials } });
    try {
      expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(await db.get("select count(*) as n from t")).toEqual({ n: LEAVES * 4 });
      for (const id of [1, 4, 5, 1200, 1201, LEAVES * 4]) checkRow(await db.get("select * from t where id = ?", [id]), generatedRow(id));
    } finally {
      await db.close();
      await proxy.close();
    }
  });
});
