import { OptionError } from "@headwater/core";

/** Whitespace, semicolons and comments: what may follow a single statement. An unfinished block comment is one. */
const NOTHING = /^(?:[\s;\uFEFF]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|\*?$))*$/;

/** True when `text` holds no statement. */
export function holdsNoStatement(text: string): boolean {
  return NOTHING.test(text);
}

/** SQLite would stop at a NUL and drop what follows without a word. */
export function checkSql(sql: string): void {
  if (typeof sql !== "string") throw new OptionError("BAD_OPTION", `SQL must be a string type=${typeof sql}`);
  if (sql.includes("\0")) throw new OptionError("BAD_OPTION", `SQL text must not hold a NUL character at=${sql.indexOf("\0")}`);
}

const OWN_PRAGMA = /^\s*pragma\s+(?:\w+\s*\.\s*)?litestream_/i;

/** A pragma of ours: it must answer also while the database can't be read. */
export function isOwnPragma(sql: string): boolean {
  return OWN_PRAGMA.test(sql);
}

/** A name as SQL writes it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
