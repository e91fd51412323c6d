import type { FileHandle } from "@headwater/core";

/** Makes a file durable, without holding up the thread where the system can do that. */
export async function syncFile(handle: FileHandle): Promise<void> {
  if (handle.syncAsync === undefined) handle.sync();
  else await handle.syncAsync();
}
