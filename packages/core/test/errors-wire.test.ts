import { describe, expect, it } from "vitest";
import { errorFromWire, errorToWire, HeadwaterError, OptionError, OptionRangeError } from "../src/index.js";

describe("wrong options between threads", () => {
  it("keep their class and code", () => {
    const range = errorFromWire(structuredClone(errorToWire(new OptionRangeError("missing parameter name=a"))));
    expect(range).toBeInstanceOf(RangeError);
    expect(range).toMatchObject({ code: "BAD_OPTION", message: "missing parameter name=a", retryable: false });
    expect(HeadwaterError.is(range)).toBe(true);
    const type = errorFromWire(structuredClone(errorToWire(new OptionError("BAD_URL", "bad"))));
    expect(type).toBeInstanceOf(TypeError);
    expect(type).toMatchObject({ code: "BAD_URL" });
  });
});
