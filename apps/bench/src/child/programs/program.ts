import type { Order } from "../protocol.js";
import type { Contender, Session } from "../session.js";

export interface Outcome {
  readonly session: Session;
  readonly fromMs: number;
  readonly toMs: number;
  /** To be printed: what the process was started for. */
  readonly row?: unknown;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What one run does. Throws where what it reads is wrong. */
export type Program = (order: Omit<Order, "contender" | "program"> & { readonly contender: Contender }) => Promise<Outcome>;
