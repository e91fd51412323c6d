import { readFileSync, rmSync } from "node:fs";
import { nodeFileSystem, systemRuntime } from "@headwater/core/node";
import { Hydrator, LocalCopy } from "@headwater/hydrator";
import { decodeLtx } from "@headwater/ltx";
import { listReplica, openView, PageReader, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { expect } from "vitest";
import type { Place } from "./backends.js";

export async function openNewest(place: Place): Promise<View> {
  const { files, ignored } = await listReplica(place.store, place.layout);
  expect(ignored).toEqual([]);
  const plan = planRestore(files);
  if (plan === undefined) throw new Error("the replica is empty");
  return (await openView(place.store, place.layout, plan)).view;
}

/**
 * Restores the newest state to a file in every way there is: by pages, and by hydration. Both must agree.
 *
 * @returns The view that was restored.
 */
export async function restoreTo(place: Place, file: string): Promise<View> {
  const view = await openNewest(place);
  const reader = storeRangeReader(place.store);
  rmSync(file, { force: true });
  const copy = LocalCopy.create({ fs: nodeFileSystem, path: file, pageSize: view.pageSize, pages: view.commit, viewId: 1 });
  await new Hydrator({ copy, view, viewId: 1, reader, runtime: systemRuntime }).start();
  copy.close({ remove: false });

  const bytes = readFileSync(file);
  const pgnos = Array.from({ length: view.commit }, (_, i) => i + 1);
  const pages = await new PageReader({ reader }).readPages(view, pgnos);
  const differing = pgnos.filter((pgno) => Buffer.compare(pages.get(pgno) ?? Buffer.alloc(0), pageOf(bytes, pgno, view.pageSize)) !== 0);
  expect(differing).toEqual([]);
  expect(bytes.byteLength).toBe(view.commit * view.pageSize);
  return view;
}

export function pageOf(bytes: Uint8Array, pgno: number, pageSize: number): Uint8Array {
  return bytes.subarray((pgno - 1) * pageSize, pgno * pageSize);
}

/** Decodes every file of the replica whole, which verifies all checksums. */
export async function verifyFiles(place: Place): Promise<number> {
  const { files } = await listReplica(place.store, place.layout, { complete: true });
  for (const file of files) decodeLtx((await place.store.get(file.key)).body);
  return files.length;
}
