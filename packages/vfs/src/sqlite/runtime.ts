import { tmpdir, userInfo } from "node:os";
import type { Clock, FileSystem, Random } from "@headwater/core";
import { nodeFileSystem, systemRuntime } from "@headwater/core/node";
import type { DatabaseFile } from "../database-file.js";
import { Callbacks } from "./callbacks.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { Heap } from "./heap.js";
import { compileSqlite, type SqliteModule } from "./module.js";
import { tempFilesIn } from "./private-bytes.js";
import { HeadwaterVfs } from "./vfs.js";
import { instantiateSqlite, type LoadedSqlite } from "./wasm.js";

/** How {@link SqliteRuntime.load} loads. */
export interface SqliteRuntimeOptions {
  /** SQLite, compiled before: see {@link SqliteRuntime.module}. Default: the pinned package's binary. */
  readonly module?: SqliteModule;
  /** Where journals and temporary tables go once they are large. Made when needed, mode 0700. Default: a directory of the user's in the system's. */
  readonly tempDir?: string;
  /** For tests; the machine's by default. */
  readonly fileSystem?: FileSystem;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * SQLite in this thread: one WASM instance with its heap and our VFS, shared by all connections that are opened from
 * it. Loading is asynchronous, everything after it is not.
 */
export class SqliteRuntime {
  /** Compiled once; can be posted to other threads and given to their {@link load}. */
  readonly module: SqliteModule;
  /** SQLite's, such as "3.54.1". */
  readonly version: string;
  readonly #heap: Heap;
  readonly #vfs: HeadwaterVfs;
  readonly #callbacks: Callbacks;
  #opened = 0;

  private constructor(module: SqliteModule, loaded: LoadedSqlite, options: SqliteRuntimeOptions) {
    const { clock = systemRuntime.clock, random = systemRuntime.random, fileSystem = nodeFileSystem } = options;
    this.module = module;
    this.version = loaded.version;
    this.#heap = new Heap(loaded);
    const dir = options.tempDir ?? defaultTempDir(fileSystem);
    const name = (): string => `sqlite-${random.nextU32().toString(16)}${random.nextU32().toString(16)}`;
    this.#vfs = new HeadwaterVfs(this.#heap, { clock, random, temp: tempFilesIn(fileSystem, dir, name) });
    this.#vfs.register(loaded);
    this.#callbacks = new Callbacks(loaded);
  }

  static async load(options: SqliteRuntimeOptions = {}): Promise<SqliteRuntime> {
    const module = options.module ?? (await compileSqlite());
    return new SqliteRuntime(module, await instantiateSqlite(module), options);
  }

  /**
   * Opens a connection on `file`, which it closes when it is closed itself, and also when this throws.
   *
   * @param name - for messages and `PRAGMA database_list`; need not be unique
   */
  open(name: string, file: DatabaseFile, options: ConnectionOptions): Connection {
    this.#opened += 1;
    const path = `/${this.#opened}/${name}`;
    const { readonly, attach } = options;
    return new Connection({ heap: this.#heap, vfs: this.#vfs, callbacks: this.#callbacks, path, file, readonly, attach }, options);
  }

  /** Size of the WASM heap, which never shrinks. */
  get heapBytes(): number {
    return this.#heap.u8().byteLength;
  }

  /** Files and journals that are open now. For tests and for finding leaks. */
  get openFiles(): { readonly files: number; readonly journals: readonly string[] } {
    return { files: this.#vfs.openFiles, journals: this.#vfs.journals.names() };
  }
}

function defaultTempDir(fs: FileSystem): string {
  const { uid, username } = userInfo();
  return fs.join(tmpdir(), `headwater-${uid >= 0 ? uid : username}`);
}
