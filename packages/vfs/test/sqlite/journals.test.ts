import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  SQLITE_CANTOPEN,
  SQLITE_IOERR_SHORT_READ,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_DELETEONCLOSE,
  SQLITE_OPEN_EXCLUSIVE,
  SQLITE_OPEN_MAIN_JOURNAL,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_OPEN_SUPER_JOURNAL,
} from "../../src/sqlite/constants.js";
import { MEMORY_BYTES_MAX, PrivateBytes, tempFilesIn } from "../../src/sqlite/private-bytes.js";
import { RawVfs } from "./raw-vfs.js";

const seed = testSeed("journals");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const JOURNAL = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
const JOURNAL_AGAIN = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_READONLY;
const SUPER = SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE;
const TEMP = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_DELETEONCLOSE;
const raw = await RawVfs.load();

describe("a journal", () => {
  it("exists from xOpen until its last handle closes", () => {
    expect(raw.exists("/a-journal")).toBe(false);
    const first = raw.open("/a-journal", JOURNAL);
    expect([first.code, raw.exists("/a-journal")]).toEqual([SQLITE_OK, true]);
    first.write(0, Uint8Array.of(1, 2, 3));
    const second = raw.open("/a-journal", JOURNAL_AGAIN);
    expect([second.code, second.size()]).toEqual([SQLITE_OK, 3]);
    expect(second.read(0, 3).bytes).toEqual(Uint8Array.of(1, 2, 3));
    first.close();
    expect(raw.exists("/a-journal")).toBe(true);
    expect(second.read(1, 4)).toEqual({ code: SQLITE_IOERR_SHORT_READ, bytes: Uint8Array.of(2, 3, 0, 0) });
    second.close();
    expect(raw.exists("/a-journal")).toBe(false);
    expect(raw.open("/a-journal", JOURNAL_AGAIN)).toMatchObject({ code: SQLITE_CANTOPEN, hasMethods: false });
  });

  it("deleted while open is gone for others, and a new one is empty", () => {
    const old = raw.open("/b-journal", JOURNAL);
    old.write(0, Uint8Array.of(1));
    expect(raw.delete("/b-journal")).toBe(SQLITE_OK);
    expect(raw.exists("/b-journal")).toBe(false);
    const fresh = raw.open("/b-journal", JOURNAL);
    expect(fresh.size()).toBe(0);
    expect(old.size()).toBe(1);
    old.close();
    expect(raw.exists("/b-journal")).toBe(true);
    fresh.close();
    expect(raw.delete("/b-journal")).toBe(SQLITE_OK);
  });

  it("that is a super-journal lives until xDelete, and is made only once", () => {
    const first = raw.open("/a-mj1", SUPER);
    first.write(0, Uint8Array.of(7));
    expect(raw.open("/a-mj1", SUPER)).toMatchObject({ code: SQLITE_CANTOPEN, hasMethods: false });
    first.close();
    expect(raw.exists("/a-mj1")).toBe(true);
    const again = raw.open("/a-mj1", SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_READONLY);
    expect(again.read(0, 1)).toEqual({ code: SQLITE_OK, bytes: Uint8Array.of(7) });
    again.close();
    expect(raw.delete("/a-mj1")).toBe(SQLITE_OK);
    expect(raw.exists("/a-mj1")).toBe(false);
  });
});

