import type { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";

/** The most that a reply other than an object's bytes may hold: a page of a listing is well below 2 MB. */
const PARSED_BYTES_MAX = 16 * 1024 * 1024;

/** What the server answered to one request, as it came; empty where nothing came. */
export interface Reply {
  status: number | undefined;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Readable | undefined;
}

export function emptyReply(): Reply {
  return { status: undefined, headers: {}, body: undefined };
}

/** What goes with a command down to the handler, as the options of `send`. */
export interface Call {
  readonly abortSignal?: AbortSignal;
  readonly reply: Reply;
  /** Called when the request is signed. What it throws is thrown by `send`, with nothing sent. */
  readonly beforeSend?: () => void;
}

type Handle = NodeHttpHandler["handle"];

/** Keeps status, headers and body of each reply where the caller of the command can see them. */
export class RecordingHandler extends NodeHttpHandler {
  override async handle(...args: Parameters<Handle>): ReturnType<Handle> {
    const { reply, beforeSend } = (args[1] ?? {}) as Partial<Call>;
    beforeSend?.();
    const result = await super.handle(...args);
    if (reply !== undefined) {
      const { statusCode, headers, body } = result.response;
      Object.assign(reply, { status: statusCode, headers, body } satisfies Reply);
    }
    return result;
  }
}

const collected = new WeakMap<object, number>();

/** How many bytes {@link collectBounded} took from a body. */
export function collectedBytes(body: Readable | undefined): number {
  return (body && collected.get(body)) ?? 0;
}

/** Reads a body that the SDK parses, and no more than is sensible of it. */
export async function collectBounded(stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop destroys the stream, which gives up its connection.
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > PARSED_BYTES_MAX) throw new Error(`a reply of more than ${PARSED_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  collected.set(stream, length);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
