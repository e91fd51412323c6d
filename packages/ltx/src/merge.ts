import { formatTXID, lockPgno, OptionError, type Pgno, runToEnd, type Steps } from "@headwater/core";
import { type EncodedLtx, LtxEncoder } from "./encoder.js";
import { check, LtxCorruptError } from "./errors.js";
import { decodeHeader, type Header, type HeaderInput, isSnapshot } from "./header.js";
import { isBlockFrame } from "./page-frame.js";
import { LtxStreamDecoder, type StreamedPage } from "./stream-decoder.js";
import type { Trailer } from "./trailer.js";

export interface MergeOptions {
  /**
   * "auto" (the default) tracks the checksum of the database when the inputs give what that takes; "none" never does,
   * which is what Litestream's restore wants.
   */
  readonly checksum?: "auto" | "none";
  /** The merged header's; default: the last input's, so that time travel finds the same state at the same time. */
  readonly timestampMs?: number;
  readonly nodeID?: bigint;
  /** Size of the database before the first input, in pages. With it, pages that the inputs grew over and never wrote are filled in too. */
  readonly previousCommit?: number;
}

/** For inputs that are too large to be held in memory. */
export interface StreamedMergeOptions extends MergeOptions {
  /**
   * The inputs given are the first chunks of the files only (the header must be in there). The rest comes through
   * {@link LtxMerge.push}, as {@link LtxMerge.wants} asks for it.
   */
  readonly streamed?: boolean;
}

/** One input, at its next page. */
class Input {
  readonly header: Header;
  /** A page of this input counts up to here: the smallest commit of it and all later inputs. */
  limit = 0;
  page: StreamedPage | undefined;
  readonly #decoder = new LtxStreamDecoder();
  readonly #buffer: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.header = decodeHeader(bytes);
    this.#buffer = new Uint8Array(this.header.pageSize);
    this.push(bytes);
  }

  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    if (this.page === undefined) this.advance();
  }

  advance(): void {
    this.page = this.#decoder.next(this.#buffer);
  }

  /** Its next page is unknown until more of it was pushed. */
  get starved(): boolean {
    return this.page === undefined && !this.#decoder.pagesEnded;
  }

  get complete(): boolean {
    return this.#decoder.complete;
  }

  finish(): Trailer {
    return this.#decoder.finish().trailer;
  }
}

/**
 * Merges files of contiguous TXID ranges, oldest first, into one that has the same effect. Every input is verified on
 * the way. Of each page the newest version wins, and a version counts only if its pgno is within the commit of its own
 * and of every later file: what was cut off and grew again is zeros until it is written again. Pages that no file holds
 * although the database grew over them are written as zeros, so that the result has no holes; a result with minTXID 1
 * holds every page.
 *
 * @throws {LtxCorruptError} `LTX_CORRUPT` for an input that is corrupt, or inputs that don't follow each other.
 * @throws {OptionError} `BAD_OPTION` for no inputs.
 */
export function mergeLtx(inputs: readonly Uint8Array[], options: MergeOptions = {}): EncodedLtx {
  const merge = new LtxMerge(inputs, options);
  while (merge.step());
  return merge.finish();
}

/**
 * {@link mergeLtx} page by page, so that a caller can yield in between, and with inputs in chunks, so that none has to be
 * held as a whole. After an error it is of no more use.
 *
 * ```ts
 * const merge = new LtxMerge(firstChunks, { streamed: true });
 * for (;;) {
 *   const i = merge.wants();
 *   if (i !== undefined) merge.push(i, await nextChunkOf(i));
 *   else if (!merge.step()) break;
 *   await write(merge.takeBytes());   // whenever enough has gathered
 * }
 * await write(merge.finish().bytes);
 * ```
 */
export class LtxMerge {
  readonly #inputs: readonly Input[];
  readonly #encoder: LtxEncoder;
  readonly #limits: { readonly fillAbove: number; readonly commit: number; readonly lockPgno: number };
  readonly #zeros: Uint8Array;
  #previous = 0;

