import { monotonicMs } from "../clock.js";
import { peakBytes } from "./peak-memory.js";
import type { Program } from "./programs/program.js";
import { type ContenderName, type Order, PROGRAMS, type ProgramName, type Report } from "./protocol.js";
import type { Contender } from "./session.js";

// The process of one run. It loads its contender and its program, and nothing of the others.

const LOAD_CONTENDER: Readonly<Record<ContenderName, () => Promise<{ contender: Contender }>>> = {
  headwater: () => import("./contenders/headwater.js"),
  peer: () => import("./contenders/peer.js"),
  download: () => import("./contenders/download.js"),
  local: () => import("./contenders/local.js"),
};
const LOAD_PROGRAM: Readonly<Record<ProgramName, () => Promise<{ program: Program }>>> = {
  "cold-start": () => import("./programs/cold-start.js"),
  "first-write": () => import("./programs/first-write.js"),
  scan: () => import("./programs/scan.js"),
  "point-reads": () => import("./programs/point-reads.js"),
  "paced-commits": () => import("./programs/paced-commits.js"),
  autocommit: () => import("./programs/autocommit.js"),
  "bulk-insert": () => import("./programs/bulk-insert.js"),
  "hydration-latency": () => import("./programs/hydration-latency.js"),
  hydrate: () => import("./programs/hydrate.js"),
  "local-reads": () => import("./programs/local-reads.js"),
};

const { contender: contenderName, program: programName, ...order } = JSON.parse(process.argv[2] ?? "") as Order;
if (!PROGRAMS.includes(programName)) throw new Error(`no such program: ${programName}`);
const [{ contender }, { program }] = await Promise.all([LOAD_CONTENDER[contenderName](), LOAD_PROGRAM[programName]()]);
const { session, fromMs, toMs, row, metrics } = await program({ ...order, contender });
if (row !== undefined) process.stdout.write(`${JSON.stringify(row)}\n`);
const rowPrintedMs = monotonicMs();
const { user, system } = process.cpuUsage();
const report: Report = {
  fromMs,
  toMs,
  ...(row === undefined ? {} : { rowPrintedMs }),
  metrics,
  cpuMs: (user + system) / 1000,
  peakBytes: peakBytes(),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await session.close();
