import type { Scenario } from "../run/case.js";
import { coldStart } from "./cold-start.js";

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [coldStart];

/** What `reads` and the like on the command line stand for. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {};
