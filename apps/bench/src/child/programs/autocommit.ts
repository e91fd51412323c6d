import { monotonicMs } from "../../clock.js";
import { openSync, type Program } from "./program.js";
import { UPDATE_BODY, Updates } from "./updates.js";

/** Commits between two looks at the clock. */
const BATCH = 20;

/** Updates one row after the other as fast as it goes, each in a transaction of its own. */
export const program: Program = async (order) => {
  const { seconds = 1 } = order.options;
  const session = await openSync(order, { write: true });
  const update = session.prepare(UPDATE_BODY);
  const updates = new Updates(order.manifest.rows);
  for (let n = 0; n < BATCH; n += 1) update.run(...updates.next());
  const fromMs = monotonicMs();
  let [commits, toMs] = [0, fromMs];
  for (; toMs < fromMs + seconds * 1000; toMs = monotonicMs()) {
    for (let n = 0; n < BATCH; n += 1) update.run(...updates.next());
    commits += BATCH;
  }
  updates.check(session);
  return { session, fromMs, toMs, metrics: { writesPerSecond: (commits * 1000) / (toMs - fromMs) } };
};
