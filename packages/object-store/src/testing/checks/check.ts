import type { ObjectStore } from "../../port.js";

/** What a backend can't do, and so is not asked for. */
export interface Supports {
  /** Keeps user metadata. */
  readonly metadata: boolean;
  /** Can hold `a` and `a/b` at once. Directories of files can't. */
  readonly keysBelowKeys: boolean;
}

/** One thing that every store must do. */
export interface ConformanceCheck {
  readonly name: string;
  /** @param store - Empty, and used by nobody else. @throws when the store does not do it. */
  run(store: ObjectStore, supports: Supports): Promise<void>;
}
