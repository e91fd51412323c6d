import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { type BufferRoom, waitForRoom } from "../../src/session/buffer-room.js";

/** A log of commits of 100 bytes each, and an upload that takes some of them at a time. */
function world(
  pending: number,
  bytesMax: number,
  confirm?: (left: number) => void,
): BufferRoom & { readonly asked: number[]; left(): number } {
  let left = pending;
  let now = 0;
  const asked: number[] = [];
  const log = {
    get pendingTransactions() {
      return left;
    },
    get pendingBytes() {
      return left * 100;
    },
    sequenceThatLeaves: (bytes: number) => pending - Math.min(left, Math.floor(bytes / 100)),
  };
  return {
    log,
    bytesMax,
    deadlineMs: 1000,
    asked,
    left: () => left,
    monotonicMs: () => now,
    confirm: (sequence, deadlineMs) => {
      asked.push(sequence);
      now += 10;
      if (confirm === undefined) left = pending - sequence;
      else confirm(deadlineMs);
    },
  };
}

describe("waitForRoom", () => {
  it("waits for nothing while there is room", () => {
    const room = world(9, 1000);
    waitForRoom(room, 100);
    expect(room.asked).toEqual([]);
  });

  it("waits just until there is room", () => {
    const room = world(10, 1000);
    waitForRoom(room, 250);
    expect([room.asked, room.left()]).toEqual([[3], 7]);
  });

  it("admits what is larger than the limit when nothing else is unsynced, at once or after waiting for that", () => {
    const empty = world(0, 1000);
    waitForRoom(empty, 5000);
    expect(empty.asked).toEqual([]);
    const room = world(4, 1000);
    waitForRoom(room, 5000);
    expect([room.asked, room.left()]).toEqual([[4], 0]);
  });

  it("says at the deadline that the buffer is full, with what kept the upload from happening", () => {
    const cause = new HeadwaterError("NOT_DURABLE", "late");
    const room = world(10, 1000, (left) => {
      expect(left).toBe(1000);
      throw cause;
    });
    expect(() => waitForRoom(room, 100)).toThrow(expect.objectContaining({ code: "BUFFER_FULL", retryable: true, cause }));
  });

  it("passes on that the writer is fenced", () => {
    const room = world(10, 1000, () => {
      throw new HeadwaterError("FENCED", "another writer");
    });
    expect(() => waitForRoom(room, 100)).toThrow(expect.objectContaining({ code: "FENCED" }));
  });
});
