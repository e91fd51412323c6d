import { monotonicMs } from "../../clock.js";
import { openSync, type Program } from "./program.js";
import { checkSums, SUMS } from "./sums.js";

/** Opens, waits until everything is local, and checks that it is all there. */
export const program: Program = async (order) => {
  const fromMs = monotonicMs();
  const session = await openSync(order, { hydrate: true });
  await session.hydrated();
  const toMs = monotonicMs();
  checkSums(session.prepare(SUMS).get(), order.manifest);
  const databaseBytes = order.manifest.pages * 4096;
  return {
    session,
    fromMs,
    toMs,
    metrics: { hydrationMs: toMs - fromMs, hydrationBytesPerSecond: (databaseBytes * 1000) / (toMs - fromMs) },
  };
};
