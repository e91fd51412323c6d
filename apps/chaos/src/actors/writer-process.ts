import { mustBe } from "../claim.js";
import { Actor, type ActorStart } from "./actor.js";
import type { WriterMessage, WriterTask } from "./messages.js";

/** A machine that is busy with other things is slow; a deadlock is slower. */
const OPENING_MS_MAX = 120_000;

/** A writer in a process of its own. */
export class WriterProcess extends Actor<WriterMessage> {
  /** Whether each of its commits returns only when the replica has it. */
  readonly durable: boolean;

  constructor(start: Omit<ActorStart, "script" | "task"> & { readonly task: WriterTask }) {
    super({ ...start, script: "writer" });
    this.durable = start.task.options.durability === "commit";
  }

  /** The newest transaction whose commit was acknowledged. */
  get acknowledged(): number {
    return this.last("commit")?.n ?? this.last("open")?.top ?? 0;
  }

  /** Resolves when the database is open; to false when the process ended before. @throws {Violation} when it takes for ever. */
  async untilOpen(): Promise<boolean> {
    const opened = await this.until(() => this.last("open") !== undefined, OPENING_MS_MAX);
    mustBe(opened || this.isEnded, () => `a writer is not open after ${OPENING_MS_MAX} ms; pid=${this.pid}`);
    return opened;
  }
}
