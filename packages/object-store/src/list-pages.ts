import { OptionError } from "@headwater/core";
import type { ListOptions } from "./port.js";

/** The most objects that S3 puts on one page. */
export const LIST_PAGE_MAX = 1000;

/** Objects on a page. @throws {OptionError} `BAD_OPTION` unless it is an integer from 1 to 1000. */
export function pageSizeOf(options: ListOptions): number {
  const size = options.pageSize ?? LIST_PAGE_MAX;
  if (!Number.isInteger(size) || size < 1 || size > LIST_PAGE_MAX) {
    throw new OptionError("BAD_OPTION", `bad page size of a listing: expected an integer from 1 to ${LIST_PAGE_MAX}; pageSize=${size}`);
  }
  return size;
}
