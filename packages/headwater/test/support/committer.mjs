// Commits, for ever or so many times, says so after each, and goes on living; the test kills it.
import { open } from "headwater";

const [url, buffer, interval, limit] = process.argv.slice(2);
const db = await open(url, {
  write: true,
  syncIntervalMs: Number(interval),
  buffer: buffer === "memory" ? { target: "memory" } : { path: buffer },
});
await db.exec("create table if not exists t (n integer primary key, b text)");
const { n: last } = await db.get("select coalesce(max(n), 0) as n from t");
for (let n = last + 1; n <= last + Number(limit); n += 1) {
  await db.run("insert into t values (?, hex(randomblob(200)))", [n]);
  process.stdout.write(`${n}\n`);
}
process.stdin.resume();
