import { HeadwaterError, type Pace, type Runtime, Slices, UNPACED } from "@headwater/core";
import type { ObjectStore } from "@headwater/object-store";
import { forEachBounded, inSlices, Limiter } from "./concurrency.js";
import { decodeFrame } from "./frame.js";
import type { Layout } from "./layout.js";
import {
  ENTRIES_PER_STEP,
  ENTRY_COST,
  HEAD_BYTES_DEFAULT,
  INDEX_BYTES_MAX_DEFAULT,
  type OpenedFile,
  type Opening,
  openFile,
  type WholeFile,
  wholeBytesMax,
} from "./open-file.js";
import type { Plan } from "./plan.js";
import { type RangeReader, storeRangeReader } from "./range-reader.js";
import type { ReplicaFile } from "./replica-file.js";
import { type FrameRef, type OpenFile, View } from "./view.js";

export interface OpenViewOptions {
  readonly signal?: AbortSignal;
  /** What the first request for a file's end asks for, in bytes; by default a guess from the file's size. */
  readonly tailBytes?: number;
  /** How much of the oldest file's start (the snapshot's, normally) to read along, in bytes. */
  readonly headBytes?: number;
  /** Requests under way at a time. */
  readonly concurrency?: number;
  /** What reads the files' bytes; by default the store itself, with a request for each range. */
  readonly reader?: RangeReader;
  /** Bytes of files that are held until the view is known, so that their pages can come along; newer files first. */
  readonly freeBytesMax?: number;
  /**
   * The page index of a snapshot that takes more bytes in the file is not read whole but in parts, as they are needed. 16
   * MiB by default.
   */
  readonly indexBytesMax?: number;
  /** Memory for the entries of such an index, in bytes, 8 for each. 12 MiB by default. */
  readonly entryBytesMax?: number;
  /** Lets others run between slices of the work. Without it, all that is at hand is decoded at once. */
  readonly runtime?: Pick<Runtime, "clock" | "timers">;
}

export interface OpenedView {
  readonly view: View;
  /** Decoded pages, as the view has them, that came along for free. */
  readonly pages: Map<number, Uint8Array>;
}

/** As many as the S3 client has sockets. */
export const OPEN_CONCURRENCY_DEFAULT = 50;
/** 16 MiB. */
export const FREE_BYTES_MAX_DEFAULT: number = 16 * 1024 * 1024;

/** 256 KiB of work, in bytes decoded, end a slice: 8192 index entries. */
const SLICE_BYTES: number = 256 * 1024;

/**
 * Reads the page indexes of all planned files, in parallel, and makes a view of them. A file costs one request when it
 * is small, two at a time otherwise, and one more where the guess of its index's size was too low.
 * A snapshot whose index is larger than `indexBytesMax` costs two at a time; the index comes in parts, with `View.load`.
 *
 * @throws `REPLICA_FILE_GONE` when the plan is old, `LTX_CORRUPT` naming key and fault, `REPLICA_GAP` for a plan that
 *   is not contiguous; else what the store throws. Nothing is left under way.
 */
export async function openView(store: ObjectStore, _layout: Layout, plan: Plan, options: OpenViewOptions = {}): Promise<OpenedView> {
  return openOn(undefined, store, plan, { headBytes: HEAD_BYTES_DEFAULT, ...options });
}

/**
 * The view that follows on from another by the files of a plan such as `planForward` makes: what a follower does.
 * Requests and errors as in {@link openView}. The pages that came along are those of the new files.
 */
export async function extendView(
  store: ObjectStore,
  view: View,
  plan: Plan,
  options: Omit<OpenViewOptions, "headBytes"> = {},
): Promise<OpenedView> {
  return openOn(view, store, plan, { ...options, headBytes: 0 });
}

