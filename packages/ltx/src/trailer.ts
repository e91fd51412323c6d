import { CHECKSUM_FLAG } from "./codec/crc64.js";
import { check } from "./errors.js";
import { type Header, TRAILER_SIZE } from "./header.js";

export interface Trailer {
  /** Checksum of the database after this file is applied; zero without checksum tracking. */
  readonly postApplyChecksum: bigint;
  /** CRC-64/ISO over the file with decompressed pages, up to the file checksum itself; the checksum flag is set. */
  readonly fileChecksum: bigint;
}

/**
 * Decodes a trailer from the last {@link TRAILER_SIZE} bytes of `bytes`.
 * @throws {LtxCorruptError} `LTX_CORRUPT` if it is short or a checksum lacks the checksum flag.
 */
export function decodeTrailer(bytes: Uint8Array): Trailer {
  check(bytes.length >= TRAILER_SIZE, "length", `short LTX trailer: need ${TRAILER_SIZE} bytes length=${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - TRAILER_SIZE, TRAILER_SIZE);
  const trailer: Trailer = { postApplyChecksum: view.getBigUint64(0), fileChecksum: view.getBigUint64(8) };
  check(
    trailer.fileChecksum >= CHECKSUM_FLAG,
    "trailer",
    `file checksum lacks the checksum flag fileChecksum=${trailer.fileChecksum.toString(16)}`,
  );
  const post = trailer.postApplyChecksum;
  check(
    post === 0n || post >= CHECKSUM_FLAG,
    "trailer",
    `post-apply checksum lacks the checksum flag postApplyChecksum=${post.toString(16)}`,
  );
  return trailer;
}

export function encodeTrailer(trailer: Trailer): Uint8Array {
  const bytes = new Uint8Array(TRAILER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, trailer.postApplyChecksum);
  view.setBigUint64(8, trailer.fileChecksum);
  return bytes;
}

/** What is wrong with a post-apply checksum under this header, in words; undefined if nothing. */
export function postApplyProblem(header: Header, post: bigint): string | undefined {
  const shown = `postApplyChecksum=${post.toString(16)}`;
  if (header.noChecksum) return post === 0n ? undefined : `post-apply checksum in a file without checksum tracking ${shown}`;
  if (post < CHECKSUM_FLAG) return `post-apply checksum is missing or lacks the checksum flag ${shown}`;
  // An empty database has the checksum of no pages.
  return header.commit > 0 || post === CHECKSUM_FLAG ? undefined : `an empty database has no pages to be summed ${shown}`;
}
