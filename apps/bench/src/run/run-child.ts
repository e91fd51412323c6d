import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Order, Report, Target } from "../child/protocol.js";
import { monotonicMs } from "../clock.js";
import { type Traffic, trafficOf } from "../proxy/request-log.js";
import type { SlowProxy } from "../proxy/slow-proxy.js";
import { environmentOf, type Mode } from "./contenders.js";

const CHILD = fileURLToPath(new URL("./child.js", import.meta.url));
const RUN_MS_MAX = 900_000;

/** What one run measured, by name. */
export type Metrics = Readonly<Record<string, number>>;

export interface RunOrder extends Omit<Order, "target"> {
  readonly target: Omit<Target, "dir">;
  readonly mode: Mode;
}

/**
 * Runs one contender once, in a process and a folder of its own.
 *
 * @param child - The script that the process runs.
 * @throws {Error} with what the process wrote if it failed, or if what it read was wrong.
 */
export async function runChild(order: RunOrder, proxy: SlowProxy, child: string = CHILD): Promise<Metrics> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-bench-"));
  try {
    const { mode, ...rest } = order;
    const argument = JSON.stringify({ ...rest, target: { ...order.target, dir } } satisfies Order);
    const env = environmentOf(order.contender, { ...mode, url: order.target.url, dir, syncIntervalMs: order.options.syncIntervalMs });
    proxy.takeLog();
    const spawnedMs = monotonicMs();
    const process_ = spawn(process.execPath, [child, argument], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"], timeout: RUN_MS_MAX });
    const [output, errors, [code, signal]] = await Promise.all([text(process_.stdout), text(process_.stderr), once(process_, "close")]);
    await proxy.idle();
    if (code !== 0) throw new Error(`${order.contender}, ${order.program}: ${signal ?? `exit status ${code}`}\n${output}${errors}`);
    const report = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
    const log = proxy.takeLog().filter(({ startMs }) => startMs >= report.fromMs && startMs < report.toMs);
    return metricsOf(report, trafficOf(log), spawnedMs);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function metricsOf(report: Report, traffic: Traffic, spawnedMs: number): Metrics {
  const { requests, byKind, bytesIn, bytesOut, roundTrips } = traffic;
  const receivedBytesPerSecond = (bytesOut * 1000) / (report.toMs - report.fromMs);
  const kinds = Object.fromEntries(Object.entries(byKind).map(([kind, count]) => [`requests${kind}`, count]));
  const start = report.rowPrintedMs === undefined ? {} : { processStartMs: report.rowPrintedMs - spawnedMs };
  return {
    ...report.metrics,
    ...start,
    requests,
    ...kinds,
    bytesIn,
    bytesOut,
    roundTrips,
    receivedBytesPerSecond,
    cpuMs: report.cpuMs,
    peakBytes: report.peakBytes,
  };
}
