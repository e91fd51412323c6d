import { type Pgno, type TXID, txid } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { type EncodedLtx, encodeLtx, type HeaderInput, type Page } from "../src/index.js";

export const ROUNDS: number = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
export const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] as const;

export const tx = (n: number | bigint): TXID => txid(n);
export const pg = (n: number): Pgno => n as Pgno;

export function headerInput(more: Partial<HeaderInput> = {}): HeaderInput {
  return { pageSize: 512, commit: 3, minTXID: tx(2), maxTXID: tx(2), timestampMs: 1_764_000_000_000, ...more };
}

/** A page that compresses about as well as text in a table does. */
export function textPage(random: SeededRandom, pageSize: number): Uint8Array {
  const words = ["insert", "headwater", "river", "1764000000", "null", " ", "\0\0\0\0", "page", "zulu"] as const;
  const bytes = new Uint8Array(pageSize);
  let at = 0;
  while (at < pageSize) {
    const word = random.chance(0.1) ? String(random.nextU32()) : random.pick(words);
    for (let i = 0; i < word.length && at < pageSize; i += 1) bytes[at++] = word.charCodeAt(i);
  }
  return bytes;
}

/** A page of one of the kinds that matter to a compressor: text, noise, zeros, short periods, long runs. */
export function anyPage(random: SeededRandom, pageSize: number): Uint8Array {
  const kind = random.below(5);
  if (kind === 0) return textPage(random, pageSize);
  if (kind === 1) return random.bytes(pageSize);
  const bytes = new Uint8Array(pageSize);
  if (kind === 2) return bytes;
  const period = kind === 3 ? 1 + random.below(20) : 1 + random.below(pageSize);
  const seed = random.bytes(period);
  for (let i = 0; i < pageSize; i += 1) bytes[i] = seed[i % period] ?? 0;
  for (let i = random.below(4); i > 0; i -= 1) bytes[random.below(pageSize)] = random.nextU32();
  return bytes;
}

export function pagesFor(random: SeededRandom, pageSize: number, pgnos: readonly number[]): Page[] {
  return pgnos.map((n) => ({ pgno: pg(n), data: anyPage(random, pageSize) }));
}

export function encode(header: Partial<HeaderInput>, pages: readonly Page[], post?: bigint): EncodedLtx {
  return encodeLtx({ header: headerInput(header), pages, ...(post === undefined ? {} : { postApplyChecksum: post }) });
}

export const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

export const random = (seed: number): SeededRandom => new SeededRandom(seed);

/** Compares pages without vitest's element-by-element walk over typed arrays, which takes seconds for large pages. */
export function samePages(actual: Iterable<Page>, expected: readonly Page[]): boolean {
  const got = [...actual];
  return (
    got.length === expected.length &&
    got.every((page, i) => page.pgno === expected[i]?.pgno && sameBytes(page.data, expected[i]?.data ?? new Uint8Array(0)))
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
