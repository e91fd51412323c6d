import { OptionError } from "./errors.js";

/** No option's name is longer; what is longer comes from outside. */
const NAME_LENGTH_MAX = 64;

/** Checks one option's value: returns what is wrong with it, or nothing. */
export type Check = (value: unknown) => string | undefined;

/** A finite number within bounds, both included. */
export const number =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): Check =>
  (v) =>
    typeof v === "number" && v >= min && v <= max ? undefined : `expected a number from ${min} to ${max}`;

/** An integer within bounds, both included. */
export const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): Check =>
  (v) =>
    Number.isInteger(v) && (v as number) >= min && (v as number) <= max ? undefined : `expected an integer from ${min} to ${max}`;

export const boolean: Check = (v) => (typeof v === "boolean" ? undefined : "expected true or false");
export const text: Check = (v) => (typeof v === "string" && v !== "" ? undefined : "expected a string that is not empty");
export const func: Check = (v) => (typeof v === "function" ? undefined : "expected a function");

export const oneOf =
  (...values: readonly unknown[]): Check =>
  (v) =>
    values.includes(v) ? undefined : `expected one of ${values.map((x) => JSON.stringify(x)).join(", ")}`;

export const either =
  (...checks: readonly Check[]): Check =>
  (v) => {
    const problems = checks.map((check) => check(v));
    return problems.includes(undefined) ? undefined : problems.join(", or ");
  };

/** Any value that has a method of this name. */
export const having =
  (...methods: readonly string[]): Check =>
  (v) =>
    typeof v === "object" && v !== null && methods.every((m) => typeof (v as Record<string, unknown>)[m] === "function")
      ? undefined
      : `expected an object with ${methods.join(", ")}`;

/** A plain object of known names, each checked in turn. Names a misspelling's nearest. */
export const object =
  (known: Readonly<Record<string, Check>>): Check =>
  (v) => {
    if (typeof v !== "object" || v === null || Array.isArray(v)) return "expected an object";
    try {
      checkOptions("", v as Record<string, unknown>, known);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };

/**
 * Checks an options object: no unknown names, no bad values. `undefined` values count as absent.
 *
 * @throws {OptionError} `BAD_OPTION` that names the option, what is wrong, and for an unknown name the nearest known one.
 */
export function checkOptions(where: string, options: Readonly<Record<string, unknown>>, known: Readonly<Record<string, Check>>): void {
  const prefix = where === "" ? "" : `${where}: `;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionError("BAD_OPTION", `${prefix}expected an object with options`);
  }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) {
      const shown = JSON.stringify(name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}...` : name);
      throw new OptionError("BAD_OPTION", `${prefix}unknown option ${shown}; ${suggest(name, Object.keys(known))}`);
    }
    if (value === undefined) continue;
    const problem = check(value);
    if (problem !== undefined) throw new OptionError("BAD_OPTION", `${prefix}option ${JSON.stringify(name)}: ${problem}`);
  }
}

/** "did you mean ...?" where something is near, else the list of what there is. */
export function suggest(name: string, known: readonly string[]): string {
  const near = known.map((k) => ({ k, d: distance(name.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.d - b.d)[0];
  return near && near.d <= Math.max(2, Math.floor(Math.min(name.length, NAME_LENGTH_MAX) / 3))
    ? `did you mean ${JSON.stringify(near.k)}?`
    : `known: ${known.join(", ")}`;
}

/** Levenshtein distance, on inputs cut short so that a hostile name costs nothing. */
function distance(a: string, b: string): number {
  const x = a.slice(0, NAME_LENGTH_MAX);
  const y = b.slice(0, NAME_LENGTH_MAX);
  let row = Array.from({ length: y.length + 1 }, (_, i) => i);
  for (let i = 1; i <= x.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= y.length; j += 1) {
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (x[i - 1] === y[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[y.length] ?? 0;
}
