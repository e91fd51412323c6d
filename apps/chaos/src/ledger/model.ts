import { ACCOUNTS, OPENING_BALANCE, type Step, stepOf } from "./steps.js";

/** The state of a ledger after transaction `top`, worked out without a database. */
export class LedgerModel {
  readonly seed: number;
  readonly #balances: number[] = Array<number>(ACCOUNTS + 1).fill(OPENING_BALANCE);
  readonly #steps: Step[] = [];
  #firstBlob = 1;

  constructor(seed: number) {
    this.seed = seed;
  }

  get top(): number {
    return this.#steps.length;
  }

  /** Goes on to a later transaction. */
  advanceTo(top: number): this {
    while (this.top < top) {
      const step = stepOf(this.seed, this.top + 1);
      this.#steps.push(step);
      this.#move(step);
      this.#firstBlob = Math.max(this.#firstBlob, step.deleteBelow);
    }
    return this;
  }

  /** From 1 on. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** The blobs that are there, by the transaction that added them. */
  get blobs(): readonly Step[] {
    return this.#steps.slice(this.#firstBlob - 1);
  }

  balance(account: number): number {
    return this.#balances[account] ?? 0;
  }

  #move({ source, target, amount }: Step): void {
    this.#balances[source] = this.balance(source) - amount;
    this.#balances[target] = this.balance(target) + amount;
  }
}
