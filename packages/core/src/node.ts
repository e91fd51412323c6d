export { nodeFileSystem } from "./node/file-system.js";
export { nodePathLocks } from "./node/path-locks.js";
export { patientRuntime, systemRuntime } from "./node/runtime.js";
