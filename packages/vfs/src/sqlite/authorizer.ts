import { SqliteError } from "@headwater/core";
import { SQLITE_ACTION_ATTACH, SQLITE_ACTION_PRAGMA } from "./constants.js";

/** What the authorizer needs to know of its connection. */
export interface AuthorizerRules {
  /** The page size of the main database, in bytes. */
  readonly pageSize: number;
  /** Which names SQL may ATTACH, beside ':memory:' and ''. */
  mayAttach(name: string): boolean;
}

/**
 * Decides whether a statement may be prepared: `undefined`, or why not. Only an authorizer sees every case, since
 * SQLite asks the VFS of one schema about a pragma that then changes all of them (design, "Committing").
 *
 * @param first - for a pragma its name, for ATTACH the file's name (`undefined` where that is no literal)
 * @param second - for a pragma its argument
 */
export function refusalOf(
  rules: AuthorizerRules,
  action: number,
  first: string | undefined,
  second: string | undefined,
): SqliteError | undefined {
  if (action === SQLITE_ACTION_ATTACH) {
    // A name that is no literal is known only when it is opened: then the VFS refuses it.
    if (first === undefined || first === "" || first === ":memory:" || rules.mayAttach(first)) return undefined;
    return attachRefusal(first);
  }
  if (action !== SQLITE_ACTION_PRAGMA || second === undefined) return undefined;
  const name = first?.toLowerCase();
  if (name === "journal_mode" && second.toLowerCase() !== "delete") return journalModeRefusal(second);
  if (name === "page_size" && second.trim() !== String(rules.pageSize)) return pageSizeRefusal(second, rules.pageSize);
  return undefined;
}

function journalModeRefusal(value: string): SqliteError {
  return new SqliteError(
    "SQLITE_AUTH",
    "can't change the journal mode: a commit here goes through Headwater's own journal and log, which need mode delete; " +
      `leave the pragma out, there is nothing to gain from it here journal_mode=${value}`,
  );
}

function pageSizeRefusal(value: string, pageSize: number): SqliteError {
  return new SqliteError(
    "SQLITE_AUTH",
    "can't change the page size of a database that exists, nor have another one beside it on this connection; " +
      `for a new database give the option pageSize page_size=${value} current=${pageSize}`,
  );
}

/** ATTACH and VACUUM INTO reach the authorizer alike. */
export function attachRefusal(name: string): SqliteError {
  return new SqliteError(
    "SQLITE_AUTH",
    "can't ATTACH this database, nor VACUUM INTO it: only ':memory:' and '' (temporary) are allowed unless the database was opened " +
      `with that name opted in; for a copy as a file use backup() file=${name}`,
  );
}
