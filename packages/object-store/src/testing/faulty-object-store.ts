import { HeadwaterError } from "@headwater/core";
import type { ObjectStore } from "../port.js";
import type { RequestKind } from "../requests.js";
import { HookedObjectStore, type StoreCall } from "./hooked-object-store.js";

export interface Fault {
  /** Which kinds of request count and may fail; all if absent. */
  readonly kinds?: readonly RequestKind[];
  /** Which of them fails, from 1. */
  readonly nth: number;
  /** `"before"`: the request was lost and nothing was done; `"after"`: it was done and its reply was lost. */
  readonly side: "before" | "after";
  /** `"transient"`: only that one; `"persistent"`: that one and all that come later. */
  readonly mode: "transient" | "persistent";
  /** Default `STORE_UNAVAILABLE`, which is what both kinds of loss look like. */
  readonly error?: (call: StoreCall) => Error;
}

/** Fails the n-th request. Without a fault it counts only. */
export class FaultyObjectStore extends HookedObjectStore {
  #hits = 0;

  constructor(inner: ObjectStore, fault?: Fault) {
    let matching = 0;
    const strike = (call: StoreCall, side: Fault["side"]): void => {
      if (fault === undefined || fault.side !== side || fault.kinds?.includes(call.kind) === false) return;
      matching += 1;
      if (matching < fault.nth || (fault.mode === "transient" && matching > fault.nth)) return;
      this.#hits += 1;
      throw fault.error?.(call) ?? lost(call, side);
    };
    super(inner, { before: (call) => strike(call, "before"), after: (call) => strike(call, "after") });
  }

  /** How many requests it has failed. */
  get hits(): number {
    return this.#hits;
  }
}

function lost(call: StoreCall, side: Fault["side"]): HeadwaterError {
  const what = side === "before" ? "the request was lost" : "the reply was lost";
  return new HeadwaterError("STORE_UNAVAILABLE", `${what} (test fault); request=${call.number} kind=${call.kind} key=${call.key}`);
}