  constructor(inputs: readonly Uint8Array[], options: StreamedMergeOptions = {}) {
    const opened = inputs.map((bytes) => new Input(bytes));
    const [first, last] = [opened[0], opened[opened.length - 1]];
    if (first === undefined || last === undefined) throw new OptionError("BAD_OPTION", "nothing to merge: give at least one LTX file");
    checkSequence(opened.map((input) => input.header));
    let limit = Number.POSITIVE_INFINITY;
    for (const input of [...opened].reverse()) input.limit = limit = Math.min(limit, input.header.commit);
    const header = mergedHeader(first.header, last.header, options);
    this.#inputs = opened;
    this.#encoder = new LtxEncoder(header, options.streamed === true ? {} : { sizeHintBytes: sizeHint(inputs) });
    this.#zeros = new Uint8Array(header.pageSize);
    // Above this nothing but these files can hold a page.
    const fillAbove = isSnapshot(header) ? 0 : Math.min(options.previousCommit ?? limit, limit);
    this.#limits = { fillAbove, commit: header.commit, lockPgno: lockPgno(header.pageSize) };
  }

  /** Total pages of the merged database, and the last one dealt with. */
  get progress(): { readonly pgno: number; readonly commit: number } {
    return { pgno: this.#previous, commit: this.#limits.commit };
  }

  /**
   * Position (in the constructor's list) of an input whose next chunk is needed before the merge can go on; undefined if
   * {@link step}, or in the end {@link finish}, can be called.
   */
  wants(): number | undefined {
    let at = this.#inputs.findIndex((input) => input.starved);
    if (at < 0 && this.#lowest() === undefined) at = this.#inputs.findIndex((input) => !input.complete);
    return at < 0 ? undefined : at;
  }

  /** The next chunk of the input that {@link wants} named. It must stay unchanged until `wants` names that input again. */
  push(input: number, chunk: Uint8Array): void {
    const to = this.#inputs[input];
    if (to === undefined) throw new OptionError("BAD_OPTION", `no such input input=${input} count=${this.#inputs.length}`);
    to.push(chunk);
  }

  /** Bytes of the merged file that wait for {@link takeBytes}. */
  get pendingBytes(): number {
    return this.#encoder.pendingBytes;
  }

  /** As {@link LtxEncoder.takeBytes}. */
  takeBytes(): Uint8Array {
    return this.#encoder.takeBytes();
  }

  /** Writes at most one page. False when there is nothing left. @throws {LtxCorruptError} for an input that ended too early. */
  step(): boolean {
    // An input that wants more and gets none is cut: finish() names what is missing.
    for (const input of this.#inputs) if (input.starved) input.finish();
    const pgno = this.#lowest();
    const hole = this.#nextHole(pgno ?? this.#limits.commit + 1);
    if (hole !== undefined) {
      this.#encoder.addPage(hole, this.#zeros);
      this.#previous = hole;
      return true;
    }
    if (pgno === undefined) return false;
    this.#writeNewest(pgno);
    return true;
  }

  #lowest(): Pgno | undefined {
    let lowest: Pgno | undefined;
    for (const { page } of this.#inputs) if (page !== undefined && (lowest === undefined || page.pgno < lowest)) lowest = page.pgno;
    return lowest;
  }

  /** The first page before `pgno` that has to be filled with zeros. */
  #nextHole(pgno: number): Pgno | undefined {
    const { fillAbove, commit, lockPgno: lock } = this.#limits;
    let hole = Math.max(this.#previous, fillAbove) + 1;
    if (hole === lock) hole += 1;
    return hole < pgno && hole <= commit ? (hole as Pgno) : undefined;
  }

  #writeNewest(pgno: Pgno): void {
    let written = false;
    for (let i = this.#inputs.length - 1; i >= 0; i -= 1) {
      const input = this.#inputs[i];
      const page = input?.page;
      if (input === undefined || page === undefined || page.pgno !== pgno) continue;
      if (!written && pgno <= input.limit) {
        if (isBlockFrame(page.frame)) this.#encoder.addFrame(pgno, page.data, page.frame);
        else this.#encoder.addPage(pgno, page.data);
        this.#previous = pgno;
        written = true;
      }
      input.advance();
    }
  }

  finish(): EncodedLtx {
    return runToEnd(this.finishSteps());
  }

  /** {@link finish} in steps. */
  *finishSteps(): Steps<EncodedLtx> {
    while (this.step()) yield;
    const trailers = this.#inputs.map((input) => input.finish());
    this.#checkChain(trailers);
    const { header } = this.#encoder;
    const post = trailers[trailers.length - 1]?.postApplyChecksum ?? 0n;
    if (header.noChecksum) return yield* this.#encoder.finishSteps();
    if (!isSnapshot(header)) return yield* this.#encoder.finishSteps(post);
    const merged = yield* this.#encoder.finishSteps();
    check(
      merged.trailer.postApplyChecksum === post,
      "post-apply-checksum",
      `merged pages don't have the last file's post-apply checksum stored=${post.toString(16)} computed=${merged.trailer.postApplyChecksum.toString(16)}`,
    );
    return merged;
  }

  /** Where both sides track the checksum of the database, the files must agree on it. */
  #checkChain(trailers: readonly Trailer[]): void {
    for (let i = 1; i < trailers.length; i += 1) {
      const [before, after] = [this.#inputs[i - 1]?.header, this.#inputs[i]?.header];
      if (before === undefined || after === undefined || before.noChecksum || after.noChecksum) continue;
      if (after.minTXID !== before.maxTXID + 1n) continue;
      const post = trailers[i - 1]?.postApplyChecksum;
      check(
        post === after.preApplyChecksum,
        "post-apply-checksum",
        `pre-apply checksum is not the previous file's post-apply checksum minTXID=${formatTXID(after.minTXID)} pre=${after.preApplyChecksum.toString(16)} post=${post?.toString(16)}`,
      );
    }
  }
}

/** Each file must begin at the latest right behind the one before it, and end later. */
function checkSequence(headers: readonly Header[]): void {
  for (let i = 1; i < headers.length; i += 1) {
    const [a, b] = [headers[i - 1], headers[i]];
    if (a === undefined || b === undefined) continue;
    if (a.pageSize !== b.pageSize)
      throw new LtxCorruptError("sequence", `can't merge files of different page sizes pageSizes=${a.pageSize},${b.pageSize}`);
    if (b.minTXID > a.maxTXID + 1n || b.maxTXID <= a.maxTXID || b.minTXID < a.minTXID) {
      const ranges = [a, b].map((h) => `${formatTXID(h.minTXID)}-${formatTXID(h.maxTXID)}`).join(",");
      throw new LtxCorruptError("sequence", `can't merge files that don't follow each other ranges=${ranges}`);
    }
  }
}

function mergedHeader(first: Header, last: Header, options: MergeOptions): HeaderInput {
  const tracked = options.checksum !== "none" && !last.noChecksum && (isSnapshot(first) || !first.noChecksum);
  return {
    noChecksum: !tracked,
    pageSize: first.pageSize,
    commit: last.commit,
    minTXID: first.minTXID,
    maxTXID: last.maxTXID,
    timestampMs: options.timestampMs ?? last.timestampMs,
    preApplyChecksum: tracked ? first.preApplyChecksum : 0n,
    ...(options.nodeID === undefined ? {} : { nodeID: options.nodeID }),
  };
}

/** The merged file is no larger than all inputs together, and rarely much larger than the largest. */
function sizeHint(inputs: readonly Uint8Array[]): number {
  return Math.max(...inputs.map((bytes) => bytes.length)) + 16_384;
}
