/** What {@link FileSystem.stat} tells. Together, `ino`, `mtimeNs` and `size` identify one state of a file. */
export interface FileStat {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly isDirectory: boolean;
}

/**
 * How to open: `"r"` existing, read only; `"r+"` existing, read and write; `"w+"` created or truncated;
 * `"wx+"` created, and an error where it exists; `"a+"` created where it is missing, kept where it exists (positional writes, not appending).
 */
export type OpenMode = "r" | "r+" | "w+" | "wx+" | "a+";

/** One open file. All offsets and sizes in bytes. Every method throws the system's own error (`code` "ENOSPC", ...). */
export interface FileHandle {
  /** Reads up to `into.byteLength` bytes at `offset`; returns how many there were. Short only at the end of the file. */
  read(into: Uint8Array, offset: number): number;
  /** Writes all of `bytes` at `offset`, or throws. */
  write(bytes: Uint8Array, offset: number): void;
  truncate(size: number): void;
  /** Makes data and size durable (fdatasync). */
  sync(): void;
  /**
   * The same for what was written before the call, without holding up the thread. The handle may be closed meanwhile.
   * Optional: where it is missing, {@link sync} does.
   */
  syncAsync?(): Promise<void>;
  size(): number;
  close(): void;
}

/**
 * Local files, synchronously: SQLite's VFS calls are synchronous, and on the I/O thread these calls cost microseconds.
 * Its Node form is `nodeFileSystem` in `@headwater/core/node`; `MemoryFileSystem` in `@headwater/core/testing` also
 * crashes, losing or tearing what was not synced.
 */
export interface FileSystem {
  open(path: string, mode: OpenMode, permissions?: number): FileHandle;
  /** `undefined` where nothing is. */
  stat(path: string): FileStat | undefined;
  /** Names, sorted. Throws ENOENT where the directory is missing. */
  list(dir: string): string[];
  /** With all parents; succeeds where it exists. */
  mkdir(dir: string, permissions?: number): void;
  /** Atomic, replaces the target. Durable only after {@link syncDir}. */
  rename(from: string, to: string): void;
  /** Removes a file; succeeds where it is missing. */
  remove(path: string): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDir(dir: string): void;
  join(...parts: string[]): string;
}

/** A claim on a path that another process, or another thread of this one, notices. */
export interface PathLock {
  release(): Promise<void>;
}

/** Decides "in use by another process" beside a path (the design, Hydration: a unix socket beside the file). */
export interface PathLocks {
  /** @throws {HeadwaterError} `PATH_IN_USE` when someone living holds it. A dead holder's claim is taken over. */
  acquire(path: string): Promise<PathLock>;
}
