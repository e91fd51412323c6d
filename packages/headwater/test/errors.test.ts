import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { commitWithoutSync } from "./support/committer.js";
import { scratch } from "./support/scratch.js";

async function seeded(): Promise<ReturnType<typeof scratch>> {
  const made = scratch();
  const db = await open(made.url, made.writer());
  await db.exec("create table t (n integer primary key, body text)");
  await db.run("insert into t values (1, 'one')");
  await db.close();
  return made;
}

describe("bad input gets a clear error", () => {
  it("no replica, in read mode", async () => {
    const { url } = scratch();
    await expect(open(url)).rejects.toMatchObject({ code: "NO_REPLICA" });
  });

  it("no replica, in write mode without create", async () => {
    const { url, writer } = scratch();
    await expect(open(url, writer({ create: false }))).rejects.toMatchObject({ code: "NO_REPLICA" });
  });

  it("another page size than the database's", async () => {
    const { url, writer } = await seeded();
    await expect(open(url, writer({ pageSize: 8192 }))).rejects.toMatchObject({ code: "BAD_OPTION" });
    const db = await open(url, writer({ pageSize: 4096 }));
    await db.close();
  });

  it("a corrupt file names its key", async () => {
    const { url, replicaDir } = await seeded();
    const folder = path.join(replicaDir, "ltx", "0");
    const [name = ""] = readdirSync(folder);
    const file = path.join(folder, name);
    const bytes = readFileSync(file);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 0xff;
    writeFileSync(file, bytes);
    await expect(open(url)).rejects.toMatchObject({ code: "LTX_CORRUPT", message: expect.stringContaining(name) });
  });

  it("a buffer of another database is refused and left as it is", async () => {
    const { url, writer, dir } = scratch();
    const buffer = path.join(dir, "buffer");
    await commitWithoutSync(url, buffer);
    const before = readdirSync(buffer);
    const other = await seeded();
    await expect(open(other.url, writer({ buffer: { path: buffer } }))).rejects.toMatchObject({ code: "BUFFER_FOREIGN" });
    expect(readdirSync(buffer)).toEqual(before);
    await using db = await open(url, writer());
    expect(await db.get("select max(n) as n from t")).toEqual({ n: 1 });
  });

  it("a buffer that can't be written", async () => {
    const { url, writer, dir } = scratch();
    const blocked = path.join(dir, "file");
    mkdirSync(dir, { recursive: true });
    writeFileSync(blocked, "");
    await expect(open(url, writer({ buffer: { path: path.join(blocked, "buffer") } }))).rejects.toMatchObject({
      code: "BUFFER_UNWRITABLE",
    });
  });

  it("a buffer that another handle uses", async () => {
    const { url, writer } = await seeded();
    await using db = await open(url, writer());
    await expect(open(url, writer())).rejects.toMatchObject({ code: "PATH_IN_USE" });
    expect(await db.get("select n from t")).toEqual({ n: 1 });
  });

  it("writing in read mode", async () => {
    const { url } = await seeded();
    await using db = await open(url);
    await expect(db.run("insert into t values (2, 'two')")).rejects.toMatchObject({
      code: expect.stringMatching(/^(READ_ONLY|SQLITE_READONLY)/),
    });
    expect(db.status.requests.put.count).toBe(0);
  });

  it.each(["wal", "off", "memory", "truncate", "persist"])("journal_mode=%s", async (mode) => {
    const { url, writer } = await seeded();
    await using db = await open(url, writer());
    await expect(db.pragma(`journal_mode=${mode}`)).rejects.toMatchObject({ isHeadwaterError: true });
    expect(await db.pragma("journal_mode")).toEqual([{ journal_mode: "delete" }]);
    await db.run("insert into t values (2, 'two')");
  });

  it("changing the page size of a database that exists", async () => {
    const { url, writer } = await seeded();
    await using db = await open(url, writer());
    await expect(db.exec("pragma page_size = 8192; vacuum")).rejects.toMatchObject({
      isHeadwaterError: true,
      message: expect.stringContaining("page size"),
    });
    await db.run("insert into t values (2, 'two')");
    await db.sync();
    await using reader = await open(url);
    expect(reader.status.pageSize).toBe(4096);
    expect(await reader.pragma("page_size")).toEqual([{ page_size: 4096 }]);
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  it("SQL errors carry SQLite's extended code", async () => {
    const { url, writer } = await seeded();
    await using db = await open(url, writer());
    await expect(db.run("insert into t values (1, 'again')")).rejects.toMatchObject({ code: "SQLITE_CONSTRAINT_PRIMARYKEY" });
    await expect(db.run("selec 1")).rejects.toMatchObject({ code: "SQLITE_ERROR" });
  });
});

describe("write mode at run time", () => {
  it("can be read, switched off and on again", async () => {
    const { url, writer } = await seeded();
    await using db = await open(url, writer());
    expect(await db.pragma("litestream_write_enabled")).toEqual([{ litestream_write_enabled: "1" }]);
    await db.pragma("litestream_write_enabled = 0");
    await expect(db.run("insert into t values (2, 'two')")).rejects.toMatchObject({ isHeadwaterError: true });
    await db.pragma("litestream_write_enabled = 1");
    await db.run("insert into t values (2, 'two')");
  });

  it("can't be switched on for a connection that was opened read only", async () => {
    const { url } = await seeded();
    await using db = await open(url);
    await expect(db.pragma("litestream_write_enabled = 1")).rejects.toMatchObject({ isHeadwaterError: true });
  });
});
