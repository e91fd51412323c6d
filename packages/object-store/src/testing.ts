export { CheckError } from "./testing/checks/assert.js";
export type { ConformanceCheck, Supports } from "./testing/checks/check.js";
export {
  type ConformanceFixture,
  type ConformanceProfile,
  conformanceChecks,
  describeObjectStore,
  runCheck,
  type TestFramework,
} from "./testing/conformance.js";
export { type FaultSweep, faultSweep } from "./testing/fault-sweep.js";
export { type Fault, FaultyObjectStore } from "./testing/faulty-object-store.js";
export { HookedObjectStore, type Hooks, type StoreCall } from "./testing/hooked-object-store.js";
export { PrefixedObjectStore } from "./testing/prefixed-object-store.js";
