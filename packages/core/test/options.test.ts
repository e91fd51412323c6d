import { boolean, checkOptions, either, func, having, integer, number, OptionError, object, oneOf, suggest, text } from "@headwater/core";
import { describe, expect, it } from "vitest";

const KNOWN = {
  write: boolean,
  pollIntervalMs: number(0, Number.POSITIVE_INFINITY),
  pageSize: oneOf(512, 1024),
  attach: either(text, boolean),
  logger: having("warn", "error"),
  hydration: either(boolean, object({ path: text, concurrency: integer(1, 64) })),
  credentials: func,
};
const check = (options: object) => () => checkOptions("open", options as Record<string, unknown>, KNOWN);

describe("checkOptions", () => {
  it("takes good ones, and undefined as absent", () => {
    expect(
      check({
        write: true,
        pollIntervalMs: Number.POSITIVE_INFINITY,
        pageSize: 512,
        attach: "s3://b/",
        logger: console,
        hydration: { path: "x", concurrency: 64 },
        credentials: () => undefined,
      }),
    ).not.toThrow();
    expect(check({ write: undefined, hydration: { path: undefined } })).not.toThrow();
    expect(check({})).not.toThrow();
  });

  it.each([
    [{ wriet: true }, /open: unknown option "wriet"; did you mean "write"\?/],
    [{ PollIntervalMS: 1 }, /did you mean "pollIntervalMs"\?/],
    [{ zzzzzzzz: 1 }, /unknown option "zzzzzzzz"; known: write, pollIntervalMs, /],
    [{ constructor: 1 }, /unknown option "constructor"/],
    [JSON.parse('{"__proto__": 1}'), /unknown option "__proto__"/],
    [{ write: "yes" }, /open: option "write": expected true or false/],
    [{ pollIntervalMs: -1 }, /"pollIntervalMs": expected a number from 0 to Infinity/],
    [{ pollIntervalMs: Number.NaN }, /expected a number/],
    [{ pollIntervalMs: "1" }, /expected a number/],
    [{ pageSize: 4096 }, /expected one of 512, 1024/],
    [{ attach: "" }, /expected a string that is not empty, or expected true or false/],
    [{ logger: { warn() {} } }, /expected an object with warn, error/],
    [{ hydration: { concurrency: 1.5 } }, /"hydration": .*option "concurrency": expected an integer from 1 to 64/],
    [{ hydration: { pth: "x" } }, /unknown option "pth"; did you mean "path"\?/],
    [{ hydration: [] }, /expected an object/],
    [{ credentials: {} }, /expected a function/],
  ])("refuses %j", (options, message) => {
    expect(check(options)).toThrow(OptionError);
    expect(check(options)).toThrow(message);
    expect(check(options)).toThrow(expect.objectContaining({ code: "BAD_OPTION", retryable: false }));
  });

  it.each([[null], [[]], ["write"], [1]])("refuses %j instead of options", (options) => {
    expect(check(options as object)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  it("says little about a long name, quickly", () => {
    const options = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}${"x".repeat(100_000)}`, 1]));
    expect(check(options)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }));
  });
});

describe("suggest", () => {
  it("names what is near, and all where nothing is", () => {
    expect(suggest("endpiont", ["endpoint", "region"])).toBe('did you mean "endpoint"?');
    expect(suggest("x".repeat(1000), ["endpoint", "region"])).toBe("known: endpoint, region");
    expect(suggest("x", [])).toBe("known: ");
  });
});
