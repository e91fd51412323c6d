import { abortedError, throwIfAborted, unlessAborted } from "@headwater/core";
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

describe("unlessAborted", () => {
  it("is the promise while the signal is quiet, and ABORTED once it fires", async () => {
    const controller = new AbortController();
    await expect(unlessAborted(Promise.resolve(7), undefined)).resolves.toBe(7);
    await expect(unlessAborted(Promise.resolve(7), controller.signal)).resolves.toBe(7);
    const waiting = unlessAborted(new Promise(() => undefined), controller.signal);
    controller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
    // A promise that rejects after nobody waits for it any more troubles nobody.
    await expect(unlessAborted(Promise.reject(new Error("late")), controller.signal)).rejects.toMatchObject({ code: "ABORTED" });
  });
});
