import { abortedError, throwIfAborted } from "@headwater/core";
import { describe, expect, it } from "vitest";

describe("throwIfAborted", () => {
  it("throws ABORTED with the reason as its cause", () => {
    const reason = new Error("the user left");
    expect(() => throwIfAborted(AbortSignal.abort(reason))).toThrow(expect.objectContaining({ code: "ABORTED", cause: reason }));
    expect(abortedError()).not.toHaveProperty("cause");
  });

  it("lets pass what was not aborted", () => {
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  });
});
