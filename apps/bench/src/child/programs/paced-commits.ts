import { monotonicMs } from "../../clock.js";
import { openSync, type Program } from "./program.js";
import { quantilesOf } from "./quantiles.js";
import { UPDATE_BODY, Updates } from "./updates.js";

/**
 * Updates one row after the other at a steady pace, each in a transaction of its own, and times each from its call to its
 * return. One that is late because of the one before does not count as longer for it.
 */
export const program: Program = async (order) => {
  const { seconds = 1, perSecond = 1000 } = order.options;
  const session = await openSync(order, { write: true });
  const update = session.prepare(UPDATE_BODY);
  const updates = new Updates(order.manifest.rows);
  update.run(...updates.next()); // what the first one costs is another scenario's
  const times = new Float64Array(seconds * perSecond);
  const never = new Int32Array(new SharedArrayBuffer(4));
  const fromMs = monotonicMs();
  let late = 0;
  for (let n = 0; n < times.length; n += 1) {
    const waitMs = fromMs + (n * 1000) / perSecond - monotonicMs();
    if (waitMs > 0.1) Atomics.wait(never, 0, 0, waitMs);
    else if (waitMs < -1) late += 1;
    const params = updates.next();
    const startedMs = monotonicMs();
    update.run(...params);
    times[n] = monotonicMs() - startedMs;
  }
  const toMs = monotonicMs();
  updates.check(session);
  const [p50Ms = 0, p99Ms = 0, p999Ms = 0] = quantilesOf(times, [0.5, 0.99, 0.999]);
  const metrics = { commitMs: p50Ms, commitP99Ms: p99Ms, commitP999Ms: p999Ms, commitWorstMs: Math.max(...times) };
  return { session, fromMs, toMs, metrics: { ...metrics, late, commitsPerSecond: (times.length * 1000) / (toMs - fromMs) } };
};
