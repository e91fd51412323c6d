import { readSafe, viewOf, writeSafe } from "./bytes.js";

/**
 * A transaction's record in the log: its page frames in the order of writing, then one mark. All integers are
 * big-endian.
 *
 *     frame: "PAGE" | pgno u32 | salt u64 | page
 *     mark:  "MARK" | length u32 | salt u64 | sequence u64 | commit u32 | minSize u32 | frames u32 | pages u32
 *            | (pgno u32, frame index u32) per page that counts | "ENDM" | length u32 | chain u64
 *
 * The chain is the CRC-64/ISO of everything since the log began (segment headers left out), so a mark vouches for its
 * own frames and for all that came before. The list in the mark says which frames count: a page written twice, or
 * above a later truncation, has frames that do not. The length at both ends lets a reader walk backwards.
 */
export const FRAME_HEAD_BYTES = 16;
export const MARK_HEAD_BYTES = 40;
export const MARK_ENTRY_BYTES = 8;
export const MARK_FOOT_BYTES = 16;
/** Where the chain stands in the foot. */
export const MARK_CHAIN_AT = 8;
/** A mark longer than this is refused on writing and taken for damage on reading (134 million pages). */
export const MARK_BYTES_MAX: number = 2 ** 30;

export const KIND_PAGE = 0x50414745;
export const KIND_MARK = 0x4d41524b;
const KIND_END = 0x454e444d;

/** A random number, new for every attempt at a transaction: no dead tail can pass for its own successor. */
export interface Salt {
  readonly high: number;
  readonly low: number;
}

/** What a mark says, its page list left out. Sizes in pages. */
export interface Mark {
  /** Bytes of the whole mark. */
  readonly length: number;
  readonly salt: Salt;
  readonly sequence: number;
  /** Database size after the transaction. */
  readonly commit: number;
  /** Smallest database size since the transaction began, the size at its begin and its commit included. */
  readonly minSizePages: number;
  /** Frames before the mark, those that do not count included. */
  readonly frames: number;
  /** Entries in the list. */
  readonly pages: number;
}

export function markBytes(pages: number): number {
  return MARK_HEAD_BYTES + pages * MARK_ENTRY_BYTES + MARK_FOOT_BYTES;
}

export function writeFrameHead(view: DataView, at: number, pgno: number, salt: Salt): void {
  view.setUint32(at, KIND_PAGE);
  view.setUint32(at + 4, pgno);
  view.setUint32(at + 8, salt.high);
  view.setUint32(at + 12, salt.low);
}

/**
 * A whole mark but for its chain, which {@link MARK_CHAIN_AT} of the foot takes. `addresses`: offsets of frames by page;
 * those above the mark's commit are left out. `first`: offset of the transaction's first frame.
 */
export function encodeMark(
  mark: Omit<Mark, "length">,
  addresses: ReadonlyMap<number, number>,
  first: number,
  frameBytes: number,
): Uint8Array {
  const length = markBytes(mark.pages);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  view.setUint32(0, KIND_MARK);
  view.setUint32(4, length);
  view.setUint32(8, mark.salt.high);
  view.setUint32(12, mark.salt.low);
  writeSafe(view, 16, mark.sequence);
  view.setUint32(24, mark.commit);
  view.setUint32(28, mark.minSizePages);
  view.setUint32(32, mark.frames);
  view.setUint32(36, mark.pages);
  let at = MARK_HEAD_BYTES;
  for (const [pgno, address] of addresses) {
    if (pgno > mark.commit) continue;
    view.setUint32(at, pgno);
    view.setUint32(at + 4, (address - first) / frameBytes);
    at += MARK_ENTRY_BYTES;
  }
  view.setUint32(at, KIND_END);
  view.setUint32(at + 4, length);
  return bytes;
}

/** The head of a mark at the start of `bytes`; `undefined` where there is none, or one that can't be right. */
export function decodeMarkHead(bytes: Uint8Array): Mark | undefined {
  if (bytes.byteLength < MARK_HEAD_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0) !== KIND_MARK) return undefined;
  const length = view.getUint32(4);
  const sequence = readSafe(view, 16);
  const mark: Mark = {
    length,
    salt: { high: view.getUint32(8), low: view.getUint32(12) },
    sequence: sequence ?? 0,
    commit: view.getUint32(24),
    minSizePages: view.getUint32(28),
    frames: view.getUint32(32),
    pages: view.getUint32(36),
  };
  const sound =
    sequence !== undefined &&
    sequence > 0 &&
    length <= MARK_BYTES_MAX &&
    length === markBytes(mark.pages) &&
    mark.pages <= mark.frames &&
    mark.pages <= mark.commit &&
    mark.minSizePages <= mark.commit &&
    mark.commit <= 0xfffffffe;
  return sound ? mark : undefined;
}

/** The length that a mark's foot, the last bytes of `bytes`, gives; `undefined` where there is none. */
export function decodeMarkFoot(bytes: Uint8Array): { readonly length: number; readonly chain: bigint } | undefined {
  if (bytes.byteLength < MARK_FOOT_BYTES) return undefined;
  const view = viewOf(bytes);
  const at = bytes.byteLength - MARK_FOOT_BYTES;
  if (view.getUint32(at) !== KIND_END) return undefined;
  const length = view.getUint32(at + 4);
  if (length < markBytes(0) || length > MARK_BYTES_MAX) return undefined;
  return { length, chain: view.getBigUint64(at + MARK_CHAIN_AT) };
}
