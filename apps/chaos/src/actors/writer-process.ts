import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { mustBe } from "../claim.js";
import type { WriterMessage, WriterTask } from "./messages.js";

/** The same from `src/actors` and from `dist`. */
const SCRIPT = fileURLToPath(new URL(import.meta.url.includes("/src/") ? "../../dist/writer.js" : "./writer.js", import.meta.url));

/** A machine that is busy with other things is slow; a deadlock is slower. */
const OPENING_MS_MAX = 120_000;

export interface WriterStart {
  readonly task: WriterTask;
  /** Where its default buffer is, and everything else that it keeps. */
  readonly stateDir: string;
  /** Its standard error is appended to this file. */
  readonly logFile: string;
}

/** A writer in a process of its own, and what it has said. */
export class WriterProcess {
  readonly #child: ChildProcess;
  /** Resolves when it is dead and everything that it said was read. */
  readonly ended: Promise<void>;
  readonly messages: WriterMessage[] = [];
  #listeners = new Set<() => void>();
  #isEnded = false;
  readonly startedMs: number = performance.now();

  constructor({ task, stateDir, logFile }: WriterStart) {
    const log = openSync(logFile, "a");
    this.#child = spawn(process.execPath, [SCRIPT, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", log],
      env: { ...process.env, XDG_STATE_HOME: stateDir },
    });
    closeSync(log);
    const lines = createInterface({ input: this.#child.stdout as Readable });
    lines.on("line", (line) => this.#hear(line));
    const closed = new Promise<void>((resolve) => lines.once("close", resolve));
    const exited = new Promise<void>((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("exit", () => resolve());
    });
    this.ended = Promise.all([closed, exited]).then(() => {
      this.#isEnded = true;
      this.#notify();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  all<K extends WriterMessage["kind"]>(kind: K): (WriterMessage & { kind: K })[] {
    return this.messages.filter((m): m is WriterMessage & { kind: K } => m.kind === kind);
  }

  last<K extends WriterMessage["kind"]>(kind: K): (WriterMessage & { kind: K }) | undefined {
    return this.all(kind).at(-1);
  }

  /** The newest transaction whose commit was acknowledged. */
  get acknowledged(): number {
    return this.last("commit")?.n ?? this.last("open")?.top ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** kill -9. Resolves once it is gone and what it said before was read. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Resolves when the condition holds, when the process has ended or when the time is over; to whether it holds. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!condition() && !this.#isEnded) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) break;
      await this.#change(leftMs);
    }
    return condition();
  }

  /** Resolves when the database is open; to false when the process ended before. @throws {Violation} when it takes for ever. */
  async untilOpen(): Promise<boolean> {
    const opened = await this.until(() => this.last("open") !== undefined, OPENING_MS_MAX);
    mustBe(opened || this.#isEnded, () => `a writer is not open after ${OPENING_MS_MAX} ms; pid=${this.pid}`);
    return opened;
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#listeners.add(done);
    });
  }

  #hear(line: string): void {
    this.messages.push(JSON.parse(line) as WriterMessage);
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
