import { OptionError } from "@headwater/core";
import { CHECKSUM_FLAG, CRC_START, checksumOf, crcUpdate, decodedPageChecksum } from "./codec/crc64.js";
import { wasm } from "./codec/wasm.js";
import { check, LtxCorruptError } from "./errors.js";
import { decodeHeader, HEADER_SIZE, type Header, isSnapshot, PAGE_HEADER_SIZE, TRAILER_SIZE } from "./header.js";
import { copyDecodedPage, framePgno, loadPageFrame, measurePageFrame, type Page } from "./page-frame.js";
import { encodePageIndex, type PageIndex, PageIndexBuilder } from "./page-index.js";
import { PageOrder } from "./page-order.js";
import { decodeTrailer, postApplyProblem, type Trailer } from "./trailer.js";

/** A page as it comes out of a stream, with the place of its frame in the file. */
export interface StreamedPage extends Page {
  readonly offset: number;
  readonly size: number;
  /** The frame as it is in the file: page header, size prefix, compressed data. Valid until the decoder's next call. */
  readonly frame: Uint8Array;
}

type Frame = Omit<StreamedPage, "data">;

/** What a whole file turned out to be. */
export interface DecodedFile {
  readonly header: Header;
  readonly trailer: Trailer;
  readonly index: PageIndex;
}

/** Joins the pieces of something that two or more chunks hold parts of; else points into the chunk. */
class ChunkReader {
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkAt = 0;
  #carry: Uint8Array = new Uint8Array(256);
  #carried = 0;

  /** Where the bytes that {@link take} made available are. */
  bytes: Uint8Array = this.#chunk;
  at = 0;

  get idle(): boolean {
    return this.#chunkAt === this.#chunk.length;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#chunkAt = 0;
  }

  /** How many bytes can be had in one piece right now: those at {@link at}. */
  available(): number {
    return this.#carried > 0 ? this.#carried : this.#chunk.length - this.#chunkAt;
  }

