import { elapsedMs, HeadwaterError, type Moment, momentOf, type Runtime, StoreClock } from "@headwater/core";
import type { CallOptions, ETag, ObjectStore, Precondition } from "@headwater/object-store";
import type { Layout } from "../layout.js";
import { decodeLease, encodeLease, LEASE_BYTES_MAX, type Lease, leaseHeld } from "./lease.js";
import { LEASE_RULES, type LeaseRules } from "./rules.js";

/** 30 s: a dead writer's replica can be written again after so long. */
export const LEASE_TTL_MS_DEFAULT = 30_000;

export interface LeaseKeeperOptions {
  readonly store: ObjectStore;
  readonly layout: Layout;
  readonly runtime: Runtime;
  /** `host:pid:writer-id`, different for every open. */
  readonly owner: string;
  /** Names under which the same buffer was used before. Who had them is dead, so their lease is ours. */
  readonly formerOwners?: readonly string[];
  /** Milliseconds. */
  readonly ttlMs?: number;
  /** For simulations only. */
  readonly rules?: Partial<LeaseRules>;
}

/**
 * Who may write, as far as the lease says. `free`: nobody has it, or whoever had it gave it up, before `releasedAtMs`. `own`: it is
 * ours, or was under a former name. `expired`: its owner did not renew it and may still be alive. `held`: another writer has it.
 */
export type LeaseState =
  | { readonly kind: "free"; readonly releasedAtMs?: number }
  | { readonly kind: "own" }
  | { readonly kind: "expired" }
  | { readonly kind: "held"; readonly lease: Lease };

interface Seen {
  readonly lease: Lease;
  readonly etag: ETag;
}

/**
 * Takes, renews and gives up the lease of a replica. One change is under way at a time, each by compare-and-swap, and nothing
 * happens unless it is asked for. It keeps honest writers apart early; that no commit is lost does not rest on it alone.
 *
 * @see design, "One writer"
 */
