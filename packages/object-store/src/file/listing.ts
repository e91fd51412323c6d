import fs from "node:fs/promises";
import path from "node:path";
import { compareKeys } from "../keys.js";
import type { ObjectMeta } from "../port.js";
import { etagOf } from "./etag.js";
import { isMissing } from "./file-errors.js";
import { RESERVED_PREFIX } from "./names.js";

/** Up to `limit` objects in key order, and whether there are more. Only plain files count; links are not followed. */
export async function listFiles(
  dir: string,
  prefix: string,
  after: string | undefined,
  limit: number,
): Promise<{ objects: ObjectMeta[]; truncated: boolean }> {
  const objects: ObjectMeta[] = [];
  const cut = prefix.lastIndexOf("/") + 1;
  for await (const key of walk(dir, prefix.slice(0, cut), prefix, after)) {
    if (objects.length === limit) return { objects, truncated: true };
    const found = await metaOf(dir, key);
    if (found !== undefined) objects.push(found);
  }
  return { objects, truncated: false };
}

/** Keys below the folder `at` (empty, or ending in a slash) in order, skipping folders that can hold none of interest. */
async function* walk(dir: string, at: string, prefix: string, after: string | undefined): AsyncGenerator<string, void, undefined> {
  for (const name of await entries(path.join(dir, at))) {
    const key = at + name;
    const isFolder = name.endsWith("/");
    if (isFolder) {
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      // Everything in a folder sorts with the folder's own name, unless `after` lies within it.
      if (after !== undefined && compareKeys(key, after) < 0 && !after.startsWith(key)) continue;
      yield* walk(dir, key, prefix, after);
    } else if (key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0)) {
      yield key;
    }
  }
}

/** Names in a folder, folders with a slash behind, in the order of the keys that they make. */
async function entries(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith(RESERVED_PREFIX)) continue;
      if (entry.isDirectory()) names.push(`${entry.name}/`);
      else if (entry.isFile()) names.push(entry.name);
    }
    // "a-b" sorts before what is in "a/", and that before "a0": so the slash takes part.
    return names.sort(compareKeys);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function metaOf(dir: string, key: string): Promise<ObjectMeta | undefined> {
  try {
    const stats = await fs.stat(path.join(dir, key), { bigint: true });
    return { key, size: Number(stats.size), etag: etagOf(stats), lastModifiedMs: Number(stats.mtimeNs / 1_000_000n) };
  } catch (error) {
    if (isMissing(error)) return undefined; // Removed since the folder was read.
    throw error;
  }
}
