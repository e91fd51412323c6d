/** What the thread that writes the files tells the one that reads them, before anything that lies there is published. */
export type FileNews =
  | { readonly created: string }
  | { readonly grown: string; readonly chunk: SharedArrayBuffer }
  | { readonly removed: string };

/** Folder of a buffer in memory; names nothing on any disk. */
export const MEMORY_BUFFER_DIR = "/write-buffer";

/** The system's error for a file that is not there. */
export function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file in memory; path=${path}`), { code: "ENOENT" });
}

/** A size-less stat: both threads only ask whether something is there. */
export function statOf(size: number, isDirectory: boolean): { size: number; mtimeNs: bigint; ino: bigint; isDirectory: boolean } {
  return { size, mtimeNs: 0n, ino: 0n, isDirectory };
}
