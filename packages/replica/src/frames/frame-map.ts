import type { Steps } from "@headwater/core";
import type { ReplicaFile } from "../replica-file.js";
import { type FileTable, FileTableEdit, NO_FILES } from "./file-table.js";
import {
  collectFrames,
  ENTRY_WORDS,
  type FileFrames,
  fileAt,
  findEntry,
  forEachEntry,
  LEAF_PAGES,
  type Leaf,
  LeafBuffer,
  offsetAt,
  putEntry,
  sizeAt,
} from "./leaf.js";

/** Where one page lies. */
export interface FrameRef {
  readonly file: ReplicaFile;
  /** Byte offset of the page frame in the file. */
  readonly offset: number;
  /** Bytes of the whole frame. */
  readonly size: number;
}

/** Entries of one file's index, by pgno. */
export interface Entries {
  readonly count: number;
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

const NODE_LEAVES = 2048;
const LEAVES_PER_STEP = 16;
type Node = (Leaf | undefined)[];

function leafOf(pgno: number): number {
  return Math.floor((pgno - 1) / LEAF_PAGES);
}

/**
 * Frames by page: an immutable tree of leaves. A changed map shares all leaves but those it changed, so that adopting a
 * file costs what its own pages cost, whatever the size of the database, and there is never anything to be merged.
 */
export class FrameMap {
  static readonly EMPTY: FrameMap = new FrameMap([], NO_FILES, 0);

  readonly #nodes: readonly (Node | undefined)[];
  readonly #table: FileTable;
  /** Bytes that its entries take: at most 16 for each. */
  readonly bytes: number;

  /** @internal Only {@link FrameMapEdit} makes them. */
  constructor(nodes: readonly (Node | undefined)[], table: FileTable, bytes: number) {
    this.#nodes = nodes;
    this.#table = table;
    this.bytes = bytes;
  }

  /** The files that it points at, in no order. */
  get files(): ReplicaFile[] {
    return this.#table.files.filter((file) => file !== undefined);
  }

