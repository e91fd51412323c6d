import fs from "node:fs";
import path from "node:path";
import type { FileHandle, FileSystem, OpenMode } from "../file-system.js";

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_EXCL } = fs.constants;
const FLAGS: Readonly<Record<OpenMode, number>> = {
  r: O_RDONLY,
  "r+": O_RDWR,
  "w+": O_RDWR | O_CREAT | O_TRUNC,
  "wx+": O_RDWR | O_CREAT | O_EXCL,
  "a+": O_RDWR | O_CREAT,
};

class NodeFileHandle implements FileHandle {
  readonly #fd: number;
  #closed = false;
  #syncs = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.byteLength) {
      const n = fs.readSync(this.#fd, into, done, into.byteLength - done, offset + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  write(bytes: Uint8Array, offset: number): void {
    let done = 0;
    while (done < bytes.byteLength) done += fs.writeSync(this.#fd, bytes, done, bytes.byteLength - done, offset + done);
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size);
  }

  sync(): void {
    fs.fdatasyncSync(this.#fd);
  }

  syncAsync(): Promise<void> {
    this.#syncs += 1;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => {
        this.#syncs -= 1;
        if (this.#closed && this.#syncs === 0) fs.closeSync(this.#fd);
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  close(): void {
    // A second close could close somebody else's descriptor of the same number.
    if (this.#closed) return;
    this.#closed = true;
    // The descriptor's number must not be given to another file under a sync that is still to come.
    if (this.#syncs === 0) fs.closeSync(this.#fd);
  }
}

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  open: (file, mode, permissions = 0o600) => new NodeFileHandle(fs.openSync(file, FLAGS[mode], permissions)),
  stat(file) {
    const s = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    return s && { size: Number(s.size), mtimeNs: s.mtimeNs, ino: s.ino, isDirectory: s.isDirectory() };
  },
  list: (dir) => fs.readdirSync(dir).sort(),
  mkdir(dir, permissions = 0o700) {
    fs.mkdirSync(dir, { recursive: true, mode: permissions });
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { force: true }),
  syncDir(dir) {
    // Windows has no descriptor for a directory; its renames are durable with the file system's own journal.
    if (process.platform === "win32") return;
    const fd = fs.openSync(dir, O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  join: (...parts) => path.join(...parts),
};
