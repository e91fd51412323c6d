import { isMainThread } from "node:worker_threads";
import { systemRuntime } from "@headwater/core/node/runtime";
import { type AsyncClient, ExitGate } from "@headwater/vfs/client";
import type { Resolved } from "../options/resolve.js";
import type { Logger } from "../types.js";

/** How `onExit` was resolved. */
export interface OnExit {
  /** Deadline of the last sync, in milliseconds. */
  readonly deadlineMs: number;
  /** Also on SIGTERM and SIGINT. */
  readonly signals: boolean;
}

/** An open writer. */
export interface ExitParty extends OnExit {
  readonly url: string;
  readonly control: AsyncClient;
  readonly logger: Logger | undefined;
  /** Where the commits stay that could not be uploaded; `undefined` for a buffer in memory. */
  readonly bufferPath: string | undefined;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
type Signal = (typeof SIGNALS)[number];

/** Marks our listeners, so that two copies of this package don't take each other for the application's. */
const OURS = Symbol.for("headwater.onExit");

const parties = new Set<ExitParty>();
let ending: Promise<void> | undefined;

/**
 * From now on, this writer's commits are synced when the process ends, in whatever way it can still notice. Listeners of
 * ours exist only while a writer is open.
 *
 * @returns Ends that.
 */
export function syncOnExit(party: ExitParty): () => void {
  if (parties.size === 0) process.on("exit", onExit);
  parties.add(party);
  listenToSignals();
  return () => {
    parties.delete(party);
    if (parties.size === 0) process.off("exit", onExit);
    listenToSignals();
  };
}

/** {@link syncOnExit} for what `open()` and `openSync()` opened. */
export function startSyncOnExit({ onExit, url, options, config }: Resolved, control: AsyncClient): () => void {
  if (onExit === undefined) return () => undefined;
  return syncOnExit({
    ...onExit,
    url,
    control,
    logger: options.logger,
    bufferPath: config.bufferTarget === "memory" ? undefined : config.engine.bufferDir,
  });
}

/** The loop has ended (it came to its end, or `process.exit`, or an uncaught error): block until the last syncs are done. */
function onExit(): void {
  const gate = new ExitGate();
  let deadlineMs = 0;
  const told = [...parties].filter((party) => {
    // Counted before it is told: the answer may be quicker than this thread.
    gate.expect();
    const heard = party.control.tell("exiting", { gate: gate.buffer, deadlineMs: party.deadlineMs });
    if (!heard) gate.done(true);
    else deadlineMs = Math.max(deadlineMs, party.deadlineMs);
    return heard;
  });
  if (told.length === 0 || gate.wait(deadlineMs, systemRuntime.clock.monotonicMs) === 0) return;
  for (const party of told) report(party, "the process ends and not all commits could be uploaded");
}

function report({ logger, bufferPath, url }: ExitParty, what: string): void {
  const where = bufferPath === undefined ? "they were in memory and are lost" : `they stay in the buffer: ${bufferPath}`;
  logger?.error(`${what}; ${where}; url=${url}`);
}

const listeners = new Map<Signal, () => void>();

function listenToSignals(): void {
  // Other threads get no signals.
  const wanted = isMainThread && [...parties].some((party) => party.signals);
  for (const signal of SIGNALS) {
    const listener = listeners.get(signal);
    if (wanted && listener === undefined) {
      const added = Object.assign(() => onSignal(signal), { [OURS]: true });
      listeners.set(signal, added);
      process.on(signal, added);
    } else if (!wanted && listener !== undefined) {
      listeners.delete(signal);
      process.off(signal, listener);
    }
  }
}

function onSignal(signal: Signal): void {
  const heeding = [...parties].filter((party) => party.signals);
  if (foreignListeners(signal) > 0) {
    // How the process ends is the application's to decide; whatever is left by then is done as it exits.
    for (const party of heeding) void flush(party).catch(() => undefined);
    return;
  }
  // Whoever sends it again does not want to wait.
  if (ending !== undefined) {
    endBy(signal);
    return;
  }
  ending = Promise.all(
    heeding.map((party) => flush(party).catch(() => report(party, `${signal} came and not all commits could be uploaded`))),
  ).then(() => endBy(signal));
}

async function flush({ control, deadlineMs }: ExitParty): Promise<void> {
  await control.call("flush", { deadlineMs });
}

/** What Node would have done without us: exit status and all. */
function endBy(signal: Signal): void {
  const listener = listeners.get(signal);
  if (listener !== undefined) process.off(signal, listener);
  process.kill(process.pid, signal);
}

/**
 * Listeners of the application. Those of the package signal-exit, which many others use, are none: they end the process
 * only when nobody else listens, so that each of us would wait for the other.
 */
function foreignListeners(signal: Signal): number {
  const found = process.listeners(signal).filter((listener) => !(OURS in listener)).length;
  const known = [
    (globalThis as Record<symbol, unknown>)[Symbol.for("signal-exit emitter")],
    Reflect.get(process, "__signal_exit_emitter__"),
  ];
  const counts = known.map((emitter) => (emitter as { count?: unknown } | undefined)?.count).filter((n) => typeof n === "number");
  return found - counts.reduce((sum, n) => sum + n, 0);
}
