import { FaultyObjectStore } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { formatTimestamp, listReplica, storePublisher } from "../src/index.js";
import { encode, id, TestReplica } from "./support.js";

describe("storePublisher", () => {
  it.each(["s3", "file"] as const)("puts a file where a listing then shows it, in the layout %s", async (kind) => {
    const replica = new TestReplica(kind);
    const encoded = encode({ min: 2, commit: 3, pages: [1, 3] });
    const { file, dateMs } = await storePublisher(replica.store, replica.layout).publish(encoded, 0);
    expect((await listReplica(replica.inner, replica.layout)).files).toEqual([file]);
    expect(dateMs).toBe(replica.runtime.clock.nowMs());
    expect(await replica.bytesOf(file.key)).toEqual(encoded.bytes);
    expect((await replica.inner.head(file.key)).metadata).toEqual({ "litestream-timestamp": "2023-11-14T22:13:20.002000000Z" });
    expect(replica.requests()).toEqual({ list: 0, get: 0, other: 1 });
  });

  it("never replaces what is there", async () => {
    const replica = new TestReplica();
    const publisher = storePublisher(replica.store, replica.layout);
    const first = encode({ min: 2, commit: 3, pages: [1, 3] });
    await publisher.publish(first, 0);
    await expect(publisher.publish(encode({ min: 2, commit: 4, pages: [1, 4] }), 0)).rejects.toMatchObject({ code: "STORE_PRECONDITION" });
    expect(await replica.bytesOf(replica.layout.key(0, id(2), id(2)))).toEqual(first.bytes);
  });

  it("tries once, and says what the store says", async () => {
    const replica = new TestReplica();
    for (const side of ["before", "after"] as const) {
      const store = new FaultyObjectStore(replica.store, { nth: 1, side, mode: "transient" });
      await expect(storePublisher(store, replica.layout).publish(encode({ min: 2, commit: 3, pages: [1] }), 0)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });
      expect(store.calls).toBe(1);
    }
  });

  it("tells what is there now", async () => {
    const replica = new TestReplica();
    const publisher = storePublisher(replica.store, replica.layout);
    expect(await publisher.stored(1, id(2), id(9))).toBeUndefined();
    const encoded = encode({ min: 2, max: 9, commit: 3, pages: [1, 3] });
    const { file } = await publisher.publish(encoded, 1);
    const stored = await publisher.stored(1, id(2), id(9));
    expect(stored).toEqual({ header: encoded.header, trailer: encoded.trailer, file, dateMs: replica.runtime.clock.nowMs() });
  });

  it("refuses what is there when it is no LTX file, or one of other transactions", async () => {
    const replica = new TestReplica();
    const publisher = storePublisher(replica.store, replica.layout);
    const key = replica.layout.key(0, id(2), id(2));
    for (const bytes of [new Uint8Array(0), new Uint8Array(115), new Uint8Array(5000), encode({ min: 3, commit: 3, pages: [1] }).bytes]) {
      await replica.overwrite(key, bytes);
      await expect(publisher.stored(0, id(2), id(2))).rejects.toMatchObject({ code: "LTX_CORRUPT", message: expect.stringContaining(key) });
    }
  });

  it("looks again when it is replaced meanwhile, and gives up in the end", async () => {
    const replica = new TestReplica();
    const key = replica.layout.key(0, id(2), id(2));
    const bytes = [1, 2, 3].map((commit) => encode({ min: 2, commit, pages: [1] }).bytes);
    let replacements = 1;
    await replica.overwrite(key, bytes[0] as Uint8Array);
    const restless = {
      ...bound(replica),
      head: async (k: string) => {
        const head = await replica.inner.head(k);
        if (replacements-- > 0) await replica.overwrite(key, bytes[1] as Uint8Array);
        return head;
      },
    };
    expect((await storePublisher(restless, replica.layout).stored(0, id(2), id(2)))?.header.commit).toBe(2);
    replacements = 100;
    await expect(storePublisher(restless, replica.layout).stored(0, id(2), id(2))).rejects.toMatchObject({ code: "REPLICA_FILE_GONE" });
  });
});

function bound(replica: TestReplica): TestReplica["inner"] {
  const { inner } = replica;
  return {
    description: inner.description,
    get: (key, options) => inner.get(key, options),
    head: (key, options) => inner.head(key, options),
    put: (key, body, options) => inner.put(key, body, options),
    delete: (key, options) => inner.delete(key, options),
    list: (prefix, options) => inner.list(prefix, options),
    close: () => inner.close(),
  };
}

describe("formatTimestamp", () => {
  it("writes RFC 3339 with nanoseconds, in UTC", () => {
    expect(formatTimestamp(0)).toBe("1970-01-01T00:00:00.000000000Z");
    expect(formatTimestamp(1_795_580_000_123)).toBe("2026-11-25T04:13:20.123000000Z");
    expect(() => formatTimestamp(1e18)).toThrow(RangeError);
  });
});
