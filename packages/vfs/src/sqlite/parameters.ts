import { OptionError, OptionRangeError } from "@headwater/core";

/** What SQLite stores. */
export type SqlValue = null | number | bigint | string | Uint8Array;
/** Positional or named. Names come without their prefix (`:`, `@`, `$`). */
export type BindParams = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

/** The parameters of one statement, as SQLite numbers them. */
export interface ParameterLayout {
  /** Index (from 1) of each parameter that takes a positional value: `?` and `?NNN`. */
  readonly positional: readonly number[];
  /** How many of them are a bare `?`. */
  readonly bare: number;
  /** Name without prefix, and index, of each parameter that takes a named value. `?NNN` is named "NNN", too. */
  readonly named: readonly { readonly name: string; readonly index: number; readonly numbered: boolean }[];
}

/** `names[i]`: the name of parameter i + 1 as SQLite gives it, `undefined` for a bare `?`. */
export function parameterLayout(names: readonly (string | undefined)[]): ParameterLayout {
  const positional: number[] = [];
  const named: { name: string; index: number; numbered: boolean }[] = [];
  names.forEach((name, i) => {
    const numbered = name?.startsWith("?") === true;
    if (name === undefined || numbered) positional.push(i + 1);
    if (name !== undefined) named.push({ name: name.slice(1), index: i + 1, numbered });
  });
  return { positional, bare: names.filter((name) => name === undefined).length, named };
}

/**
 * Spreads arguments over parameters as better-sqlite3 does: values and arrays of values fill the positional ones in
 * order, at most one plain object gives the named ones.
 *
 * @param bind - called for each parameter, with whatever was given for it
 * @throws {OptionRangeError} `BAD_OPTION` for too few, too many, or a missing name; {@link OptionError} for a wrong type
 */
export function spreadParameters(layout: ParameterLayout, args: readonly unknown[], bind: (index: number, value: unknown) => void): void {
  const { positional, named } = layout;
  let used = 0;
  let names: Readonly<Record<string, unknown>> | undefined;
  const next = (value: unknown): void => {
    const index = positional[used];
    used += 1;
    if (index !== undefined) bind(index, value);
  };
  for (const arg of args) {
    if (Array.isArray(arg)) for (const value of arg as readonly unknown[]) next(value);
    else if (isNames(arg)) {
      if (names !== undefined) throw new OptionError("BAD_OPTION", "named parameters were given in two objects; put them into one");
      names = arg;
    } else next(arg);
  }
  // Numbered parameters go by position where positional values were given, else by the names "1", "2", ...
  const numbersByName = names !== undefined && used === 0;
  const expected = numbersByName ? layout.bare : positional.length;
  if (used > expected) {
    throw new OptionRangeError(`too many parameter values: the statement takes fewer given=${used} positional=${expected}`);
  }
  if (used < expected) {
    throw new OptionRangeError(`too few parameter values: each ? needs one given=${used} positional=${expected}`);
  }
  for (const { name, index, numbered } of named) {
    if (numbered && !numbersByName) continue;
    if (names === undefined || !Object.hasOwn(names, name)) {
      throw new OptionRangeError(`missing named parameter: give an object that has it name=${name}`);
    }
    bind(index, names[name]);
  }
}

/** A plain object. Whatever else is an object can't be bound, and says so when it is tried. */
function isNames(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
