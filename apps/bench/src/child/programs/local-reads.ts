import { monotonicMs } from "../../clock.js";
import { expectedRow } from "../../replicas/expected.js";
import { checkRow } from "../../replicas/rows.js";
import { BY_KEY } from "./cold-start.js";
import { openSync, type Program } from "./program.js";
import { checkSums, SUMS } from "./sums.js";

const BATCH = 100;
const SCANS = 3;

/** Waits until everything is local, and reads then: rows by their keys, each in a transaction of its own and in one for all, and all of them. */
export const program: Program = async (order) => {
  const { manifest, options } = order;
  const { ids = [], seconds = 1 } = options;
  const session = await openSync(order, { hydrate: true });
  await session.hydrated();
  const byKey = session.prepare(BY_KEY);
  for (const id of ids) checkRow(byKey.get(id), expectedRow(manifest, id));
  const readsPerSecond = (): number => {
    const startedMs = monotonicMs();
    let [reads, nowMs] = [0, startedMs];
    for (; nowMs < startedMs + seconds * 1000; nowMs = monotonicMs()) {
      for (let n = 0; n < BATCH; n += 1) byKey.get(ids[(reads + n) % ids.length] ?? 1);
      reads += BATCH;
    }
    return (reads * 1000) / (nowMs - startedMs);
  };
  const fromMs = monotonicMs();
  const pointReadsPerSecond = readsPerSecond();
  session.exec("begin");
  const transactionReadsPerSecond = readsPerSecond();
  session.exec("commit");
  const sums = session.prepare(SUMS);
  checkSums(sums.get(), manifest);
  const scanFromMs = monotonicMs();
  for (let n = 0; n < SCANS; n += 1) sums.get();
  const toMs = monotonicMs();
  const scanBytesPerSecond = (SCANS * manifest.pages * 4096 * 1000) / (toMs - scanFromMs);
  return { session, fromMs, toMs, metrics: { pointReadsPerSecond, transactionReadsPerSecond, scanBytesPerSecond } };
};
