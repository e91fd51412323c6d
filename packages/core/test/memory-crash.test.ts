import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";

// The double is what the tests of crash safety rest on: it must lose what a machine can lose, and nothing else.

const SEED = testSeed("memory crash");
const TRIES = 300;

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function contents(fs: MemoryFileSystem, name: string): string | undefined {
  const size = fs.stat(name)?.size;
  if (size === undefined) return undefined;
  const all = new Uint8Array(size);
  fs.open(name, "r").read(all, 0);
  return [...all].join("");
}

/** Every outcome that `TRIES` crashes after `prepare` have, as sorted texts. */
function outcomes(prepare: (fs: MemoryFileSystem) => void, look: (fs: MemoryFileSystem) => unknown): string[] {
  const seen = new Set<string>();
  for (let i = 0; i < TRIES; i += 1) {
    const fs = new MemoryFileSystem();
    prepare(fs);
    fs.crash(new SeededRandom(SEED + i));
    seen.add(String(look(fs)));
  }
  return [...seen].sort();
}

function durableFile(fs: MemoryFileSystem, name: string, ...values: number[]): void {
  const file = fs.open(name, "w+");
  file.write(Uint8Array.from(values), 0);
  file.sync();
  file.close();
  fs.syncDir("/");
}

describe("a crash of MemoryFileSystem", () => {
  it("keeps what was synced, name and bytes", () => {
    const look = (fs: MemoryFileSystem) => contents(fs, "/a");
    expect(outcomes((fs) => durableFile(fs, "/a", 1, 2), look)).toEqual(["12"]);
  });

  it("keeps or drops each unsynced write, in any combination", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1, 1, 1);
      const file = fs.open("/a", "r+");
      file.write(filled(1, 2), 0);
      file.write(filled(1, 3), 2);
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["111", "113", "211", "213"]);
  });

  it("fills what a lost write leaves with zeros", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a");
      const file = fs.open("/a", "r+");
      file.write(filled(1, 5), 0);
      file.write(filled(1, 6), 1);
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["", "06", "5", "56"]);
  });

  it("does or leaves a truncation", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1, 2, 3);
      fs.open("/a", "r+").truncate(1);
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["1", "123"]);
  });

  it("tears a write only at the sectors of the file", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a");
      fs.open("/a", "r+").write(filled(1500, 1), 100);
    };
    const sizes = outcomes(prepare, (fs) => fs.stat("/a")?.size);
    expect(sizes.map(Number).sort((a, b) => a - b)).toEqual([0, 512, 1024, 1536, 1600]);
  });

  it("does not tear a write within a sector", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a");
      fs.open("/a", "r+").write(filled(100, 1), 1024);
    };
    expect(outcomes(prepare, (fs) => fs.stat("/a")?.size)).toEqual(["0", "1124"]);
  });

  it("may lose a new file whose directory was not synced, though its bytes were", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      const file = fs.open("/a", "w+");
      file.write(filled(1, 1), 0);
      file.sync();
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["1", "undefined"]);
  });

  it("may bring back a removed file", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1);
      fs.remove("/a");
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["1", "undefined"]);
    const synced = (fs: MemoryFileSystem): void => {
      prepare(fs);
      fs.syncDir("/");
    };
    expect(outcomes(synced, (fs) => contents(fs, "/a"))).toEqual(["undefined"]);
  });

  it("does or leaves a rename as a whole: the old file or the new one, never none and never both", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1);
      durableFile(fs, "/a.new", 2);
      fs.rename("/a.new", "/a");
    };
    const look = (fs: MemoryFileSystem) => `${contents(fs, "/a")} ${contents(fs, "/a.new")}`;
    expect(outcomes(prepare, look)).toEqual(["1 2", "2 undefined"]);
    const synced = (fs: MemoryFileSystem): void => {
      prepare(fs);
      fs.syncDir("/");
    };
    expect(outcomes(synced, look)).toEqual(["2 undefined"]);
  });

  it("makes durable with a rename what led to it, also from another directory", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      fs.mkdir("/d");
      const file = fs.open("/d/tmp", "w+");
      file.write(filled(1, 1), 0);
      file.sync();
      fs.rename("/d/tmp", "/d/tmp2");
      fs.rename("/d/tmp2", "/a");
      fs.syncDir("/");
    };
    expect(outcomes(prepare, (fs) => `${contents(fs, "/a")} ${fs.list("/d")}`)).toEqual(["1 "]);
  });

  it("can lose changes of names out of their order", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1);
      durableFile(fs, "/b", 2);
      fs.remove("/a");
      fs.remove("/b");
    };
    expect(outcomes(prepare, (fs) => fs.list("/").join(""))).toEqual(["", "a", "ab", "b"]);
  });

  it("makes open handles useless, and the same seed gives the same outcome", () => {
    const fs = new MemoryFileSystem();
    const file = fs.open("/a", "w+");
    fs.crash(new SeededRandom(SEED));
    expect(() => file.write(filled(1, 1), 0)).toThrow(expect.objectContaining({ code: "EBADF" }));
    const run = (): string => {
      const one = new MemoryFileSystem();
      durableFile(one, "/a", 1, 2, 3);
      for (let i = 0; i < 20; i += 1) one.open("/a", "r+").write(filled(700, i), i * 300);
      one.crash(new SeededRandom(SEED));
      return contents(one, "/a") ?? "";
    };
    expect(run()).toBe(run());
  });

  it("starts from what the crash before left", () => {
    const fs = new MemoryFileSystem();
    durableFile(fs, "/a", 1);
    fs.open("/a", "r+").write(filled(1, 2), 1);
    fs.crash(new SeededRandom(SEED));
    const left = contents(fs, "/a");
    fs.crash(new SeededRandom(SEED + 1));
    expect(contents(fs, "/a")).toBe(left);
  });
});

describe("the death of the process alone", () => {
  it("keeps every byte and name, and makes handles useless", () => {
    const fs = new MemoryFileSystem();
    const file = fs.open("/a", "w+");
    file.write(filled(2, 4), 0);
    fs.kill();
    expect(contents(fs, "/a")).toBe("44");
    expect(() => file.read(new Uint8Array(1), 0)).toThrow(expect.objectContaining({ code: "EBADF" }));
  });
});

describe("planned failures", () => {
  it("hit the nth call of their kind, once, with their code", () => {
    const fs = new MemoryFileSystem();
    const file = fs.open("/a", "w+");
    fs.failNext("write", 2, "EIO");
    file.sync();
    file.write(filled(4, 1), 0);
    expect(fs.failurePending).toBe(true);
    expect(() => file.write(filled(4, 2), 4)).toThrow(expect.objectContaining({ code: "EIO" }));
    expect(fs.failurePending).toBe(false);
    file.write(filled(1, 3), 4);
    expect(contents(fs, "/a")).toBe("111132"); // the failed write had done its first half
    expect(fs.calls).toMatchObject({ write: 3, sync: 1 });
  });

  it("make nothing durable when a sync fails", () => {
    const prepare = (fs: MemoryFileSystem): void => {
      durableFile(fs, "/a", 1);
      const file = fs.open("/a", "r+");
      file.write(filled(1, 2), 0);
      fs.failNext("sync");
      expect(() => file.sync()).toThrow(expect.objectContaining({ code: "ENOSPC" }));
      fs.failNext("any");
      expect(() => fs.syncDir("/")).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    };
    expect(outcomes(prepare, (fs) => contents(fs, "/a"))).toEqual(["1", "2"]);
  });
});
