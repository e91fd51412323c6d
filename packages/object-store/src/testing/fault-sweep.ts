import type { ObjectStore } from "../port.js";
import { type Fault, FaultyObjectStore } from "./faulty-object-store.js";

export interface FaultSweep {
  /** A store in the state from which each trial starts. */
  prepare(): Promise<ObjectStore>;
  /** What is under test, run on the store that fails. */
  body(store: FaultyObjectStore): Promise<void>;
  /** What must hold in the end. `error` is what `body` threw, if it did. */
  check(trial: { readonly inner: ObjectStore; readonly error: unknown; readonly fault: Fault; readonly hits: number }): Promise<void>;
  readonly kinds?: Fault["kinds"];
  readonly sides?: readonly Fault["side"][];
  readonly modes?: readonly Fault["mode"][];
  /** More trials than this in one direction mean that `body` never ends by itself. Default 500. */
  readonly trialsMax?: number;
}

/**
 * Fails the first request, then the second, and so on, in each direction, until a trial comes through without meeting
 * the fault. That last, undisturbed trial is checked too.
 *
 * @returns How many faults struck. A test that expects some should say so.
 */
export async function faultSweep(sweep: FaultSweep): Promise<number> {
  let struck = 0;
  for (const mode of sweep.modes ?? (["transient", "persistent"] as const)) {
    for (const side of sweep.sides ?? (["before", "after"] as const)) {
      for (let nth = 1, hits = 1; hits > 0; nth += 1) {
        if (nth > (sweep.trialsMax ?? 500))
          throw new Error(`fault sweep: still failing requests after ${nth - 1} trials; mode=${mode} side=${side}`);
        hits = await trial(sweep, { nth, mode, side, ...(sweep.kinds === undefined ? {} : { kinds: sweep.kinds }) });
        struck += hits;
      }
    }
  }
  return struck;
}

async function trial(sweep: FaultSweep, fault: Fault): Promise<number> {
  const inner = await sweep.prepare();
  const store = new FaultyObjectStore(inner, fault);
  let error: unknown;
  try {
    await sweep.body(store);
  } catch (thrown) {
    error = thrown;
  }
  try {
    await sweep.check({ inner, error, fault, hits: store.hits });
  } catch (failure) {
    throw new Error(
      `fault sweep: nth=${fault.nth} mode=${fault.mode} side=${fault.side}: ${failure instanceof Error ? failure.message : String(failure)}`,
      { cause: failure },
    );
  }
  return store.hits;
}
