import { HeadwaterError } from "@headwater/core";

/** What `lock.json` says (the design, "One writer"). Times are the store's own, milliseconds since the epoch. */
export interface Lease {
  /** Grows with every change of hands. */
  readonly generation: number;
  readonly expiresAtMs: number;
  /** `host:pid:writer-id`. */
  readonly owner: string;
  /** When its owner gave it up; absent while it is held, and where its owner died. */
  readonly releasedAtMs?: number;
  /** No level-0 file is deleted before. Absent in a lease that another program wrote. */
  readonly holdUntilMs?: number;
}

/** More than this is no lease. */
export const LEASE_BYTES_MAX = 16_384;
const OWNER_CHARS_MAX = 1024;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

export function encodeLease(lease: Lease): Uint8Array {
  const { generation, owner, expiresAtMs, releasedAtMs, holdUntilMs } = lease;
  const time = (ms: number): string => new Date(ms).toISOString();
  return new TextEncoder().encode(
    JSON.stringify({
      generation,
      expires_at: time(expiresAtMs),
      owner,
      ...(releasedAtMs === undefined ? {} : { released_at: time(releasedAtMs) }),
      ...(holdUntilMs === undefined ? {} : { hold_until: time(holdUntilMs) }),
    }),
  );
}

/**
 * Reads a lease of ours or of Litestream's, which may call its generation `token`. Unknown fields don't matter.
 *
 * @throws {HeadwaterError} `LEASE_HELD`, not retryable, for anything else: whoever wrote it may hold the replica.
 */
export function decodeLease(bytes: Uint8Array, key: string): Lease {
  if (bytes.byteLength > LEASE_BYTES_MAX) throw unreadable(key, "it is too long");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw unreadable(key, "it is no JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(key, "it is no JSON object");
  const field = (name: string): unknown => (Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined);
  const generation = field("generation") ?? field("token");
  if (!Number.isSafeInteger(generation) || (generation as number) < 0) throw unreadable(key, "its generation is no number");
  const owner = field("owner") ?? "";
  if (typeof owner !== "string" || owner.length > OWNER_CHARS_MAX) throw unreadable(key, "its owner is no name");
  const time = (name: string): number | undefined => {
    const text = field(name) ?? undefined;
    if (text === undefined) return undefined;
    const ms = typeof text === "string" && RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(ms)) throw unreadable(key, `${name} is no time`);
    return ms;
  };
  const [expiresAtMs, releasedAtMs, holdUntilMs] = [time("expires_at"), time("released_at"), time("hold_until")];
  if (expiresAtMs === undefined) throw unreadable(key, "expires_at is missing");
  return {
    generation: generation as number,
    expiresAtMs,
    owner,
    ...(releasedAtMs === undefined ? {} : { releasedAtMs }),
    ...(holdUntilMs === undefined ? {} : { holdUntilMs }),
  };
}

/** Another writer's lease, as an error. */
export function leaseHeld(lease: Lease, key: string): HeadwaterError {
  return new HeadwaterError(
    "LEASE_HELD",
    `another writer has this replica; close it, wait (lease.waitMs), or open for reading; owner=${ownerText(lease.owner)} until=${new Date(lease.expiresAtMs).toISOString()} generation=${lease.generation} key=${key}`,
  );
}

/** A name from outside, fit for a message. */
export function ownerText(owner: string): string {
  return owner.replace(/[^\x21-\x7e]/g, "?").slice(0, 200) || "unknown";
}

function unreadable(key: string, problem: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError(
    "LEASE_HELD",
    `the lease can't be read, so it is not known who writes to this replica: ${problem}; make sure that nobody does, then delete it; key=${key}`,
    { retryable: false, ...(cause === undefined ? {} : { cause }) },
  );
}
