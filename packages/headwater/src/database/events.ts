import { EventEmitter } from "node:events";
import { errorFromWire, type HeadwaterError, type WireError } from "@headwater/core";
import { systemRuntime } from "@headwater/core/node/runtime";
import type { EngineEvents } from "@headwater/engine";
import type { Events, Logger } from "../types.js";
import type { StatusTexts } from "./status.js";

/** What a handle does with the engine's events: keeps the texts of its status, logs, and emits them. */
export class EventHub {
  readonly emitter: EventEmitter = new EventEmitter();
  readonly #texts: StatusTexts;
  readonly #logger: Logger | undefined;

  /** Events of the opening itself, until whoever awaits it could listen. */
  #held: [string, unknown][] | undefined = [];

  constructor(texts: StatusTexts, logger: Logger | undefined) {
    this.#texts = texts;
    this.#logger = logger;
  }

  /** Takes an event as it came over the control port. */
  receive(name: keyof EngineEvents, detail: unknown): void {
    const event = revive(detail);
    this.#note(name, event);
    // Own syncs are between the threads.
    if (name === "ownSync") return;
    if (this.#held === undefined) this.emitter.emit(name, event);
    else this.#held.push([name, event]);
  }

  /** Delivers what happened while opening, once the caller has had the turn to listen. */
  async release(): Promise<void> {
    await systemRuntime.timers.turn();
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [name, event] of held) this.emitter.emit(name, event);
  }

  emit<K extends keyof Events>(name: K, ...args: Events[K]): void {
    this.emitter.emit(name, ...args);
  }

  #note(name: keyof EngineEvents, event: unknown): void {
    const { url } = this.#texts;
    if (name === "sync") {
      delete this.#texts.lastError;
      this.#logger?.debug(`synced; txid=${(event as EngineEvents["sync"]).txid}, url=${url}`);
    } else if (name === "syncFailed") {
      this.#texts.lastError = (event as EngineEvents["syncFailed"]).error.message;
      this.#logger?.warn(`sync failed: ${this.#texts.lastError}; url=${url}`);
    } else if (name === "stale") {
      this.#texts.staleReason = (event as EngineEvents["stale"]).reason;
    } else if (name === "recovered") {
      const { setAside, transactions } = event as EngineEvents["recovered"];
      if (setAside !== undefined) this.#texts.setAside.push(setAside);
      this.#logger?.warn(`recovered commits from the buffer; transactions=${transactions}, setAside=${setAside ?? "none"}, url=${url}`);
    } else if (name === "warning" || name === "fenced") {
      this.#logger?.[name === "fenced" ? "error" : "warn"](`${(event as HeadwaterError).message}; url=${url}`);
    }
  }
}

function revive(detail: unknown): unknown {
  if (typeof detail !== "object" || detail === null) return detail;
  if ("wireError" in detail) return errorFromWire(detail.wireError as WireError);
  return Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, isWire(value) ? errorFromWire(value.wireError) : value]));
}

function isWire(value: unknown): value is { readonly wireError: WireError } {
  return typeof value === "object" && value !== null && "wireError" in value;
}
