import type { WireError } from "@headwater/core";
import type { AdoptReply, EngineConfig, EngineEvents, Opened, PageRequest, PagesReply } from "@headwater/engine";
import type { S3Credentials as Credentials } from "@headwater/object-store/s3";

/** Where the replica is. Plain data: it crosses to the I/O thread, which makes the store. */
export type StoreConfig =
  | { readonly kind: "file"; readonly dir: string }
  | { readonly kind: "memory"; readonly name: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      readonly endpoint?: string;
      readonly region?: string;
      readonly forcePathStyle?: boolean;
      readonly bareEtags?: boolean;
      readonly credentials?: Credentials;
      /** The caller's thread has a function for them: ask it over the control port. */
      readonly credentialsFromCaller?: boolean;
      /** A module for the I/O thread whose default export gives them. */
      readonly credentialsModule?: string;
    };

/** What the SQLite thread asks the I/O thread for; each has arguments and a reply. */
export interface Operations {
  open: {
    /** `files`: the other end of a commit log in memory. */
    readonly args: {
      readonly engine: EngineConfig;
      readonly store: StoreConfig;
      readonly files?: import("node:worker_threads").MessagePort;
    };
    readonly reply: Opened;
  };
  read: { readonly args: PageRequest; readonly reply: PagesReply };
  adopt: { readonly args: { readonly viewId: number }; readonly reply: AdoptReply };
  /** Why this writer is fenced. */
  fence: { readonly args: undefined; readonly reply: WireError | undefined };
  sync: { readonly args: { readonly sequence?: number }; readonly reply: bigint };
  durable: { readonly args: { readonly sequence?: number }; readonly reply: bigint };
  /** Uploads at once, and waits until that commit is in the replica, or the deadline comes. */
  confirm: { readonly args: { readonly sequence: number; readonly deadlineMs: number }; readonly reply: bigint };
  /** The process is about to end: uploads what is committed, if it can be done in time. */
  flush: { readonly args: { readonly deadlineMs: number }; readonly reply: undefined };
  refresh: { readonly args: undefined; readonly reply: bigint };
  waitFor: { readonly args: { readonly txid: bigint }; readonly reply: undefined };
  hydrate: { readonly args: undefined; readonly reply: undefined };
  hydrated: { readonly args: undefined; readonly reply: undefined };
  /** The last sync. Rejects when it fails; the buffer is kept then. */
  close: { readonly args: undefined; readonly reply: undefined };
  /** After close, when the SQLite thread has let the buffer go. */
  release: { readonly args: undefined; readonly reply: undefined };
}
export type Operation = keyof Operations;

/** What it tells without waiting for an answer. */
export interface Notices {
  committed: undefined;
  /** The first statement has its answer: what runs in the background may begin. */
  answered: undefined;
  adopted: { readonly viewId: number };
  /** The process is about to end: upload what is committed, and count it off at the gate. See {@link ExitGate}. */
  exiting: { readonly gate: SharedArrayBuffer; readonly deadlineMs: number };
  credentials: { readonly id: number; readonly value?: Credentials; readonly error?: WireError };
}

export type ToIo =
  | { readonly id: number; readonly op: Operation; readonly args: unknown }
  | { readonly notice: keyof Notices; readonly args: unknown };
export type FromIo =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly event: keyof EngineEvents; readonly detail: unknown }
  | { readonly credentialsWanted: number };

/** How the parent hands a database's ports to the I/O thread. */
export interface NewDatabase {
  readonly channel: import("node:worker_threads").MessagePort;
  readonly control: import("node:worker_threads").MessagePort;
  /** See {@link SIGNAL_REPLIES}. */
  readonly signal: SharedArrayBuffer;
  /** The channel's first request, sent before the SQLite thread is there to send it. */
  readonly open: Operations["open"]["args"];
}

/** Number of the request that comes with {@link NewDatabase}. */
export const OPEN_ID = 1;

/** Slots of a channel's signal: a count of the replies sent, and whether the I/O thread has ended. */
export const SIGNAL_REPLIES = 0;
export const SIGNAL_DEAD = 1;
export const SIGNAL_BYTES = 8;
