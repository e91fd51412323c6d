import { describe, expect, it } from "vitest";
import { RecentReads } from "../../src/session/recent-reads.js";

describe("RecentReads", () => {
  it("gives what was read before the page that is asked for now, once", () => {
    const reads = new RecentReads();
    for (const pgno of [5, 6, 7, 8]) reads.add(pgno);
    expect([...reads.takeBefore()]).toEqual([5, 6, 7]);
    expect([...reads.takeBefore()]).toEqual([]);
    reads.add(9);
    expect([...reads.takeBefore()]).toEqual([]);
  });

  it("keeps the last 256 of many, in order", () => {
    const reads = new RecentReads();
    for (let pgno = 1; pgno <= 1000; pgno += 1) reads.add(pgno);
    expect([...reads.takeBefore()]).toEqual(Array.from({ length: 255 }, (_, i) => 745 + i));
  });
});
