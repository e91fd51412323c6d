import type { ETag } from "@headwater/object-store";
import type { ReplicaFile } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { isSameState, type State } from "../src/same-state.js";

type Newest = NonNullable<State["newest"]>;
type Change = { state?: Partial<State>; header?: Partial<Newest["header"]>; trailer?: Partial<Newest["trailer"]>; etag?: string };

/** A state at TXID 7, and what is different about it. */
function state({ state: more = {}, header = {}, trailer = {}, etag = "e" }: Change = {}): State {
  const file = { key: "app/0000/7-7.ltx", etag: `"${etag}"` as ETag, size: 100, maxTXID: 7n } as ReplicaFile;
  const newest = {
    file,
    header: { timestampMs: 1000, noChecksum: true, ...header },
    trailer: { fileChecksum: 5n, postApplyChecksum: 0n, ...trailer },
  } as Newest;
  return { txid: 7n as State["txid"], commit: 10, pageSize: 512, newest, ...more };
}

const reader = { read: (): Promise<never> => Promise.reject(new Error("nothing to read")) };
const same = (seen: State, now: State): Promise<boolean> => isSameState(seen, now, [], reader);
/** What a compaction leaves: another file, whose checksum is another. */
const compacted: Change = { etag: "c", trailer: { fileChecksum: 6n } };

describe("isSameState", () => {
  it.each<[string, Change, Change, boolean]>([
    ["the same file", {}, {}, true],
    ["the same file put again", {}, { etag: "other" }, true],
    ["a compacted file with the timestamp of its last input", {}, compacted, true],
    ["another file of another time", {}, { ...compacted, header: { timestampMs: 1001 } }, false],
    ["another size", {}, { state: { commit: 11 } }, false],
    ["another page size", {}, { state: { pageSize: 1024 } }, false],
    ["another TXID", {}, { state: { txid: 8n as State["txid"] } }, false],
  ])("%s", async (_what, seen, now, expected) => {
    expect(await same(state(seen), state(now))).toBe(expected);
  });

  it("goes by the database's checksum where both keep one, whatever the times say", async () => {
    const tracked = (postApplyChecksum: bigint, more: Change = {}): State =>
      state({ ...more, header: { noChecksum: false, ...more.header }, trailer: { postApplyChecksum, ...more.trailer } });
    expect(await same(tracked(1n), tracked(1n, { ...compacted, header: { timestampMs: 2000 } }))).toBe(true);
    expect(await same(tracked(1n), tracked(2n, compacted))).toBe(false);
    // Only one keeps one.
    expect(await same(tracked(1n), state(compacted))).toBe(true);
  });

  it("takes a database without transactions for itself only", async () => {
    const empty = state({ state: { newest: undefined } });
    expect(await same(empty, empty)).toBe(true);
    expect(await same(empty, state())).toBe(false);
  });
});
