import fc from "fast-check";

// Property tests that name no seed and no number of runs take part in HEADWATER_SEED and HEADWATER_ROUNDS.
const seed = Number(process.env.HEADWATER_SEED) | 0;
const numRuns = Math.max(1, Math.round(100 * Number(process.env.HEADWATER_ROUNDS)));
fc.configureGlobal({ seed, numRuns });
