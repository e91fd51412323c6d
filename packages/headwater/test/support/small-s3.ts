import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach } from "vitest";
import type { Options } from "../../src/index.js";

const SLOTS = {
  ...{ putDelayMs: 0, fault: 1, puts: 2, gets: 3, heads: 4, deletes: 5, lists: 6 },
  ...{ rangeFault: 7, rangeFaultsLeft: 8, token: 9 },
} as const;
const FAULTS = { none: 0, down: 1, denied: 2 } as const;

/** What it does to gets of a range; the numbers are those of small-s3.mjs. */
export const RANGE_FAULTS = {
  none: 0,
  whole: 1,
  gzip: 2,
  otherRange: 3,
  short: 4,
  cut: 5,
  stall: 6,
  otherEtag: 7,
  gone: 8,
  noise: 9,
} as const;
export type RangeFault = keyof typeof RANGE_FAULTS;

let started = 0;
const running: SmallS3[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

/** An S3 server of this test's own, in a thread of its own, that can be slow, down, or refuse everything. */
export class SmallS3 {
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  readonly #port: number;

  private constructor(worker: Worker, control: SharedArrayBuffer, port: number, accessKeyId: string) {
    this.#worker = worker;
    this.#shared = new Int32Array(control);
    this.#port = port;
    this.store = { credentials: { accessKeyId, secretAccessKey: "secret" } };
    this.env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: "secret" };
  }

  /** @param kept - For more than one test: whoever starts it stops it. */
  static async start(options: { readonly kept?: boolean } = {}): Promise<SmallS3> {
    const control = new SharedArrayBuffer(64);
    started += 1;
    const accessKeyId = `KEY${started}`;
    const workerData = { control, slots: SLOTS, accessKeyId };
    const worker = new Worker(new URL("./small-s3.mjs", import.meta.url), { workerData, execArgv: [] });
    const [port] = (await once(worker, "message")) as [number];
    const server = new SmallS3(worker, control, port, accessKeyId);
    if (options.kept !== true) running.push(server);
    return server;
  }

  /** Of a replica on it; credentials are in the environment that {@link env} gives, or in {@link store}. */
  get url(): string {
    return `s3://bucket/app?endpoint=http://127.0.0.1:${this.#port}&region=us-east-1&forcePathStyle=true`;
  }

  /** With the server's own credentials: others have other ones, and it refuses them. */
  readonly store: NonNullable<Options["store"]>;
  readonly env: Readonly<Record<string, string>>;

  /** How long each put takes before it is done. */
  set putDelayMs(ms: number) {
    Atomics.store(this.#shared, SLOTS.putDelayMs, ms);
  }

  set fault(fault: keyof typeof FAULTS) {
    Atomics.store(this.#shared, SLOTS.fault, FAULTS[fault]);
  }

  /** What is to happen to the next `times` gets of a range. */
  spoilRanges(fault: RangeFault, times: number = 2 ** 31 - 1): void {
    Atomics.store(this.#shared, SLOTS.rangeFaultsLeft, times);
    Atomics.store(this.#shared, SLOTS.rangeFault, RANGE_FAULTS[fault]);
  }

  /** From now on only requests with the session token `token-<n>` are served. */
  set token(n: number) {
    Atomics.store(this.#shared, SLOTS.token, n);
  }

  /** Requests so far, those that failed included. */
  count(kind: "puts" | "gets" | "heads" | "deletes" | "lists"): number {
    return Atomics.load(this.#shared, SLOTS[kind]);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
