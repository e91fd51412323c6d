import path from "node:path";
import { OptionError } from "@headwater/core";
import { checkKey } from "../keys.js";

/** Names that begin so are ours: never listed, and no key may hold one. */
export const RESERVED_PREFIX = ".headwater-";
export const TEMP_PREFIX: string = `${RESERVED_PREFIX}tmp-`;
export const LOCK_PREFIX: string = `${RESERVED_PREFIX}lock-`;

/**
 * Where the object lies. A key can't lead out of the directory: {@link checkKey} refuses `.` and `..` segments, leading
 * slashes, backslashes and zeros.
 *
 * @throws {OptionError} `BAD_OPTION`.
 */
export function pathOf(dir: string, key: string): string {
  checkKey(key);
  if (key.split("/").some((segment) => segment.startsWith(RESERVED_PREFIX))) {
    throw new OptionError(
      "BAD_OPTION",
      `bad object key: names that begin with ${RESERVED_PREFIX} are the store's own; key=${JSON.stringify(key)}`,
    );
  }
  return path.join(dir, ...key.split("/"));
}
