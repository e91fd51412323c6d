import { UNPACED } from "@headwater/core";
import { type MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { IntentFile } from "../src/index.js";
import { SEGMENT_HEADER_BYTES } from "../src/log/segment.js";
import { readLog } from "../src/recovery/read-log.js";
import { commit, DIR, diskFull, HookedFileSystem, memoryFs, openLog, PAGE_SIZE, pageOf, pageOne, tx } from "./support.js";

testSeed("log-files");

function sizeOf(fs: MemoryFileSystem): number {
  const [name = ""] = fs.list(DIR).filter((n) => n.startsWith("log-"));
  return fs.stat(`${DIR}/${name}`)?.size ?? 0;
}

async function sequencesIn(fs: MemoryFileSystem): Promise<number[]> {
  const read = await readLog(fs, DIR, 0, UNPACED);
  return read.kind === "log" ? read.log.transactions.map((t) => t.sequence) : [];
}

const INTENT = {
  txid: tx(1),
  startSequence: 0,
  endSequence: 3,
  fileChecksum: 0x8000000000000001n,
  size: 1000,
  timestampMs: 5,
  nodeID: 7n,
  previous: { fileChecksum: 0n, timestampMs: 0 },
};

describe("the log's file", () => {
  it("is cut back when a transaction is given up, spilled or complete", () => {
    const fs = memoryFs();
    const { log } = openLog(fs);
    commit(log, 1, 2, { 2: pageOf(2) });
    const size = sizeOf(fs);
    for (const complete of [false, true]) {
      for (let i = 0; i < 100; i += 1) log.write(2, pageOf(i));
      if (complete) log.completeRecord();
      expect(sizeOf(fs)).toBeGreaterThan(size);
      log.unlock();
      expect(sizeOf(fs)).toBe(size);
    }
  });

  it("has a dead mark overwritten, so that a failing truncation does not bring the record back", async () => {
    const fs = memoryFs();
    const hooked = new HookedFileSystem(fs);
    const { log } = openLog(hooked);
    commit(log, 1, 2, { 2: pageOf(2) });
    const size = sizeOf(fs);
    hooked.hook = (kind) => {
      if (kind === "truncate") throw diskFull();
    };
    log.write(1, pageOne(2, 2));
    log.completeRecord();
    expect(await sequencesIn(fs)).toEqual([1, 2]);
    log.unlock();
    expect(await sequencesIn(fs)).toEqual([1]);
    expect(sizeOf(fs)).toBeGreaterThan(size);

    // Nothing is appended before the cut is made good.
    log.write(1, pageOne(3, 2));
    expect(() => log.completeRecord()).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    log.unlock();
    hooked.hook = () => undefined;
    expect(commit(log, 4, 2, {})).toBe(2);
    expect(await sequencesIn(fs)).toEqual([1, 2]);
    expect(sizeOf(fs)).toBeLessThan(size + 2 * (PAGE_SIZE + 100));
  });

  it("salts every attempt anew, so that the same transaction never has the same bytes twice", () => {
    const fs = memoryFs();
    const { log } = openLog(fs);
    const attempt = (): Uint8Array => {
      log.write(1, pageOne(1, 1));
      log.completeRecord();
      const handle = fs.open(`${DIR}/log-00000000000000`, "r");
      const bytes = new Uint8Array(PAGE_SIZE + 16);
      handle.read(bytes, SEGMENT_HEADER_BYTES);
      log.unlock();
      return bytes;
    };
    expect(Buffer.compare(attempt(), attempt())).not.toBe(0);
  });

  it("is durable after sync(), and after the reader's fsync(), over all its segments", async () => {
    for (const by of ["log", "reader"] as const) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const fs = memoryFs();
        const { log, reader } = openLog(fs, { segmentBytes: 1 });
        for (let i = 1; i <= 4; i += 1) commit(log, i, 2, { 2: pageOf(i) }, by === "log" && i === 4);
        if (by === "reader") await reader.fsync();
        for (let i = 5; i <= 8; i += 1) commit(log, i, 2, { 2: pageOf(i) });
        fs.crash(new SeededRandom(seed));
        expect((await sequencesIn(fs)).slice(0, 4)).toEqual([1, 2, 3, 4]);
      }
    }
  });
});

describe("the intent file", () => {
  it("keeps the record before, whichever write is torn", async () => {
    const fs = memoryFs();
    fs.mkdir(DIR);
    const file = IntentFile.open(fs, DIR);
    expect(file.newest).toBeUndefined();
    await file.write(INTENT);
    expect(IntentFile.read(fs, DIR)).toEqual({ ...INTENT, confirmed: false });
    fs.failNext("write");
    await expect(file.confirm()).rejects.toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    expect(IntentFile.read(fs, DIR)).toEqual({ ...INTENT, confirmed: false });
    await file.confirm();
    expect(IntentFile.read(fs, DIR)).toEqual({ ...INTENT, confirmed: true });
    const next = { ...INTENT, txid: tx(2), startSequence: 3, endSequence: 4 };
    fs.failNext("write");
    await expect(file.write(next)).rejects.toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    expect(IntentFile.read(fs, DIR)).toEqual({ ...INTENT, confirmed: true });
    await file.write(next);
    expect(IntentFile.read(fs, DIR)).toEqual({ ...next, confirmed: false });
    file.close();
    expect(IntentFile.open(fs, DIR).unconfirmed).toMatchObject(next);
  });

  it("survives a crash of the machine at any write", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const fs = memoryFs();
      fs.mkdir(DIR);
      const random = new SeededRandom(seed);
      const file = IntentFile.open(fs, DIR);
      let durable: unknown;
      for (let i = 1; i <= 4; i += 1) {
        await file.write({ ...INTENT, txid: tx(i), startSequence: i - 1, endSequence: i });
        await file.confirm();
        durable = file.newest;
      }
      fs.failNext("sync");
      await expect(file.write({ ...INTENT, txid: tx(5), startSequence: 4, endSequence: 5 })).rejects.toThrow();
      fs.crash(random);
      const found = IntentFile.read(fs, DIR);
      expect(found?.txid === 5n || found?.txid === 4n).toBe(true);
      if (found?.txid === 4n) expect(found).toEqual(durable);
    }
  });

  it("has a durable name, also when whoever made it died at once", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const fs = memoryFs();
      fs.mkdir(DIR);
      fs.failNext("sync");
      expect(() => IntentFile.open(fs, DIR)).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
      const file = IntentFile.open(fs, DIR);
      await file.write(INTENT);
      fs.crash(new SeededRandom(seed));
      expect(IntentFile.read(fs, DIR)).toMatchObject(INTENT);
    }
  });

  it("refuses a second intent while one is unconfirmed, but takes the same one again", async () => {
    const fs = memoryFs();
    fs.mkdir(DIR);
    const file = IntentFile.open(fs, DIR);
    await file.write(INTENT);
    await file.write(INTENT);
    await expect(file.write({ ...INTENT, fileChecksum: 0x8000000000000002n })).rejects.toThrow(
      expect.objectContaining({ code: "NOT_DURABLE" }),
    );
    await expect(file.write({ ...INTENT, txid: tx(2) })).rejects.toThrow(expect.objectContaining({ code: "NOT_DURABLE" }));
    expect(file.unconfirmed).toMatchObject(INTENT);
  });
});
