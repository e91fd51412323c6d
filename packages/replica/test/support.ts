import { type Pgno, type TXID, txid } from "@headwater/core";
import { ManualRuntime, SeededRandom } from "@headwater/core/testing";
import { type EncodedLtx, encodeLtx } from "@headwater/ltx";
import { CountingObjectStore, type ETag, MemoryObjectStore, type ObjectStore } from "@headwater/object-store";
import { createLayout, type Layout, type LayoutKind, type OpenFile, type ReplicaFile, storePublisher } from "../src/index.js";

export const rounds: number = Number(process.env["HEADWATER_ROUNDS"] ?? "1");

/** A file that only a listing has seen. */
export function listed(level: number, min: number | bigint, max: number | bigint, size = 1000): ReplicaFile {
  const layout = createLayout("s3", "db");
  const key = layout.key(level, txid(min), txid(max));
  return { key, etag: `"${key}"` as ETag, size, level, minTXID: txid(min), maxTXID: txid(max), lastModifiedMs: 0 };
}

/** A page that is told from every other by its content: half of it compresses, half does not. */
export function pageBytes(pageSize: number, pgno: number, version: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  const random = new SeededRandom(pgno * 7919 + version);
  page.set(random.bytes(pageSize / 2), pageSize / 2);
  new DataView(page.buffer).setUint32(0, pgno);
  new DataView(page.buffer).setUint32(4, version);
  return page;
}

export interface FileSpec {
  readonly min: number;
  readonly max?: number;
  readonly level?: number;
  readonly commit: number;
  /** Version by pgno. */
  readonly pages: ReadonlyMap<number, number> | readonly number[];
  readonly pageSize?: number;
}

export function encode(spec: FileSpec): EncodedLtx {
  const { min, max = min, commit, pageSize = 512 } = spec;
  const versions = spec.pages instanceof Map ? spec.pages : new Map((spec.pages as readonly number[]).map((pgno) => [pgno, max]));
  const pages = [...versions]
    .sort(([a], [b]) => a - b)
    .map(([pgno, version]) => ({ pgno: pgno as Pgno, data: pageBytes(pageSize, pgno, version) }));
  const header = { pageSize, commit, minTXID: txid(min), maxTXID: txid(max), timestampMs: 1_700_000_000_000 + max };
  return encodeLtx({ header, pages });
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** An opened file that was never stored. */
export function opened(spec: FileSpec): OpenFile {
  const { header, index, trailer, bytes } = encode(spec);
  return { file: listed(spec.level ?? 0, spec.min, spec.max ?? spec.min, bytes.byteLength), header, index, trailer };
}

/** A replica in a store whose requests are counted. */
export class TestReplica {
  readonly runtime: ManualRuntime = new ManualRuntime();
  readonly inner: ObjectStore;
  readonly store: CountingObjectStore;
  readonly layout: Layout;

  constructor(kind: LayoutKind = "s3", inner?: ObjectStore, prefix = "app") {
    this.inner = inner ?? new MemoryObjectStore({ clock: this.runtime.clock });
    this.store = new CountingObjectStore(this.inner);
    this.layout = createLayout(kind, prefix);
  }

  async put(spec: FileSpec): Promise<ReplicaFile> {
    const level = spec.level ?? 0;
    return (await storePublisher(this.inner, this.layout).publish(encode(spec), level)).file;
  }

  /** Writes over whatever is there. */
  async overwrite(key: string, bytes: Uint8Array): Promise<void> {
    await this.inner.put(key, bytes);
  }

  async bytesOf(key: string): Promise<Uint8Array> {
    return (await this.inner.get(key)).body;
  }

  /** Requests since the last call: lists, gets, and all others. */
  #before = { list: 0, get: 0, other: 0 };
  requests(): { list: number; get: number; other: number } {
    const { list, get, put, head, delete: remove } = this.store.counts;
    const now = { list: list.count, get: get.count, other: put.count + head.count + remove.count };
    const since = { list: now.list - this.#before.list, get: now.get - this.#before.get, other: now.other - this.#before.other };
    this.#before = now;
    return since;
  }
}

/** Shorthand. */
export const id = (n: number | bigint): TXID => txid(n);

/** The versions that a database has after a history, by the plain rules. */
export class ModelDatabase {
  commit = 0;
  readonly pages: Map<number, number> = new Map();

  apply(commit: number, pages: ReadonlyMap<number, number>): void {
    for (const [pgno, version] of pages) this.pages.set(pgno, version);
    for (const pgno of [...this.pages.keys()]) if (pgno > commit) this.pages.delete(pgno);
    this.commit = commit;
  }

  /** What a read of the page must give. */
  bytes(pageSize: number, pgno: number): Uint8Array {
    const version = this.pages.get(pgno);
    return version === undefined ? new Uint8Array(pageSize) : pageBytes(pageSize, pgno, version);
  }
}
