import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface ActorStart {
  /** The name of its script in `dist`. */
  readonly script: string;
  /** Its first argument, as JSON. */
  readonly task: object;
  /** Where its default buffer is, and everything else that it keeps. */
  readonly stateDir: string;
  /** Its standard error is appended to this file. */
  readonly logFile: string;
}

/** A process of ours, what it has said (a line of JSON each), and its end. */
export class Actor<M extends { readonly kind: string }> {
  readonly #child: ChildProcess;
  /** Resolves when it is dead and everything that it said was read. */
  readonly ended: Promise<void>;
  readonly messages: M[] = [];
  readonly #listeners = new Set<() => void>();
  #isEnded = false;

  constructor({ script, task, stateDir, logFile }: ActorStart) {
    const log = openSync(logFile, "a");
    this.#child = spawn(process.execPath, [pathOf(script), JSON.stringify(task)], {
      stdio: ["pipe", "pipe", log],
      env: { ...process.env, XDG_STATE_HOME: stateDir },
    });
    closeSync(log);
    this.#input.on("error", () => undefined); // it is dead, and that is seen elsewhere
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

  get #input(): Writable {
    return this.#child.stdin as Writable;
  }

  all<K extends M["kind"]>(kind: K): (M & { kind: K })[] {
    return this.messages.filter((m): m is M & { kind: K } => m.kind === kind);
  }

  last<K extends M["kind"]>(kind: K): (M & { kind: K }) | undefined {
    return this.all(kind).at(-1);
  }

  /** Gives it a line of input. */
  tell(line: string): void {
    this.#input.write(`${line}\n`);
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
    this.messages.push(JSON.parse(line) as M);
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The same from `src/actors` and from `dist`. */
function pathOf(script: string): string {
  const dist = import.meta.url.includes("/src/") ? "../../dist" : ".";
  return fileURLToPath(new URL(`${dist}/${script}.js`, import.meta.url));
}
