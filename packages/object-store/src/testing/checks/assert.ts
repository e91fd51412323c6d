import { type ErrorCode, HeadwaterError } from "@headwater/core";
import type { ListOptions, ListPage, ObjectStore } from "../../port.js";

/** Fails a check. No test framework is needed, so that checks can also be run to see them fail. */
export class CheckError extends Error {}

export function ok(condition: boolean, what: string): asserts condition {
  if (!condition) throw new CheckError(what);
}

/** Compares plain values; bytes and lists by their content. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [show(actual), show(expected)];
  if (a !== b) throw new CheckError(`${what}: got ${a.slice(0, 300)}, expected ${b.slice(0, 300)}`);
}

function show(value: unknown): string {
  if (value instanceof Uint8Array)
    return value.byteLength > 200 ? `${value.byteLength} bytes, digest ${digest(value)}` : `[${value.join(" ")}]`;
  return JSON.stringify(value) ?? String(value);
}

/** FNV-1a, enough to tell two test bodies apart. */
function digest(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The call must be rejected with one of these codes. */
export async function rejects(call: Promise<unknown>, codes: ErrorCode | readonly ErrorCode[], what: string): Promise<void> {
  const wanted = [codes].flat();
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  ok(error !== undefined, `${what}: succeeded, expected ${wanted.join(" or ")}`);
  const { thrown } = error;
  ok(HeadwaterError.is(thrown) && wanted.includes(thrown.code), `${what}: got ${String(thrown)}, expected ${wanted.join(" or ")}`);
}

/** `length` bytes that differ from place to place and from one `seed` to another. */
export function bytes(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

export async function pagesOf(store: ObjectStore, prefix: string, options: ListOptions = {}): Promise<ListPage[]> {
  const pages: ListPage[] = [];
  for await (const page of store.list(prefix, options)) {
    pages.push(page);
    ok(pages.length <= 1000, "a listing that does not end");
  }
  return pages;
}

export async function keysOf(store: ObjectStore, prefix: string, options: ListOptions = {}): Promise<string[]> {
  return (await pagesOf(store, prefix, options)).flatMap((page) => page.objects.map((object) => object.key));
}
