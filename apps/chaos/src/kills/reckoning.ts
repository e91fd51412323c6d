import type { WriterProcess } from "../actors/writer-process.js";
import { mustBe } from "../claim.js";
import { readReplica } from "../ledger/read-replica.js";

export interface ReckoningParts {
  readonly ledgerSeed: number;
  /** Counts under this store's name. */
  count(name: string, by?: number): void;
  /** Whether a writer may end with this error, since storage was away. */
  mayFail(code: string): boolean;
  /** Whether the next writer finds the buffer of the last one. */
  readonly keepsBuffer: boolean;
}

/** What was promised for the transactions of one ledger, and whether it was kept. */
export class Reckoning {
  readonly #parts: ReckoningParts;
  /** Every transaction up to here was acknowledged, or was seen since. */
  #acknowledged = 0;
  /** The most that there can be: all that were ever begun. */
  #begun = 1;
  /** Everything up to here was confirmed by a sync. */
  #confirmed = 0;
  /** From the start of a process to its open database, as last measured. */
  openingMs: number | undefined;

  constructor(parts: ReckoningParts) {
    this.#parts = parts;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** A writer has ended: checks what it found, and takes over what it was told. */
  learn(writer: WriterProcess): void {
    const { count, mayFail } = this.#parts;
    const failed = writer.last("failed");
    if (failed !== undefined) {
      mustBe(mayFail(failed.code), () => `a writer failed during ${failed.during}: ${failed.code}: ${failed.message}`);
      count(`writers that ended with ${failed.code}`);
    }
    const opened = writer.last("open");
    if (opened === undefined) return;
    this.openingMs = opened.afterMs;
    this.#checkFound(opened.top, opened.setAside);
    count("reopened");
    count("commits acknowledged", writer.all("commit").length);
    count("syncs confirmed", writer.all("sync").length);
    this.#acknowledged = writer.acknowledged;
    this.#begun = Math.max(this.#begun, this.#acknowledged + 1);
    const durable = writer.durable ? (writer.last("commit")?.n ?? 0) : 0; // what it found at its start may be in the buffer only
    this.#confirmed = Math.max(this.#confirmed, writer.last("sync")?.n ?? 0, durable);
    if (writer.last("closed") !== undefined) this.#confirmed = this.#acknowledged;
  }

  #checkFound(top: number, setAside: readonly string[]): void {
    const { count, keepsBuffer } = this.#parts;
    const least = keepsBuffer ? this.#acknowledged : this.#confirmed;
    const promised = keepsBuffer ? "acknowledged" : "confirmed by a sync";
    mustBe(top >= least, () => `transactions ${top + 1} to ${least} were ${promised}, and are gone`);
    // The one transaction that was under way may be there too: whole, as the writer has checked.
    mustBe(top <= this.#begun, () => `transaction ${top} is there, and only ${this.#begun} were begun`);
    mustBe(setAside.length === 0, () => `commits were set aside, though there is no other writer: ${setAside.join(", ")}`);
    if (top === this.#begun) count("unacknowledged commits that were there");
    if (top < this.#acknowledged) count("commits lost with a buffer in memory", this.#acknowledged - top);
  }

  /** Reads the replica by itself, with nothing local. */
  async checkReplica(url: string): Promise<void> {
    const { top } = await readReplica(url, this.#parts.ledgerSeed);
    mustBe(top >= this.#confirmed, () => `the replica ends at transaction ${top}, and a sync had confirmed ${this.#confirmed}`);
    mustBe(top <= this.#begun, () => `the replica holds transaction ${top}; only ${this.#begun} were begun`);
    this.#parts.count("replicas read whole");
  }
}
