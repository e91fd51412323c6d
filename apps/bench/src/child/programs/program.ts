import type { Order } from "../protocol.js";
import type { Contender, OpenOptions, Session, SyncSession } from "../session.js";

export interface Outcome {
  readonly session: Pick<Session, "close">;
  readonly fromMs: number;
  readonly toMs: number;
  /** To be printed: what the process was started for. */
  readonly row?: unknown;
  readonly metrics: Readonly<Record<string, number>>;
}

/** @throws {Error} for a contender that has no synchronous side. */
export async function openSync(
  { contender, target, options }: Parameters<Program>[0],
  open: Pick<OpenOptions, "write" | "hydrate">,
): Promise<SyncSession> {
  if (contender.openSync === undefined) throw new Error("this contender can't be opened synchronously");
  return await contender.openSync(target, { ...open, syncIntervalMs: options.syncIntervalMs });
}

/** What one run does. Throws where what it reads is wrong. */
export type Program = (order: Omit<Order, "contender" | "program"> & { readonly contender: Contender }) => Promise<Outcome>;
