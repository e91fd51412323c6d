import { HeadwaterError } from "@headwater/core";
import type { SharedState } from "@headwater/engine";

/** What the pragmas ask of a session. */
export interface PragmaTarget {
  readonly shared: SharedState;
  /** 16 hex digits. */
  readonly txid: string;
  readonly writingEnabled: boolean;
  readonly copyPath: string | undefined;
  setWritingEnabled(enabled: boolean): void;
}

const ON = new Set(["1", "on", "true", "yes"]);
const OFF = new Set(["0", "off", "false", "no"]);

/** Litestream's pragmas. `undefined` for a name that is not ours. */
export function answerPragma(session: PragmaTarget, name: string, value: string | undefined, nowMs: number): string | undefined {
  const { shared } = session;
  switch (name) {
    case "litestream_txid":
      return readOnly(name, value, session.txid);
    case "litestream_lag":
      return readOnly(name, value, String(Math.max(0, lagMs(shared, nowMs)) / 1000));
    case "litestream_time":
      return readOnly(name, value, viewTime(shared));
    case "litestream_hydration_progress":
      return readOnly(name, value, String(progress(shared)));
    case "litestream_hydration_file":
      return readOnly(name, value, session.copyPath ?? "");
    case "litestream_write_enabled":
      if (value !== undefined) session.setWritingEnabled(parseSwitch(name, value));
      return session.writingEnabled && shared.writeState === "write" ? "1" : "0";
    default:
      return undefined;
  }
}

function readOnly(name: string, value: string | undefined, answer: string): string {
  if (value !== undefined) throw new HeadwaterError("BAD_OPTION", `PRAGMA ${name} can only be read`);
  return answer;
}

function parseSwitch(name: string, value: string): boolean {
  const text = value.toLowerCase();
  if (ON.has(text)) return true;
  if (OFF.has(text)) return false;
  throw new HeadwaterError("BAD_OPTION", `PRAGMA ${name}: expected 1 or 0; value=${JSON.stringify(value)}`);
}

/** Writers: since when a commit waits for its sync. Readers: since the last successful poll. Milliseconds. */
function lagMs(shared: SharedState, nowMs: number): number {
  const sinceMs = shared.writeState === "read" ? shared.statistic("lastPollMs") : shared.statistic("unsyncedSinceMs");
  return sinceMs === 0 ? 0 : nowMs - sinceMs;
}

function viewTime(shared: SharedState): string {
  const ms = shared.statistic("viewTimeMs");
  return ms === 0 ? "latest" : new Date(ms).toISOString();
}

/** 0 to 100, rounded down, so that 100 means complete. */
function progress(shared: SharedState): number {
  if (shared.hydrationState === "complete") return 100;
  const total = shared.statistic("hydrationPageCount");
  return total === 0 ? 0 : Math.min(99, Math.floor((100 * shared.statistic("hydrationPages")) / total));
}
