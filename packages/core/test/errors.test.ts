import {
  type ErrorCode,
  errorFromWire,
  errorToWire,
  FencedError,
  HeadwaterError,
  OptionError,
  OptionRangeError,
  SqliteError,
  type WireError,
} from "@headwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const across = (thrown: unknown): Error => errorFromWire(structuredClone(errorToWire(thrown)));

describe("HeadwaterError", () => {
  it("is told by what it has, so that another copy of the package is recognised", () => {
    expect(HeadwaterError.is(new HeadwaterError("STALE", "old"))).toBe(true);
    expect(HeadwaterError.is(new OptionError("BAD_OPTION", "no"))).toBe(true);
    expect(HeadwaterError.is({ isHeadwaterError: true, code: "STALE" })).toBe(true);
    for (const other of [new Error("x"), null, undefined, "isHeadwaterError", 1]) expect(HeadwaterError.is(other)).toBe(false);
  });

  it("knows which codes are worth another try, unless it is told", () => {
    expect(new HeadwaterError("STORE_UNAVAILABLE", "down").retryable).toBe(true);
    expect(new HeadwaterError("STORE_DENIED", "no").retryable).toBe(false);
    expect(new HeadwaterError("STORE_DENIED", "no", { retryable: true }).retryable).toBe(true);
  });

  it("is named after its class", () => {
    expect(new HeadwaterError("STALE", "old").name).toBe("HeadwaterError");
    expect(new SqliteError("SQLITE_BUSY", "busy").name).toBe("SqliteError");
    expect(String(new FencedError("lost", { localTxid: "a", remoteTxid: "b" }))).toBe("FencedError: lost");
  });
});

describe("errors between threads", () => {
  it("keep class, code, message, retryable, stack and cause", () => {
    const cause = new SqliteError("SQLITE_IOERR_READ", "disk I/O error");
    const sent = new HeadwaterError("STORE_UNAVAILABLE", "no answer key=app/0000", { cause, retryable: false });
    const got = across(sent);
    expect(got).toBeInstanceOf(HeadwaterError);
    expect(got).not.toBeInstanceOf(SqliteError);
    expect(got).toMatchObject({ code: "STORE_UNAVAILABLE", message: sent.message, retryable: false, stack: sent.stack });
    expect(got.cause).toBeInstanceOf(SqliteError);
    expect(got.cause).toMatchObject({ code: "SQLITE_IOERR_READ", message: "disk I/O error" });
  });

  it.each([{}, { owner: "host:1:abc" }, { owner: "host:1:abc", bufferPath: "/var/b" }])("keep what a FencedError says: %j", (more) => {
    const details = { localTxid: "0000000000000002", remoteTxid: "0000000000000003", ...more };
    const got = across(new FencedError("another writer", details));
    expect(got).toBeInstanceOf(FencedError);
    expect(got).toMatchObject({ code: "FENCED", retryable: false, ...details });
    for (const name of ["owner", "bufferPath"]) expect(Object.hasOwn(got, name)).toBe(name in more);
  });

  it("keep wrong options TypeErrors and RangeErrors", () => {
    expect(across(new OptionError("BAD_URL", "no scheme"))).toMatchObject({ code: "BAD_URL", message: "no scheme" });
    expect(across(new OptionError("BAD_URL", "no scheme"))).toBeInstanceOf(TypeError);
    expect(across(new OptionRangeError("too many"))).toBeInstanceOf(RangeError);
  });

  it("keep errors of another copy of the package", () => {
    const foreign = Object.assign(new Error("lost"), {
      name: "FencedError",
      isHeadwaterError: true,
      code: "FENCED",
      retryable: false,
      localTxid: "1",
      remoteTxid: "2",
    });
    expect(across(foreign)).toBeInstanceOf(FencedError);
    expect(across(foreign)).toMatchObject({ localTxid: "1", remoteTxid: "2" });
    const sqlite = Object.assign(new Error("busy"), { name: "SqliteError", isHeadwaterError: true, code: "SQLITE_BUSY", retryable: false });
    expect(across(sqlite)).toBeInstanceOf(SqliteError);
  });

  it("keep the name and the system's code of any other error", () => {
    const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    expect(across(full)).toMatchObject({ name: "Error", message: "no space left", code: "ENOSPC" });
    const bug = across(new TypeError("x is not a function"));
    expect(bug).toMatchObject({ name: "TypeError", message: "x is not a function" });
    expect(bug).not.toHaveProperty("code");
    expect(HeadwaterError.is(bug)).toBe(false);
    expect(across(new DOMException("gone", "AbortError")).name).toBe("AbortError");
  });

  it("take anything that can be thrown", () => {
    expect(across("text").message).toBe("text");
    expect(across(undefined).message).toBe("undefined");
    expect(across(Symbol("s")).message).toBe("Symbol(s)");
    expect(across(Object.create(null)).message).toBe("a thrown object that can't be printed");
    fc.assert(fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => across(thrown) instanceof Error));
  });

  it("keep four causes, and end in a circle of them", () => {
    const chain = [0, 1, 2, 3, 4, 5, 6].reduce<Error | undefined>((cause, n) => new Error(String(n), { cause }), undefined);
    const messages = [];
    for (let e: unknown = across(chain); e instanceof Error; e = e.cause) messages.push(e.message);
    expect(messages).toEqual(["6", "5", "4", "3", "2"]);
    const circle: Error = new HeadwaterError("STALE", "round");
    circle.cause = circle;
    expect(across(circle)).toMatchObject({ message: "round", cause: { message: "round" } });
  });

  it("are the same after another trip", () => {
    const codes: ErrorCode[] = ["STORE_UNAVAILABLE", "FENCED", "CLOSED", "SQLITE_CONSTRAINT_UNIQUE"];
    const wire: fc.Arbitrary<WireError> = fc.record({
      kind: fc.constantFrom("headwater" as const, "sqlite" as const),
      code: fc.constantFrom(...codes),
      message: fc.string(),
      retryable: fc.boolean(),
      stack: fc.string(),
    });
    fc.assert(
      fc.property(wire, (w) => {
        expect(errorToWire(errorFromWire(w))).toEqual(w);
      }),
    );
  });
});
