export { ManualRuntime } from "./testing/manual-runtime.js";
export { MemoryFileSystem } from "./testing/memory-file-system.js";
export { SeededRandom, testSeed } from "./testing/seeded-random.js";
