import { HeadwaterError } from "@headwater/core";
import type { ObjectStore } from "@headwater/object-store";
import { forEachBounded } from "./concurrency.js";
import { decodeFrame } from "./frame.js";
import type { Layout } from "./layout.js";
import { HEAD_BYTES_DEFAULT, type OpenedFile, openFile } from "./open-file.js";
import type { Plan } from "./plan.js";
import { type RangeReader, storeRangeReader } from "./range-reader.js";
import type { ReplicaFile } from "./replica-file.js";
import { View } from "./view.js";

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

/**
 * Reads the page indexes of all planned files, in parallel, and makes a view of them. A file costs one request when it
 * is small, two at a time otherwise, and one more where the guess of its index's size was too low.
 *
 * @throws `REPLICA_FILE_GONE` when the plan is old, `LTX_CORRUPT` naming key and fault, `REPLICA_GAP` for a plan that
 *   is not contiguous; else what the store throws. Nothing is left under way.
 */
export async function openView(store: ObjectStore, _layout: Layout, plan: Plan, options: OpenViewOptions = {}): Promise<OpenedView> {
  const opened = await openFiles(store, plan.files, { headBytes: HEAD_BYTES_DEFAULT, ...options });
  const first = opened[0];
  if (first === undefined) throw new HeadwaterError("NO_REPLICA", `a plan without files can't be opened; store=${store.description}`);
  return adopt(View.empty(first.header.pageSize), opened);
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
  return adopt(view, await openFiles(store, plan.files, { ...options, headBytes: 0 }));
}

function adopt(before: View, opened: readonly OpenedFile[]): OpenedView {
  let view = before;
  for (const file of opened) view = view.extend(file);
  return { view, pages: freePages(view, opened) };
}

async function openFiles(store: ObjectStore, files: readonly ReplicaFile[], options: OpenViewOptions): Promise<OpenedFile[]> {
  const reader = options.reader ?? storeRangeReader(store);
  const opened: OpenedFile[] = new Array(files.length);
  let spare = options.freeBytesMax ?? FREE_BYTES_MAX_DEFAULT;
  // The base first, because it takes longest; then the newest, whose pages are worth most.
  const order = files.map((_, i) => (i === 0 ? 0 : files.length - i));
  await forEachBounded(order, options.concurrency ?? OPEN_CONCURRENCY_DEFAULT, options.signal, async (index, signal) => {
    const headBytes = index === 0 ? (options.headBytes ?? 0) : 0;
    const file = await openFile(reader, files[index] as ReplicaFile, headBytes, options.tailBytes, { signal });
    const keep = file.head.byteLength <= spare;
    if (keep) spare -= file.head.byteLength;
    opened[index] = keep ? file : { ...file, head: new Uint8Array(0) };
  });
  return opened;
}

/** Decodes the frames among the bytes at hand that the view uses. */
function freePages(view: View, opened: readonly OpenedFile[]): Map<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>();
  for (const { file, head, index } of opened) {
    for (let i = 0; i < index.count; i += 1) {
      const [pgno, offset, size] = [index.pgnos[i] ?? 0, index.offsets[i] ?? 0, index.sizes[i] ?? 0];
      if (offset + size > head.byteLength) break;
      const frame = view.lookup(pgno);
      if (frame?.file !== file || frame.offset !== offset) continue;
      pages.set(pgno, decodeFrame(frame, pgno, view.pageSize, head.subarray(offset, offset + size)));
    }
  }
  return pages;
}
