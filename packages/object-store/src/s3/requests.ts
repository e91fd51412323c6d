import type { RawObject } from "./listing.js";
import type { Call } from "./recording-handler.js";

export interface GetInput {
  readonly key: string;
  /** The header's value. */
  readonly range?: string;
  readonly ifMatch?: string;
}

export interface GetOutput {
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ListInput {
  readonly prefix: string;
  readonly maxKeys?: number;
  readonly startAfter?: string;
  readonly token?: string;
}

export interface ListOutput {
  readonly contents: readonly RawObject[];
  /** Absent: that was no listing. */
  readonly isTruncated: boolean | undefined;
  readonly nextToken: string | undefined;
}

/**
 * The requests that opening and reading a replica consists of. Each is sent once, and leaves what came back in
 * `call.reply`. A reply that is an error rejects with an `Error` whose name is the server's code.
 */
export interface ReadRequests {
  /** Resolves at the headers; the body is `call.reply.body`. */
  get(input: GetInput, call: Call): Promise<GetOutput>;
  list(input: ListInput, call: Call): Promise<ListOutput>;
}
