import { type Clock, HeadwaterError } from "@headwater/core";
import type { S3Credentials } from "./options.js";

const AHEAD_MS_MAX = 5 * 60_000;

/**
 * Holds what a provider gave until it nears its expiration or was refused. One call of the provider is under way at a
 * time. While the old ones are still good, a provider that fails is forgiven.
 */
export class CredentialsCache {
  readonly #provider: () => Promise<S3Credentials>;
  readonly #clock: Clock;
  #held: { readonly credentials: S3Credentials; readonly refreshAtMs: number; readonly expiresAtMs: number } | undefined;
  #pending: Promise<S3Credentials> | undefined;

  constructor(provider: () => Promise<S3Credentials>, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  /** @throws {HeadwaterError} `STORE_DENIED`, to be tried again, when there are none. */
  async get(): Promise<S3Credentials> {
    const held = this.#held;
    if (held !== undefined && this.#clock.nowMs() < held.refreshAtMs) return held.credentials;
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    try {
      return await this.#pending;
    } catch (error) {
      if (held !== undefined && held === this.#held && this.#clock.nowMs() < held.expiresAtMs) return held.credentials;
      throw error;
    }
  }

  /** The store has refused them: the next request asks the provider. */
  invalidate(): void {
    this.#held = undefined;
  }

  async #ask(): Promise<S3Credentials> {
    let credentials: S3Credentials;
    try {
      credentials = await this.#provider();
    } catch (error) {
      // Not as the cause: what a provider says may hold what it deals in.
      const name = error instanceof Error ? error.name.replace(/[^\w.-]/g, "").slice(0, 64) : "unknown";
      throw denied(`the function that provides credentials failed; error=${name}`);
    }
    const { accessKeyId, secretAccessKey } = credentials ?? {};
    if (typeof accessKeyId !== "string" || accessKeyId === "" || typeof secretAccessKey !== "string" || secretAccessKey === "") {
      throw denied("the function that provides credentials gave none (expected accessKeyId and secretAccessKey)");
    }
    const nowMs = this.#clock.nowMs();
    const expiresAtMs = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    // Short-lived ones are used for half of their time.
    const refreshAtMs = expiresAtMs - Math.min(AHEAD_MS_MAX, Math.max(0, expiresAtMs - nowMs) / 2);
    this.#held = { credentials, refreshAtMs, expiresAtMs };
    return credentials;
  }
}

function denied(what: string): HeadwaterError {
  return new HeadwaterError("STORE_DENIED", what, { retryable: true });
}
