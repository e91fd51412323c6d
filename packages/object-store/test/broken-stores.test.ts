import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { CheckError, conformanceChecks, runCheck } from "../src/testing.js";
import { brokenStores } from "./support/broken-stores.js";
import { memoryProfile } from "./support/profiles.js";

describe("the conformance suite notices a store that", () => {
  it.each(brokenStores.map((store) => [store.name, store] as const))("%s", async (_name, { create, noticedBy }) => {
    const check = conformanceChecks.find((c) => c.name === noticedBy);
    const profile = { ...memoryProfile, create: async () => ({ store: create(), dispose: async () => {} }) };
    const outcome = await (check && runCheck(check, profile))?.then(
      () => "passed",
      (error: unknown) => error,
    );
    // And for the right reason: not because this broken store is broken in yet another way.
    expect(outcome instanceof CheckError || HeadwaterError.is(outcome), String(outcome)).toBe(true);
  });

  it("breaks any of its rules: for each check there is one", () => {
    const noticing = new Set(brokenStores.map((store) => store.noticedBy));
    expect(conformanceChecks.map((check) => check.name).filter((name) => !noticing.has(name))).toEqual([]);
  });
});
