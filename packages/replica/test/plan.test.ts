import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { candidates, newestTXID, planRestore, type ReplicaFile, restorableTXIDs } from "../src/index.js";
import { id, listed, range, rounds } from "./support.js";

const seed = testSeed("plan");
const shown = (files: readonly ReplicaFile[]): string[] => files.map((f) => `${f.level}:${f.minTXID}-${f.maxTXID}`);
const planned = (files: readonly ReplicaFile[], target?: number): string[] =>
  shown(planRestore(files, target === undefined ? undefined : id(target))?.files ?? []);
const level0 = (...txids: number[]): ReplicaFile[] => txids.map((n) => listed(0, n, n));

/** The rules again, written down the slow and obvious way over sets of TXIDs. */
function bruteForce(files: readonly ReplicaFile[], target?: number): number | "gap" | "range" | undefined {
  if (files.length === 0) return undefined;
  const higher = files.filter((f) => f.level > 0 && !(f.level === 9 && f.minTXID !== 1n));
  const zero = files.filter((f) => f.level === 0);
  const newest = Math.max(0, ...[...higher, ...zero].map((f) => Number(f.maxTXID)));
  const run = new Set<number>();
  for (let t = newest; t > 0 && zero.some((f) => f.minTXID <= t && t <= f.maxTXID); t -= 1) run.add(t);
  const covered = new Set(higher.flatMap((f) => range(Number(f.minTXID), Number(f.maxTXID))));
  const usable = [
    ...higher,
    ...zero.filter((f) => run.has(Number(f.maxTXID)) && !range(Number(f.minTXID), Number(f.maxTXID)).every((t) => covered.has(t))),
  ];
  if (target !== undefined && (target < 1 || target > newest)) return "range";
  const goal = target ?? newest;
  // Breadth first: the number of files that it takes to get to each state.
  const steps = new Map<number, number>([[0, 0]]);
  for (let grown = true, depth = 0; grown; depth += 1) {
    grown = false;
    for (const [state, taken] of [...steps]) {
      if (taken !== depth) continue;
      for (const f of usable) {
        const [min, max] = [Number(f.minTXID), Number(f.maxTXID)];
        if (min > state + 1 || max <= state || max > goal || steps.has(max)) continue;
        steps.set(max, depth + 1);
        grown = true;
      }
    }
  }
  const best = steps.get(goal);
  if (best !== undefined && goal > 0) return best;
  const all = new Set(usable.flatMap((f) => range(Number(f.minTXID), Number(f.maxTXID))));
  return goal === 0 || range(1, goal).some((t) => !all.has(t)) ? "gap" : "range";
}

function outcome(files: readonly ReplicaFile[], target?: number): number | "gap" | "range" | undefined {
  try {
    return planRestore(files, target === undefined ? undefined : id(target))?.files.length;
  } catch (error) {
    return (error as { code?: string }).code === "REPLICA_GAP"
      ? "gap"
      : (error as { code?: string }).code === "OUT_OF_RANGE"
        ? "range"
        : undefined;
  }
}

