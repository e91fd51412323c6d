import { monotonicMs } from "../../clock.js";
import type { Program } from "./program.js";
import { checkSums, SUMS } from "./sums.js";

/** Opens, and reads every row. */
export const program: Program = async ({ contender, target, manifest }) => {
  const fromMs = monotonicMs();
  const session = await contender.open(target, {});
  const openedMs = monotonicMs();
  const row = await session.get(SUMS);
  const toMs = monotonicMs();
  checkSums(row, manifest);
  return { session, fromMs, toMs, row, metrics: { scanMs: toMs - openedMs, openAndScanMs: toMs - fromMs } };
};
