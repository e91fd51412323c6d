import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SqlProcess, type Value } from "./sql-process.js";

const HYDRATION_MS_MAX = 60_000;

export interface PeerOptions {
  /** `s3://bucket/prefix?...` or `file:///dir`. */
  readonly url: string;
  /** Read only by default. */
  readonly write?: boolean;
  /** Hydrates into a file of its own first. */
  readonly hydrate?: boolean;
}

/**
 * A database opened in `litestream-vfs`, in a process of its own.
 *
 * In write mode it uploads when it is closed, all transactions of the session as one level-0 file, and at no other time:
 * after a sync in the middle of a session it reads its own pages wrongly, and what it writes then is damaged for good
 * (version 0.5.17).
 */
export class Peer {
  readonly #process: SqlProcess;
  readonly #dir: string;

  private constructor(process: SqlProcess, dir: string) {
    this.#process = process;
    this.#dir = dir;
  }

  static async open(options: PeerOptions): Promise<Peer> {
    const dir = mkdtempSync(path.join(tmpdir(), "headwater-peer-"));
    try {
      const process = await SqlProcess.open({
        database: "file:main.db?vfs=litestream",
        extension: loadablePath(),
        env: environment(options, dir),
        cwd: dir,
      });
      return new Peer(process, dir);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  query(sql: string, ...params: readonly Value[]): Promise<Value[][]> {
    return this.#process.query(sql, ...params);
  }

  run(...statements: readonly string[]): Promise<void> {
    return this.#process.run(...statements);
  }

  /** Where the hydrated file is. */
  get hydratedFile(): string {
    return path.join(this.#dir, "hydrated.db");
  }

  /** Waits until it says that its file is complete. (It also says so when it failed: check the file.) */
  async hydrated(): Promise<void> {
    const deadline = Date.now() + HYDRATION_MS_MAX;
    for (;;) {
      const [progress] = (await this.query("pragma litestream_hydration_progress")).flat();
      if (Number(progress) === 100) return;
      if (Date.now() > deadline) throw new Error(`the peer did not hydrate in time; progress=${String(progress)}`);
      await sleep(20);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#process.close();
    } finally {
      rmSync(this.#dir, { recursive: true, force: true });
    }
  }
}

/** The path of the extension, as the npm package gives it. */
function loadablePath(): string {
  const peer = createRequire(import.meta.url)("litestream-vfs") as { getLoadablePath(): string };
  return peer.getLoadablePath();
}

/** Built from nothing: AWS_CA_BUNDLE, for one, keeps the extension from loading. */
function environment({ url, write, hydrate }: PeerOptions, dir: string): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "", PATH = "" } = process.env;
  return {
    PATH,
    TMPDIR: dir, // its caches, which it leaves behind
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    LITESTREAM_ACCESS_KEY_ID: id,
    LITESTREAM_SECRET_ACCESS_KEY: secret,
    LITESTREAM_REPLICA_URL: url,
    LITESTREAM_LOG_LEVEL: "ERROR",
    LITESTREAM_LOG_FILE: path.join(dir, "peer.log"),
    ...(write ? { LITESTREAM_WRITE_ENABLED: "true", LITESTREAM_SYNC_INTERVAL: "1h" } : {}),
    ...(hydrate ? { LITESTREAM_HYDRATION_ENABLED: "true", LITESTREAM_HYDRATION_PATH: path.join(dir, "hydrated.db") } : {}),
  };
}
