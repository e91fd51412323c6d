import { decodePageFrame, type EncodedLtx } from "@headwater/ltx";

/** The pages of a file that is at hand as bytes, one decoded at a time. */
export function* frames({ bytes, header, index }: EncodedLtx): Generator<{ readonly pgno: number; readonly data: Uint8Array }> {
  for (let i = 0; i < index.count; i += 1) {
    const { pgno, data } = decodePageFrame(bytes, index.offsets[i] ?? 0, header.pageSize);
    yield { pgno, data };
  }
}
