export { Crc64, combineCrc64, crc64, pageChecksum } from "./codec/crc64.js";
export { type DecodedLtx, decodeLtx } from "./decoder.js";
export { type EncodedLtx, type EncoderOptions, encodeLtx, LtxEncoder } from "./encoder.js";
export { LtxCorruptError, type LtxProblem } from "./errors.js";
export { formatLtxName, formatPosition, type Position, parseLtxName, parsePosition } from "./file-name.js";
export {
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  type Header,
  type HeaderInput,
  isSnapshot,
  PAGE_HEADER_SIZE,
  TRAILER_SIZE,
} from "./header.js";
export { LtxMerge, type MergeOptions, mergeLtx, type StreamedMergeOptions } from "./merge.js";
export { decodePageFrame, measurePageFrame, type Page } from "./page-frame.js";
export { type DecodedTail, decodeTail, decodeTailSteps, type PageIndex } from "./page-index.js";
export { findPageIndexRun, INDEX_ENTRY_BYTES_MAX, INDEX_ENTRY_BYTES_MIN, type PageIndexRun } from "./page-index-run.js";
export { type FrameRun, RangeVerifier } from "./range-verifier.js";
export { type DecodedFile, LtxStreamDecoder, type StreamedPage } from "./stream-decoder.js";
export { decodeTrailer, type Trailer } from "./trailer.js";
export { LtxVerifier, type VerifyReport, verifyLtx } from "./verify.js";
