import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { FileHandle, FileStat, FileSystem, OpenMode } from "@headwater/core";
import { CHUNK_BYTES, readChunks, writeChunks } from "./chunked-bytes.js";
import { type FileNews, MEMORY_BUFFER_DIR, missing, statOf } from "./protocol.js";

/**
 * The I/O thread's side of files in memory: reads those of the SQLite thread, and has some of its own (the intents).
 * News of the other side is taken when something is looked for; whatever is published was told before.
 */
export class MemoryFilesReader implements FileSystem {
  readonly #port: MessagePort;
  readonly #theirs = new Map<string, Uint8Array[]>();
  readonly #own = new Map<string, { readonly chunks: Uint8Array[]; size: number }>();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  open(path: string, mode: OpenMode): FileHandle {
    this.#takeNews();
    const theirs = this.#theirs.get(path);
    if (theirs !== undefined) return this.#handleOf(theirs);
    const found = this.#own.get(path);
    if (found === undefined && (mode === "r" || mode === "r+")) throw missing(path);
    const own = mode === "w+" || found === undefined ? { chunks: [], size: 0 } : found;
    this.#own.set(path, own);
    return ownHandle(own);
  }

  #handleOf(chunks: Uint8Array[]): FileHandle {
    const readOnly = (): never => {
      throw Object.assign(new Error("EACCES: the SQLite thread writes these files"), { code: "EACCES" });
    };
    return {
      read: (into, offset) => {
        if (offset + into.byteLength > chunks.length * CHUNK_BYTES) this.#takeNews();
        return readChunks(chunks, into, offset, chunks.length * CHUNK_BYTES);
      },
      write: readOnly,
      truncate: readOnly,
      sync: () => undefined,
      size: () => chunks.length * CHUNK_BYTES,
      close: () => undefined,
    };
  }

  stat(path: string): FileStat | undefined {
    this.#takeNews();
    if (path === MEMORY_BUFFER_DIR) return statOf(0, true);
    const own = this.#own.get(path);
    const theirs = this.#theirs.get(path);
    if (own !== undefined) return statOf(own.size, false);
    return theirs && statOf(theirs.length * CHUNK_BYTES, false);
  }

  list(dir: string): string[] {
    this.#takeNews();
    const names = [...this.#theirs.keys(), ...this.#own.keys()].filter((path) => path.startsWith(`${dir}/`));
    return names.map((path) => path.slice(dir.length + 1)).sort();
  }

  mkdir(): void {}

  rename(from: string, to: string): void {
    throw new Error(`files in memory keep their names; from=${from}, to=${to}`);
  }

  remove(path: string): void {
    this.#own.delete(path);
  }

  syncDir(): void {}

  join(...parts: string[]): string {
    return parts.join("/");
  }

  #takeNews(): void {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      const news = got.message as FileNews;
      if ("created" in news) this.#theirs.set(news.created, []);
      else if ("removed" in news) this.#theirs.delete(news.removed);
      else this.#theirs.get(news.grown)?.push(new Uint8Array(news.chunk));
    }
  }

  close(): void {
    this.#port.close();
  }
}

function ownHandle(file: { readonly chunks: Uint8Array[]; size: number }): FileHandle {
  return {
    read: (into, offset) => readChunks(file.chunks, into, offset, file.size),
    write: (bytes, offset) => {
      const end = offset + bytes.byteLength;
      while (file.chunks.length * CHUNK_BYTES < end) file.chunks.push(new Uint8Array(CHUNK_BYTES));
      writeChunks(file.chunks, bytes, offset);
      file.size = Math.max(file.size, end);
    },
    truncate: (size) => {
      file.size = Math.min(file.size, size);
    },
    sync: () => undefined,
    size: () => file.size,
    close: () => undefined,
  };
}
