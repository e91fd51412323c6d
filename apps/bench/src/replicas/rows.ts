/** The one table of every replica. Rows of about 500 bytes, which compress to about two thirds. */
export const SCHEMA = "create table t (id integer primary key, version integer not null, name text not null, body text not null)";
/** Bytes of database that one row takes, pages' overhead included; for estimates. */
export const ROW_BYTES = 568;

const SYLLABLES =
  "al an ar be ca de el en er fo ga he in is ka la le ma me mi na ne no on or pa re ri ro sa se so ta te ti to un va ve wi".split(" ");
const WORDS_COUNT = 2000;

export interface Row {
  readonly id: number;
  readonly version: number;
  readonly name: string;
  readonly body: string;
}

/** A small generator of numbers in [0, 1), good enough to draw words and rows with. @see mulberry32 */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS = ((): readonly string[] => {
  const random = randomOf(7);
  const syllable = (): string => SYLLABLES[Math.floor(random() * SYLLABLES.length)] ?? "";
  return Array.from({ length: WORDS_COUNT }, () => Array.from({ length: 1 + Math.floor(random() * 4) }, syllable).join(""));
})();

/** In characters, which are bytes here. */
export function bodyLengthOf(id: number): number {
  return 200 + Math.floor(randomOf(Math.imul(id, 0x2545f491))() * 600);
}

/** The same row for the same id and version, anywhere. Its length depends on the id alone, so an update stays in its place. */
export function rowOf(id: number, version = 0): Row {
  const random = randomOf(Math.imul(id, 0x9e3779b1) ^ Math.imul(version, 0x85ebca6b));
  const bodyLength = bodyLengthOf(id);
  // Few words are frequent and many are rare.
  const word = (): string => WORDS[Math.floor(random() ** 3 * WORDS.length)] ?? "";
  let body = "";
  while (body.length < bodyLength) body += `${word()} `;
  return { id, version, name: `${word()}-${id}`, body: body.slice(0, bodyLength) };
}

/** @throws {Error} if a contender read something else than what is in the replica. */
export function checkRow(found: unknown, expected: Row): void {
  const row = found as Partial<Row> | undefined;
  for (const column of ["id", "version", "body"] as const) {
    if (row?.[column] !== expected[column])
      throw new Error(`wrong row: id=${expected.id} column=${column} found=${JSON.stringify(row?.[column])?.slice(0, 80)}`);
  }
}
