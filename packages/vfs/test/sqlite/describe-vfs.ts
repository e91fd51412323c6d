import { HeadwaterError } from "@headwater/core";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DatabaseFile } from "../../src/database-file.js";
import {
  SQLITE_CANTOPEN,
  SQLITE_FCNTL_COMMIT_PHASETWO,
  SQLITE_FCNTL_SYNC,
  SQLITE_IOERR_SHORT_READ,
  SQLITE_NOTFOUND,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_MAIN_DB,
  SQLITE_OPEN_READWRITE,
  SQLITE_OPEN_WAL,
  SQLITE_READONLY,
} from "../../src/sqlite/constants.js";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { openPlain } from "../../src/testing.js";
import { type RawFile, RawVfs } from "./raw-vfs.js";

/** A database file under test, and what of it is committed. */
export interface Subject {
  readonly file: DatabaseFile;
  /** The published state, as the bytes of a SQLite file. */
  publishedBytes(): Uint8Array;
}

export interface VfsProfile {
  readonly name: string;
  /** An empty database. */
  create(pageSize: number): Subject;
}

const PAGE_SIZE = 512;
const MAIN = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
const page = (fill: number): Uint8Array => new Uint8Array(PAGE_SIZE).fill(fill);
/** A first page: with the page size in it, and without a commit that counts (24-27 differ from 92-95). */
const firstPage = (fill: number): Uint8Array => {
  const bytes = page(fill);
  bytes.set([PAGE_SIZE >> 8, PAGE_SIZE & 0xff], 16);
  bytes[24] = fill + 1;
  return bytes;
};

