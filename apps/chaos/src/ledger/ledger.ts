import type { Params, Row } from "headwater";
import { mustBe, Violation } from "../claim.js";
import { LedgerModel } from "./model.js";
import { ACCOUNTS, blobOf, OPENING_BALANCE, type Step } from "./steps.js";

/** The part of a database that a ledger needs, whichever API it has. */
export interface LedgerDatabase {
  all(sql: string, params?: Params): Promise<Row[]>;
  exec(sql: string): Promise<void>;
  /** Runs the statements in one transaction. */
  transact(statements: readonly Statement[], end: "commit" | "rollback"): Promise<void>;
}

export type Statement = readonly [sql: string, params?: Params];

/** Makes the tables, all or nothing, where they are not there yet. */
export async function createLedger(db: LedgerDatabase): Promise<void> {
  await db.exec("pragma auto_vacuum = 2");
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => `(${i + 1}, ${OPENING_BALANCE})`).join(", ");
  await db.transact(
    [
      ["create table accounts (id integer primary key, balance integer not null)"],
      ["create table commits (n integer primary key, source integer, target integer, amount integer)"],
      ["create table blobs (n integer primary key, body blob)"],
      [`insert into accounts values ${accounts}`],
    ],
    "commit",
  );
}

/** Does what the step says. Resolves when its commit has returned. */
export async function applyStep(db: LedgerDatabase, seed: number, step: Step): Promise<void> {
  const { n, source, target, amount, blobBytes, deleteBelow } = step;
  const move: Statement[] = [
    ["update accounts set balance = balance - ? where id = ?", [amount, source]],
    ["update accounts set balance = balance + ? where id = ?", [amount, target]],
  ];
  if (step.rollbackFirst) {
    const other: Statement = ["insert into commits values (?, 0, 0, 0)", [n]];
    await db.transact([...move, other, ["insert into blobs values (?, zeroblob(50000))", [n]], ["delete from blobs"]], "rollback");
  }
  if (step.upkeep !== "") await db.exec(step.upkeep);
  await db.transact(
    [
      ...move,
      ["insert into commits values (?, ?, ?, ?)", [n, source, target, amount]],
      ["insert into blobs values (?, ?)", [n, blobOf(seed, n, blobBytes)]],
      ...(deleteBelow === 0 ? [] : [["delete from blobs where n < ?", [deleteBelow]] as const]),
    ],
    "commit",
  );
}

/**
 * Reads everything and compares it with the model at the newest transaction that is there.
 *
 * @returns that transaction's number; 0 for an empty ledger, -1 when the ledger itself is not there.
 * @throws {Violation} if any row is not what transactions 1 to that one, each done once, and nothing else, leave behind.
 */
export async function checkLedger(db: LedgerDatabase, seed: number): Promise<number> {
  const [verdict] = await db.all("pragma integrity_check");
  mustBe(verdict?.["integrity_check"] === "ok", () => `integrity_check: ${JSON.stringify(verdict)}`);
  const tables = await db.all("select name from sqlite_schema");
  if (tables.length === 0) return -1;
  const commits = await db.all("select * from commits order by n");
  const model = new LedgerModel(seed).advanceTo(commits.length);
  checkCommits(commits, model);
  for (const { id, balance } of await db.all("select * from accounts")) {
    const expected = model.balance(Number(id));
    mustBe(balance === expected, () => `account ${id} holds ${balance}, and must hold ${expected} after transaction ${model.top}`);
  }
  await checkBlobs(db, model);
  return model.top;
}

function checkCommits(commits: readonly Row[], model: LedgerModel): void {
  for (const [i, step] of model.steps.entries()) {
    const row = commits[i];
    const same = row?.["n"] === step.n && row["source"] === step.source && row["target"] === step.target && row["amount"] === step.amount;
    mustBe(same, () => `transaction ${step.n} of ${model.top} is not what was committed: ${JSON.stringify(row)}`);
  }
}

async function checkBlobs(db: LedgerDatabase, model: LedgerModel): Promise<void> {
  const found = await db.all("select n, body from blobs order by n");
  mustBe(found.length === model.blobs.length, () => `${found.length} blobs, and there must be ${model.blobs.length} after ${model.top}`);
  for (const [i, step] of model.blobs.entries()) {
    const row = found[i];
    const body = row?.["body"];
    if (row?.["n"] !== step.n || !(body instanceof Uint8Array))
      throw new Violation(`blob ${step.n} is missing after transaction ${model.top}`);
    const same = Buffer.from(blobOf(model.seed, step.n, step.blobBytes)).equals(body);
    mustBe(same, () => `blob ${step.n} has other bytes than were committed, after transaction ${model.top}`);
  }
}
