import type { FileSystem, Runtime } from "@headwater/core";
import { type Extents, extentsOf } from "./extents.js";
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
  const files = new Map<string, Extents>();
  const segments = listSegments(fs, dir);
  for (const { name } of [...segments].reverse()) {
    loadSegment(options, name, files);
    await runtime.timers.turn();
  }
  return { files, bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0) };
}

function loadSegment({ fs, dir, checksum }: LoadOptions, name: string, files: Map<string, Extents>): void {
  const dataBytes = fs.stat(dataPath(fs, dir, name))?.size ?? 0;
  const index = readWhole(fs, indexPath(fs, dir, name));
  if (index === undefined) return;
  for (const record of [...decodeRecords(index, checksum)].reverse()) {
    if (record.dataOffset + record.length > dataBytes) continue; // Its bytes never arrived.
    extentsOf(files, record.file).add(record, name);
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
