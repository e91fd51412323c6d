import { monotonicMs } from "../../clock.js";
import { openSync, type Program } from "./program.js";

const TEXT = "a row of an import, as long as many are: some words, a number and a date, 2026-11-25T08:00:00Z, ";

/** Inserts many rows into a table of their own in one transaction, commit included. */
export const program: Program = async (order) => {
  const { rows = 1000 } = order.options;
  const session = await openSync(order, { write: true });
  session.exec("create table bulk (id integer primary key, text text not null)");
  const insert = session.prepare("insert into bulk (id, text) values (?, ?)");
  const texts = Array.from({ length: 1000 }, (_, n) => TEXT + n);
  const fromMs = monotonicMs();
  session.exec("begin immediate");
  for (let n = 1; n <= rows; n += 1) insert.run(n, texts[n % 1000] ?? "");
  session.exec("commit");
  const toMs = monotonicMs();
  const { n, sum } = session.prepare("select count(*) as n, sum(length(text)) as sum from bulk").get() as Record<string, number>;
  const expected = Array.from({ length: rows }, (_, i) => (texts[(i + 1) % 1000] ?? "").length).reduce((a, b) => a + b, 0);
  if (n !== rows || sum !== expected) throw new Error(`wrong sums: n=${n} sum=${sum}, expected ${rows} and ${expected}`);
  return { session, fromMs, toMs, metrics: { insertMs: toMs - fromMs, writesPerSecond: (rows * 1000) / (toMs - fromMs) } };
};
