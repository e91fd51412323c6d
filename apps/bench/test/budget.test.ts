import { describe, expect, it } from "vitest";
import { Budget } from "../src/run/budget.js";

describe("the budget of a quick run", () => {
  it("is shared out among the cases that are left", () => {
    let now = 1000;
    const budget = new Budget(100, 4, () => now);
    expect(budget.next()).toEqual({ untilMs: 1025, leaveOut: {} });
    now = 1040; // the first took longer
    expect(budget.next()).toEqual({ untilMs: 1060, leaveOut: {} });
    now = 1050; // the second less
    expect(budget.next().untilMs).toBe(1075);
  });

  it("leaves out what comes after its end, and says so", () => {
    let now = 0;
    const budget = new Budget(100, 2, () => now);
    budget.next();
    now = 101;
    expect(budget.next().leaveOut).toMatchObject({ headwater: "no time was left", peer: "no time was left" });
  });
});