  /** Makes `n` bytes available in one piece. False if more chunks are needed; what is there is kept then. */
  take(n: number): boolean {
    const left = this.#chunk.length - this.#chunkAt;
    if (this.#carried === 0 && left >= n) {
      this.bytes = this.#chunk;
      this.at = this.#chunkAt;
      return true;
    }
    if (this.#carried < n) this.#fill(Math.min(left, n - this.#carried), n);
    this.bytes = this.#carry;
    this.at = 0;
    return this.#carried >= n;
  }

  #fill(count: number, n: number): void {
    if (n > this.#carry.length) {
      const grown = new Uint8Array(Math.max(n, this.#carry.length * 2));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(this.#chunk.subarray(this.#chunkAt, this.#chunkAt + count), this.#carried);
    this.#carried += count;
    this.#chunkAt += count;
  }

  /** Steps over the first `n` of the bytes taken. From the carry only all of it can be consumed. */
  consume(n: number): void {
    if (this.#carried === 0) this.#chunkAt += n;
    else this.#carried = 0;
  }
}

/**
 * Decodes a file that arrives in chunks, in order, with memory for one frame and the page index only.
 *
 * ```ts
 * decoder.push(chunk);
 * for (let page = decoder.next(); page; page = decoder.next()) use(page);   // then the next chunk
 * const { header, trailer } = decoder.finish();                            // only now is everything verified
 * ```
 * Each call to `next` is short, so a caller can yield in between. After an error the decoder is of no more use.
 */
export class LtxStreamDecoder {
  readonly #reader = new ChunkReader();
  readonly #index = new PageIndexBuilder();
  #state: "header" | "pages" | "index" | "trailer" | "done" = "header";
  #crc = CRC_START;
  #offset = 0;
  /** Bytes to wait for before the current frame is looked at again. */
  #need = PAGE_HEADER_SIZE;
  #header: Header | undefined;
  #order: PageOrder | undefined;
  #database = 0n;
  #tail: { readonly index: PageIndex; readonly expected: Uint8Array; compared: number } | undefined;
  #trailer: Trailer | undefined;

  /** The header, once its bytes were seen by {@link next}. */
  get header(): Header | undefined {
    return this.#header;
  }

  /** Bytes decoded so far. */
  get bytesDecoded(): number {
    return this.#offset;
  }

  /** All pages were decoded; index and trailer may still be missing. */
  get pagesEnded(): boolean {
    return this.#tail !== undefined;
  }

  /** All of the file was seen: {@link finish} will not complain about missing bytes. */
  get complete(): boolean {
    return this.#state === "done";
  }

  /** Hands in the next bytes of the file. They must stay unchanged until {@link next} returned undefined. */
  push(chunk: Uint8Array): void {
    if (!this.#reader.idle)
      throw new OptionError("BAD_OPTION", "the previous chunk is not used up; call next() until it returns undefined");
    this.#reader.push(chunk);
  }

  /**
   * The next page, undefined when the chunks so far hold no more of them. A page is not verified before {@link finish}
   * returned; its shape is.
   * @param into - Takes the page, if given; must be one page long.
   * @throws {LtxCorruptError} `LTX_CORRUPT`.
   */
  next(into?: Uint8Array): StreamedPage | undefined {
    const frame = this.#step();
    return frame === undefined ? undefined : { ...frame, data: copyDecodedPage(this.#known().pageSize, into) };
  }

  /** As {@link next}, for callers that want no pages but to know that they are all right. */
  skip(): boolean {
    return this.#step() !== undefined;
  }

  /** Ends the file. @throws {LtxCorruptError} `LTX_CORRUPT` unless it was whole and everything in it agrees. */
  finish(): DecodedFile {
    while (this.skip());
    if (this.#state !== "done" || this.#trailer === undefined || this.#tail === undefined) {
      throw new LtxCorruptError("length", `LTX file ends too early in=${this.#state} bytes=${this.#offset + this.#reader.available()}`);
    }
    return { header: this.#known(), trailer: this.#trailer, index: this.#tail.index };
  }

  #known(): Header {
    if (this.#header === undefined) throw new LtxCorruptError("length", "LTX file ends within its header");
    return this.#header;
  }

  /** Decodes up to the next page, which is in the codec's destination buffer then. */
  #step(): Frame | undefined {
    if (this.#state === "header" && !this.#readHeader()) return undefined;
    if (this.#state === "pages") {
      const frame = this.#readPage();
      if (frame !== undefined) return frame;
    }
    if (this.#state === "index") this.#readIndex();
    if (this.#state === "trailer") this.#readTrailer();
    if (this.#state === "done" && !this.#reader.idle)
      throw new LtxCorruptError("length", `LTX file goes on behind its trailer at=${this.#offset}`);
    return undefined;
  }

  #readHeader(): boolean {
    const reader = this.#reader;
    if (!reader.take(HEADER_SIZE)) return false;
    const bytes = reader.bytes.subarray(reader.at, reader.at + HEADER_SIZE);
    this.#header = decodeHeader(bytes);
    this.#order = new PageOrder(this.#header);
    this.#database = CHECKSUM_FLAG;
    this.#crc = crcUpdate(this.#crc, bytes);
    this.#consume(HEADER_SIZE);
    this.#state = "pages";
    return true;
  }

  #consume(n: number): void {
    this.#reader.consume(n);
    this.#offset += n;
  }

  #readPage(): Frame | undefined {
    const reader = this.#reader;
    const header = this.#known();
    let size: number;
    do {
      if (!reader.take(this.#need)) return undefined;
      size = measurePageFrame(reader.bytes, reader.at, reader.at + reader.available(), header.pageSize);
      this.#need = size < 0 ? -size : PAGE_HEADER_SIZE;
    } while (size < 0);
    if (size === 0) {
      this.#endPages();
      return undefined;
    }
    const pgno = framePgno(reader.bytes, reader.at);
    const problem = this.#order?.next(pgno);
    if (problem !== undefined) throw new LtxCorruptError(problem.startsWith("snapshot") ? "snapshot" : "page-order", problem);
    const prefix = loadPageFrame(reader.bytes, reader.at, size, header.pageSize);
    this.#crc = wasm.crcFrame(this.#crc, prefix, header.pageSize);
    if (isSnapshot(header) && !header.noChecksum)
      this.#database = CHECKSUM_FLAG | (this.#database ^ decodedPageChecksum(pgno, header.pageSize));
    const frame = { pgno, offset: this.#offset, size, frame: reader.bytes.subarray(reader.at, reader.at + size) };
    this.#index.add(pgno, this.#offset, size);
    this.#consume(size);
    return frame;
  }

  #endPages(): void {
    this.#crc = crcUpdate(this.#crc, new Uint8Array(PAGE_HEADER_SIZE));
    this.#consume(PAGE_HEADER_SIZE);
    const missing = this.#order?.end();
    if (missing !== undefined) throw new LtxCorruptError("snapshot", missing);
    const index = this.#index.build();
    this.#tail = { index, expected: encodePageIndex(index), compared: 0 };
    this.#state = "index";
  }

  /** The page block says what the index must be, byte for byte: numbers have one shortest form. */
  #readIndex(): void {
    const { expected, compared } = this.#tail ?? { expected: new Uint8Array(0), compared: 0 };
    const reader = this.#reader;
    if (!reader.take(1)) return;
    const n = Math.min(reader.available(), expected.length - compared);
    for (let i = 0; i < n; i += 1) {
      if (reader.bytes[reader.at + i] !== expected[compared + i])
        throw new LtxCorruptError("page-index", `page index differs from the page block at=${this.#offset + i}`);
    }
    this.#consume(n);
    if (this.#tail !== undefined) this.#tail.compared += n;
    if (compared + n < expected.length) return;
    this.#crc = crcUpdate(this.#crc, expected);
    this.#state = "trailer";
  }

  #readTrailer(): void {
    const reader = this.#reader;
    if (!reader.take(TRAILER_SIZE)) return;
    const bytes = reader.bytes.subarray(reader.at, reader.at + TRAILER_SIZE);
    const trailer = decodeTrailer(bytes);
    const header = this.#known();
    const problem = postApplyProblem(header, trailer.postApplyChecksum);
    if (problem !== undefined) throw new LtxCorruptError("trailer", problem);
    const computed = checksumOf(crcUpdate(this.#crc, bytes.subarray(0, 8)));
    check(
      computed === trailer.fileChecksum,
      "file-checksum",
      `file checksum differs stored=${trailer.fileChecksum.toString(16)} computed=${computed.toString(16)}`,
    );
    if (isSnapshot(header) && !header.noChecksum) {
      const post = trailer.postApplyChecksum;
      check(
        post === this.#database,
        "post-apply-checksum",
        `post-apply checksum is not that of the pages stored=${post.toString(16)} computed=${this.#database.toString(16)}`,
      );
    }
    this.#trailer = trailer;
    this.#consume(TRAILER_SIZE);
    this.#state = "done";
  }
}
