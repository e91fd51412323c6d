import { decodePageFrame } from "@headwater/ltx";
import { corrupt, withKey } from "./errors.js";
import type { FrameRef } from "./view.js";

/**
 * Decodes one frame and checks its shape: the page it says it is, its size, its decompressed length. A frame has no
 * checksum, so a flipped literal in it passes.
 *
 * @param bytes - Just the frame.
 * @throws `LTX_CORRUPT` naming key, page and offset.
 */
export function decodeFrame(frame: FrameRef, pgno: number, pageSize: number, bytes: Uint8Array): Uint8Array {
  const values = `pgno=${pgno} offset=${frame.offset} frame=${frame.size}`;
  let decoded: ReturnType<typeof decodePageFrame>;
  try {
    decoded = decodePageFrame(bytes, 0, pageSize);
  } catch (error) {
    throw withKey(frame.file, values, error);
  }
  if (decoded.pgno !== pgno)
    throw corrupt(frame.file, "the page index names another page than the frame", `${values} found=${decoded.pgno}`);
  if (decoded.size !== frame.size)
    throw corrupt(frame.file, "the page index names another size than the frame", `${values} found=${decoded.size}`);
  return decoded.data;
}
