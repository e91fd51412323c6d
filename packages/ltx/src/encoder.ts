import { OptionError, type Pgno, runToEnd, type Steps } from "@headwater/core";
import { CHECKSUM_FLAG, CRC_START, checksumOf, crcUpdate, crcUpdateSteps, pageChecksum } from "./codec/crc64.js";
import { destination, source, wasm } from "./codec/wasm.js";
import {
  completeHeader,
  encodeHeader,
  HEADER_SIZE,
  type Header,
  type HeaderInput,
  isSnapshot,
  PAGE_HEADER_SIZE,
  TRAILER_SIZE,
} from "./header.js";
import { type Page, PREFIX_SIZE } from "./page-frame.js";
import { encodePageIndexSteps, type PageIndex, PageIndexBuilder } from "./page-index.js";
import { PageOrder } from "./page-order.js";
import { encodeTrailer, postApplyProblem, type Trailer } from "./trailer.js";

/** A finished file. */
export interface EncodedLtx {
  /** The file, but for what {@link LtxEncoder.takeBytes} gave out. May be a view of a somewhat larger buffer that nothing else uses. */
  readonly bytes: Uint8Array;
  readonly header: Header;
  readonly trailer: Trailer;
  readonly index: PageIndex;
}

export interface EncoderOptions {
  /** How large the file will probably be. Only saves copies while it grows. */
  readonly sizeHintBytes?: number;
}

const CAPACITY_DEFAULT = 16_384;

/**
 * Encodes one file page by page, so that a caller can yield in between; nothing is asynchronous in here. Pages are
 * compressed as LZ4 blocks. A mistake of the caller's is an OptionError, and then the encoder can go on as if the call
 * had not been made.
 */
export class LtxEncoder {
  readonly header: Header;
  readonly #order: PageOrder;
  readonly #index = new PageIndexBuilder();
  #bytes: Uint8Array;
  #length = HEADER_SIZE;
  /** Bytes given out by takeBytes: the buffer begins there. */
  #taken = 0;
  #crc: bigint;
  /** Checksum of the database, as far as this file alone says it: for tracked snapshots. */
  #database = CHECKSUM_FLAG;
  #finished = false;

  /** @throws {OptionError} `BAD_OPTION` for header values that LTX does not allow. */
  constructor(header: HeaderInput, options: EncoderOptions = {}) {
    this.header = completeHeader(header);
    this.#order = new PageOrder(this.header);
    this.#bytes = new Uint8Array(Math.max(options.sizeHintBytes ?? CAPACITY_DEFAULT, HEADER_SIZE));
    const head = encodeHeader(this.header);
    this.#bytes.set(head);
    this.#crc = crcUpdate(CRC_START, head);
  }

  /** Bytes encoded so far. */
  get size(): number {
    return this.#length;
  }

  /** Bytes that {@link takeBytes} would give out. */
  get pendingBytes(): number {
    return this.#length - this.#taken;
  }

  get pageCount(): number {
    return this.#index.count;
  }

  /** @throws {OptionError} `BAD_OPTION` for a page that is out of order, beyond commit, the lock page, or of another size. */
  addPage(pgno: Pgno, data: Uint8Array): void {
    this.#admit(pgno, data.length);
    const { pageSize } = this.header;
    if (isSnapshot(this.header) && !this.header.noChecksum) this.#database = CHECKSUM_FLAG | (this.#database ^ pageChecksum(pgno, data));
    source.set(data, PREFIX_SIZE);
    const compressed = wasm.encode(PREFIX_SIZE, pageSize);
    putPrefix(source, pgno, compressed);
    this.#crc = wasm.crcSource(this.#crc, 0, PREFIX_SIZE + pageSize);
    const size = PREFIX_SIZE + compressed;
    this.#reserve(size);
    const at = this.#length - this.#taken;
    this.#bytes.set(source.subarray(0, PREFIX_SIZE), at);
    this.#bytes.set(destination.subarray(0, compressed), at + PREFIX_SIZE);
    this.#index.add(pgno, this.#length, size);
    this.#length += size;
  }

  /**
   * Adds a page whose frame another file already holds, without compressing it again.
   * @internal
   * @param frame - Page header, size prefix and LZ4 block, verified by the caller.
   */
  addFrame(pgno: Pgno, data: Uint8Array, frame: Uint8Array): void {
    this.#admit(pgno, data.length);
    if (isSnapshot(this.header) && !this.header.noChecksum) this.#database = CHECKSUM_FLAG | (this.#database ^ pageChecksum(pgno, data));
    source.set(frame.subarray(0, PREFIX_SIZE));
    source.set(data, PREFIX_SIZE);
    this.#crc = wasm.crcSource(this.#crc, 0, PREFIX_SIZE + data.length);
    this.#reserve(frame.length);
    this.#bytes.set(frame, this.#length - this.#taken);
    this.#index.add(pgno, this.#length, frame.length);
    this.#length += frame.length;
  }

