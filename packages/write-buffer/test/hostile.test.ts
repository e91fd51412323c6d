import { HeadwaterError } from "@headwater/core";
import { type MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inspectBuffer, listSetAside, type Recovery, recoverBuffer } from "../src/index.js";
import { decodeMarkFoot, decodeMarkHead } from "../src/log/record.js";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "../src/log/segment.js";
import { decodeIntent, INTENT_BYTES } from "../src/sync/intent-record.js";
import { commit, DIR, IDENTITY, memoryFs, openLog, PAGE_SIZE, pageOf, ROUNDS, replay, sameState, tx } from "./support.js";
import { Bench, readFiles, stateAt } from "./sync-support.js";

const seed = testSeed("hostile");

function readAll(fs: MemoryFileSystem, path: string): Uint8Array {
  const handle = fs.open(path, "r");
  const bytes = new Uint8Array(handle.size());
  handle.read(bytes, 0);
  return bytes;
}

function writeAll(fs: MemoryFileSystem, path: string, bytes: Uint8Array): void {
  const handle = fs.open(path, "w+");
  handle.write(bytes, 0);
  handle.close();
}

/** Four commits in two or more segments; the first is in the replica, and an intent says so. */
async function sample(
  segmentBytes: number,
): Promise<{ bench: Bench; files: Map<string, Uint8Array>; states: Uint8Array[][]; position: Position }> {
  const bench = new Bench({ syncIntervalMs: 0, log: { segmentBytes } });
  const states: Uint8Array[][] = [[]];
  for (let i = 1; i <= 4; i += 1) {
    commit(bench.log, i, 3, { 2: pageOf(i), 3: pageOf(i * 100) });
    states.push(replay(bench.reader, states[i - 1] ?? [], i - 1, i));
    if (i === 1) await bench.syncer.sync(1);
  }
  const fs = bench.fs as MemoryFileSystem;
  const files = new Map(fs.list(DIR).map((name) => [name, readAll(fs, `${DIR}/${name}`)]));
  const stored = await bench.publisher.stored(0, tx(1), tx(1));
  const position = { txid: tx(1), fileChecksum: stored?.trailer.fileChecksum ?? 0n, timestampMs: stored?.header.timestampMs ?? 0 };
  return { bench, files, states, position };
}

interface Position {
  readonly txid: ReturnType<typeof tx>;
  readonly fileChecksum: bigint;
  readonly timestampMs: number;
}
type Sample = Awaited<ReturnType<typeof sample>>;

/** Recovers changed files, and checks that the result is typed, true, and has lost nothing. */
async function check({ bench, states, position }: Sample, changed: ReadonlyMap<string, Uint8Array>, what: string): Promise<string> {
  const fs = memoryFs();
  fs.mkdir(DIR);
  for (const [name, bytes] of changed) writeAll(fs, `${DIR}/${name}`, bytes);
  const inspected = await typed(() => inspectBuffer(fs, DIR));
  const ours = [...changed.keys()].filter((name) => /^(log-[0-9a-f]{14}|intent)$/.test(name));
  const read = (dir: string): Uint8Array[] => ours.map((name) => readAll(fs, `${dir}/${name}`));
  const before = read(DIR);
  const { publisher, runtime } = bench;
  const result = await typed(() => recoverBuffer({ fs, dir: DIR, publisher, identity: IDENTITY, pageSize: PAGE_SIZE, position, runtime }));
  if (result instanceof HeadwaterError) {
    expect(result.code, what).toBe("BUFFER_FOREIGN");
    if (!sameState(read(DIR), before)) expect.fail(`${what}: refused, and changed`);
    return "foreign";
  }
  const recovery = result as Recovery;
  if (recovery.kind === "setAside") {
    if (!sameState(read(recovery.path), before)) expect.fail(`${what}: set aside, and changed`);
  }
  if (recovery.kind === "resume") {
    const { log, base } = recovery;
    const view = stateAt(await readFiles(bench.store), base.txid);
    const opened = openLog(fs, { recovered: log, base });
    const state = replay(opened.reader, view, log.baseSequence, log.sequence);
    if (!sameState(state, states[log.sequence] ?? [])) expect.fail(`${what}: a state that never was`);
    expect(inspected, what).not.toBeInstanceOf(HeadwaterError);
    expect(commit(opened.log, 9, 3, { 2: pageOf(9) })).toBe(log.sequence + 1);
    return `resume ${log.sequence}`;
  }
  return recovery.kind;
}

async function typed<T>(task: () => Promise<T>): Promise<T | HeadwaterError> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
}

