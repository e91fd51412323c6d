import { formatTXID, OptionError, parseTXID, type TXID } from "@headwater/core";

/** Where the LTX files of a replica lie, which differs by backend: `s3` on S3, `file` everywhere else. */
export type LayoutKind = "s3" | "file";

/** The level of snapshots, and the highest one. */
export const SNAPSHOT_LEVEL = 9;

/** What a key of a replica says. */
export interface KeyParts {
  readonly level: number;
  readonly minTXID: TXID;
  readonly maxTXID: TXID;
}

/** The keys of one replica. Pure names: nothing here talks to a store. */
export interface Layout {
  readonly kind: LayoutKind;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** What all keys of LTX files start with, and little else does. Empty, or ends with a slash. */
  readonly filesPrefix: string;
  /** What the keys of one level start with, slash included. */
  levelPrefix(level: number): string;
  key(level: number, minTXID: TXID, maxTXID: TXID): string;
  /** The inverse of {@link key}; undefined for anything else, another replica's keys included. */
  parse(key: string): KeyParts | undefined;
  readonly leaseKey: string;
}

export const LEVELS: readonly number[] = Array.from({ length: SNAPSHOT_LEVEL + 1 }, (_, n) => n);

const NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/;

/**
 * @param prefix - Slashes at its ends don't count.
 * @throws {OptionError} `BAD_OPTION` for another kind.
 * @see Litestream, replica clients: S3 names a level with four hex digits, all other backends "ltx/" and a decimal one
 */
export function createLayout(kind: LayoutKind, prefix: string): Layout {
  if (kind !== "s3" && kind !== "file")
    throw new OptionError("BAD_OPTION", `unknown layout; expected "s3" or "file"; kind=${String(kind)}`);
  const trimmed = prefix.replace(/^\/+|\/+$/g, "");
  const root = trimmed === "" ? "" : `${trimmed}/`;
  const filesPrefix = kind === "s3" ? root : `${root}ltx/`;
  const nameOf = (level: number): string => (kind === "s3" ? level.toString(16).padStart(4, "0") : level.toString(10));
  const levelPrefix = (level: number): string => `${filesPrefix}${nameOf(checkedLevel(level))}/`;
  return {
    kind,
    prefix: trimmed,
    filesPrefix,
    leaseKey: `${root}lock.json`,
    levelPrefix,
    key: (level, minTXID, maxTXID) => `${levelPrefix(level)}${formatTXID(minTXID)}-${formatTXID(maxTXID)}.ltx`,
    parse: (key) => {
      if (!key.startsWith(filesPrefix)) return undefined;
      const [levelName = "", fileName = "", ...rest] = key.slice(filesPrefix.length).split("/");
      const level = LEVELS.find((n) => nameOf(n) === levelName);
      const name = NAME.exec(fileName);
      if (level === undefined || name === null || rest.length > 0) return undefined;
      const minTXID = parseTXID(name[1] ?? "");
      const maxTXID = parseTXID(name[2] ?? "");
      return minTXID < 1n || minTXID > maxTXID ? undefined : { level, minTXID, maxTXID };
    },
  };
}

function checkedLevel(level: number): number {
  if (LEVELS.includes(level)) return level;
  throw new OptionError("BAD_OPTION", `no such level: expected an integer from 0 to ${SNAPSHOT_LEVEL}; level=${level}`);
}
