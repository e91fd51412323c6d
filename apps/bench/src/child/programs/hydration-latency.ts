import { monotonicMs } from "../../clock.js";
import { expectedRow } from "../../replicas/expected.js";
import { checkRow } from "../../replicas/rows.js";
import { BY_KEY } from "./cold-start.js";
import { openSync, type Program } from "./program.js";
import { quantilesOf } from "./quantiles.js";
import { UPDATE_BODY, Updates } from "./updates.js";

/** Times of reads and commits in turn, in milliseconds. */
interface Times {
  readonly reads: number[];
  readonly commits: number[];
}

/**
 * Reads a row anywhere and updates one anywhere, in turn, first without hydration and then while it runs, and compares the
 * 99th percentiles. The rows that are read are others than those that are updated.
 */
export const program: Program = async (order) => {
  const { manifest, options } = order;
  const { ids = [], rows = 0 } = options;
  const session = await openSync(order, { write: true, hydrate: "later" });
  const { background } = session;
  if (background === undefined) throw new Error("this contender's hydration can't be started by hand");
  const byKey = session.prepare(BY_KEY);
  const update = session.prepare(UPDATE_BODY);
  const updates = new Updates(manifest.rows, new Set(ids));
  let next = 0;
  const step = ({ reads, commits }: Times): void => {
    const id = ids[next % ids.length] ?? 1;
    next += 1;
    const startedMs = monotonicMs();
    const row = byKey.get(id);
    const readMs = monotonicMs();
    update.run(...updates.next());
    commits.push(monotonicMs() - readMs);
    reads.push(readMs - startedMs);
    checkRow(row, expectedRow(manifest, id));
  };
  const [idle, during]: [Times, Times] = [
    { reads: [], commits: [] },
    { reads: [], commits: [] },
  ];
  while (idle.reads.length < rows) step(idle);
  const fromMs = monotonicMs();
  background.start();
  while (!background.done()) step(during);
  const toMs = monotonicMs();
  updates.check(session);
  const p99 = (times: readonly number[]): number => quantilesOf(Float64Array.from(times), [0.99])[0] ?? Number.NaN;
  const metrics = {
    readP99Ms: p99(idle.reads),
    hydratingReadP99Ms: p99(during.reads),
    readExcessMs: p99(during.reads) - 2 * p99(idle.reads),
    commitP99Ms: p99(idle.commits),
    hydratingCommitP99Ms: p99(during.commits),
    commitExcessMs: p99(during.commits) - 2 * p99(idle.commits),
  };
  return { session, fromMs, toMs, metrics: { ...metrics, reads: during.reads.length } };
};
