import { compareKeys } from "../keys.js";
import type { ETag } from "../port.js";

/** One object as it is kept. Never changed, only replaced. */
export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: ETag;
  readonly lastModifiedMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a memory store holds; several stores may share one. */
export class MemoryBucket {
  readonly #objects: Map<string, StoredObject> = new Map();
  #sortedKeys: string[] | undefined = [];
  #writes = 0;

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  put(key: string, body: Uint8Array, lastModifiedMs: number, metadata: Readonly<Record<string, string>>): StoredObject {
    this.#writes += 1;
    // A number that is never used twice, and not a digest: code that takes equal tags for equal content is found out.
    const stored: StoredObject = { body: body.slice(), etag: `"m${this.#writes}"` as ETag, lastModifiedMs, metadata: { ...metadata } };
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    this.#objects.set(key, stored);
    return stored;
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  /** All keys in listing order. */
  keys(): readonly string[] {
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareKeys);
    return this.#sortedKeys;
  }
}
