import type { MessagePort } from "node:worker_threads";
import type { FileHandle, FileStat, FileSystem, OpenMode } from "@headwater/core";
import { CHUNK_BYTES, readChunks, writeChunks } from "./chunked-bytes.js";
import { type FileNews, MEMORY_BUFFER_DIR, missing, statOf } from "./protocol.js";

/** Chunks of removed files that are kept for the next ones. */
const SPARE_CHUNKS_MAX: number = (8 * 1024 * 1024) / CHUNK_BYTES;

class MemoryFile {
  readonly chunks: Uint8Array[] = [];
  size = 0;
}

/**
 * The commit log's files in memory that the I/O thread reads too, for machines without a disk to write to: the SQLite
 * thread's side, which alone writes them. They are gone with the process.
 */
export class MemoryFilesWriter implements FileSystem {
  readonly #port: MessagePort;
  readonly #files = new Map<string, MemoryFile>();
  #spare: Uint8Array[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
    port.unref();
  }

  open(path: string, mode: OpenMode): FileHandle {
    const found = this.#files.get(path);
    if (found === undefined && (mode === "r" || mode === "r+")) throw missing(path);
    if (found !== undefined && mode === "wx+") throw Object.assign(new Error(`EEXIST: path=${path}`), { code: "EEXIST" });
    if (found !== undefined && mode === "w+") this.remove(path);
    const kept = this.#files.get(path);
    const file = kept ?? new MemoryFile();
    if (kept === undefined) {
      this.#files.set(path, file);
      this.#tell({ created: path });
    }
    return {
      read: (into, offset) => readChunks(file.chunks, into, offset, file.size),
      write: (bytes, offset) => this.#write(path, file, bytes, offset),
      truncate: (size) => {
        // Behind its end a file reads as zeros once it grows over it.
        if (size < file.size) this.#zero(file, size, file.size);
        this.#grow(path, file, size);
        file.size = size;
      },
      sync: () => undefined,
      size: () => file.size,
      close: () => undefined,
    };
  }

  #write(path: string, file: MemoryFile, bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.byteLength;
    this.#grow(path, file, end);
    writeChunks(file.chunks, bytes, offset);
    file.size = Math.max(file.size, end);
  }

  #grow(path: string, file: MemoryFile, size: number): void {
    while (file.chunks.length * CHUNK_BYTES < size) {
      const spare = this.#spare.pop();
      const chunk = spare?.fill(0) ?? new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES));
      file.chunks.push(chunk);
      this.#tell({ grown: path, chunk: chunk.buffer as unknown as SharedArrayBuffer });
    }
  }

  #zero(file: MemoryFile, from: number, to: number): void {
    for (let at = from; at < to; at += CHUNK_BYTES) writeChunks(file.chunks, new Uint8Array(Math.min(CHUNK_BYTES, to - at)), at);
  }

  stat(path: string): FileStat | undefined {
    if (path === MEMORY_BUFFER_DIR) return statOf(0, true);
    const file = this.#files.get(path);
    return file && statOf(file.size, false);
  }

  list(dir: string): string[] {
    return [...this.#files.keys()].filter((path) => path.startsWith(`${dir}/`)).map((path) => path.slice(dir.length + 1));
  }

  mkdir(): void {}

  rename(from: string, to: string): void {
    throw new Error(`files in memory keep their names; from=${from}, to=${to}`);
  }

  /** A file is removed when the replica holds what was in it, and nobody reads it any more: its memory may be used again. */
  remove(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#tell({ removed: path });
    this.#spare = [...this.#spare, ...file.chunks].slice(0, SPARE_CHUNKS_MAX);
  }

  syncDir(): void {}

  join(...parts: string[]): string {
    return parts.join("/");
  }

  /** Bytes of memory in use, spare chunks included. */
  get bytes(): number {
    return [...this.#files.values()].reduce((sum, file) => sum + file.chunks.length, this.#spare.length) * CHUNK_BYTES;
  }

  close(): void {
    this.#port.close();
  }

  #tell(news: FileNews): void {
    this.#port.postMessage(news);
  }
}