export class LeaseKeeper {
  /** The store's own time. Feed it with the Date of every reply. */
  readonly clock: StoreClock;
  readonly #o: LeaseKeeperOptions;
  readonly #rules: LeaseRules;
  readonly #ttlMs: number;
  /** What is there, as far as we know; undefined before the first look. */
  #seen: Seen | "none" | undefined;
  /** The highest generation that was ever seen here. */
  #generation = 0;
  #held: { readonly generation: number; readonly sentAt: Moment } | undefined;
  /** Changes of ours whose outcome was not known: any of them may be what is found there. */
  #unanswered: { readonly lease: Lease; readonly sentAt: Moment }[] = [];
  /** It changed since the first look, and not by us as far as we know. */
  #isInDoubt = false;
  #isTaken = false;
  #tenure = 0;
  #probed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseKeeperOptions) {
    this.#o = options;
    this.#rules = { ...LEASE_RULES, ...options.rules };
    this.#ttlMs = options.ttlMs ?? LEASE_TTL_MS_DEFAULT;
    this.clock = new StoreClock(options.runtime.clock);
  }

  /** Milliseconds. */
  get ttlMs(): number {
    return this.#ttlMs;
  }

  /** True while nobody else can have taken it, by the time elapsed since its last renewal was sent. */
  get isFresh(): boolean {
    return this.#held !== undefined && this.#sinceMs(this.#held.sentAt) < this.#ttlMs;
  }

  /** True when it is ours and needs no renewal yet. */
  get isRenewed(): boolean {
    return this.#held !== undefined && this.#sinceMs(this.#held.sentAt) < this.#ttlMs / 3;
  }

  /** Another number means: it was in other hands since, or may have been. What the replica holds must be looked at again. */
  get tenure(): number {
    return this.#tenure;
  }

  /** No level-0 file may be deleted before, by the store's time; infinite while that is not known. */
  get holdUntilMs(): number {
    return this.#seen === undefined || this.#seen === "none"
      ? Number.POSITIVE_INFINITY
      : (this.#seen.lease.holdUntilMs ?? Number.POSITIVE_INFINITY);
  }

  /** The lease as it was seen last. */
  get lease(): Lease | undefined {
    return this.#seen === undefined || this.#seen === "none" ? undefined : this.#seen.lease;
  }

  /**
   * Looks at it. Call {@link state} once the store's time is known.
   *
   * @throws `LEASE_HELD` for a lease that can't be read; what the store throws.
   */
  read(call: CallOptions = {}): Promise<void> {
    return this.#alone(async () => void (await this.#read(call)));
  }

  /** What was seen last, by the store's time. */
  get state(): LeaseState {
    const seen = this.#seen;
    if (seen === undefined || seen === "none") return { kind: "free" };
    const { lease } = seen;
    if (this.#isOwn(lease)) return { kind: "own" };
    if (lease.releasedAtMs !== undefined && lease.expiresAtMs <= lease.releasedAtMs)
      return { kind: "free", releasedAtMs: lease.releasedAtMs };
    return lease.expiresAtMs > this.#now() ? { kind: "held", lease } : { kind: "expired" };
  }

  /**
   * Makes sure that it is ours: does nothing while it was renewed less than a third of its ttl ago, else renews it, or takes it.
   *
   * @param replicaIsEmpty - As far as is known. On one that is not, somebody may be at work without a lease.
   * @throws `LEASE_HELD` with owner and time; `STORE_UNSAFE` where swaps don't work; what the store throws.
   */
  hold(replicaIsEmpty: boolean, call: CallOptions = {}): Promise<void> {
    if (this.isRenewed) return Promise.resolve();
    return this.#alone(() => this.#hold(replicaIsEmpty, call));
  }

  /**
   * Asks the store once, on the lease that we hold, whether it does what it is told by preconditions. A store that does not
   * gets the same bytes again, so nothing is harmed.
   *
   * @throws `STORE_UNSAFE`; what the store throws, and then it is asked again the next time.
   */
  probe(call: CallOptions = {}): Promise<void> {
    if (this.#probed) return Promise.resolve();
    return this.#alone(async () => {
      const seen = this.#seen;
      if (this.#probed || seen === undefined || seen === "none" || this.#held === undefined) return;
      await Promise.all([
        this.#refuses(seen.lease, { ifNoneMatch: "*" }, call),
        this.#refuses(seen.lease, { ifMatch: '"00000000000000000000000000000000"' as ETag }, call),
      ]);
      this.#probed = true;
    });
  }

  /**
   * Gives it up, if it is ours: the next writer need not wait. Leaves an expired lease, since some stores ignore
   * preconditions when they delete.
   *
   * @throws What the store throws; it then expires by itself.
   */
  release(call: CallOptions = {}): Promise<void> {
    return this.#alone(async () => {
      const seen = this.#seen;
      if (this.#held === undefined || seen === undefined || seen === "none") return;
      const now = this.#now();
      await this.#write({ ...this.#next(seen.lease, now), releasedAtMs: now }, seen, call);
      this.#held = undefined;
    });
  }

  async #hold(replicaIsEmpty: boolean, call: CallOptions): Promise<void> {
    if (this.isRenewed) return;
    if (this.#seen === undefined) await this.#read(call);
    const seen = this.#seen;
    if (this.#held !== undefined && seen !== undefined && seen !== "none") {
      if (await this.#write(this.#next(seen.lease, this.#now() + this.#ttlMs), seen, call)) return;
    }
    await this.#take(replicaIsEmpty, call);
  }

  async #take(replicaIsEmpty: boolean, call: CallOptions): Promise<void> {
    // A lease that was seen to be held may be free by now.
    if (this.state.kind === "held") await this.#read(call);
    const { state } = this;
    if (state.kind === "held" && this.#rules.respect) throw leaseHeld(state.lease, this.#o.layout.leaseKey);
    const seen = this.#seen;
    const found = seen === undefined || seen === "none" ? undefined : seen;
    const now = this.#now();
    const lease: Lease = {
      generation: this.#rules.grow ? this.#generation + 1 : Math.max(1, this.#generation),
      expiresAtMs: now + this.#ttlMs,
      owner: this.#o.owner,
      holdUntilMs: this.#holdUntil(found?.lease, replicaIsEmpty, now),
    };
    if (!(await this.#write(lease, found, call))) {
      const { state: after } = this;
      if (after.kind === "held") throw leaseHeld(after.lease, this.#o.layout.leaseKey);
      throw new HeadwaterError("STORE_CONFLICT", `the lease changed while it was being taken; try again; key=${this.#o.layout.leaseKey}`);
    }
    // The first time, what was listed together with the lease counts, unless its owner may have been at work since.
    const mayHaveMoved = this.#isTaken || this.#isInDoubt || state.kind === "expired" || state.kind === "held";
    if (this.#rules.noteTakeOver && mayHaveMoved) this.#tenure += 1;
    this.#isTaken = true;
    this.#isInDoubt = false;
  }

  /** A stalled writer's put can land so long after its lease was taken over; see {@link LeaseRules.holdMs}. */
  #holdUntil(before: Lease | undefined, replicaIsEmpty: boolean, now: number): number {
    const anew = now + this.#rules.holdMs;
    if (before === undefined) return replicaIsEmpty ? now : anew;
    const kept = this.#keptHold(before, now);
    return before.releasedAtMs === undefined ? Math.max(kept, anew) : kept;
  }

  #keptHold({ holdUntilMs }: Lease, now: number): number {
    return this.#rules.copyHold ? (holdUntilMs ?? now + this.#rules.holdMs) : now;
  }

  /** What a renewal or a release is made of. */
  #next(before: Lease, expiresAtMs: number): Lease {
    const generation = this.#held?.generation ?? before.generation;
    return { generation, expiresAtMs, owner: this.#o.owner, holdUntilMs: this.#keptHold(before, this.#now()) };
  }

  /**
   * Swaps the lease.
   *
   * @returns Whether it is ours now; if not, what is there was read.
   * @throws When that is not known.
   */
  async #write(lease: Lease, before: Seen | undefined, call: CallOptions): Promise<boolean> {
    const { store, layout, runtime } = this.#o;
    const sentAt = momentOf(runtime.clock);
    const precondition: Precondition = before === undefined ? { ifNoneMatch: "*" } : { ifMatch: before.etag };
    try {
      const { etag, dateMs } = await store.put(layout.leaseKey, encodeLease(lease), {
        ...call,
        ...(this.#rules.swap ? { precondition } : {}),
      });
      this.clock.note(dateMs, sentAt);
      this.#isOurs({ lease, etag }, sentAt);
      return true;
    } catch (error) {
      const code = HeadwaterError.is(error) ? error.code : "";
      if (NOT_DONE.has(code)) throw error;
      this.#unanswered.push({ lease, sentAt });
      if (code === "ABORTED" || code === "CLOSED") throw error;
      return this.#readBack(lease, before, error, call);
    }
  }

  /** What became of a change that was refused, or not answered: it may have been done all the same. */
  async #readBack(lease: Lease, before: Seen | undefined, cause: unknown, call: CallOptions): Promise<boolean> {
    const isRefused = HeadwaterError.is(cause) && cause.code === "STORE_PRECONDITION";
    const found = await this.#read(call);
    const ours = this.#rules.readBack ? found && this.#unanswered.find((u) => isSame(u.lease, found.lease)) : undefined;
    if (found !== undefined && ours !== undefined) {
      this.#isOurs(found, ours.sentAt);
      if (found.lease.releasedAtMs === undefined || lease.releasedAtMs !== undefined) return true;
      this.#held = undefined;
      return false;
    }
    if (!isRefused) throw cause;
    if (found !== undefined && found.etag === before?.etag) throw refusesItsOwn(this.#o.layout.leaseKey, this.#o.store, cause);
    this.#held = undefined;
    return false;
  }

  #isOurs(seen: Seen, sentAt: Moment): void {
    this.#seen = seen;
    this.#generation = Math.max(this.#generation, seen.lease.generation);
    this.#held = { generation: seen.lease.generation, sentAt };
    this.#unanswered = [];
  }

  async #read(call: CallOptions): Promise<Seen | undefined> {
    const { store, layout, runtime } = this.#o;
    const sentAt = momentOf(runtime.clock);
    try {
      const { body, etag, dateMs } = await store.get(layout.leaseKey, { ...call, range: { start: 0, end: LEASE_BYTES_MAX + 1 } });
      this.clock.note(dateMs, sentAt);
      const seen = { lease: decodeLease(body, layout.leaseKey), etag };
      this.#isThere(seen);
      return seen;
    } catch (error) {
      const code = HeadwaterError.is(error) ? error.code : "";
      if (code === "OUT_OF_RANGE") decodeLease(new Uint8Array(0), layout.leaseKey); // which throws: it is empty
      if (code !== "STORE_NOT_FOUND") throw error;
      this.#isThere("none");
      return undefined;
    }
  }

  #isThere(seen: Seen | "none"): void {
    const lease = seen === "none" ? undefined : seen.lease;
    const isChanged = etagOf(seen) !== etagOf(this.#seen);
    if (this.#seen !== undefined && isChanged) this.#isInDoubt = true;
    this.#seen = seen;
    this.#generation = Math.max(this.#generation, lease?.generation ?? 0);
    if (lease?.owner !== this.#o.owner || lease.generation !== this.#held?.generation) this.#held = undefined;
  }

  /** @throws `STORE_UNSAFE` unless a put that can't be done is refused. */
  async #refuses(lease: Lease, precondition: Precondition, call: CallOptions): Promise<void> {
    const { store, layout } = this.#o;
    try {
      const { etag } = await store.put(layout.leaseKey, encodeLease(lease), { ...call, precondition });
      this.#seen = { lease, etag };
    } catch (error) {
      if (HeadwaterError.is(error) && error.code === "STORE_PRECONDITION") return;
      throw error;
    }
    const what = "ifMatch" in precondition ? "If-Match" : "If-None-Match";
    throw new HeadwaterError(
      "STORE_UNSAFE",
      `the store ignores ${what}, so two writers would overwrite each other; commits stay in the write buffer. Use another store, or say unfenced: true where nobody else ever writes; store=${store.description}`,
    );
  }

  #isOwn(lease: Lease): boolean {
    return lease.owner === this.#o.owner || this.#o.formerOwners?.includes(lease.owner) === true;
  }

  /** Before the store has told its time, this machine's must do. */
  #now(): number {
    return Math.floor(this.clock.nowMs ?? this.#o.runtime.clock.nowMs());
  }

  #sinceMs(moment: Moment): number {
    return elapsedMs(this.#o.runtime.clock, moment);
  }

  /** One after the other, in the order in which they were asked for. */
  #alone<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(task);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}

/** Answers that say for certain that nothing was changed. */
const NOT_DONE: ReadonlySet<string> = new Set(["STORE_CONFLICT", "STORE_DENIED", "STORE_NO_BUCKET", "STORE_UNSAFE"]);

function etagOf(seen: Seen | "none" | undefined): ETag | undefined {
  return seen === undefined || seen === "none" ? undefined : seen.etag;
}

/** Times are written to the millisecond, and each change has a time of its own. */
function isSame(a: Lease, b: Lease): boolean {
  return a.owner === b.owner && a.generation === b.generation && a.expiresAtMs === b.expiresAtMs && a.releasedAtMs === b.releasedAtMs;
}

function refusesItsOwn(key: string, store: ObjectStore, cause: unknown): HeadwaterError {
  return new HeadwaterError(
    "STORE_UNSAFE",
    `the store refuses If-Match with the ETag that it gave, so the lease can't be renewed; try store.bareEtags, or use another store; key=${key} store=${store.description}`,
    { cause },
  );
}
