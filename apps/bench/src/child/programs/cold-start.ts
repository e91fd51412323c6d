import { monotonicMs } from "../../clock.js";
import { expectedRow } from "../../replicas/expected.js";
import { checkRow } from "../../replicas/rows.js";
import type { Program } from "./program.js";

export const BY_KEY = "select id, version, name, body from t where id = ?";

/** Opens, and reads one row by its primary key. */
export const program: Program = async ({ contender, target, manifest, options: { firstId } }) => {
  const fromMs = monotonicMs();
  const session = await contender.open(target, {});
  const openedMs = monotonicMs();
  const row = await session.get(BY_KEY, [firstId]);
  const toMs = monotonicMs();
  checkRow(row, expectedRow(manifest, firstId));
  return { session, fromMs, toMs, row, metrics: { openMs: openedMs - fromMs, firstRowMs: toMs - fromMs } };
};
