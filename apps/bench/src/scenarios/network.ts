import type { Network } from "../proxy/slow-proxy.js";

/** What is usual between a function and a bucket in the same region. `--latency` sets another one. */
export const NETWORK: Network = { latencyMs: 25 };
