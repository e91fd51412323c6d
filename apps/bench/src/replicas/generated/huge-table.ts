import { lockPgno } from "@headwater/core";
import { SCHEMA } from "../rows.js";
import { type BtreePage, btreePage, PAGE_SIZE } from "./btree-page.js";
import { frameSize } from "./frame.js";
import { bodyLength, generatedRow, NAME_LENGTH, ROWS_PER_LEAF } from "./generated-row.js";
import { interiorCell, leafCell, varintLength } from "./record.js";

const CHILDREN = 300;
const LEAF_HEADER = 8 + 2 * ROWS_PER_LEAF;
const LOCK_PGNO = lockPgno(PAGE_SIZE);

/**
 * A database of any number of pages, every one of which can be made by itself: the table of the other replicas, as a B-tree in
 * which a page's number says what it holds. Pages are numbered from 0 here, in the order of their pgnos: the schema, the
 * tree from its root down, level by level.
 */
export class HugeTable {
  /** The lock page not counted: it is in no file. */
  readonly pages: number;
  readonly rows: number;
  /** First page of each level, from the root to the leaves. */
  readonly #levels: readonly number[];

  constructor(leaves: number) {
    const counts = [leaves];
    while ((counts[0] ?? 1) > 1) counts.unshift(Math.ceil((counts[0] ?? 1) / CHILDREN));
    let first = 1;
    this.#levels = counts.map((count) => {
      const at = first;
      first += count;
      return at;
    });
    this.pages = first;
    this.rows = leaves * ROWS_PER_LEAF;
  }

  /** Size of the database in pages. */
  get commit(): number {
    return this.pgno(this.pages - 1);
  }

  pgno(page: number): number {
    return page + 1 < LOCK_PGNO ? page + 1 : page + 2;
  }

  /** Of the page's frame, without making it where it is a leaf: there are many. */
  frameSize(page: number): number {
    const leaf = page - (this.#levels.at(-1) ?? 0);
    if (leaf < 0) {
      const { zerosFrom, zerosTo } = this.make(page);
      return frameSize(zerosFrom, zerosTo);
    }
    const body = bodyLength(leaf);
    // Header length, NULL for the id, 0 for the version, and two texts.
    const payload = 4 + varintLength(13 + 2 * body) + NAME_LENGTH + body;
    let content = ROWS_PER_LEAF * (varintLength(payload) + payload);
    for (let n = 1; n <= ROWS_PER_LEAF; n += 1) content += varintLength(leaf * ROWS_PER_LEAF + n);
    return frameSize(LEAF_HEADER, PAGE_SIZE - content);
  }

  make(page: number): BtreePage {
    if (page === 0) return this.#schemaPage();
    const level = this.#levels.findLastIndex((first) => page >= first);
    const n = page - (this.#levels[level] ?? 0);
    return level === this.#levels.length - 1 ? leafPage(n) : this.#interiorPage(level, n);
  }

  #schemaPage(): BtreePage {
    const root = this.pgno(1);
    const page = btreePage([leafCell(1, ["table", "t", "t", { integer: root }, SCHEMA])], undefined, 100);
    const bytes = Buffer.from(page.bytes.buffer, page.bytes.byteOffset, 100);
    bytes.write("SQLite format 3\0", "latin1");
    bytes.writeUInt16BE(PAGE_SIZE, 16);
    bytes.set([1, 1, 0, 64, 32, 32], 18);
    // Change counter, and the number that says that the size in pages is right.
    for (const at of [24, 92]) bytes.writeUInt32BE(1, at);
    bytes.writeUInt32BE(this.commit, 28);
    bytes.writeUInt32BE(1, 40);
    bytes.writeUInt32BE(4, 44);
    bytes.writeUInt32BE(1, 56);
    bytes.writeUInt32BE(3_054_001, 96);
    return page;
  }

  #interiorPage(level: number, n: number): BtreePage {
    const [first = 0, end = this.pages] = [this.#levels[level + 1], this.#levels[level + 2]];
    const from = first + n * CHILDREN;
    const to = Math.min(from + CHILDREN, end);
    // Rows below one child of this level.
    const span = ROWS_PER_LEAF * CHILDREN ** (this.#levels.length - 2 - level);
    const cells = [];
    for (let child = from; child < to - 1; child += 1) cells.push(interiorCell(this.pgno(child), (child - first + 1) * span));
    return btreePage(cells, this.pgno(to - 1));
  }
}

function leafPage(leaf: number): BtreePage {
  const ids = Array.from({ length: ROWS_PER_LEAF }, (_, n) => leaf * ROWS_PER_LEAF + n + 1);
  const cells = ids.map((id) => {
    const { name, body } = generatedRow(id);
    return leafCell(id, [null, 0, name, body]);
  });
  return btreePage(cells);
}
