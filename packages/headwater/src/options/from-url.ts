import { OptionError, suggest } from "@headwater/core";
import type { Options } from "../types.js";
import { parseBytes, parseDuration, parseSwitch } from "./durations.js";

/** What a URL's own parameters ask for, besides where the store is. A URL can turn writing off, never on. */
type FromUrl = (where: string, value: string, into: Draft) => void;

interface Draft {
  write?: boolean;
  syncIntervalMs?: number;
  pollIntervalMs?: number;
  buffer?: { path?: string };
  cacheBytes?: number;
  diskPath?: string;
  diskBytes?: number;
  hydrationEnabled?: boolean;
  hydrationPath?: string;
}

const PARAMETERS: Readonly<Record<string, FromUrl>> = {
  write: (where, value, into) => {
    if (parseSwitch(where, value))
      throw new OptionError("BAD_URL", `${where}: a URL can turn writing off, never on; pass write: true as an option`);
    into.write = false;
  },
  syncInterval: (where, value, into) => {
    into.syncIntervalMs = parseDuration(where, value);
  },
  pollInterval: (where, value, into) => {
    into.pollIntervalMs = parseDuration(where, value);
  },
  bufferPath: (_, value, into) => {
    into.buffer = { path: value };
  },
  cacheSize: (where, value, into) => {
    into.cacheBytes = parseBytes(where, value);
  },
  cacheDiskPath: (_, value, into) => {
    into.diskPath = value;
  },
  cacheDiskSize: (where, value, into) => {
    into.diskBytes = parseBytes(where, value);
  },
  hydrationEnabled: (where, value, into) => {
    into.hydrationEnabled = parseSwitch(where, value);
  },
  hydrationPath: (_, value, into) => {
    into.hydrationPath = value;
  },
};
/** Names that Litestream's own URLs have, or that stand for the same. */
const ALIASES: Readonly<Record<string, string>> = { writeEnabled: "write" };

/**
 * Reads the parameters that are not the store's. Names may be snake_case, kebab-case or camelCase.
 *
 * @throws {OptionError} `BAD_URL` for an unknown name (with the nearest one), a name given twice or an empty value.
 */
export function optionsFromUrl(rest: readonly (readonly [string, string])[]): Options {
  const draft: Draft = {};
  const seen = new Set<string>();
  for (const [name, value] of rest) {
    const camel = name.replace(/[_-]+([a-z])/gi, (_, letter: string) => letter.toUpperCase());
    const canonical = ALIASES[camel] ?? camel;
    const read = Object.hasOwn(PARAMETERS, canonical) ? PARAMETERS[canonical] : undefined;
    if (read === undefined) {
      throw new OptionError(
        "BAD_URL",
        `unknown URL parameter ${JSON.stringify(name.slice(0, 60))}; ${suggest(camel, Object.keys(PARAMETERS))}`,
      );
    }
    if (seen.has(canonical)) throw new OptionError("BAD_URL", `URL parameter ${canonical} is given twice`);
    if (value === "") throw new OptionError("BAD_URL", `URL parameter ${canonical} is empty`);
    seen.add(canonical);
    read(`URL parameter ${canonical}`, value, draft);
  }
  return finish(draft);
}

/** A path alone turns hydration on. */
export function hydrationFrom(enabled: boolean | undefined, path: string | undefined): Pick<Options, "hydration"> {
  if (enabled === false) return { hydration: false };
  if (path !== undefined) return { hydration: { path } };
  return enabled === undefined ? {} : { hydration: enabled };
}

function finish({ hydrationEnabled, hydrationPath, cacheBytes, diskPath, diskBytes, ...options }: Draft): Options {
  return { ...options, ...hydrationFrom(hydrationEnabled, hydrationPath), ...cacheFrom(cacheBytes, diskPath, diskBytes) };
}

function cacheFrom(maxBytes: number | undefined, path: string | undefined, diskBytes: number | undefined): Pick<Options, "cache"> {
  const cache = {
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(path === undefined || diskBytes === undefined ? {} : { disk: { path, maxBytes: diskBytes } }),
  };
  if ((path === undefined) !== (diskBytes === undefined)) {
    throw new OptionError(
      "BAD_URL",
      "URL parameters cacheDiskPath and cacheDiskSize go together: where the cache is, and how large it may get",
    );
  }
  return Object.keys(cache).length === 0 ? {} : { cache };
}