/** What the adapter promises over every {@link DatabaseFile}. */
export function describeVfs(profile: VfsProfile): void {
  describe(`VFS over ${profile.name}`, () => {
    let raw: RawVfs;
    let subject: Subject;
    let main: RawFile;
    beforeAll(async () => {
      raw = await RawVfs.load();
    });
    let opened = 0;
    const open = (): void => {
      subject = profile.create(PAGE_SIZE);
      opened += 1;
      raw.add(`/${opened}/db`, subject.file);
      main = raw.open(`/${opened}/db`, MAIN);
      raw.failures.length = 0;
    };
    /** One transaction that writes pages and publishes them. */
    const commit = (...fills: number[]): void => {
      for (const level of [1, 2, 4]) expect(main.lock(level)).toBe(SQLITE_OK);
      fills.forEach((fill, i) => {
        expect(main.write(i * PAGE_SIZE, i === 0 ? firstPage(fill) : page(fill))).toBe(SQLITE_OK);
      });
      expect(main.control(SQLITE_FCNTL_SYNC)).toBe(SQLITE_OK);
      expect(main.sync()).toBe(SQLITE_OK);
      expect(main.control(SQLITE_FCNTL_COMMIT_PHASETWO)).toBe(SQLITE_OK);
      for (const level of [1, 0]) expect(main.unlock(level)).toBe(SQLITE_OK);
    };
    beforeEach(open);

    it("opens main databases that were added, each once, and no others", () => {
      expect(main.code).toBe(SQLITE_OK);
      for (const [name, flags] of [
        ["/other", MAIN],
        [`/${opened}/db`, MAIN],
        [`/${opened}/db-wal`, SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE],
      ] as const) {
        const other = raw.open(name, flags);
        expect(other).toMatchObject({ code: SQLITE_CANTOPEN, hasMethods: false });
      }
      expect(raw.exists(`/${opened}/db`)).toBe(true);
      expect(raw.exists(`/${opened}/db-wal`)).toBe(false);
      expect(main.close()).toBe(SQLITE_OK);
      expect(raw.exists(`/${opened}/db`)).toBe(false);
    });

    it("answers a short read with its code and zeroes the rest", () => {
      expect(main.read(0, 100)).toEqual({ code: SQLITE_IOERR_SHORT_READ, bytes: new Uint8Array(100) });
      commit(1, 2);
      expect(main.read(PAGE_SIZE, PAGE_SIZE)).toEqual({ code: SQLITE_OK, bytes: page(2) });
      const tail = main.read(2 * PAGE_SIZE - 10, 30);
      expect(tail.code).toBe(SQLITE_IOERR_SHORT_READ);
      expect([...tail.bytes]).toEqual([...new Array(10).fill(2), ...new Array(20).fill(0)]);
      expect(main.read(2 * PAGE_SIZE, PAGE_SIZE)).toEqual({ code: SQLITE_IOERR_SHORT_READ, bytes: page(0) });
      main.close();
    });

    it("reads parts of a page, and across pages", () => {
      commit(1, 2);
      expect(main.read(24, 16)).toEqual({ code: SQLITE_OK, bytes: firstPage(1).subarray(24, 40) });
      const across = main.read(PAGE_SIZE - 2, 4);
      expect([across.code, ...across.bytes]).toEqual([SQLITE_OK, 1, 1, 2, 2]);
      main.close();
    });

    it("shows a transaction to itself at once, publishes it at phase two, and cuts it at unlock without", () => {
      commit(1, 2);
      for (const level of [1, 2, 4]) main.lock(level);
      main.write(PAGE_SIZE, page(9));
      main.write(2 * PAGE_SIZE, page(8));
      expect(main.size()).toBe(3 * PAGE_SIZE);
      expect(main.read(PAGE_SIZE, PAGE_SIZE).bytes).toEqual(page(9));
      expect(subject.publishedBytes()).toEqual(new Uint8Array([...firstPage(1), ...page(2)]));
      main.unlock(1);
      expect(main.size()).toBe(2 * PAGE_SIZE);
      expect(main.read(PAGE_SIZE, PAGE_SIZE).bytes).toEqual(page(2));
      main.unlock(0);
      main.close();
    });

    it("has the right size after truncating, and zeros where a page comes back", () => {
      commit(1, 2, 3);
      for (const level of [1, 2, 4]) main.lock(level);
      expect(main.truncate(PAGE_SIZE)).toBe(SQLITE_OK);
      expect(main.size()).toBe(PAGE_SIZE);
      expect(main.read(PAGE_SIZE, PAGE_SIZE).code).toBe(SQLITE_IOERR_SHORT_READ);
      main.write(2 * PAGE_SIZE, page(7));
      expect(main.size()).toBe(3 * PAGE_SIZE);
      expect(main.read(PAGE_SIZE, PAGE_SIZE)).toEqual({ code: SQLITE_OK, bytes: page(0) });
      main.control(SQLITE_FCNTL_SYNC);
      main.control(SQLITE_FCNTL_COMMIT_PHASETWO);
      main.unlock(0);
      expect(subject.publishedBytes()).toEqual(new Uint8Array([...firstPage(1), ...page(0), ...page(7)]));
      main.close();
    });

    it("refuses writes that are not one whole page, with an I/O error", () => {
      for (const level of [1, 2, 4]) main.lock(level);
      expect(main.write(0, page(1).subarray(1)) & 0xff).toBe(10);
      expect(main.write(1, page(1)) & 0xff).toBe(10);
      expect(main.truncate(3) & 0xff).toBe(10);
      expect(raw.failures).toHaveLength(3);
      expect(HeadwaterError.is(raw.failures[0]?.error)).toBe(true);
      main.unlock(0);
      main.close();
    });

    it("takes locks up and down, and says whether one is reserved", () => {
      expect(main.reserved()).toBe(false);
      expect(main.lock(1)).toBe(SQLITE_OK);
      expect(main.reserved()).toBe(false);
      expect(main.lock(2)).toBe(SQLITE_OK);
      expect(main.reserved()).toBe(true);
      expect(main.lock(4)).toBe(SQLITE_OK);
      expect(main.unlock(1)).toBe(SQLITE_OK);
      expect(main.reserved()).toBe(false);
      expect(main.unlock(0)).toBe(SQLITE_OK);
      expect(main.unlock(0)).toBe(SQLITE_OK);
      main.close();
    });

    it("answers locking_mode, and NOTFOUND to controls and pragmas that it does not know", () => {
      expect(main.pragma("LOCKING_MODE", "exclusive")).toEqual({ code: SQLITE_OK, result: "normal" });
      expect(main.pragma("user_version", "1")).toEqual({ code: SQLITE_NOTFOUND, result: undefined });
      expect(main.control(4711)).toBe(SQLITE_NOTFOUND);
      main.close();
    });

    it("reports an empty commit as done", () => {
      commit();
      expect(subject.publishedBytes()).toEqual(new Uint8Array(0));
      main.close();
    });

    it("throws nothing across the boundary, whatever the file does", () => {
      const bad = new Proxy(subject.file, {
        get: (target, key) => {
          if (key === "pageSize" || key === "writable") return Reflect.get(target, key) as unknown;
          return key === "refusal" || key === "then" ? undefined : fail;
        },
      });
      raw.add("/bad", bad);
      const file = raw.open("/bad", MAIN);
      const codes = [file.read(0, 10).code, file.write(0, page(1)), file.truncate(0), file.sync(), file.lock(1)];
      codes.push(file.control(SQLITE_FCNTL_SYNC), file.control(SQLITE_FCNTL_COMMIT_PHASETWO));
      expect(codes.map((code) => code & 0xff)).toEqual(new Array(7).fill(10));
      expect(file.pragma("x", undefined)).toEqual({ code: 1, result: "a bug" });
      expect(file.close() & 0xff).toBe(10);
      expect(raw.exists("/bad")).toBe(false);
      main.close();
    });

    it("answers READONLY where a file can't be written", () => {
      const readonly = new Proxy(subject.file, { get: (t, k) => (k === "writable" ? false : bindTo(t, k)) });
      raw.add("/readonly", readonly);
      const file = raw.open("/readonly", MAIN);
      expect(file.lock(1)).toBe(SQLITE_OK);
      expect(file.lock(2)).toBe(SQLITE_READONLY);
      expect(raw.failures.at(-1)?.error).toMatchObject({ code: "READ_ONLY" });
      expect(file.unlock(0)).toBe(SQLITE_OK);
      file.close();
    });
  });

  describe(`SQL over ${profile.name}`, () => {
    let runtime: SqliteRuntime;
    beforeAll(async () => {
      runtime = await SqliteRuntime.load();
    });
    for (const pageSize of [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]) {
      it(`works with pages of ${pageSize} bytes`, async () => {
        const subject = profile.create(pageSize);
        const db = runtime.open("app", subject.file, { readonly: false, pageSize });
        db.exec("pragma auto_vacuum=incremental; create table t(a integer primary key, b text, c blob); create index i on t(b)");
        db.exec(
          "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) insert into t select i, 'row ' || i, zeroblob(i * 7) from n",
        );
        db.exec("begin; delete from t where a % 3 = 0; savepoint s; update t set c = zeroblob(5000) where a < 20; rollback to s; commit");
        db.exec("pragma incremental_vacuum(3); vacuum; insert into t(b) values ('last')");
        expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
        expect(db.prepare("pragma page_size").get()).toEqual({ page_size: pageSize });
        const plain = await openPlain(subject.publishedBytes());
        expect(plain.rows("pragma integrity_check")).toEqual([["ok"]]);
        expect(plain.rows("select count(*), sum(length(c)) from t")).toEqual(
          db
            .prepare("select count(*) a, sum(length(c)) b from t")
            .all()
            .map((row) => Object.values(row as object)),
        );
        plain.close();
        db.close();
        expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
      });
    }
  });
}

function fail(): never {
  throw new Error("a bug");
}

function bindTo(target: DatabaseFile, key: string | symbol): unknown {
  const value = Reflect.get(target, key) as unknown;
  return typeof value === "function" ? (value as () => unknown).bind(target) : value;
}
