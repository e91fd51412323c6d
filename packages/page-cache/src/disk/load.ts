import type { FileSystem, Runtime } from "@headwater/core";
import { type Extent, Extents, extentOf } from "./extents.js";
import { type Checksum, decodeRecords } from "./record.js";
import { dataPath, indexPath, listSegments } from "./segment-files.js";

export interface LoadOptions {
  readonly fs: FileSystem;
  readonly runtime: Runtime;
  readonly dir: string;
  readonly checksum: Checksum;
}

/** What earlier processes left: ranges by file. */
export interface Loaded {
  readonly files: Map<string, Extents>;
  /** Bytes of all segments in the folder. */
  readonly bytes: number;
}

/**
 * Reads the indexes of all segments in a folder, none of their data. What was written last comes first: where two records
 * are for the same bytes, these were fetched anew for a reason.
 */
export async function loadSegments(options: LoadOptions): Promise<Loaded> {
  const { fs, runtime, dir } = options;
  const found = new Map<string, Extent[]>();
  const segments = listSegments(fs, dir);
  for (const { name } of [...segments].reverse()) {
    loadSegment(options, name, found);
    await runtime.timers.turn();
  }
  const files = new Map<string, Extents>();
  for (const [file, extents] of found) files.set(file, Extents.of(extents));
  return { files, bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0) };
}

function loadSegment({ fs, dir, checksum }: LoadOptions, name: string, found: Map<string, Extent[]>): void {
  const dataBytes = fs.stat(dataPath(fs, dir, name))?.size ?? 0;
  const index = readWhole(fs, indexPath(fs, dir, name));
  if (index === undefined) return;
  for (const record of [...decodeRecords(index, checksum)].reverse()) {
    if (record.dataOffset + record.length > dataBytes) continue; // Its bytes never arrived.
    const extents = found.get(record.file);
    if (extents === undefined) found.set(record.file, [extentOf(record, name)]);
    else extents.push(extentOf(record, name));
  }
}

/** Nothing for a file that is gone or can't be read: then it holds nothing for us. */
function readWhole(fs: FileSystem, path: string): Uint8Array | undefined {
  try {
    const handle = fs.open(path, "r");
    try {
      const bytes = new Uint8Array(handle.size());
      return bytes.subarray(0, handle.read(bytes, 0));
    } finally {
      handle.close();
    }
  } catch {
    return undefined;
  }
}
