import type { Clock } from "@headwater/core";
import { MemoryBucket } from "./memory-bucket.js";
import { MemoryObjectStore } from "./memory-object-store.js";

// On the global object, so that two copies of this package in one thread agree on what "memory:name" is.
const REGISTRY = Symbol.for("headwater.object-store.memory");
const holder = globalThis as { [REGISTRY]?: Map<string, MemoryBucket> };

function buckets(): Map<string, MemoryBucket> {
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY];
}

/**
 * A store on the objects of `memory:name`, which live as long as this JavaScript thread. Every call gives a handle of
 * its own: closing one leaves the objects and the other handles alone.
 */
export function memoryStore(name: string, clock: Clock): MemoryObjectStore {
  const all = buckets();
  const bucket = all.get(name) ?? new MemoryBucket();
  all.set(name, bucket);
  return new MemoryObjectStore({ clock, name, bucket });
}

/** Forgets the objects of `memory:name`. Handles that are open keep theirs. */
export function dropMemoryStore(name: string): void {
  buckets().delete(name);
}
