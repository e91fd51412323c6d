import { MessageChannel } from "node:worker_threads";
import type { TXID } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { CommitLog, LogReader } from "@headwater/write-buffer";
import { describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../../src/memory/chunked-bytes.js";
import { MemoryFilesReader } from "../../src/memory/memory-files-reader.js";
import { MemoryFilesWriter } from "../../src/memory/memory-files-writer.js";
import { MEMORY_BUFFER_DIR } from "../../src/memory/protocol.js";

const seed = testSeed("memory-files");
const PAGE_SIZE = 4096;

function bothSides(): { writer: MemoryFilesWriter; reader: MemoryFilesReader; close(): void } {
  const { port1, port2 } = new MessageChannel();
  const writer = new MemoryFilesWriter(port1);
  const reader = new MemoryFilesReader(port2);
  return {
    writer,
    reader,
    close: () => {
      writer.close();
      reader.close();
    },
  };
}

describe("files in memory", () => {
  it("show the reading side what was written, whatever the offsets", () => {
    const { writer, reader, close } = bothSides();
    const random = new SeededRandom(seed);
    const path = writer.join(MEMORY_BUFFER_DIR, "a");
    const file = writer.open(path, "w+");
    let model = new Uint8Array(0);
    const theirs = reader.open(path, "r");
    for (let n = 0; n < 200; n += 1) {
      if (random.chance(0.15)) {
        const size = random.below(model.byteLength + 1);
        file.truncate(size);
        model = model.slice(0, size);
      } else {
        const offset = random.below(model.byteLength + 1);
        const bytes = random.bytes(1 + random.below(CHUNK_BYTES));
        file.write(bytes, offset);
        const grown = new Uint8Array(Math.max(model.byteLength, offset + bytes.byteLength));
        grown.set(model);
        grown.set(bytes, offset);
        model = grown;
      }
      const from = random.below(model.byteLength + 1);
      const into = new Uint8Array(random.below(model.byteLength - from + 1));
      for (const handle of [file, theirs]) {
        expect(handle.read(into, from)).toBe(into.byteLength);
        expect(Buffer.compare(into, model.subarray(from, from + into.byteLength))).toBe(0);
      }
      expect(file.size()).toBe(model.byteLength);
    }
    close();
  });

  it("are what the commit log and its reader need, and give back the memory of what was synced", () => {
    const { writer, reader, close } = bothSides();
    let published = { sequence: 0, endOffset: 0 };
    const log = CommitLog.open({
      fs: writer,
      dir: MEMORY_BUFFER_DIR,
      pageSize: PAGE_SIZE,
      base: { txid: 0n as TXID, fileChecksum: 0n, commit: 0 },
      identity: "memory:test",
      owner: "test",
      writerId: 1n,
      random: new SeededRandom(seed),
      signal: {
        published: (sequence, endOffset) => {
          published = { sequence, endOffset };
        },
      },
    });
    const theirs = new LogReader({ fs: reader, dir: MEMORY_BUFFER_DIR, pageSize: PAGE_SIZE, published: () => published });
    const page = new Uint8Array(PAGE_SIZE);
    let most = 0;
    for (let sync = 1; sync <= 20; sync += 1) {
      const first = published.sequence;
      for (let n = 0; n < 600; n += 1) {
        log.write(1 + (n % 50), new Uint8Array(PAGE_SIZE).fill(sync + n));
        log.completeRecord();
        log.publish();
        log.unlock();
      }
      const transactions = [...theirs.transactions(first, published.sequence)];
      expect(transactions).toHaveLength(600);
      for (const { sequence, pages } of transactions) {
        for (const [, address] of pages) theirs.readPage(address, page);
        expect(page[7]).toBe((sync + ((sequence - 1) % 600)) % 256);
      }
      theirs.release(published.sequence);
      log.adopt(published.sequence);
      for (let n = 0; n < 5; n += 1) log.unlock();
      most = Math.max(most, writer.bytes);
    }
    // 47 MB went through it.
    expect(most).toBeLessThan(16 * 1024 * 1024);
    log.close();
    expect(reader.list(MEMORY_BUFFER_DIR)).toEqual([]);
    close();
  });
});