  #admit(pgno: Pgno, length: number): void {
    if (this.#finished) throw new OptionError("BAD_OPTION", "LTX encoder is finished; make a new one");
    const { pageSize } = this.header;
    if (length !== pageSize)
      throw new OptionError("BAD_OPTION", `page has the wrong size pgno=${pgno} length=${length} pageSize=${pageSize}`);
    if (!Number.isInteger(pgno)) throw new OptionError("BAD_OPTION", `not a page number pgno=${pgno}`);
    const problem = this.#order.next(pgno);
    if (problem !== undefined) throw new OptionError("BAD_OPTION", `can't encode page: ${problem}`);
  }

  #reserve(more: number): void {
    const used = this.#length - this.#taken;
    if (used + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(used + more, this.#bytes.length * 2, CAPACITY_DEFAULT));
    grown.set(this.#bytes.subarray(0, used));
    this.#bytes = grown;
  }

  /**
   * Gives out the bytes encoded since the last call, for files that are too large to be held in memory: upload or write
   * them in order. The rest comes with {@link finish}.
   */
  takeBytes(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length - this.#taken);
    this.#taken = this.#length;
    this.#bytes = new Uint8Array(0);
    return bytes;
  }

  /**
   * Writes page index and trailer.
   * @param postApplyChecksum - Checksum of the database after this file. Absent or zero without checksum tracking; for a
   *   tracked snapshot it is computed, and must agree if given.
   * @throws {OptionError} `BAD_OPTION` if it is missing or wrong, or if pages of a snapshot are missing.
   */
  finish(postApplyChecksum?: bigint): EncodedLtx {
    return runToEnd(this.finishSteps(postApplyChecksum));
  }

  /** {@link finish} in steps: a file of a million pages has an index of nine megabytes. */
  *finishSteps(postApplyChecksum?: bigint): Steps<EncodedLtx> {
    if (this.#finished) throw new OptionError("BAD_OPTION", "LTX encoder is finished; make a new one");
    const post = this.#postApply(postApplyChecksum);
    const missing = this.#order.end();
    if (missing !== undefined) throw new OptionError("BAD_OPTION", `can't finish LTX file: ${missing}`);
    this.#finished = true;
    const index = this.#index.build();
    yield;
    const encodedIndex = yield* encodePageIndexSteps(index);
    this.#reserve(PAGE_HEADER_SIZE + encodedIndex.length + TRAILER_SIZE);
    const start = this.#length - this.#taken;
    // A grown buffer is fresh and a hinted one is untouched here, so the empty page header is there already.
    this.#bytes.set(encodedIndex, start + PAGE_HEADER_SIZE);
    const trailerAt = start + PAGE_HEADER_SIZE + encodedIndex.length;
    this.#bytes.set(encodeTrailer({ postApplyChecksum: post, fileChecksum: 0n }), trailerAt);
    this.#crc = yield* crcUpdateSteps(this.#crc, this.#bytes.subarray(start, trailerAt + 8));
    const trailer: Trailer = { postApplyChecksum: post, fileChecksum: checksumOf(this.#crc) };
    this.#bytes.set(encodeTrailer(trailer), trailerAt);
    this.#length += PAGE_HEADER_SIZE + encodedIndex.length + TRAILER_SIZE;
    return { bytes: this.#tight(), header: this.header, trailer, index };
  }

  #postApply(given: bigint | undefined): bigint {
    const { header } = this;
    const known = header.noChecksum ? 0n : isSnapshot(header) ? this.#database : given;
    if (known === undefined) throw new OptionError("BAD_OPTION", "post-apply checksum is required with checksum tracking");
    if (given !== undefined && given !== known) {
      throw new OptionError(
        "BAD_OPTION",
        `post-apply checksum is not that of the pages given=${given.toString(16)} computed=${known.toString(16)}`,
      );
    }
    const problem = postApplyProblem(header, known);
    if (problem !== undefined) throw new OptionError("BAD_OPTION", `can't finish LTX file: ${problem}`);
    return known;
  }

  /** Gives a buffer that is a quarter too large back. */
  #tight(): Uint8Array {
    const bytes = this.takeBytes();
    return bytes.buffer.byteLength > bytes.length * 1.25 ? bytes.slice() : bytes;
  }
}

function putPrefix(bytes: Uint8Array, pgno: number, compressed: number): void {
  bytes[0] = pgno >>> 24;
  bytes[1] = pgno >>> 16;
  bytes[2] = pgno >>> 8;
  bytes[3] = pgno;
  bytes[4] = 0;
  bytes[5] = 1;
  bytes[6] = 0;
  bytes[7] = compressed >>> 16;
  bytes[8] = compressed >>> 8;
  bytes[9] = compressed;
}

/** Encodes a whole file at once. See {@link LtxEncoder}. */
export function encodeLtx(input: {
  readonly header: HeaderInput;
  readonly pages: Iterable<Page>;
  readonly postApplyChecksum?: bigint;
}): EncodedLtx {
  const encoder = new LtxEncoder(input.header);
  for (const { pgno, data } of input.pages) encoder.addPage(pgno, data);
  return encoder.finish(input.postApplyChecksum);
}
