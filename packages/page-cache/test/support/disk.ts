import { ManualRuntime, MemoryFileSystem, SeededRandom } from "@headwater/core/testing";
import { crc64 } from "@headwater/ltx";
import { DiskTier, type DiskTierOptions } from "../../src/index.js";

export const MIB: number = 1024 * 1024;
export const PATH = "/cache";

/** Files in memory, and tiers on them, each as a process of its own would have it. */
export class Disk {
  readonly fs: MemoryFileSystem = new MemoryFileSystem();
  readonly runtime: ManualRuntime = new ManualRuntime();
  readonly failures: unknown[] = [];

  tier(more: Partial<DiskTierOptions> = {}): Promise<DiskTier> {
    return DiskTier.open({
      fs: this.fs,
      runtime: this.runtime,
      path: PATH,
      maxBytes: 4 * MIB,
      store: "s3:aws/bucket/app",
      checksum: crc64,
      onWriteFailure: (error) => this.failures.push(error),
      ...more,
    });
  }

  /** All files under the path: full names. */
  names(): string[] {
    return this.fs.list(PATH).flatMap((dir) => this.fs.list(`${PATH}/${dir}`).map((name) => `${PATH}/${dir}/${name}`));
  }

  bytes(): number {
    return this.names().reduce((sum, name) => sum + (this.fs.stat(name)?.size ?? 0), 0);
  }
}

const contents = new Map<string, Uint8Array>();

/** The bytes of a file: the same for the same name, and different for every other. */
export function contentOf(file: string, size: number = MIB): Uint8Array {
  const name = `${file}/${size}`;
  let bytes = contents.get(name);
  if (bytes === undefined) {
    let seed = size;
    for (const letter of file) seed = Math.imul(seed, 31) + (letter.codePointAt(0) ?? 0);
    const random = new SeededRandom(seed);
    const words = new Uint32Array(Math.ceil(size / 4));
    for (let i = 0; i < words.length; i += 1) words[i] = random.nextU32();
    bytes = new Uint8Array(words.buffer, 0, size);
    contents.set(name, bytes);
  }
  return bytes;
}
