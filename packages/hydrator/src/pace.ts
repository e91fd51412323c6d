import { type Runtime, Slices } from "@headwater/core";

/** Less than usual: room for the write that ends a slice. */
const SLICE_MS = 2.5;
/** Pages, or looks at them, in a slice. */
const SLICE_PAGES = 256;

/** Slices of which each page that is looked at or decoded is one unit. */
export function slicesOf(runtime: Runtime): Slices {
  return new Slices(runtime, { units: SLICE_PAGES, sliceMs: SLICE_MS });
}
