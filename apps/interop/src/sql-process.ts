import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Value = null | number | string | Uint8Array;

export interface SqlProcessOptions {
  /** A path, or a `file:` URI. */
  readonly database: string;
  /** An SQLite extension to load first. */
  readonly extension?: string;
  /** The whole environment of the process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const SCRIPT = fileURLToPath(new URL("drive.py", import.meta.url));

/** Debian's own Python can load SQLite extensions; others often can't. */
const PYTHON: string = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** A statement that failed in the other process. */
export class SqlFailure extends Error {}

/**
 * A database in a process of its own, driven through Python's SQLite. A process, because the peer reads its settings
 * from the environment that its process was started with, and because what it does must not take the test with it.
 */
export class SqlProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<number | null>;
  #stderr = "";

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    child.stdin.on("error", () => undefined); // seen as the end of its output
  }

  /** @throws {SqlFailure} if the database can't be opened. */
  static async open(options: SqlProcessOptions): Promise<SqlProcess> {
    const { database, extension = "", env = {}, cwd } = options;
    const child = spawn(PYTHON, [SCRIPT, extension, database], {
      env: { ...env, PYTHONDONTWRITEBYTECODE: "1" },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const process = new SqlProcess(child);
    await process.#reply();
    return process;
  }

  /** Runs one statement. Integers beyond 2^53 lose digits. */
  async query(sql: string, ...params: readonly Value[]): Promise<Value[][]> {
    this.#child.stdin.write(`${JSON.stringify({ sql, params: params.map(encode) })}\n`);
    return this.#reply();
  }

  /** Runs statements one after the other. */
  async run(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) await this.query(sql);
  }

  /** Closes the database; with the peer in write mode that uploads what is left. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const code = await this.#exited;
    if (code !== 0) throw new SqlFailure(`the process ended with ${code}: ${this.#stderr}`);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async #reply(): Promise<Value[][]> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new SqlFailure(`the process ended with ${await this.#exited}: ${this.#stderr}`);
    const reply = JSON.parse(value) as { rows: unknown[][] } | { error: string };
    if ("error" in reply) throw new SqlFailure(reply.error);
    return reply.rows.map((row) => row.map(decode));
  }
}

function encode(value: Value): unknown {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString("hex") } : value;
}

function decode(value: unknown): Value {
  if (typeof value === "object" && value !== null) return new Uint8Array(Buffer.from((value as { hex: string }).hex, "hex"));
  return value as Value;
}
