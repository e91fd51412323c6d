import { decodePageFrame, LtxStreamDecoder } from "@headwater/ltx";
import { type FrameRef, type ReplicaFile, sameFile, type View } from "@headwater/replica";
import { corruptFile } from "./errors.js";
import type { LocalCopy } from "./local-copy.js";
import type { PageWriter } from "./page-writer.js";
import type { FileRange, VerifiedFile } from "./verified-file.js";

/** Where decoded pages go, and what decides whether they do. */
export interface Target {
  readonly copy: LocalCopy;
  readonly writer: PageWriter;
  /** As of now: it changes while ranges are under way. */
  readonly view: View;
}

/** One range to be fetched, and what to do with it. */
export interface RangeTask {
  readonly file: ReplicaFile;
  readonly start: number;
  readonly end: number;
  /** False when nothing in it is missing any more. */
  needed(target: Target): boolean;
  /**
   * Decodes the range into the target's writer. Yields after each small piece; what was put into the writer by then must
   * be flushed before anything else runs.
   *
   * @throws `LTX_CORRUPT`; the system's error of a write.
   */
  decode(bytes: Uint8Array, target: Target): Generator<void, void>;
}

/** Where a page lies. Undefined too where a page index is read in parts and this one is not at hand: the run ends then. */
function knownFrame(view: View, pgno: number): FrameRef | undefined {
  return view.knows(pgno) ? view.lookup(pgno) : undefined;
}

/** True while the newest version of a page is that frame. Fetched frames of pages that changed meanwhile are not written. */
function isCurrent(view: View, file: ReplicaFile, pgno: number, offset: number): boolean {
  const frame = knownFrame(view, pgno);
  return frame !== undefined && frame.offset === offset && sameFile(frame.file, file);
}

/** Decodes those of the pages whose newest frame lies in the range. */
function* decodePages(bytes: Uint8Array, task: RangeTask, pgnos: Uint32Array, again: boolean, target: Target): Generator<void, void> {
  for (const pgno of pgnos) {
    const frame = knownFrame(target.view, pgno);
    const inside =
      frame !== undefined && sameFile(frame.file, task.file) && frame.offset >= task.start && frame.offset + frame.size <= task.end;
    if (!inside || pgno > target.copy.pageCount || (!again && target.copy.has(pgno))) continue;
    const decoded = decodePageFrame(bytes, frame.offset - task.start, target.copy.pageSize, target.writer.slot(pgno));
    if (decoded.pgno !== pgno || decoded.size !== frame.size)
      throw corruptFile(task.file, `its page index and its page frames differ pgno=${pgno} found=${decoded.pgno} offset=${frame.offset}`);
    target.writer.commit(pgno);
    yield;
  }
}

/** Some frames of a file, with the gaps between them. Checked in shape. */
export class PartTask implements RangeTask {
  readonly file: ReplicaFile;
  readonly start: number;
  readonly end: number;
  readonly #pgnos: Uint32Array;

  constructor(range: FileRange, file: ReplicaFile, pgnos: Uint32Array) {
    this.file = file;
    this.start = range.start;
    this.end = range.end;
    this.#pgnos = pgnos;
  }

  needed({ copy, view }: Target): boolean {
    return this.#pgnos.some((pgno) => {
      if (copy.has(pgno)) return false;
      const frame = knownFrame(view, pgno);
      return frame !== undefined && sameFile(frame.file, this.file);
    });
  }

  decode(bytes: Uint8Array, target: Target): Generator<void, void> {
    return decodePages(bytes, this, this.#pgnos, false, target);
  }
}

/** A small file, read whole and verified before any page of it is written. */
export class WholeTask implements RangeTask {
  readonly file: ReplicaFile;
  readonly start = 0;
  readonly end: number;
  readonly #pgnos: Uint32Array;
  readonly #always: boolean;
  readonly #onVerified: () => void;

  /** @param always - Read it also when all its pages are there by now. */
  constructor(file: ReplicaFile, pgnos: Uint32Array, always: boolean, onVerified: () => void) {
    this.file = file;
    this.end = file.size;
    this.#pgnos = pgnos;
    this.#always = always;
    this.#onVerified = onVerified;
  }

  needed(target: Target): boolean {
    return this.#always || new PartTask(this, this.file, this.#pgnos).needed(target);
  }

  *decode(bytes: Uint8Array, target: Target): Generator<void, void> {
    const decoder = new LtxStreamDecoder();
    decoder.push(bytes);
    while (decoder.skip()) yield;
    decoder.finish();
    yield* decodePages(bytes, this, this.#pgnos, true, target);
    this.#onVerified();
  }
}

/** Consecutive frames of a file that is read whole in several ranges, and verified at the end. */
export class VerifiedTask implements RangeTask {
  readonly file: ReplicaFile;
  readonly start: number;
  readonly end: number;
  readonly #whole: VerifiedFile;
  readonly #first: number;
  readonly #last: number;
  readonly #onVerified: () => void;

  /** @param range - With the index positions of its first frame, and of the one behind its last. */
  constructor(whole: VerifiedFile, range: FileRange & { readonly first: number; readonly last: number }, onVerified: () => void) {
    this.file = whole.file;
    this.start = range.start;
    this.end = range.end;
    this.#whole = whole;
    this.#first = range.first;
    this.#last = range.last;
    this.#onVerified = onVerified;
  }

  /** Frames of pages that are there or have changed are read all the same: the checksum is over all of them. */
  needed(): boolean {
    return true;
  }

  *decode(bytes: Uint8Array, target: Target): Generator<void, void> {
    const { index, verifier } = this.#whole;
    const run = verifier.startRun(this.#first);
    const scratch = new Uint8Array(target.copy.pageSize);
    for (let i = this.#first; i < this.#last; i += 1) {
      const [pgno, offset] = [index.pgnos[i] ?? 0, index.offsets[i] ?? 0];
      const current = pgno <= target.copy.pageCount && isCurrent(target.view, this.file, pgno, offset);
      run.next(bytes, offset - this.start, current ? target.writer.slot(pgno) : scratch);
      if (current) target.writer.commit(pgno);
      yield;
    }
    run.end();
    if (verifier.missing().length > 0) return;
    for (const _ of verifier.finishSteps()) yield;
    this.#onVerified();
  }
}
