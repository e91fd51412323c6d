import type { Header } from "./header.js";
import { copyDecodedPage, framePgno, loadPageFrame, type Page } from "./page-frame.js";
import { type DecodedFile, LtxStreamDecoder } from "./stream-decoder.js";

/** A whole file, verified. */
export interface DecodedLtx extends DecodedFile {
  /** Decompresses the pages one by one, in file order. Each has its own buffer. May be called again. */
  pages(): Iterable<Page>;
}

/**
 * Decodes and verifies a whole file: every page, the index against the page block, all checksums, and for a snapshot that
 * no page is missing.
 *
 * @param bytes - The file; must stay unchanged while `pages()` is in use, which decompresses from it again.
 * @throws {LtxCorruptError} `LTX_CORRUPT`. Nothing else.
 */
export function decodeLtx(bytes: Uint8Array): DecodedLtx {
  const decoder = new LtxStreamDecoder();
  decoder.push(bytes);
  const file = decoder.finish();
  return { ...file, pages: () => pagesOf(bytes, file) };
}

function* pagesOf(bytes: Uint8Array, { header, index }: { header: Header; index: DecodedFile["index"] }): Iterable<Page> {
  for (let i = 0; i < index.count; i += 1) {
    const offset = index.offsets[i] ?? 0;
    loadPageFrame(bytes, offset, index.sizes[i] ?? 0, header.pageSize);
    yield { pgno: framePgno(bytes, offset), data: copyDecodedPage(header.pageSize) };
  }
}