describe("planRestore", () => {
  it("has no plan for an empty replica", () => {
    expect(planRestore([])).toBeUndefined();
  });

  it("chains level-0 files from the first transaction on", () => {
    expect(planned(level0(1, 2, 3))).toEqual(["0:1-1", "0:2-2", "0:3-3"]);
  });

  it("takes the fewest files: the newest snapshot, then the widest", () => {
    const files = [
      listed(9, 1, 10),
      listed(9, 1, 20),
      listed(1, 2, 12),
      listed(1, 13, 24, 100),
      listed(2, 2, 24),
      ...level0(23, 24, 25, 26),
    ];
    expect(planned(files)).toEqual(["9:1-20", "1:13-24", "0:25-25", "0:26-26"]);
  });

  it("takes the smaller of two files that reach as far", () => {
    const files = [listed(9, 1, 10), listed(2, 2, 24, 9000), listed(1, 9, 24, 500)];
    expect(planned(files)).toEqual(["9:1-10", "1:9-24"]);
    expect(planned([listed(9, 1, 10), listed(2, 2, 24, 400), listed(1, 9, 24, 500)])).toEqual(["9:1-10", "2:2-24"]);
  });

  it("reads a TXID that a higher level covers from there, though a level-0 file of it is at hand", () => {
    const files = [listed(9, 1, 1), listed(1, 2, 5), ...level0(2, 3, 4, 5, 6)];
    expect(planned(files)).toEqual(["9:1-1", "1:2-5", "0:6-6"]);
    // Time travel too: what is inside a compacted file can't be told apart any more.
    expect(() => planned(files, 4)).toThrow(expect.objectContaining({ code: "OUT_OF_RANGE" }));
    expect(planned(files, 5)).toEqual(["9:1-1", "1:2-5"]);
  });

  it("ignores and reports a level-0 file apart from the run that ends at the newest TXID", () => {
    const late = listed(0, 3, 3); // put by a writer that had been stopped, long after 3 was compacted
    const files = [listed(9, 1, 1), listed(1, 2, 10), late, ...level0(9, 10, 11)];
    expect(planned(files)).toEqual(["9:1-1", "1:2-10", "0:11-11"]);
    expect(shown(candidates(files).isolated)).toEqual(["0:3-3"]);
    expect(shown(candidates(files).covered)).toEqual(["0:9-9", "0:10-10"]);
  });

  it("takes the run over all files before a target is applied", () => {
    // 2..3 are no part of the run that ends at 6, also for a target of 3.
    const files = [listed(9, 1, 1), ...level0(2, 3, 5, 6)];
    expect(() => planned(files, 3)).toThrow(expect.objectContaining({ code: "REPLICA_GAP" }));
    expect(planned(files, 1)).toEqual(["9:1-1"]);
  });

  it("names the transactions that are missing", () => {
    const gap = (files: ReplicaFile[], target?: number): string => {
      try {
        planned(files, target);
      } catch (error) {
        return /missing=(\S+)/.exec((error as Error).message)?.[1] ?? String(error);
      }
      return "none";
    };
    expect(gap([listed(9, 1, 4), ...level0(9, 10)])).toBe("0000000000000005-0000000000000008");
    expect(gap(level0(5, 6))).toBe("0000000000000001-0000000000000004");
    expect(gap([listed(9, 1, 4), listed(1, 8, 9), ...level0(10)], 9)).toBe("0000000000000005-0000000000000007");
    expect(gap([listed(9, 5, 9)])).toBe("0000000000000001-0000000000000000"); // not a snapshot, and nothing else is there
  });

  it.each([-1, 0, 27])("refuses the target %d", (target) => {
    const error = expect.objectContaining({ code: "OUT_OF_RANGE", retryable: false });
    expect(() => planRestore([listed(9, 1, 26)], BigInt(target) as never)).toThrow(error);
  });

  it("plays over overlapping files", () => {
    expect(planned([listed(9, 1, 100), listed(1, 90, 105), ...level0(106)])).toEqual(["9:1-100", "1:90-105", "0:106-106"]);
  });

  it("needs no level-0 file that a higher level covers: all of them may be gone", () => {
    const files = [listed(9, 1, 1), listed(1, 2, 30), listed(1, 31, 47)];
    expect(planned(files)).toEqual(["9:1-1", "1:2-30", "1:31-47"]);
    expect(planned(files, 30)).toEqual(["9:1-1", "1:2-30"]);
    expect(newestTXID(files)).toBe(47n); // so the next one is 48
    expect(restorableTXIDs(files)).toEqual([1n, 30n, 47n]);
  });

  it("works up to the largest TXID", () => {
    const top = 2n ** 64n - 1n;
    expect(planRestore([listed(9, 1, top - 1n), listed(0, top, top)])?.txid).toBe(top);
  });

  it("agrees with the rules written the slow way, over random replicas and all targets", () => {
    const random = new SeededRandom(seed);
    const seen = new Map<unknown, number>();
    for (let round = 0; round < 1500 * rounds; round += 1) {
      const top = 1 + random.below(14);
      const files = new Map<string, ReplicaFile>();
      const add = (f: ReplicaFile): unknown => files.set(f.key, f);
      const dense = random.chance(0.7);
      for (let t = 1; t <= top; t += 1) if (random.chance(dense ? 0.85 : 0.4)) add(listed(0, t, t, 1 + random.below(50)));
      for (let n = random.below(6); n > 0; n -= 1) {
        const min = 1 + random.below(top);
        const level = random.pick([1, 2, 3, 9]);
        add(listed(level, level === 9 && random.chance(0.9) ? 1 : min, min + random.below(top - min + 1), 1 + random.below(50)));
      }
      if (random.chance(0.2)) add(listed(0, 1 + random.below(top), top));
      const all = [...files.values()];
      const reachable = new Set(restorableTXIDs(all).map(Number));
      for (const target of [undefined, ...range(0, top + 1)]) {
        const expected = bruteForce(all, target);
        const got = outcome(all, target);
        if (got !== expected) expect.fail(`seed=${seed} ${shown(all).join(" ")} target=${target}: got ${got}, expected ${expected}`);
        if (target !== undefined && reachable.has(target) !== (typeof expected === "number"))
          expect.fail(`${shown(all).join(" ")} restorable ${target}`);
        const kind = typeof expected === "number" ? "plan" : expected;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    }
    // The generator must reach every outcome, or the test shows nothing.
    for (const kind of ["plan", "gap", "range"]) expect(seen.get(kind)).toBeGreaterThan(100);
  });
});
