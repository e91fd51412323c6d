import type { Pace } from "@headwater/core";

/** Page numbers that share all but these low bits are sorted together: few enough for one slice of time. */
const BUCKET_BITS = 15;
const ENTRY_BYTES = 64;

/** Those of `pgnos` that `wanted` accepts, in ascending order. Yields on the way: there may be millions. */
export async function sortedPgnos(pgnos: Iterable<number>, wanted: (pgno: number) => boolean, pace: Pace): Promise<Uint32Array> {
  const buckets: number[][] = [];
  let count = 0;
  for (const pgno of pgnos) {
    if (pace.spent(ENTRY_BYTES)) await pace.turn();
    if (!wanted(pgno)) continue;
    const bucket = buckets[pgno >>> BUCKET_BITS];
    if (bucket === undefined) buckets[pgno >>> BUCKET_BITS] = [pgno];
    else bucket.push(pgno);
    count += 1;
  }
  const sorted = new Uint32Array(count);
  let at = 0;
  for (const bucket of buckets) {
    if (bucket === undefined) continue;
    const part = Uint32Array.from(bucket).sort();
    sorted.set(part, at);
    at += part.length;
    if (pace.spent(part.length * ENTRY_BYTES)) await pace.turn();
  }
  return sorted;
}
