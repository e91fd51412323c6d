import { SQLITE_ACTION_ATTACH, SQLITE_ACTION_DETACH, SQLITE_ACTION_PRAGMA, SQLITE_DENY, SQLITE_OK } from "./constants.js";
import type { LoadedSqlite, Ptr } from "./wasm.js";

/** What SQLite calls back on a connection, beside its VFS. */
export interface CallbackTarget {
  authorize(action: number, first: Ptr, second: Ptr): number;
  progress(): boolean;
}

/**
 * C function pointers are installed once per instance, because the function table never shrinks. SQLite hands each
 * callback the number of its connection.
 */
export class Callbacks {
  readonly authorizer: Ptr;
  readonly progress: Ptr;
  readonly #targets = new Map<number, CallbackTarget>();
  #nextId = 1;

  constructor(loaded: LoadedSqlite) {
    this.authorizer = loaded.installFunction("i(pipppp)", (id: number, action: number, first: Ptr, second: Ptr) => {
      // By far the most calls are for the columns that a query reads.
      if (action !== SQLITE_ACTION_PRAGMA && action !== SQLITE_ACTION_ATTACH && action !== SQLITE_ACTION_DETACH) return SQLITE_OK;
      try {
        return this.#targets.get(id)?.authorize(action, first, second) ?? SQLITE_DENY;
      } catch {
        // A bug in here must neither cross the WASM boundary nor allow what it did not look at.
        return SQLITE_DENY;
      }
    });
    this.progress = loaded.installFunction("i(p)", (id: number) => {
      try {
        return this.#targets.get(id)?.progress() === true ? 1 : 0;
      } catch {
        // A check that fails can't tell that the statement is still wanted.
        return 1;
      }
    });
  }

  /** Returns the number under which SQLite calls back. */
  add(target: CallbackTarget): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#targets.set(id, target);
    return id;
  }

  remove(id: number): void {
    this.#targets.delete(id);
  }
}
