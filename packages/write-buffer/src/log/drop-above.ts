/** Deletes the entries of `pages` in `(limit, top]`; nothing lies above `top`. Walks whichever is shorter. */
export function dropAbove(pages: Map<number, unknown>, limit: number, top: number): void {
  if (top <= limit || pages.size === 0) return;
  if (top - limit < pages.size) {
    for (let pgno = limit + 1; pgno <= top; pgno += 1) pages.delete(pgno);
    return;
  }
  for (const pgno of pages.keys()) if (pgno > limit) pages.delete(pgno);
}
