import { type Runtime, Slices } from "@headwater/core";

/** So much work ends a slice, whatever the clock says. */
const SLICE_BYTES = 256 * 1024;

/** Slices whose unit of work is a byte that is read, copied or encoded. */
export function slicesOf(runtime: Pick<Runtime, "clock" | "timers">, signal?: AbortSignal): Slices {
  return new Slices(runtime, { units: SLICE_BYTES, ...(signal === undefined ? {} : { signal }) });
}
