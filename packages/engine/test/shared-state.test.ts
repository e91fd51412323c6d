import { describe, expect, it } from "vitest";
import { SharedState } from "../src/shared-state.js";

describe("SharedState", () => {
  it("shows the other side what one side wrote", () => {
    const io = new SharedState();
    const sqlite = new SharedState(io.buffer);
    io.publishOwnSync({ viewId: 7, commit: 0xfffffffe, sequence: 2 ** 40, txid: 2n ** 64n - 1n });
    expect(sqlite.readOwnSync()).toEqual({ viewId: 7, commit: 0xfffffffe, sequence: 2 ** 40, txid: 2n ** 64n - 1n, version: 2 });
    sqlite.viewTxid = 5n;
    io.durableTxid = 6n;
    io.writeState = "fenced";
    io.hydrationState = "running";
    expect([io.viewTxid, sqlite.durableTxid, sqlite.writeState, sqlite.hydrationState]).toEqual([5n, 6n, "fenced", "running"]);
  });

  it("announces the first commit after each take only", () => {
    const io = new SharedState();
    const sqlite = new SharedState(io.buffer);
    expect(sqlite.publishCommit(1, 100)).toBe(true);
    expect(sqlite.publishCommit(2, 200)).toBe(false);
    expect(io.takePublished()).toEqual({ sequence: 2, endOffset: 200 });
    expect(sqlite.publishCommit(3, 300)).toBe(true);
    expect(io.published).toEqual({ sequence: 3, endOffset: 300 });
  });

  it("counts requests by kind, apart from one another and from the statistics", () => {
    const state = new SharedState();
    state.setStatistic("viewTimeMs", 9);
    state.addRequest("list", 1, 0);
    state.addRequest("list", 0, 50);
    state.addRequest("delete", 2, 1);
    expect(state.requests("list")).toEqual({ count: 1, bytes: 50 });
    expect(state.requests("delete")).toEqual({ count: 2, bytes: 1 });
    expect(state.requests("get")).toEqual({ count: 0, bytes: 0 });
    expect(state.statistic("viewTimeMs")).toBe(9);
  });
});
