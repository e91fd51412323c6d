import { HeadwaterError, type PathLocks } from "@headwater/core";
import { ManualRuntime, MemoryFileSystem } from "@headwater/core/testing";
import { MemoryBucket, MemoryObjectStore } from "@headwater/object-store";
import { HookedObjectStore, type Hooks, type StoreCall } from "@headwater/object-store/testing";
import { createLayout, type Layout } from "@headwater/replica";
import { Engine, type EngineConfig, type EngineEvents, SharedState } from "../../src/index.js";

export const PAGE_SIZE = 512;

/** What an engine reported. */
export type Reported = { [K in keyof EngineEvents]: readonly [K, EngineEvents[K]] }[keyof EngineEvents];

/** The outside world of engines: clock, files and store in memory, all of it in the test's hands. */
export class World {
  readonly runtime: ManualRuntime = new ManualRuntime();
  /** May be another world's too: two stores, and one machine. */
  readonly fs: MemoryFileSystem;
  readonly #bucket = new MemoryBucket();
  /** What all engines' stores hold, behind the hooks' back. */
  readonly store: MemoryObjectStore = this.#newStore();
  readonly layout: Layout = createLayout("file", "app");
  readonly reported: Reported[] = [];
  /** Run around every request of an engine's; may be changed at any time. */
  hooks: Hooks = {};
  readonly #held = new Set<string>();
  #processes = 0;

  constructor(fs: MemoryFileSystem = new MemoryFileSystem()) {
    this.fs = fs;
    this.fs.mkdir("/db");
  }

  /** Two engines with the same `bufferDir` are the same writer, one after the other. */
  open(config: Partial<EngineConfig> = {}): Promise<Engine> {
    const ports = { store: this.hooked(), fs: this.fs, locks: this.#locks, runtime: this.runtime, shared: new SharedState() };
    const engine: EngineConfig = {
      identity: "memory:test/app",
      url: "memory:test/app",
      layout: "file",
      prefix: "app",
      write: true,
      create: true,
      pageSize: PAGE_SIZE,
      pageSizeRequired: false,
      syncIntervalMs: 0,
      pollIntervalMs: 0,
      remoteTimeoutMs: 30_000,
      bufferDir: "/db/buffer",
      owner: "host:1",
      ...config,
    };
    return Engine.open(engine, ports, (name, event) => this.reported.push([name, event] as Reported));
  }

  /** The process dies: its files stay as they are, its claims end, and no request of its engines is ever answered again. */
  kill(): void {
    this.#processes += 1;
    this.#held.clear();
    this.fs.kill();
  }

  /** A store of its own with the same objects, behind the world's hooks. */
  hooked(): HookedObjectStore {
    const process = this.#processes;
    const alive = async (hook: Hooks["before"], call: StoreCall): Promise<void> => {
      if (process === this.#processes) await hook?.(call);
      if (process !== this.#processes) await new Promise(() => undefined);
    };
    return new HookedObjectStore(this.#newStore(), {
      before: (call) => alive(this.hooks.before, call),
      after: (call) => alive(this.hooks.after, call),
    });
  }

  #newStore(): MemoryObjectStore {
    return new MemoryObjectStore({ clock: this.runtime.clock, bucket: this.#bucket });
  }

  events<K extends keyof EngineEvents>(name: K): EngineEvents[K][] {
    return this.reported.filter(([n]) => n === name).map(([, event]) => event as EngineEvents[K]);
  }

  readonly #locks: PathLocks = {
    acquire: async (path) => {
      if (this.#held.has(path)) throw new HeadwaterError("PATH_IN_USE", `in use; path=${path}`);
      this.#held.add(path);
      return { release: async () => void this.#held.delete(path) };
    },
  };
}

/** Holds back what comes to it until it is opened. */
export class Gate {
  /** How many are held back, or were. */
  arrived = 0;
  open!: () => void;
  readonly #opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });

  pass(): Promise<void> {
    this.arrived += 1;
    return this.#opened;
  }
}

/** Lets whatever is ready run until the condition holds; time stands still. Fails after ten thousand turns. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let n = 0; !condition(); n += 1) {
    if (n === 10_000) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
