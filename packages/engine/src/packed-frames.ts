import type { PageBytes } from "@headwater/replica";

/** Page frames in one buffer, so that passing them to another thread costs one copy. Plain data. */
export interface PackedFrames {
  readonly pgnos: Uint32Array;
  /** Where each frame ends in {@link bytes}. */
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
}

export function packFrames(frames: ReadonlyMap<number, PageBytes>): PackedFrames {
  const pgnos = Uint32Array.from(frames.keys());
  const ends = new Uint32Array(pgnos.length);
  let total = 0;
  for (const { encoded } of frames.values()) total += encoded.byteLength;
  const bytes = new Uint8Array(total);
  let [i, end] = [0, 0];
  for (const { encoded } of frames.values()) {
    bytes.set(encoded, end);
    end += encoded.byteLength;
    ends[i] = end;
    i += 1;
  }
  return { pgnos, ends, bytes };
}

/** The frames, each in a buffer of its own. */
export function* unpackFrames({ pgnos, ends, bytes }: PackedFrames): Generator<readonly [pgno: number, frame: Uint8Array]> {
  let start = 0;
  for (const [i, end] of ends.entries()) {
    yield [pgnos[i] ?? 0, bytes.slice(start, end)];
    start = end;
  }
}
