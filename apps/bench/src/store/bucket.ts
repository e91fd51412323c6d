import { createHash } from "node:crypto";

/** Bytes that may be made only when they are asked for. */
export interface Content {
  readonly size: number;
  /** Half-open range. */
  read(start: number, end: number): Uint8Array;
}

/** A part of it, which is not read either before it is asked for. */
export function partOf(content: Content, start: number, end: number): Content {
  return { size: end - start, read: (from, to) => content.read(start + from, start + to) };
}

export interface StoredObject {
  readonly content: Content;
  /** With its quotes. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Names in lower case, without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One object of a listing. */
export type Listed = readonly [key: string, object: StoredObject];

/** The objects of the bench's one bucket. What a run changed is undone by {@link Bucket.reset}. */
export class Bucket {
  readonly #base = new Map<string, StoredObject>();
  /** `null`: deleted. */
  readonly #changes = new Map<string, StoredObject | null>();
  #sorted: readonly Listed[] | undefined;

  /** Adds an object that stays. */
  seed(key: string, content: Content): void {
    const etag = etagOf(Buffer.from(`${key}:${content.size}`));
    this.#base.set(key, { content, etag, lastModifiedMs: Date.UTC(2026, 0, 1), metadata: {} });
    this.#sorted = undefined;
  }

  /** Forgets all seeded objects and all changes. */
  clear(): void {
    this.#base.clear();
    this.reset();
  }

  /** Back to what was seeded. */
  reset(): void {
    this.#changes.clear();
    this.#sorted = undefined;
  }

  get(key: string): StoredObject | undefined {
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#base.get(key) : (changed ?? undefined);
  }

  put(key: string, body: Uint8Array, metadata: Readonly<Record<string, string>>): StoredObject {
    const object = { content: bytesContent(body), etag: etagOf(body), lastModifiedMs: Date.now(), metadata };
    this.#changes.set(key, object);
    this.#sorted = undefined;
    return object;
  }

  delete(key: string): void {
    this.#changes.set(key, null);
    this.#sorted = undefined;
  }

  /** All objects in the order of their keys, which are ASCII here. */
  entries(): readonly Listed[] {
    if (this.#sorted !== undefined) return this.#sorted;
    const keys = new Set([...this.#base.keys(), ...this.#changes.keys()]);
    const found: Listed[] = [];
    for (const key of [...keys].sort()) {
      const object = this.get(key);
      if (object !== undefined) found.push([key, object]);
    }
    this.#sorted = found;
    return found;
  }
}

export function bytesContent(bytes: Uint8Array): Content {
  return { size: bytes.byteLength, read: (start, end) => bytes.subarray(start, end) };
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
