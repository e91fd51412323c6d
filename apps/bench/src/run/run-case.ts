import type { ContenderName, ProgramOptions } from "../child/protocol.js";
import { monotonicMs } from "../clock.js";
import type { SlowProxy } from "../proxy/slow-proxy.js";
import { BUCKET_NAME, type Manifest, plainKey, type Replica } from "../replicas/replica.js";
import type { Bucket } from "../store/bucket.js";
import type { Case } from "./case.js";
import type { Contenders } from "./contenders.js";
import type { CaseResult, ContenderResult } from "./results.js";
import { type Metrics, type RunOrder, runChild } from "./run-child.js";
import { summarizeRuns } from "./statistics.js";

export interface CaseSetup {
  readonly replica: Replica;
  readonly bucket: Bucket;
  readonly proxy: SlowProxy;
  readonly contenders: Contenders;
  readonly runs: number;
  /** Why a contender is left out here, though it could run. */
  readonly leaveOut?: Readonly<Partial<Record<ContenderName, string>>>;
  readonly bareNodeBytes: number;
  /** Of the monotonic clock: no other round of runs begins after it, but the first. */
  readonly untilMs?: number;
  readonly onFailure?: (contender: ContenderName, error: unknown) => void;
  readonly onRun?: (contender: ContenderName, run: number, metrics: Metrics) => void;
}

/** Runs the contenders in turn, so that whatever changes on the machine meanwhile meets all of them. */
export async function runCase(case_: Case, setup: CaseSetup): Promise<CaseResult> {
  const { replica, bucket, proxy, contenders } = setup;
  const leftOut: Partial<Record<ContenderName, string>> = {};
  for (const name of case_.contenders) {
    const reason = contenders.missing[name] ?? setup.leaveOut?.[name];
    if (reason !== undefined) leftOut[name] = reason;
  }
  const failed: ContenderName[] = [];
  const names = case_.contenders.filter((name) => leftOut[name] === undefined);
  const measured = new Map<ContenderName, Metrics[]>(names.map((name) => [name, []]));
  replica.load(bucket, names.includes("download"));
  proxy.network = case_.network;
  for (let run = 0; run < setup.runs; run += 1) {
    if (run > 0 && setup.untilMs !== undefined && monotonicMs() > setup.untilMs) break;
    for (const name of rotate(names, run)) {
      if (run >= (case_.runsMax?.[name] ?? Number.POSITIVE_INFINITY)) continue;
      bucket.reset();
      if (leftOut[name] !== undefined) continue;
      try {
        const metrics = await runChild(orderOf(case_, setup, name, run), proxy);
        const complete = { ...metrics, peakOverBareBytes: (metrics["peakBytes"] ?? 0) - setup.bareNodeBytes };
        measured.get(name)?.push(complete);
        setup.onRun?.(name, run, complete);
      } catch (error) {
        // What it measured before counts no more: it is not to be had reliably.
        measured.delete(name);
        failed.push(name);
        leftOut[name] = `it failed in run ${run + 1}: ${summaryOf(error)}`;
        setup.onFailure?.(name, error);
      }
    }
  }
  const results: Partial<Record<ContenderName, ContenderResult>> = {};
  for (const [name, runs] of measured) if (runs.length > 0) results[name] = { metrics: summarizeRuns(runs) };
  const { latencyMs, bytesPerSecond } = case_.network;
  const limits = bytesPerSecond === undefined ? { latencyMs } : { latencyMs, bytesPerSecond };
  return { name: case_.name, ...limits, databaseBytes: replica.manifest.databaseBytes, contenders: results, leftOut, failed };
}

/** The line that names the error, of all that a process wrote. */
function summaryOf(error: unknown): string {
  const lines = (error as Error).message.split("\n").map((line) => line.trim());
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0] ?? "").slice(0, 200);
}

/** Another one begins in each round. */
function rotate<T>(list: readonly T[], by: number): readonly T[] {
  return list.map((_, n) => list[(n + by) % list.length] as T);
}

function orderOf(case_: Case, { replica, proxy, contenders }: CaseSetup, contender: ContenderName, run: number): RunOrder {
  const { manifest, spec, databaseFile } = replica;
  const { endpoint } = proxy;
  const options = case_.options(manifest, run);
  return {
    contender,
    program: case_.program,
    mode: case_.mode ?? {},
    target: {
      url: `s3://${BUCKET_NAME}/${spec.name}?endpoint=${endpoint}&forcePathStyle=true&region=us-east-1`,
      endpoint,
      bucket: BUCKET_NAME,
      plainKey: plainKey(spec),
      ...(databaseFile === undefined ? {} : { databaseFile }),
      ...(contenders.defaultVfs === undefined ? {} : { defaultVfs: contenders.defaultVfs }),
    },
    manifest: { ...manifest, versions: versionsOf(manifest, options) },
    options,
  };
}

/** Of the rows that will be read alone: an argument of a process has a limit. */
function versionsOf({ versions }: Manifest, { firstId, ids = [] }: ProgramOptions): Record<string, number> {
  const wanted = [firstId, ...ids].map(String).filter((id) => versions[id] !== undefined);
  return Object.fromEntries(wanted.map((id) => [id, versions[id] ?? 0]));
}