async function openOn(before: View | undefined, store: ObjectStore, plan: Plan, options: OpenViewOptions): Promise<OpenedView> {
  const { runtime, signal, tailBytes } = options;
  const opening: Opening = {
    reader: options.reader ?? storeRangeReader(store),
    pace: runtime === undefined ? UNPACED : new Slices(runtime, { units: SLICE_BYTES, ...(signal === undefined ? {} : { signal }) }),
    cpu: new Limiter(1),
    wholeBytesMax: wholeBytesMax(plan.files.length),
    tailBytes,
    indexBytesMax: options.indexBytesMax ?? INDEX_BYTES_MAX_DEFAULT,
    ...(options.entryBytesMax === undefined ? {} : { entryBytesMax: options.entryBytesMax }),
  };
  const opened = await openFiles(opening, plan.files, options);
  const first = opened[0];
  if (first === undefined) throw new HeadwaterError("NO_REPLICA", `a plan without files can't be opened; store=${store.description}`);
  const view = await adopt(before ?? View.empty(first.header.pageSize), opened, opening.pace);
  return { view, pages: await freePages(view, opened, opening.pace) };
}

/** The view after these files. A snapshot whose index comes in parts replaces all before it. */
async function adopt(before: View, opened: readonly OpenedFile[], pace: Pace): Promise<View> {
  let view = before;
  let whole: OpenFile[] = [];
  const adoptWhole = async (): Promise<void> => {
    view = await inSlices(view.extendSteps(whole, ENTRIES_PER_STEP), pace, ENTRIES_PER_STEP * ENTRY_COST);
    whole = [];
  };
  for (const file of opened) {
    if (file.index !== undefined) whole.push(file);
    else {
      await adoptWhole();
      view = view.extendByBase(file, file.parts);
    }
  }
  await adoptWhole();
  return view;
}

async function openFiles(opening: Opening, files: readonly ReplicaFile[], options: OpenViewOptions): Promise<OpenedFile[]> {
  const opened: OpenedFile[] = new Array(files.length);
  let spare = options.freeBytesMax ?? FREE_BYTES_MAX_DEFAULT;
  // The base first, because it takes longest; then the newest, whose pages are worth most.
  const order = files.map((_, i) => (i === 0 ? 0 : files.length - i));
  await forEachBounded(order, options.concurrency ?? OPEN_CONCURRENCY_DEFAULT, options.signal, async (index, signal) => {
    const headBytes = index === 0 ? (options.headBytes ?? 0) : 0;
    const file = await openFile(opening, files[index] as ReplicaFile, headBytes, { signal });
    if (file.index === undefined) opened[index] = file;
    else {
      const keep = file.head.byteLength <= spare;
      if (keep) spare -= file.head.byteLength;
      opened[index] = keep ? file : { ...file, head: new Uint8Array(0) };
    }
  });
  return opened;
}

/** Decodes the frames among the bytes at hand that the view uses. */
async function freePages(view: View, opened: readonly OpenedFile[], pace: Pace): Promise<Map<number, Uint8Array>> {
  const pages = new Map<number, Uint8Array>();
  for (const file of opened) {
    if (file.index === undefined) {
      for (const { pgno, frame, data } of file.first) if (isUsed(view, pgno, frame)) pages.set(pgno, data);
      continue;
    }
    for (const [pgno, data] of decodeHead(view, file)) {
      pages.set(pgno, data);
      if (pace.spent(data.byteLength)) await pace.turn();
    }
  }
  return pages;
}

function* decodeHead(view: View, { file, head, index }: WholeFile): Generator<readonly [number, Uint8Array]> {
  for (let i = 0; i < index.count; i += 1) {
    const [pgno, offset, size] = [index.pgnos[i] ?? 0, index.offsets[i] ?? 0, index.sizes[i] ?? 0];
    if (offset + size > head.byteLength) break;
    const frame = { file, offset, size };
    if (isUsed(view, pgno, frame)) yield [pgno, decodeFrame(frame, pgno, view.pageSize, head.subarray(offset, offset + size))];
  }
}

function isUsed(view: View, pgno: number, { file, offset }: FrameRef): boolean {
  const found = view.knows(pgno) ? view.lookup(pgno) : undefined;
  return found?.file === file && found.offset === offset;
}
