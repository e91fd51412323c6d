import { OptionError, type Pgno, runToEnd, type Steps } from "@headwater/core";
import { CHECKSUM_FLAG, CRC_START, combineCrc64, crc64, crcDigest, crcUpdateSteps, decodedPageChecksum } from "./codec/crc64.js";
import { wasm } from "./codec/wasm.js";
import { check, LtxCorruptError } from "./errors.js";
import { decodeHeader, HEADER_SIZE, type Header, isSnapshot, PAGE_HEADER_SIZE } from "./header.js";
import { copyDecodedPage, framePgno, loadPageFrame, measurePageFrame } from "./page-frame.js";
import { ENTRIES_PER_STEP, encodePageIndexSteps, type PageIndex } from "./page-index.js";
import { PageOrder } from "./page-order.js";
import { postApplyProblem, type Trailer } from "./trailer.js";

/** What `decodeTail` gave. */
interface Tail {
  readonly trailer: Trailer;
  readonly index: PageIndex;
}

/** The CRC of consecutive frames, and how many bytes it is over. */
interface RunResult {
  readonly endFrame: number;
  readonly crc: bigint;
  readonly covered: number;
  /** XOR of the page checksums; only for tracked snapshots. */
  readonly database: bigint;
}

/**
 * Verifies one file whose ranges arrive in any order: each run of consecutive frames gives a CRC, and at the end those
 * are combined in file order with header, page index and trailer into the file checksum.
 *
 * ```ts
 * const verifier = new RangeVerifier(head, tail);             // first 100 bytes, and what decodeTail gave
 * const run = verifier.startRun(0);                           // one fetched range = frames 0, 1, 2, ...
 * for (let i = 0; i < n; i += 1) use(run.next(bytes, at[i])); // pages, not verified yet
 * run.end();
 * verifier.finish();                                          // throws LTX_CORRUPT unless all of it agrees
 * ```
 */
export class RangeVerifier {
  readonly header: Header;
  readonly #head: Uint8Array;
  readonly #tail: Tail;
  readonly #runs = new Map<number, RunResult>();

  /**
   * @param checksLater - Used by {@link openSteps}.
   * @throws {LtxCorruptError} `LTX_CORRUPT` for a bad header, or an index that does not fit it.
   */
  constructor(head: Uint8Array, tail: Tail, checksLater = false) {
    this.header = decodeHeader(head);
    this.#head = head.slice(0, HEADER_SIZE);
    this.#tail = tail;
    const problem = postApplyProblem(this.header, tail.trailer.postApplyChecksum);
    if (problem !== undefined) throw new LtxCorruptError("trailer", problem);
    if (!checksLater) runToEnd(this.#checkOrder());
  }

  /** Makes one in steps: the index may have millions of entries. Errors as of the constructor. */
  static *openSteps(head: Uint8Array, tail: Tail): Steps<RangeVerifier> {
    const verifier = new RangeVerifier(head, tail, true);
    yield* verifier.#checkOrder();
    return verifier;
  }

  *#checkOrder(): Steps<void> {
    const { count, pgnos } = this.#tail.index;
    const order = new PageOrder(this.header);
    let problem: string | undefined;
    for (let i = 0; i < count && problem === undefined; i += 1) {
      problem = order.next(pgnos[i] ?? 0);
      if ((i + 1) % ENTRIES_PER_STEP === 0) yield;
    }
    problem ??= order.end();
    if (problem !== undefined) throw new LtxCorruptError(problem.startsWith("snapshot") ? "snapshot" : "page-order", problem);
  }

