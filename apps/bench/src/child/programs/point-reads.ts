import { monotonicMs } from "../../clock.js";
import { expectedRow } from "../../replicas/expected.js";
import { checkRow } from "../../replicas/rows.js";
import { BY_KEY } from "./cold-start.js";
import type { Program } from "./program.js";

/** Opens, reads one row, and then many, one after the other, each in a transaction of its own. What comes after the first one counts. */
export const program: Program = async ({ contender, target, manifest, options: { firstId, ids = [] } }) => {
  const session = await contender.open(target, {});
  checkRow(await session.get(BY_KEY, [firstId]), expectedRow(manifest, firstId));
  const found: unknown[] = [];
  const fromMs = monotonicMs();
  for (const id of ids) found.push(await session.get(BY_KEY, [id]));
  const toMs = monotonicMs();
  ids.forEach((id, n) => {
    checkRow(found[n], expectedRow(manifest, id));
  });
  return { session, fromMs, toMs, metrics: { readsMs: toMs - fromMs, perReadMs: (toMs - fromMs) / ids.length } };
};
