import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { FileSystem, OpenMode } from "@headwater/core";
import { nodeFileSystem } from "@headwater/core/node";
import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function contents(fs: FileSystem, name: string): number[] {
  const file = fs.open(name, "r");
  const all = new Uint8Array(file.size());
  expect(file.read(all, 0)).toBe(all.byteLength);
  file.close();
  return [...all];
}

/** What holds of every FileSystem. `make` gives an empty directory. */
function describeFileSystem(name: string, make: () => { fs: FileSystem; dir: string; dispose?(): void }): void {
  describe(`FileSystem: ${name}`, () => {
    let fs: FileSystem;
    let dir: string;
    let dispose: (() => void) | undefined;
    const at = (...parts: string[]): string => fs.join(dir, ...parts);
    const write = (file: string, ...values: number[]): void => {
      const handle = fs.open(file, "w+");
      handle.write(bytes(...values), 0);
      handle.close();
    };

    beforeEach(() => {
      ({ fs, dir, dispose } = make());
    });
    afterEach(() => dispose?.());

    it("reads back what was written, also beyond the end and over it", () => {
      const file = fs.open(at("a"), "w+");
      file.write(bytes(1, 2, 3), 0);
      file.write(bytes(9), 5);
      file.write(bytes(7), 1);
      file.write(bytes(), 100);
      expect(file.size()).toBe(6);
      file.close();
      expect(contents(fs, at("a"))).toEqual([1, 7, 3, 0, 0, 9]);
    });

    it("gives short reads only at the end", () => {
      write(at("a"), 1, 2, 3);
      const file = fs.open(at("a"), "r");
      const into = new Uint8Array(4).fill(255);
      expect(file.read(into, 1)).toBe(2);
      expect([...into]).toEqual([2, 3, 255, 255]);
      expect(file.read(into, 3)).toBe(0);
      expect(file.read(into, 1000)).toBe(0);
      expect(file.read(new Uint8Array(0), 0)).toBe(0);
      file.close();
    });

    it("syncs without holding up the thread, also when the file is closed meanwhile", async () => {
      const file = fs.open(at("a"), "w+");
      file.write(bytes(1), 0);
      const syncs = [file.syncAsync?.(), file.syncAsync?.()];
      file.close();
      const other = fs.open(at("b"), "w+");
      other.write(bytes(2), 0);
      expect(syncs).toHaveLength(2);
      await Promise.all(syncs);
      await other.syncAsync?.();
      other.write(bytes(3), 1);
      other.close();
      expect([contents(fs, at("a")), contents(fs, at("b"))]).toEqual([[1], [2, 3]]);
    });

    it("truncates and extends with zeros, and forgets what was cut", () => {
      write(at("a"), 1, 2, 3, 4);
      const file = fs.open(at("a"), "r+");
      file.truncate(2);
      expect(file.size()).toBe(2);
      file.truncate(5);
      file.sync();
      file.close();
      expect(contents(fs, at("a"))).toEqual([1, 2, 0, 0, 0]);
    });

    it.each<[OpenMode, boolean, string | number[]]>([
      ["r", false, "ENOENT"],
      ["r", true, [1, 2]],
      ["r+", false, "ENOENT"],
      ["r+", true, [1, 2]],
      ["w+", false, []],
      ["w+", true, []],
      ["wx+", false, []],
      ["wx+", true, "EEXIST"],
      ["a+", false, []],
      ["a+", true, [1, 2]],
    ])("opens %s, existing %s: %j", (mode, exists, expected) => {
      if (exists) write(at("a"), 1, 2);
      const open = (): void => fs.open(at("a"), mode).close();
      if (typeof expected === "string") {
        expect(open).toThrow(expect.objectContaining({ code: expected }));
        return;
      }
      open();
      expect(contents(fs, at("a"))).toEqual(expected);
      if (mode !== "a+") return;
      const file = fs.open(at("a"), mode);
      file.write(bytes(9), 0); // positional, not appending
      file.close();
      expect(contents(fs, at("a"))[0]).toBe(9);
    });

    it("refuses writes to what was opened for reading, and any use after close", () => {
      write(at("a"), 1);
      const reader = fs.open(at("a"), "r");
      expect(() => reader.write(bytes(1), 0)).toThrow(expect.objectContaining({ code: "EBADF" }));
      expect(() => reader.truncate(0)).toThrow();
      reader.close();
      expect(() => reader.close()).not.toThrow();
      expect(() => reader.read(new Uint8Array(1), 0)).toThrow(expect.objectContaining({ code: "EBADF" }));
      expect(() => reader.size()).toThrow(expect.objectContaining({ code: "EBADF" }));
    });

    it("fails where the directory is missing", () => {
      expect(() => fs.open(at("none", "a"), "w+")).toThrow(expect.objectContaining({ code: "ENOENT" }));
      expect(() => fs.list(at("none"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
      expect(() => fs.syncDir(at("none"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
    });

    it("makes directories with their parents, lists sorted names, and says what is there", () => {
      fs.mkdir(at("d", "e", "f"));
      fs.mkdir(at("d", "e"));
      for (const name of ["b", "a", "c"]) write(at("d", name), 1);
      expect(fs.list(at("d"))).toEqual(["a", "b", "c", "e"]);
      expect(fs.list(at("d", "e", "f"))).toEqual([]);
      expect(fs.stat(at("d"))).toMatchObject({ isDirectory: true });
      expect(fs.stat(at("d", "a"))).toMatchObject({ isDirectory: false, size: 1 });
      expect(fs.stat(at("d", "z"))).toBeUndefined();
      expect(() => fs.syncDir(at("d"))).not.toThrow();
    });

    it("renames over what is there, and keeps an open handle on the file it was opened on", () => {
      write(at("new"), 1);
      write(at("old"), 2);
      const old = fs.open(at("old"), "r");
      fs.rename(at("new"), at("old"));
      expect(contents(fs, at("old"))).toEqual([1]);
      const into = new Uint8Array(1);
      old.read(into, 0);
      expect([...into]).toEqual([2]);
      old.close();
      expect(fs.stat(at("new"))).toBeUndefined();
      expect(() => fs.rename(at("new"), at("old"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
    });

    it("removes what is there and what is not, and lets an open handle live on", () => {
      write(at("a"), 1);
      const file = fs.open(at("a"), "r+");
      fs.remove(at("a"));
      fs.remove(at("a"));
      expect(fs.stat(at("a"))).toBeUndefined();
      file.write(bytes(5), 1);
      expect(file.size()).toBe(2);
      file.close();
      fs.mkdir(at("d"));
      expect(() => fs.remove(at("d"))).toThrow();
      expect(fs.stat(at("d"))).toBeDefined();
    });

    it("tells one state of a file from another", () => {
      write(at("a"), 1);
      write(at("b"), 1);
      const a = fs.stat(at("a"));
      const b = fs.stat(at("b"));
      expect(a?.ino).not.toBe(b?.ino);
      const file = fs.open(at("a"), "r+");
      file.write(bytes(2, 3), 0);
      file.close();
      expect(fs.stat(at("a"))).toMatchObject({ ino: a?.ino, size: 2 });
      expect(fs.stat(at("a"))?.mtimeNs).toBeGreaterThanOrEqual(a?.mtimeNs ?? 0n);
    });
  });
}

describeFileSystem("memory", () => {
  const fs = new MemoryFileSystem();
  fs.mkdir("/base");
  return { fs, dir: "/base" };
});
describeFileSystem("node", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-fs-"));
  return { fs: nodeFileSystem, dir, dispose: () => rmSync(dir, { recursive: true, force: true }) };
});

describe("nodeFileSystem", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), "headwater-fs-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.skipIf(process.platform === "win32")("keeps files and directories private unless it is told otherwise", () => {
    const mode = (name: string): number => statSync(path.join(dir, name)).mode & 0o777;
    nodeFileSystem.open(path.join(dir, "a"), "w+").close();
    nodeFileSystem.open(path.join(dir, "b"), "w+", 0o640).close();
    nodeFileSystem.mkdir(path.join(dir, "d"));
    expect([mode("a"), mode("b"), mode("d")]).toEqual([0o600, 0o640, 0o700]);
  });

  it("sees what other programs do to the file", () => {
    const name = path.join(dir, "a");
    const file = nodeFileSystem.open(name, "w+");
    file.write(bytes(1, 2, 3), 0);
    expect([...readFileSync(name)]).toEqual([1, 2, 3]);
    truncateSync(name, 1);
    expect(file.size()).toBe(1);
    expect(file.read(new Uint8Array(3), 0)).toBe(1);
    file.close();
  });

  it("takes offsets beyond 4 GiB, and memory shared between threads", () => {
    const file = nodeFileSystem.open(path.join(dir, "sparse"), "w+");
    file.write(new Uint8Array(new SharedArrayBuffer(2)).fill(7), 5 * 2 ** 30);
    expect(file.size()).toBe(5 * 2 ** 30 + 2);
    const into = new Uint8Array(new SharedArrayBuffer(2));
    expect(file.read(into, 5 * 2 ** 30)).toBe(2);
    expect([...into]).toEqual([7, 7]);
    file.close();
  });
});

describe("both file systems", () => {
  it("agree on random calls", () => {
    const random = new SeededRandom(testSeed("file systems"));
    const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-fs-"));
    const memory = new MemoryFileSystem();
    memory.mkdir(dir);
    const outcome = (fs: FileSystem, step: (fs: FileSystem) => unknown): unknown => {
      try {
        return step(fs);
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    try {
      for (let i = 0; i < 1000 * Number(process.env["HEADWATER_ROUNDS"] ?? 1); i += 1) {
        const step = randomStep(random, dir);
        expect(outcome(memory, step.run), step.text).toEqual(outcome(nodeFileSystem, step.run));
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

function randomStep(random: SeededRandom, dir: string): { text: string; run(fs: FileSystem): unknown } {
  const name = path.join(dir, random.pick(["a", "b", "c"]));
  const other = path.join(dir, random.pick(["a", "b", "c"]));
  const mode = random.pick<OpenMode>(["r", "r+", "w+", "wx+", "a+"]);
  const offset = random.below(3000);
  const data = random.bytes(random.below(1500));
  const inFile = (fs: FileSystem, use: (file: ReturnType<FileSystem["open"]>) => unknown): unknown => {
    const file = fs.open(name, mode);
    try {
      return use(file);
    } finally {
      file.close();
    }
  };
  const steps = {
    write: (fs: FileSystem) => inFile(fs, (file) => file.write(data, offset)),
    truncate: (fs: FileSystem) => inFile(fs, (file) => file.truncate(offset)),
    read: (fs: FileSystem) =>
      inFile(fs, (file) => {
        const into = new Uint8Array(500);
        return [file.read(into, offset), ...into];
      }),
    rename: (fs: FileSystem) => fs.rename(name, other),
    remove: (fs: FileSystem) => fs.remove(name),
    list: (fs: FileSystem) => [fs.list(dir), fs.stat(name)?.size],
  };
  const kind = random.pick(["write", "write", "truncate", "read", "read", "rename", "remove", "list"] as const);
  return { text: `${kind} ${name} ${mode} ${offset} ${other}`, run: steps[kind] };
}