describe("files that are not as they were written", () => {
  it("a byte changed anywhere: a prefix of the commits, or all of it kept aside, or refused", async () => {
    const seen = new Map<string, number>();
    for (const segmentBytes of [1, 1 << 20]) {
      const good = await sample(segmentBytes);
      expect(await check(good, good.files, "unchanged")).toBe("resume 4");
      const random = new SeededRandom(seed);
      for (let i = 0; i < 300 * ROUNDS; i += 1) {
        const names = [...good.files.keys()];
        const name = names[random.below(names.length)] ?? "";
        const bytes = (good.files.get(name) ?? new Uint8Array(0)).slice();
        // Half of them where it matters most: in a header, or in an intent.
        const at = random.below(random.chance(0.3) ? Math.min(bytes.byteLength, 256) : bytes.byteLength);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        const result = await check(good, new Map(good.files).set(name, bytes), `seed=${seed} i=${i} ${name}@${at}`);
        seen.set(result, (seen.get(result) ?? 0) + 1);
      }
    }
    for (const kind of ["foreign", "setAside", "resume 4"]) expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(0);
  });

  it("a file cut at any length, or one missing", async () => {
    for (const segmentBytes of [1, 1 << 20]) {
      const good = await sample(segmentBytes);
      for (const [name, bytes] of good.files) {
        const without = new Map(good.files);
        without.delete(name);
        await check(good, without, `without ${name}`);
        const step = Math.max(1, Math.floor(97 / ROUNDS));
        for (let length = 0; length < bytes.byteLength; length += step) {
          await check(good, new Map(good.files).set(name, bytes.slice(0, length)), `${name} cut at ${length}`);
        }
      }
    }
  });

  it("keeps the segments behind a damaged one, and says how many commits they have", async () => {
    const good = await sample(1);
    const names = [...good.files.keys()].filter((name) => name.startsWith("log-"));
    for (const [at, damaged] of [
      [SEGMENT_HEADER_BYTES + 40, names[1] ?? ""],
      [100, names[2] ?? ""],
    ] as const) {
      const bytes = (good.files.get(damaged) ?? new Uint8Array(0)).slice();
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const content = new Map(good.files).set(damaged, bytes);
      const fs = memoryFs();
      fs.mkdir(DIR);
      for (const [name, b] of content) writeAll(fs, `${DIR}/${name}`, b);
      const { publisher, runtime } = good.bench;
      const recovery = await recoverBuffer({ fs, dir: DIR, publisher, identity: IDENTITY, position: good.position, runtime });
      // The first commit is in the replica. With the second segment damaged nothing is left to go on with.
      expect(recovery.kind).toBe(damaged === names[1] ? "none" : "resume");
      expect(recovery.cut?.transactions).toBe(damaged === names[1] ? 3 : 2);
      for (const name of names.slice(names.indexOf(damaged))) {
        expect(Buffer.compare(readAll(fs, `${recovery.cut?.path}/${name}`), content.get(name) ?? bytes)).toBe(0);
      }
    }
  });

  it("cuts broken commits off the last segment, says how many, and keeps a copy", async () => {
    const good = await sample(1 << 20);
    const [name = ""] = [...good.files.keys()].filter((n) => n.startsWith("log-"));
    const bytes = (good.files.get(name) ?? new Uint8Array(0)).slice();
    const third = good.bench.reader.transaction(3).pages.get(2) ?? 0;
    bytes[third + 100] = (bytes[third + 100] ?? 0) ^ 1;
    const fs = memoryFs();
    fs.mkdir(DIR);
    for (const [n, content] of new Map(good.files).set(name, bytes)) writeAll(fs, `${DIR}/${n}`, content);
    const { publisher, runtime } = good.bench;
    const recovery = await recoverBuffer({ fs, dir: DIR, publisher, identity: IDENTITY, position: good.position, runtime });
    expect(recovery).toMatchObject({ kind: "resume", log: { sequence: 2 }, cut: { transactions: 2 } });
    expect(Buffer.compare(readAll(fs, `${recovery.cut?.path}/${name}`), bytes)).toBe(0);
    expect(listSetAside(fs, DIR)).toEqual([recovery.cut?.path]);
  });

  it("anything at all", async () => {
    const good = await sample(1);
    const names = ["log-00000000000000", "log-00000000001000", "intent", "moving", "log-zzzzzzzzzzzzzz"];
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), fc.uint8Array({ maxLength: 9000 }), { maxKeys: 4 }), async (content) => {
        const changed = new Map(Object.entries(content));
        changed.delete("moving");
        await check(good, changed, "anything");
      }),
      { numRuns: 200 * ROUNDS, seed },
    );
  });

  it("a marker of a move that names no directory of ours is not followed", async () => {
    const good = await sample(1 << 20);
    for (const text of [
      "",
      "/../../etc",
      "-aside-0000000000000001-20260101T000000000Z/../../x",
      "-aside-0000000000000001-20260101T000000000Z",
    ]) {
      const fs = memoryFs();
      fs.mkdir(DIR);
      for (const [name, bytes] of good.files) writeAll(fs, `${DIR}/${name}`, bytes);
      writeAll(fs, `${DIR}/moving`, new TextEncoder().encode(text));
      const { publisher, runtime } = good.bench;
      const recovery = await recoverBuffer({ fs, dir: DIR, publisher, identity: IDENTITY, position: good.position, runtime });
      expect(recovery.kind).toBe("resume");
      expect(fs.stat(`${DIR}/moving`)).toBeUndefined();
    }
  });

  it("a log that is changed while it is open gives an error of ours, and no other page's bytes", () => {
    const fs = memoryFs();
    const { log, reader } = openLog(fs);
    commit(log, 1, 3, { 2: pageOf(2), 3: pageOf(3) });
    const [name = ""] = fs.list(DIR);
    const handle = fs.open(`${DIR}/${name}`, "r+");
    handle.truncate(SEGMENT_HEADER_BYTES + 20);
    expect(() => log.read(3, new Uint8Array(PAGE_SIZE), 0)).toThrow(expect.objectContaining({ code: "SQLITE_IOERR_READ" }));
    expect(() => [...reader.transactions(0, 1)]).toThrow(expect.objectContaining({ code: "SQLITE_IOERR_READ" }));
    handle.write(new Uint8Array(4000).fill(0x45), SEGMENT_HEADER_BYTES);
    expect(() => [...reader.transactions(0, 1)]).toThrow(expect.objectContaining({ code: "SQLITE_IOERR_READ" }));
  });
});

describe("decoders", () => {
  it("give a value or nothing, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: SEGMENT_HEADER_BYTES + 100 }), fc.nat(), (bytes, size) => {
        decodeMarkHead(bytes);
        decodeMarkFoot(bytes);
        decodeSegmentHeader(bytes, size);
        decodeIntent(bytes.subarray(0, INTENT_BYTES));
      }),
      { numRuns: 500 * ROUNDS, seed },
    );
  });
});