  /**
   * Starts a run at frame `firstFrame` of the index (0 is the first). Runs may be open at the same time, and one that is
   * never ended counts for nothing: start another in its place.
   */
  startRun(firstFrame: number): FrameRun {
    const { index } = this.#tail;
    if (!Number.isInteger(firstFrame) || firstFrame < 0 || firstFrame >= index.count) {
      throw new OptionError("BAD_OPTION", `no such frame firstFrame=${firstFrame} count=${index.count}`);
    }
    return new FrameRun(this.header, index, firstFrame, (result) => this.#runs.set(firstFrame, result));
  }

  /** The frames that no ended run covers yet, as half-open ranges of index positions. Empty: {@link finish} can be called. */
  missing(): { readonly start: number; readonly end: number }[] {
    const gaps: { start: number; end: number }[] = [];
    let at = 0;
    for (const [start, run] of [...this.#runs].sort((a, b) => a[0] - b[0])) {
      if (start > at) gaps.push({ start: at, end: start });
      at = Math.max(at, run.endFrame);
    }
    if (at < this.#tail.index.count) gaps.push({ start: at, end: this.#tail.index.count });
    return gaps;
  }

  /**
   * Compares with the file checksum, and for a snapshot with checksum tracking with the post-apply checksum.
   * @throws {LtxCorruptError} `LTX_CORRUPT` if one differs.
   * @throws {OptionError} `BAD_OPTION` unless the runs cover each frame exactly once.
   */
  finish(): void {
    runToEnd(this.finishSteps());
  }

  /** {@link finish} in steps: encoding the index of a million pages takes tens of milliseconds. */
  *finishSteps(): Steps<void> {
    const { trailer, index } = this.#tail;
    let crc = crc64(this.#head);
    let database = CHECKSUM_FLAG;
    let at = 0;
    while (at < index.count) {
      const run = this.#runs.get(at);
      if (run === undefined)
        throw new OptionError("BAD_OPTION", `runs don't cover each frame exactly once frame=${at} count=${index.count}`);
      crc = combineCrc64(crc, run.crc, run.covered);
      database ^= run.database;
      at = run.endFrame;
    }
    crc = crc64(new Uint8Array(PAGE_HEADER_SIZE), crc);
    crc = crcDigest(yield* crcUpdateSteps(~crc, yield* encodePageIndexSteps(index)));
    const post = new Uint8Array(8);
    new DataView(post.buffer).setBigUint64(0, trailer.postApplyChecksum);
    const computed = crc64(post, crc) | CHECKSUM_FLAG;
    check(
      computed === trailer.fileChecksum,
      "file-checksum",
      `file checksum differs stored=${trailer.fileChecksum.toString(16)} computed=${computed.toString(16)}`,
    );
    if (!isSnapshot(this.header) || this.header.noChecksum) return;
    const known = trailer.postApplyChecksum;
    check(
      (database | CHECKSUM_FLAG) === known,
      "post-apply-checksum",
      `post-apply checksum is not that of the pages stored=${known.toString(16)} computed=${(database | CHECKSUM_FLAG).toString(16)}`,
    );
  }
}

/** Consecutive frames of one file. Made by {@link RangeVerifier.startRun}. */
export class FrameRun {
  readonly #header: Header;
  readonly #index: PageIndex;
  readonly #done: (result: RunResult) => void;
  #frame: number;
  #crc = CRC_START;
  #covered = 0;
  #database = 0n;

  /** @internal */
  constructor(header: Header, index: PageIndex, firstFrame: number, done: (result: RunResult) => void) {
    this.#header = header;
    this.#index = index;
    this.#frame = firstFrame;
    this.#done = done;
  }

  /** Index position of the frame that {@link next} decodes. */
  get frame(): number {
    return this.#frame;
  }

  /**
   * Decodes the run's next frame, which starts at `at` of `bytes`.
   * @param into - Takes the page, if given; must be one page long.
   * @throws {LtxCorruptError} `LTX_CORRUPT` if it is not the frame that the index says.
   */
  next(bytes: Uint8Array, at: number, into?: Uint8Array): { readonly pgno: Pgno; readonly data: Uint8Array; readonly size: number } {
    const { pageSize } = this.#header;
    const expected = this.#index.sizes[this.#frame];
    if (expected === undefined) throw new OptionError("BAD_OPTION", `the file has no more frames count=${this.#index.count}`);
    if (!Number.isInteger(at) || at < 0 || at > bytes.length)
      throw new OptionError("BAD_OPTION", `offset is outside of the bytes at=${at} length=${bytes.length}`);
    const pgno = framePgno(bytes, at);
    const size = measurePageFrame(bytes, at, bytes.length, pageSize);
    if (size !== expected || pgno !== this.#index.pgnos[this.#frame]) {
      throw new LtxCorruptError(
        "page-frame",
        `page frame is not the one in the index pgno=${pgno} size=${size} expected=${this.#index.pgnos[this.#frame]}:${expected}`,
      );
    }
    const prefix = loadPageFrame(bytes, at, size, pageSize);
    this.#crc = wasm.crcFrame(this.#crc, prefix, pageSize);
    this.#covered += prefix + pageSize;
    const data = copyDecodedPage(pageSize, into);
    if (isSnapshot(this.#header) && !this.#header.noChecksum) this.#database ^= decodedPageChecksum(pgno, pageSize);
    this.#frame += 1;
    return { pgno, data, size };
  }

  /** Ends the run and hands its CRC to the verifier. */
  end(): void {
    this.#done({ endFrame: this.#frame, crc: crcDigest(this.#crc), covered: this.#covered, database: this.#database });
  }
}
