/** Counts by name. A name that was announced shows up with 0 when it never happened. */
export class Tally {
  readonly #counts: Map<string, number>;

  constructor(...announced: readonly string[]) {
    this.#counts = new Map(announced.map((name) => [name, 0]));
  }

  add(name: string, by = 1): void {
    this.#counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  toRecord(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
