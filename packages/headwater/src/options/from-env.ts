import { appendFileSync } from "node:fs";
import { OptionError } from "@headwater/core";
import { systemRuntime } from "@headwater/core/node/runtime";
import type { Logger, Options } from "../types.js";
import { parseDuration, parseSwitch } from "./durations.js";
import { hydrationFrom } from "./from-url.js";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/**
 * Litestream's environment variables as a URL and options. `open()` itself never reads them.
 *
 * @throws {OptionError} `BAD_OPTION` that names the variable.
 */
export function optionsFromEnv(env: Record<string, string | undefined> = process.env): { url: string; options: Options } {
  const get = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  const url = get("LITESTREAM_REPLICA_URL");
  if (url === undefined)
    throw new OptionError("BAD_OPTION", "LITESTREAM_REPLICA_URL is not set; it names the replica, for example s3://bucket/app");
  const write = get("LITESTREAM_WRITE_ENABLED");
  const interval = get("LITESTREAM_SYNC_INTERVAL");
  const bufferPath = get("LITESTREAM_BUFFER_PATH");
  const hydrate = get("LITESTREAM_HYDRATION_ENABLED");
  const logger = loggerFrom(get("LITESTREAM_LOG_LEVEL"), get("LITESTREAM_LOG_FILE"));
  return {
    url,
    options: {
      ...(write === undefined ? {} : { write: parseSwitch("LITESTREAM_WRITE_ENABLED", write) }),
      ...(interval === undefined ? {} : { syncIntervalMs: parseDuration("LITESTREAM_SYNC_INTERVAL", interval) }),
      ...(bufferPath === undefined ? {} : { buffer: { path: bufferPath } }),
      ...hydrationFrom(
        hydrate === undefined ? undefined : parseSwitch("LITESTREAM_HYDRATION_ENABLED", hydrate),
        get("LITESTREAM_HYDRATION_PATH"),
      ),
      ...(logger === undefined ? {} : { logger }),
    },
  };
}

/** A logger that writes lines to a file, or to stderr. Nothing when neither variable is set. */
function loggerFrom(level: string | undefined, file: string | undefined): Logger | undefined {
  if (level === undefined && file === undefined) return undefined;
  const least = LEVELS.indexOf((level ?? "info").toLowerCase() as Level);
  if (least < 0)
    throw new OptionError("BAD_OPTION", `LITESTREAM_LOG_LEVEL: expected one of ${LEVELS.join(", ")}; value=${JSON.stringify(level)}`);
  const write = (name: Level) =>
    LEVELS.indexOf(name) < least
      ? (): void => undefined
      : (...parts: unknown[]): void => {
          const line = `${new Date(systemRuntime.clock.nowMs()).toISOString()} ${name.toUpperCase()} ${parts.map(printed).join(" ")}\n`;
          if (file === undefined) process.stderr.write(line);
          else appendFileSync(file, line);
        };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function printed(part: unknown): string {
  if (part instanceof Error) return part.message;
  return typeof part === "string" ? part : JSON.stringify(part);
}
