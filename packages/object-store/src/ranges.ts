import { HeadwaterError, OptionError } from "@headwater/core";
import type { ByteRange } from "./port.js";

/** `[start, end)` within an object of known size. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** @throws {OptionError} `BAD_OPTION` unless the range is `0 <= start < end` or `suffix >= 1`, in whole bytes. */
export function checkRange(range: ByteRange): void {
  const isWhole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
  const ok =
    "suffix" in range ? isWhole(range.suffix) && range.suffix > 0 : isWhole(range.start) && isWhole(range.end) && range.start < range.end;
  if (!ok) throw new OptionError("BAD_OPTION", `bad byte range: expected 0 <= start < end, or suffix >= 1; range=${JSON.stringify(range)}`);
}

/**
 * Where a range lies in an object of `size` bytes: cut at the end; a suffix longer than the object is all of it.
 *
 * @throws {HeadwaterError} `OUT_OF_RANGE` where no byte of it lies in the object, so for every range of an empty one.
 */
export function resolveRange(range: ByteRange | undefined, size: number, key: string): Extent {
  if (range === undefined) return { start: 0, end: size };
  const start = "suffix" in range ? Math.max(0, size - range.suffix) : range.start;
  const end = "suffix" in range ? size : Math.min(range.end, size);
  if (start >= end) throw outOfRange(range, size, key);
  return { start, end };
}

/** The error of a range that holds no byte of the object. `size` is in bytes, where it is known. */
export function outOfRange(range: ByteRange | undefined, size: number | undefined, key: string): HeadwaterError {
  const asked = range === undefined ? "all" : "suffix" in range ? `-${range.suffix}` : `${range.start}..${range.end}`;
  return new HeadwaterError(
    "OUT_OF_RANGE",
    `the range lies outside of the object; key=${key} range=${asked}${size === undefined ? "" : ` size=${size}`}`,
  );
}
