import { childrenOf } from "./btree-page.js";

/** Children that are remembered, of all interior pages together: about 2 MiB, which covers 256 MB of 4 KiB pages. */
const CHILDREN_MAX = 65_536;
/** Deeper trees than SQLite's are nonsense, as a damaged page might draw them. */
const DEPTH_MAX = 20;

/** An interior page whose children are known. */
export interface Interior<S> {
  readonly pgno: number;
  /** In the order of their keys. */
  readonly children: Uint32Array;
  /** Some child is an interior page itself. */
  aboveInterior: boolean;
  /** What the owner of the trees notes with it. */
  note: S | undefined;
}

/** A page's place under its parent. */
export interface Place<S> {
  readonly parent: Interior<S>;
  readonly index: number;
}

/** The next pages in a tree's order, and the interior page that has to be known for more. */
export interface Walk<S> {
  readonly pages: readonly number[];
  /** The last interior page that the walk came by. */
  readonly parent: Interior<S>;
  /** Not known yet. Undefined: the walk is as long as was asked for, or came to the tree's end. */
  readonly missing: number | undefined;
}

/**
 * What is known of the shape of a database's B-trees: which interior page names which children. Bounded: the interior
 * pages that were used longest ago are forgotten. A page that is out of date or damaged gives wrong hints, no more.
 */
export class PageTrees<S> {
  readonly #childrenMax: number;
  readonly #interiors = new Map<number, Interior<S>>();
  readonly #parentOf = new Map<number, Interior<S>>();
  #childCount = 0;

  constructor(childrenMax: number = CHILDREN_MAX) {
    this.#childrenMax = childrenMax;
  }

  /** Interior pages that are known. */
  get size(): number {
    return this.#interiors.size;
  }

  /** Looks at a page that came by. Cheap for all that are no interior pages. */
  learn(pgno: number, page: Uint8Array): void {
    const children = childrenOf(pgno, page);
    const known = this.#interiors.get(pgno);
    if (children === undefined) {
      if (known !== undefined) this.#forget(known);
      return;
    }
    if (known !== undefined && sameNumbers(known.children, children)) return;
    if (known !== undefined) this.#forget(known);
    const interior: Interior<S> = { pgno, children, aboveInterior: false, note: undefined };
    this.#interiors.set(pgno, interior);
    this.#childCount += children.length;
    for (const child of children) {
      this.#parentOf.set(child, interior);
      if (this.#interiors.has(child)) interior.aboveInterior = true;
    }
    const parent = this.#parentOf.get(pgno);
    if (parent !== undefined) parent.aboveInterior = true;
    this.#shrink(interior);
  }

  clear(): void {
    this.#interiors.clear();
    this.#parentOf.clear();
    this.#childCount = 0;
  }

  /** Where a page hangs, if its parent is known. Counts as a use of the parent. */
  place(pgno: number): Place<S> | undefined {
    const parent = this.#parentOf.get(pgno);
    if (parent === undefined) return undefined;
    // To the end of the order in which they are forgotten.
    this.#interiors.delete(parent.pgno);
    this.#interiors.set(parent.pgno, parent);
    return { parent, index: parent.children.indexOf(pgno) };
  }

  /** The interior page before or after another on its level. */
  neighbour(interior: Interior<S>, direction: number): Interior<S> | undefined {
    const next = this.#beside(interior.pgno, direction, 0);
    return next === undefined ? undefined : this.#interiors.get(next);
  }

  /**
   * Up to `count` pages that follow a place, forwards (1) or backwards (-1), over as many interior pages as it takes.
   *
   * @param withInteriors - Name those too, as SQLite reads them: each before its children.
   */
  walk({ parent, index }: Place<S>, direction: number, count: number, withInteriors = false): Walk<S> {
    const pages: number[] = [];
    let at = parent;
    let i = index + direction;
    // Each round takes a child at least, so a loop that a damaged page draws ends too.
    while (pages.length < count) {
      for (; i >= 0 && i < at.children.length && pages.length < count; i += direction) pages.push(at.children[i] ?? 0);
      if (pages.length >= count) break;
      const next = this.#beside(at.pgno, direction, 0);
      if (next === undefined) return { pages, parent: at, missing: undefined };
      const interior = this.#interiors.get(next);
      if (interior === undefined) return { pages, parent: at, missing: next };
      if (withInteriors) pages.push(next);
      at = interior;
      i = direction > 0 ? 0 : at.children.length - 1;
    }
    return { pages, parent: at, missing: undefined };
  }

  /** The page beside another on its level; where the interior page above it is not known, that one. */
  #beside(pgno: number, direction: number, depth: number): number | undefined {
    const parent = this.#parentOf.get(pgno);
    if (parent === undefined || depth > DEPTH_MAX) return undefined;
    const beside = parent.children[parent.children.indexOf(pgno) + direction];
    if (beside !== undefined) return beside;
    const above = this.#beside(parent.pgno, direction, depth + 1);
    if (above === undefined) return undefined;
    const interior = this.#interiors.get(above);
    return interior === undefined ? above : interior.children[direction > 0 ? 0 : interior.children.length - 1];
  }

  #shrink(spare: Interior<S>): void {
    for (const interior of this.#interiors.values()) {
      if (this.#childCount <= this.#childrenMax) return;
      if (interior !== spare) this.#forget(interior);
    }
  }

  #forget(interior: Interior<S>): void {
    this.#interiors.delete(interior.pgno);
    this.#childCount -= interior.children.length;
    for (const child of interior.children) if (this.#parentOf.get(child) === interior) this.#parentOf.delete(child);
  }
}

function sameNumbers(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
