export { type FaultSweep, faultSweep } from "./testing/fault-sweep.js";
export { type Fault, FaultyObjectStore } from "./testing/faulty-object-store.js";
export { HookedObjectStore, type Hooks, type StoreCall } from "./testing/hooked-object-store.js";