  find(pgno: number): FrameRef | undefined {
    const leaf = leafIn(this.#nodes, leafOf(pgno));
    if (leaf === undefined) return undefined;
    const at = findEntry(leaf, (pgno - 1) % LEAF_PAGES);
    if (at < 0) return undefined;
    const { words } = leaf;
    return { file: this.#table.files[fileAt(words, at)] as ReplicaFile, offset: offsetAt(words, at), size: sizeAt(words, at) };
  }

  /** The frames of a file, by pgno. Looks at every entry of the map, so many leaves a step. */
  *framesOf(file: ReplicaFile): Steps<FileFrames> {
    const number = this.#table.files.indexOf(file);
    const count = number < 0 ? 0 : (this.#table.counts[number] ?? 0);
    const frames = { pgnos: new Uint32Array(count), offsets: new Float64Array(count), sizes: new Uint32Array(count) };
    let n = 0;
    let leaves = 0;
    for (const [leafNo, leaf] of count === 0 ? [] : leavesFrom(this.#nodes, 0)) {
      n = collectFrames(leaf, number, leafNo * LEAF_PAGES + 1, frames, n);
      leaves += 1;
      if (leaves % LEAVES_PER_STEP === 0) yield;
    }
    return frames;
  }

  edit(): FrameMapEdit {
    return new FrameMapEdit(this.#nodes, this.#table, this.bytes);
  }
}

/** A map on its way to the next one. Of no more use after {@link done}, or after a method threw. */
export class FrameMapEdit {
  readonly #nodes: (Node | undefined)[];
  readonly #table: FileTableEdit;
  readonly #buffer = new LeafBuffer();
  /** Nodes and leaves that no map has yet, so that they can be written on. */
  readonly #own = new Set<Node | Leaf>();
  #bytes: number;

  /** @internal */
  constructor(nodes: readonly (Node | undefined)[], table: FileTable, bytes: number) {
    this.#nodes = [...nodes];
    this.#table = new FileTableEdit(table);
    this.#bytes = bytes;
  }

  /** A number for a file whose entries are to be {@link put}. */
  addFile(file: ReplicaFile): number {
    return this.#table.add(file);
  }

  /** Takes over the entries from `start` up to and without `end`. The caller has checked them: pgnos ascend, offsets and sizes fit. */
  put(entries: Entries, start: number, end: number, file: number): void {
    for (let i = start; i < end; ) {
      const leafNo = leafOf(entries.pgnos[i] ?? 1);
      const last = (leafNo + 1) * LEAF_PAGES;
      let j = i + 1;
      while (j < end && (entries.pgnos[j] ?? 0) <= last) j += 1;
      this.#putInto(leafNo, entries, i, j, file);
      i = j;
    }
  }

  #putInto(leafNo: number, entries: Entries, start: number, end: number, file: number): void {
    const leaf = leafIn(this.#nodes, leafNo);
    const first = leafNo * LEAF_PAGES + 1;
    const within = leaf !== undefined && !leaf.sparse && ((entries.pgnos[end - 1] ?? 0) - first + 1) * ENTRY_WORDS <= leaf.words.length;
    let words: Uint32Array;
    if (!within) {
      this.#buffer.load(leaf);
      words = this.#buffer.words;
    } else if (this.#own.has(leaf)) words = leaf.words;
    else words = leaf.words.slice();
    for (let i = start; i < end; i += 1) {
      const at = ((entries.pgnos[i] ?? 0) - first) * ENTRY_WORDS;
      if (sizeAt(words, at) > 0) this.#table.count(fileAt(words, at), -1);
      putEntry(words, at, entries.offsets[i] ?? 0, entries.sizes[i] ?? 0, file);
    }
    this.#table.count(file, end - start);
    if (!within) this.#replace(leafNo, leaf, this.#buffer.pack());
    else if (words !== leaf.words) this.#replace(leafNo, leaf, { sparse: false, words });
  }

  /** Drops all entries above a page, a few leaves a step. */
  *cutAbove(pgno: number): Steps<void> {
    const edge = pgno < 1 ? -1 : leafOf(pgno);
    let leaves = 0;
    for (const [leafNo, leaf] of leavesFrom(this.#nodes, edge + 1)) {
      forEachEntry(leaf, (_slot, at) => this.#table.count(fileAt(leaf.words, at), -1));
      this.#replace(leafNo, leaf, undefined);
      leaves += 1;
      if (leaves % LEAVES_PER_STEP === 0) yield;
    }
    const leaf = edge < 0 ? undefined : leafIn(this.#nodes, edge);
    if (leaf === undefined) return;
    const kept = pgno - edge * LEAF_PAGES;
    let dropped = false;
    forEachEntry(leaf, (slot, at) => {
      if (slot < kept) return;
      this.#table.count(fileAt(leaf.words, at), -1);
      dropped = true;
    });
    if (!dropped) return;
    this.#buffer.load(leaf);
    this.#buffer.words.fill(0, kept * ENTRY_WORDS);
    this.#replace(edge, leaf, this.#buffer.pack());
  }

  #replace(leafNo: number, before: Leaf | undefined, after: Leaf | undefined): void {
    const nodeNo = Math.floor(leafNo / NODE_LEAVES);
    let node = this.#nodes[nodeNo];
    if (node === undefined || !this.#own.has(node)) {
      node = node === undefined ? new Array<Leaf | undefined>(NODE_LEAVES).fill(undefined) : [...node];
      this.#nodes[nodeNo] = node;
      this.#own.add(node);
    }
    node[leafNo % NODE_LEAVES] = after;
    if (after !== undefined) this.#own.add(after);
    this.#bytes += (after?.words.byteLength ?? 0) - (before?.words.byteLength ?? 0);
  }

  done(): FrameMap {
    return new FrameMap(this.#nodes, this.#table.done(), this.#bytes);
  }
}

function leafIn(nodes: readonly (Node | undefined)[], leafNo: number): Leaf | undefined {
  return nodes[Math.floor(leafNo / NODE_LEAVES)]?.[leafNo % NODE_LEAVES];
}

/** The leaves that there are, with their numbers, from one on. */
function* leavesFrom(nodes: readonly (Node | undefined)[], firstLeaf: number): Generator<readonly [number, Leaf]> {
  for (let nodeNo = Math.floor(firstLeaf / NODE_LEAVES); nodeNo < nodes.length; nodeNo += 1) {
    const node = nodes[nodeNo];
    if (node === undefined) continue;
    for (let i = Math.max(0, firstLeaf - nodeNo * NODE_LEAVES); i < NODE_LEAVES; i += 1) {
      const leaf = node[i];
      if (leaf !== undefined) yield [nodeNo * NODE_LEAVES + i, leaf];
    }
  }
}
