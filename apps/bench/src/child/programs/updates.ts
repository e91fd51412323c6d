import { checkRow, type Row, randomOf, rowOf } from "../../replicas/rows.js";
import type { SyncSession } from "../session.js";
import { BY_KEY } from "./cold-start.js";

export const UPDATE_BODY = "update t set body = ? where id = ?";
const VERSION = 1_000_000;
const ROWS = 2000;

/** Updates of rows here and there, each in its place: the new body is as long as the old one. Made before, so that making them is not measured. */
export class Updates {
  readonly #rows: readonly Row[];
  #done = 0;

  /** @param spared - Rows that are left as they are. */
  constructor(rows: number, spared: ReadonlySet<number> = new Set()) {
    const random = randomOf(5);
    const drawn = Array.from({ length: ROWS }, () => 1 + Math.floor(random() * rows));
    this.#rows = drawn.filter((id) => !spared.has(id)).map((id, n) => rowOf(id, VERSION + n));
  }

  /** Parameters of {@link UPDATE_BODY}. */
  next(): readonly [body: string, id: number] {
    const { id, body } = this.#rows[this.#done % this.#rows.length] as Row;
    this.#done += 1;
    return [body, id];
  }

  /** @throws {Error} unless the last update of each row can be read. */
  check(session: SyncSession): void {
    const byKey = session.prepare(BY_KEY);
    const last = new Map<number, Row>();
    // Rows may repeat: what counts is the one that was written last.
    const first = Math.max(0, this.#done - this.#rows.length);
    for (let n = first; n < this.#done; n += 1) {
      const row = this.#rows[n % this.#rows.length] as Row;
      last.set(row.id, row);
    }
    for (const row of last.values()) {
      const found = byKey.get(row.id) as Row;
      checkRow({ ...found, version: row.version }, row);
    }
  }
}
