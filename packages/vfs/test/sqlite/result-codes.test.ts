import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { toResultCode, type VfsCall } from "../../src/sqlite/result-codes.js";
import { resultCodeOf, resultName } from "../../src/sqlite/result-names.js";

const CODES = [
  "READ_ONLY",
  "FENCED",
  "LEASE_HELD",
  "LTX_CORRUPT",
  "REPLICA_GAP",
  "STORE_UNAVAILABLE",
  "BUFFER_FULL",
  "ABORTED",
  "SQLITE_BUSY",
  "SQLITE_CORRUPT",
  "SQLITE_READONLY",
  "SQLITE_FULL",
  "SQLITE_NO_SUCH_CODE",
] as const;
const codesFor = (call: VfsCall): Set<string> =>
  new Set(CODES.map((code) => resultName(toResultCode(new HeadwaterError(code, "x"), call) & 0xff)));

describe("result codes", () => {
  it("of writing calls are those that end a transaction", () => {
    for (const call of ["write", "truncate", "record", "sync"] as const) {
      expect([...codesFor(call)].sort()).toEqual(["SQLITE_FULL", "SQLITE_IOERR"]);
    }
  });

  it("of reading calls are those that roll a writing statement back", () => {
    expect([...codesFor("read")].sort()).toEqual(["SQLITE_INTERRUPT", "SQLITE_IOERR"]);
    for (const call of ["size", "lock"] as const) expect([...codesFor(call)]).toEqual(["SQLITE_IOERR"]);
    // SQLite itself turns this one into CORRUPT, which does not roll back.
    for (const code of CODES) expect(resultName(toResultCode(new HeadwaterError(code, "x"), "read"))).not.toBe("SQLITE_IOERR_CORRUPTFS");
  });

  it("of the first write lock may be READONLY and BUSY", () => {
    expect([...codesFor("reserve")].sort()).toEqual(["SQLITE_BUSY", "SQLITE_CORRUPT", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY"]);
  });

  it("of anything unknown are I/O errors, and FULL of a full disk", () => {
    expect(resultName(toResultCode(undefined, "read"))).toBe("SQLITE_IOERR_READ");
    expect(resultName(toResultCode("text", "close"))).toBe("SQLITE_IOERR_CLOSE");
    expect(resultName(toResultCode(new TypeError("bug"), "sync"))).toBe("SQLITE_IOERR_FSYNC");
    expect(resultName(toResultCode(Object.assign(new Error(), { code: "ENOSPC" }), "write"))).toBe("SQLITE_FULL");
    expect(resultName(toResultCode(Object.assign(new Error(), { code: "ENOSPC" }), "read"))).toBe("SQLITE_IOERR_READ");
    const full = new HeadwaterError("BUFFER_UNWRITABLE", "no room", { cause: Object.assign(new Error(), { code: "ENOSPC" }) });
    expect(resultName(toResultCode(full, "record"))).toBe("SQLITE_FULL");
    expect(resultName(toResultCode(new HeadwaterError("BUFFER_UNWRITABLE", "denied"), "record"))).toBe("SQLITE_IOERR_FSYNC");
    expect(resultName(toResultCode(Object.assign(new Error(), { code: "EIO" }), "write"))).toBe("SQLITE_IOERR_WRITE");
  });

  it("have the names that SQLite's headers give them, both ways", () => {
    for (const [name, code] of [
      ["SQLITE_CONSTRAINT_UNIQUE", 2067],
      ["SQLITE_CONSTRAINT_DATATYPE", 3091],
      ["SQLITE_IOERR_CORRUPTFS", 8458],
      ["SQLITE_IOERR_READ", 266],
      ["SQLITE_ABORT_ROLLBACK", 516],
      ["SQLITE_CANTOPEN_SYMLINK", 1550],
      ["SQLITE_READONLY_DIRECTORY", 1544],
      ["SQLITE_BUSY_TIMEOUT", 773],
      ["SQLITE_DONE", 101],
    ] as const) {
      expect([resultName(code), resultCodeOf(name)]).toEqual([name, code]);
    }
    expect(resultName(19 | (99 << 8))).toBe("SQLITE_CONSTRAINT");
    expect(resultName(250)).toBe("SQLITE_UNKNOWN_250");
    expect(resultCodeOf("SQLITE_NOPE")).toBeUndefined();
  });
});
