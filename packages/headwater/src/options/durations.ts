import { OptionError } from "@headwater/core";

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const PART = /^(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)/;

/**
 * A Go duration ("1s", "500ms", "1m30s", "0") in whole milliseconds. Only URLs and the environment take them.
 *
 * @throws {OptionError} `BAD_OPTION`, which names where the value stood.
 * @see Go's package time, "ParseDuration"
 */
export function parseDuration(where: string, value: string): number {
  if (value === "0") return 0;
  let rest = value;
  let ms = 0;
  while (rest !== "") {
    const part = PART.exec(rest);
    if (part === null) throw bad(where, value);
    ms += Number(part[1]) * (UNIT_MS[part[2] ?? ""] ?? Number.NaN);
    rest = rest.slice(part[0].length);
  }
  if (value === "" || !Number.isFinite(ms)) throw bad(where, value);
  // A duration that is not zero must not become "only when asked".
  return ms > 0 ? Math.max(1, Math.round(ms)) : 0;
}

function bad(where: string, value: string): OptionError {
  return new OptionError(
    "BAD_OPTION",
    `${where}: expected a duration such as "1s" or "500ms"; value=${JSON.stringify(value.slice(0, 40))}`,
  );
}

/** "true", "1", "yes", "on" and their opposites. @throws {OptionError} `BAD_OPTION`. */
export function parseSwitch(where: string, value: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  throw new OptionError("BAD_OPTION", `${where}: expected true or false; value=${JSON.stringify(value.slice(0, 40))}`);
}

/** A byte count: a whole number, or one with a unit ("64MB", "32MiB"). @throws {OptionError} `BAD_OPTION`. */
export function parseBytes(where: string, value: string): number {
  const match = /^(\d{1,15})\s*(|b|kb|mb|gb|kib|mib|gib)$/i.exec(value);
  if (match === null)
    throw new OptionError("BAD_OPTION", `${where}: expected bytes such as "64MB"; value=${JSON.stringify(value.slice(0, 40))}`);
  const unit = (match[2] ?? "").toLowerCase();
  const base = unit.endsWith("ib") ? 1024 : 1000;
  return Number(match[1]) * base ** ("kmg".indexOf(unit.charAt(0) || "-") + 1);
}
