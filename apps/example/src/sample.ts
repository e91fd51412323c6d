import { open } from "headwater";

/** A row of the sample is about this long. */
const BODY_BYTES = 900;
const ROWS_PER_TRANSACTION = 10_000;
/** About 60 MB at 4096 bytes a page. */
export const SAMPLE_ROWS = 60_000;

const WORDS = "river stone cloud maple signal harbor winter copper garden lantern window meadow paper silver thunder orchard".split(" ");

/** Text that compresses about as well as prose does; the same for the same number. */
export function bodyOf(n: number): string {
  let state = (n * 2654435761) >>> 0;
  let text = `note ${n}:`;
  while (text.length < BODY_BYTES) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += ` ${WORDS[state >>> 28] ?? ""}${(state >>> 8) & 0xffff}`;
  }
  return text;
}

/** Makes the sample database as a new replica at `url`. Resolves to its size in bytes. */
export async function makeSample(url: string, bufferPath: string, rows: number = SAMPLE_ROWS): Promise<number> {
  const db = await open(url, { write: true, syncIntervalMs: 0, buffer: { path: bufferPath } });
  await db.exec("create table notes (id integer primary key, body text not null)");
  for (let first = 1; first <= rows; first += ROWS_PER_TRANSACTION) {
    await db.transaction(async (tx) => {
      const inserts = [];
      for (let id = first; id < Math.min(first + ROWS_PER_TRANSACTION, rows + 1); id += 1) {
        inserts.push(tx.run("insert into notes (id, body) values (?, ?)", [id, bodyOf(id)]));
      }
      await Promise.all(inserts);
    });
  }
  const bytes = db.status.pageSize * db.status.pageCount;
  await db.close();
  return bytes;
}
