import { createHash } from "node:crypto";
import { type Database, HeadwaterError, open, type Row } from "headwater";
import { mustBe } from "../claim.js";

/**
 * A table in which every row names the digest of the row before it, as its writer saw it: one line of history, or it
 * shows. A row that was added on top of anything but the rows before it breaks the chain.
 */
export const CREATE_HISTORY =
  "create table if not exists history (id integer primary key, writer text, parent text, digest text, pad blob)";

export interface Link {
  readonly id: number;
  readonly digest: string;
}

export const BEGINNING: Link = { id: 0, digest: "beginning" };

export function digestOf(id: number, writer: string, parent: string): string {
  return createHash("sha256").update(`${id} ${writer} ${parent}`).digest("hex").slice(0, 16);
}

/** Adds one row on top of the newest, in one transaction. Resolves when its commit has returned. */
export async function addLink(db: Database, writer: string, padBytes: number): Promise<Link & { readonly commit: number }> {
  return await db.transaction(
    async (tx) => {
      const last = (await tx.get<{ id: number; digest: string }>("select id, digest from history order by id desc limit 1")) ?? BEGINNING;
      const id = last.id + 1;
      const digest = digestOf(id, writer, last.digest);
      await tx.run("update history set pad = null where id = ?", [id - 20]);
      const { commit } = await tx.run("insert into history values (?, ?, ?, ?, zeroblob(?))", [id, writer, last.digest, digest, padBytes]);
      return { id, digest, commit };
    },
    { mode: "immediate" },
  );
}

/**
 * Reads a replica's whole history, with nothing local.
 *
 * @throws {Violation} if it is not one line.
 */
export async function readHistory(url: string): Promise<readonly Link[]> {
  let db: Database;
  try {
    db = await open(url, { pollIntervalMs: 0 });
  } catch (error) {
    if (HeadwaterError.is(error) && error.code === "NO_REPLICA") return [];
    throw error;
  }
  try {
    const [verdict] = await db.pragma("integrity_check");
    mustBe(verdict?.["integrity_check"] === "ok", () => `integrity_check: ${JSON.stringify(verdict)}`);
    const tables = await db.all("select name from sqlite_schema");
    return tables.length === 0 ? [] : checkLine(await db.all("select id, writer, parent, digest from history order by id"));
  } finally {
    await db.close();
  }
}

export function checkLine(rows: readonly Row[]): readonly Link[] {
  let last = BEGINNING;
  for (const { id, writer, parent, digest } of rows) {
    const expected = digestOf(last.id + 1, String(writer), last.digest);
    const fits = id === last.id + 1 && parent === last.digest && digest === expected;
    mustBe(
      fits,
      () => `row ${String(id)} of writer ${String(writer)} does not follow row ${last.id}: parent ${String(parent)}, not ${last.digest}`,
    );
    last = { id: Number(id), digest: expected };
  }
  return rows.map(({ id, digest }) => ({ id: Number(id), digest: String(digest) }));
}
