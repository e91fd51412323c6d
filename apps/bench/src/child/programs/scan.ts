import { monotonicMs } from "../../clock.js";
import type { Program } from "./program.js";

/** Opens, and reads every row. */
export const program: Program = async ({ contender, target, manifest }) => {
  const fromMs = monotonicMs();
  const session = await contender.open(target, {});
  const openedMs = monotonicMs();
  const row = await session.get("select count(*) as n, sum(version) as versions, sum(length(body)) as lengths from t");
  const toMs = monotonicMs();
  const { n, versions, lengths } = row as Record<string, number>;
  const { rows, versionSum, lengthSum } = manifest;
  if (n !== rows || versions !== versionSum || lengths !== lengthSum)
    throw new Error(`wrong sums: ${JSON.stringify(row)}, expected ${JSON.stringify({ rows, versionSum, lengthSum })}`);
  return { session, fromMs, toMs, row, metrics: { scanMs: toMs - openedMs, openAndScanMs: toMs - fromMs } };
};