describe("a temporary file", () => {
  beforeEach(() => {
    raw.failures.length = 0;
  });
  const left = (): string[] => (raw.fs.stat("/tmp/own") === undefined ? [] : raw.fs.list("/tmp/own"));

  it("is in memory while small, then on disk without a name", () => {
    const file = raw.open(undefined, TEMP);
    file.write(0, new Uint8Array(MEMORY_BYTES_MAX).fill(1));
    expect(raw.fs.stat("/tmp/own")).toBeUndefined();
    file.write(MEMORY_BYTES_MAX, Uint8Array.of(2));
    expect(raw.fs.stat("/tmp/own")).toBeDefined();
    expect(left()).toEqual([]);
    expect(file.read(MEMORY_BYTES_MAX - 1, 4)).toEqual({ code: SQLITE_IOERR_SHORT_READ, bytes: Uint8Array.of(1, 2, 0, 0) });
    expect(file.size()).toBe(MEMORY_BYTES_MAX + 1);
    file.close();
    expect(left()).toEqual([]);
  });

  it("says FULL where the disk is, and goes on once it is not", () => {
    const file = raw.open(undefined, TEMP);
    file.write(0, new Uint8Array(MEMORY_BYTES_MAX).fill(1));
    raw.fs.failNext("write", 1, "ENOSPC");
    expect(file.write(MEMORY_BYTES_MAX, Uint8Array.of(2)) & 0xff).toBe(13);
    expect(raw.failures.at(-1)?.error).toMatchObject({ code: "ENOSPC" });
    expect(file.size()).toBe(MEMORY_BYTES_MAX);
    expect(file.write(MEMORY_BYTES_MAX, Uint8Array.of(2))).toBe(SQLITE_OK);
    expect(file.read(MEMORY_BYTES_MAX - 1, 2).bytes).toEqual(Uint8Array.of(1, 2));
    expect(file.close()).toBe(SQLITE_OK);
  });

  it("that can't be made says where it was tried", () => {
    const fs = new MemoryFileSystem();
    fs.open = () => fail("EACCES");
    const temp = tempFilesIn(fs, "/nowhere", () => "x");
    expect(() => temp.create()).toThrow(
      expect.objectContaining({ code: "SQLITE_CANTOPEN", message: expect.stringContaining("dir=/nowhere") as string }),
    );
  });

  it("holds what a plain array of bytes would, whatever is done to it", () => {
    for (let round = 0; round < Math.ceil(8 * rounds); round += 1) {
      const random = new SeededRandom(seed + round);
      const bytes = new PrivateBytes(tempFilesIn(raw.fs, "/tmp/own", () => `r${seed}-${round}`));
      let model = new Uint8Array(0);
      const offset = (): number => (random.chance(0.6) ? model.byteLength : random.below(random.chance(0.2) ? 3_000_000 : 1_500_000));
      for (let n = 0; n < 120; n += 1) {
        const at = offset();
        if (random.chance(0.6)) {
          const data = random.bytes(random.chance(0.1) ? 300_000 : 1 + random.below(5000));
          const end = at + data.byteLength;
          const grown = new Uint8Array(Math.max(end, model.byteLength));
          grown.set(model);
          grown.set(data, at);
          model = grown;
          bytes.write(data, at);
        } else if (random.chance(0.1)) {
          const cut = new Uint8Array(at);
          cut.set(model.subarray(0, at));
          model = cut;
          bytes.truncate(at);
        } else {
          const into = new Uint8Array(random.below(6000)).fill(0xee);
          const there = model.subarray(at, at + into.byteLength);
          expect(bytes.read(into, at)).toBe(there.byteLength);
          expect(Buffer.compare(into.subarray(0, there.byteLength), there)).toBe(0);
          expect(into.subarray(there.byteLength).every((b) => b === 0)).toBe(true);
        }
        expect(bytes.size).toBe(model.byteLength);
      }
      const all = new Uint8Array(model.byteLength);
      bytes.read(all, 0);
      expect(Buffer.compare(all, model)).toBe(0);
      bytes.close();
    }
    expect(left()).toEqual([]);
  });
});

describe("the rest of the VFS", () => {
  it("sleeps for real, without spinning", () => {
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    expect(raw.call("xSleep", 60_000)).toBeGreaterThanOrEqual(60_000);
    const elapsedMs = Number(process.hrtime.bigint() - start) / 1e6;
    const used = process.cpuUsage(cpu);
    expect(elapsedMs).toBeGreaterThan(55);
    expect((used.user + used.system) / 1000).toBeLessThan(50);
  });

  it("takes time and randomness from its ports", () => {
    const out = raw.heap.allocate(16);
    raw.call("xCurrentTimeInt64", out);
    const view = new DataView(raw.heap.view(out, 16).slice().buffer);
    const ms = Number(view.getBigInt64(0, true) - 210_866_760_000_000n);
    expect(ms).toBe(raw.runtime.clock.nowMs());
    raw.call("xCurrentTime", out);
    const day = new DataView(raw.heap.view(out, 8).slice().buffer).getFloat64(0, true);
    expect(Math.abs((day - 2440587.5) * 86_400_000 - ms)).toBeLessThan(1);
    raw.heap.view(out, 16).fill(0);
    expect(raw.call("xRandomness", 12, out)).toBe(12);
    const random = raw.heap.view(out, 16).slice();
    expect(new Set(random.subarray(0, 12)).size).toBeGreaterThan(4);
    expect([...random.subarray(12)]).toEqual([0, 0, 0, 0]);
  });

  it("refuses names that are too long", () => {
    const out = raw.heap.allocate(32);
    const name = raw.heap.permanentCString("n".repeat(40));
    expect(raw.call("xFullPathname", name, 32, out)).toBe(SQLITE_CANTOPEN);
    expect(raw.call("xFullPathname", raw.heap.permanentCString("näme"), 32, out)).toBe(SQLITE_OK);
    expect(raw.heap.cString(out)).toBe("näme");
  });
});

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}
