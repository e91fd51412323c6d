import { monotonicMs } from "../../clock.js";
import { checkRow, rowOf } from "../../replicas/rows.js";
import { BY_KEY } from "./cold-start.js";
import type { Program } from "./program.js";

const VERSION = 1_000_000;

/** Opens for writing, and updates one row in its place. */
export const program: Program = async ({ contender, target, options: { firstId } }) => {
  const after = rowOf(firstId, VERSION);
  const fromMs = monotonicMs();
  const session = await contender.open(target, { write: true });
  const openedMs = monotonicMs();
  await session.run("update t set version = ?, name = ?, body = ? where id = ?", [after.version, after.name, after.body, firstId]);
  const toMs = monotonicMs();
  const row = await session.get(BY_KEY, [firstId]);
  checkRow(row, after);
  return { session, fromMs, toMs, row, metrics: { openMs: openedMs - fromMs, firstWriteMs: toMs - fromMs } };
};
