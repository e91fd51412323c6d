import { describe, expect, it } from "vitest";
import { PageTrees } from "../src/page-trees.js";
import { appendedTree, interiorPage, upTo } from "./support/trees.js";

function learned(interiors: ReadonlyMap<number, readonly number[]>, childrenMax?: number): PageTrees<string> {
  const trees = new PageTrees<string>(childrenMax);
  for (const [pgno, children] of interiors) trees.learn(pgno, interiorPage(children));
  return trees;
}

function walk(trees: PageTrees<string>, from: number, direction: number, count: number) {
  const place = trees.place(from);
  if (place === undefined) throw new Error(`no place for page ${from}`);
  const { pages, missing } = trees.walk(place, direction, count);
  return { pages, missing };
}

describe("PageTrees", () => {
  it("walks over interior pages in both directions, and stops at the tree's ends", () => {
    const { interiors, leaves } = appendedTree(1000, 100);
    const trees = learned(interiors);
    expect(walk(trees, leaves[0] ?? 0, 1, 2000)).toEqual({ pages: leaves.slice(1), missing: undefined });
    expect(walk(trees, leaves[999] ?? 0, -1, 2000)).toEqual({ pages: leaves.slice(0, -1).reverse(), missing: undefined });
    expect(walk(trees, leaves[150] ?? 0, 1, 3)).toEqual({ pages: leaves.slice(151, 154), missing: undefined });
  });

  it("crosses from one interior page to the next through those above, in a tree of any depth", () => {
    const trees = learned(
      new Map([
        [2, [3, 4]],
        [3, [5, 6]],
        [4, [7, 8]],
        [5, [20, 21]],
        [6, [22, 23]],
        [7, [24, 25]],
        [8, [26]],
      ]),
    );
    expect(walk(trees, 20, 1, 9).pages).toEqual(upTo(21, 26));
    expect(walk(trees, 26, -1, 9).pages).toEqual(upTo(20, 25).reverse());
  });

  it("names the interior page that has to be known to go on", () => {
    const trees = learned(
      new Map([
        [2, [3, 4]],
        [3, [5, 6]],
        [5, [20, 21]],
        [6, [22, 23]],
      ]),
    );
    expect(walk(trees, 20, 1, 9)).toEqual({ pages: [21, 22, 23], missing: 4 });
    trees.learn(4, interiorPage([7, 8]));
    expect(walk(trees, 20, 1, 9)).toEqual({ pages: [21, 22, 23], missing: 7 });
  });

  it("follows a page that changed: other children, or no interior page any more", () => {
    const trees = learned(new Map([[2, [5, 6]]]));
    trees.learn(2, interiorPage([5, 9, 6]));
    expect(walk(trees, 5, 1, 9).pages).toEqual([9, 6]);
    trees.learn(2, new Uint8Array(4096));
    expect([trees.place(5), trees.size]).toEqual([undefined, 0]);
  });

  it("keeps what was noted with a page that is learned again unchanged", () => {
    const trees = learned(new Map([[2, [5, 6]]]));
    const parent = trees.place(5)?.parent;
    if (parent) parent.note = "here";
    trees.learn(2, interiorPage([5, 6]));
    expect(trees.place(6)?.parent.note).toBe("here");
  });

  it("forgets the interior pages that were used longest ago", () => {
    const trees = learned(
      new Map([
        [2, upTo(100, 109)],
        [3, upTo(200, 209)],
      ]),
      25,
    );
    trees.place(105);
    trees.learn(4, interiorPage(upTo(300, 309)));
    expect([trees.place(105)?.parent.pgno, trees.place(205), trees.place(305)?.parent.pgno]).toEqual([2, undefined, 4]);
    trees.learn(5, interiorPage(upTo(400, 449)));
    expect([trees.size, trees.place(420)?.parent.pgno]).toEqual([1, 5]);
  });

  it("comes to an end where damaged pages name one another", () => {
    const trees = learned(
      new Map([
        [2, [3, 2]],
        [3, [2, 3, 4]],
        [4, [2]],
      ]),
    );
    for (const from of [2, 3, 4])
      for (const direction of [1, -1]) expect(walk(trees, from, direction, 50).pages.length).toBeLessThanOrEqual(50);
  });
});
