import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { testSeed } from "@headwater/core/testing";
import { type Database, open } from "headwater";
import { openSync } from "headwater/sync";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Violation } from "../src/claim.js";
import { asyncLedger, syncLedger } from "../src/ledger/databases.js";
import { applyStep, checkLedger, createLedger } from "../src/ledger/ledger.js";
import { readReplica } from "../src/ledger/read-replica.js";
import { stepOf } from "../src/ledger/steps.js";

const seed = testSeed("ledger");
const TRANSACTIONS = 60;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "headwater-ledger-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options = () => ({ write: true, syncIntervalMs: 0, buffer: { path: path.join(dir, "buffer") } });
const url = () => `file://${path.join(dir, "replica")}`;

async function filled(): Promise<Database> {
  const db = await open(url(), options());
  await createLedger(asyncLedger(db));
  for (let n = 1; n <= TRANSACTIONS; n += 1) await applyStep(asyncLedger(db), seed, stepOf(seed, n));
  return db;
}

describe("the ledger", () => {
  it("is what its transactions left, through open(), openSync() and in the replica", async () => {
    const db = await filled();
    expect(await checkLedger(asyncLedger(db), seed)).toBe(TRANSACTIONS);
    await db.close();
    expect(await readReplica(url(), seed)).toMatchObject({ top: TRANSACTIONS });
    using again = openSync(url(), options());
    await applyStep(syncLedger(again), seed, stepOf(seed, TRANSACTIONS + 1));
    expect(await checkLedger(syncLedger(again), seed)).toBe(TRANSACTIONS + 1);
  });

  it("is nothing in an empty replica", async () => {
    expect(await readReplica(url(), seed)).toEqual({ top: 0, txid: "" });
    await using db = await open(url(), options());
    expect(await checkLedger(asyncLedger(db), seed)).toBe(-1);
  });

  it.each([
    ["a transaction that is missing", `delete from commits where n = ${TRANSACTIONS - 1}`],
    ["a transaction that came twice", "update accounts set balance = balance + 1 where id = 1"],
    ["a transaction that was rolled back", `insert into commits values (${TRANSACTIONS + 1}, 0, 0, 0)`],
    ["half a transaction", `delete from blobs where n = ${TRANSACTIONS}`],
    ["a blob that should be gone", "insert or replace into blobs values (0, x'00')"],
    ["a byte that changed", `update blobs set body = x'01' where n = ${TRANSACTIONS}`],
  ])("finds %s", async (_what, damage) => {
    await using db = await filled();
    await db.exec(damage);
    await expect(checkLedger(asyncLedger(db), seed)).rejects.toBeInstanceOf(Violation);
  });
});
