import type { ReplicaFile } from "../replica-file.js";
import type { FrameRef } from "./frame-map.js";

/**
 * The page index of a snapshot that views build on without holding it whole. Shared by all views that come from the
 * same snapshot. It holds every page up to its commit, the lock page excepted.
 */
export interface BaseIndex {
  readonly file: ReplicaFile;
  /** Bytes that it takes in memory now. */
  readonly bytes: number;
  /** True if {@link find} can answer. */
  has(pgno: number): boolean;
  /** Where a page lies. @throws {OptionError} `BAD_OPTION` unless that is at hand: {@link load} it first. */
  find(pgno: number): FrameRef;
  /**
   * Brings the entries of these pages. Undefined: they are at hand. After the promise they are, until other calls need
   * the room: ask again, and use them at once when the answer is undefined.
   */
  load(pgnos: readonly number[], options?: { readonly signal?: AbortSignal }): Promise<void> | undefined;
}
