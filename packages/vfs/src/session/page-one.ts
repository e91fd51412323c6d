/** What page 1 shows to a connection, apart from what the page holds. */
export interface PageOneView {
  /** Read connections see a change counter of their own; writers what SQLite wrote. */
  readonly counter: number | undefined;
  /** Database size in pages at the connection's view. */
  readonly commit: number;
}

/**
 * The one place where page 1 is changed on its way to SQLite (the design, "Views and isolation"): bytes 18-19 read as 1,
 * since there is no shared memory and so no WAL; for read connections 24-27 and 92-95 are the connection's counter and
 * 28-31 the view's size, so that SQLite keeps its cache exactly as long as nothing changed.
 *
 * @param into - Bytes of page 1 from `offset` on; any part of the page.
 * @see SQLite file format, "The Database Header"
 */
export function patchPageOne(into: Uint8Array, offset: number, shown: PageOneView): void {
  put(into, offset, 18, 1);
  put(into, offset, 19, 1);
  if (shown.counter === undefined) return;
  putU32(into, offset, 24, shown.counter);
  putU32(into, offset, 92, shown.counter);
  putU32(into, offset, 28, shown.commit);
}

function put(into: Uint8Array, offset: number, at: number, value: number): void {
  const i = at - offset;
  if (i >= 0 && i < into.byteLength) into[i] = value;
}

function putU32(into: Uint8Array, offset: number, at: number, value: number): void {
  put(into, offset, at, value >>> 24);
  put(into, offset, at + 1, (value >>> 16) & 0xff);
  put(into, offset, at + 2, (value >>> 8) & 0xff);
  put(into, offset, at + 3, value & 0xff);
}
