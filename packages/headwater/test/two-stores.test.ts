import { expect, it } from "vitest";
import { open } from "../src/index.js";
import { scratch } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

it("two databases in one process, with equal names and credentials of their own set in code, are independent", async () => {
  const [one, two] = [await SmallS3.start(), await SmallS3.start()];
  const writers = [
    await open(one.url, scratch().writer({ store: one.store })),
    await open(two.url, scratch().writer({ store: two.store })),
  ];
  for (const db of writers) await db.exec("create table t (n integer primary key, whose text)");
  for (let n = 1; n <= 20; n += 1) {
    await Promise.all(writers.map((db, i) => db.run("insert into t values (?, ?)", [n * (i + 1), `db ${i}`])));
    if (n % 5 === 0) await Promise.all(writers.map((db) => db.sync()));
  }
  for (const db of writers) await db.close();

  for (const [i, server] of [one, two].entries()) {
    await using db = await open(server.url, { store: server.store, pollIntervalMs: 0 });
    expect(await db.all("select whose, count(*) as c, max(n) as m from t group by whose")).toEqual([
      { whose: `db ${i}`, c: 20, m: 20 * (i + 1) },
    ]);
    expect(db.status.txid).toBe("0000000000000004");
  }
  // Each server takes its own credentials only, whatever else was used in the process before.
  await expect(open(one.url, { store: two.store })).rejects.toMatchObject({ code: "STORE_DENIED" });
});
