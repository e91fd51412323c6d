import type { ReplicaFile } from "../replica-file.js";

/** The files that entries of a map point at, by number, each with the number of its entries. */
export interface FileTable {
  /** Undefined: the number is free. */
  readonly files: readonly (ReplicaFile | undefined)[];
  readonly counts: readonly number[];
}

export const NO_FILES: FileTable = { files: [], counts: [] };

/**
 * A table that is being changed. A file without entries loses its number, which another may get: views that are older
 * have tables of their own.
 */
export class FileTableEdit {
  readonly #files: (ReplicaFile | undefined)[];
  readonly counts: number[];
  readonly #free: number[] = [];

  constructor({ files, counts }: FileTable) {
    this.#files = [...files];
    this.counts = [...counts];
    for (const [n, file] of files.entries()) if (file === undefined) this.#free.push(n);
  }

  /** A number for a file that has none yet. */
  add(file: ReplicaFile): number {
    const number = this.#free.pop() ?? this.#files.length;
    this.#files[number] = file;
    this.counts[number] = 0;
    return number;
  }

  /** So many entries more, or fewer. */
  count(number: number, by: number): void {
    this.counts[number] = (this.counts[number] ?? 0) + by;
  }

  done(): FileTable {
    for (const [n, count] of this.counts.entries()) if (count === 0) this.#files[n] = undefined;
    while (this.#files.length > 0 && this.#files.at(-1) === undefined) {
      this.#files.pop();
      this.counts.pop();
    }
    return { files: this.#files, counts: this.counts };
  }
}
