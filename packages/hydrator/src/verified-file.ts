import { inTurns, type Runtime } from "@headwater/core";
import { type DecodedTail, decodeTailSteps, HEADER_SIZE, type PageIndex, RangeVerifier } from "@headwater/ltx";
import { type ReplicaFile, tailGuess } from "@headwater/replica";
import { corruptFile, namingKey } from "./errors.js";

/** Half-open, in bytes of one file. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** A file that is read whole, in ranges that arrive in any order, and verified once all of them did. */
export class VerifiedFile {
  readonly file: ReplicaFile;
  readonly index: PageIndex;
  readonly verifier: RangeVerifier;

  private constructor(file: ReplicaFile, index: PageIndex, verifier: RangeVerifier) {
    this.file = file;
    this.index = index;
    this.verifier = verifier;
  }

  /** Reads header, page index and trailer. @throws `LTX_CORRUPT` naming the key; what `read` throws. */
  static async open(file: ReplicaFile, pageSize: number, read: ReadRange, runtime: Runtime): Promise<VerifiedFile> {
    if (file.size < HEADER_SIZE) throw corruptFile(file, `it is too short size=${file.size}`);
    const [head, tail] = await Promise.all([read(0, HEADER_SIZE), readTail(file, read, runtime)]);
    const verifier = await namingErrors(file, inTurns(RangeVerifier.openSteps(head, tail), runtime.timers));
    const { header } = verifier;
    if (header.pageSize !== pageSize)
      throw corruptFile(file, `its page size is not the database's page_size=${header.pageSize} expected=${pageSize}`);
    return new VerifiedFile(file, tail.index, verifier);
  }

  /** What is still to be read, cut between frames into ranges of at most `bytesMax` (or one frame). */
  ranges(bytesMax: number): (FileRange & { readonly first: number; readonly last: number })[] {
    const { offsets, sizes } = this.index;
    const endOf = (i: number): number => (offsets[i] ?? 0) + (sizes[i] ?? 0);
    const out = [];
    for (const gap of this.verifier.missing()) {
      for (let first = gap.start; first < gap.end; ) {
        const start = offsets[first] ?? 0;
        let last = first + 1;
        while (last < gap.end && endOf(last) - start <= bytesMax) last += 1;
        out.push({ start, end: endOf(last - 1), first, last });
        first = last;
      }
    }
    return out;
  }
}

async function readTail(file: ReplicaFile, read: ReadRange, runtime: Runtime): Promise<Extract<DecodedTail, { kind: "ok" }>> {
  let tail = await read(file.size - tailGuess(file.size), file.size);
  for (;;) {
    const decoded = await namingErrors(file, inTurns(decodeTailSteps(tail, file.size), runtime.timers));
    if (decoded.kind === "ok") return decoded;
    tail = await read(file.size - decoded.bytes, file.size);
  }
}

async function namingErrors<T>(file: ReplicaFile, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw namingKey(file, error);
  }
}
