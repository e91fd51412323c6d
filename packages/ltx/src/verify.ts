import { LtxCorruptError, type LtxProblem } from "./errors.js";
import type { Header } from "./header.js";
import { type DecodedFile, LtxStreamDecoder } from "./stream-decoder.js";

/** What verification found. */
export type VerifyReport =
  | ({ readonly ok: true; readonly bytes: number } & DecodedFile)
  | {
      readonly ok: false;
      /** The first thing that is wrong, and where reading had got to, in bytes from the start of the file. */
      readonly problem: LtxProblem;
      readonly message: string;
      readonly offset: number;
      /** If the file has one that can be read. */
      readonly header: Header | undefined;
    };

/** Verifies a file that arrives in chunks, in order. Never throws for what is in the file: that is in the report. */
export class LtxVerifier {
  readonly #decoder = new LtxStreamDecoder();
  #failure: LtxCorruptError | undefined;

  /** Takes the next chunk and checks it at once. False as soon as something is wrong; more chunks change nothing then. */
  push(chunk: Uint8Array): boolean {
    return this.#attempt(() => {
      this.#decoder.push(chunk);
      while (this.#decoder.skip());
    });
  }

  finish(): VerifyReport {
    const decoder = this.#decoder;
    let file: DecodedFile | undefined;
    this.#attempt(() => {
      file = decoder.finish();
    });
    if (file !== undefined) return { ok: true, bytes: decoder.bytesDecoded, ...file };
    const { problem, message } = this.#failure ?? new LtxCorruptError("length", "LTX file ends too early");
    return { ok: false, problem, message, offset: decoder.bytesDecoded, header: decoder.header };
  }

  #attempt(work: () => void): boolean {
    if (this.#failure !== undefined) return false;
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof LtxCorruptError)) throw error;
      this.#failure = error;
      return false;
    }
  }
}

/** Verifies a whole file. Never throws for what is in the file. */
export function verifyLtx(bytes: Uint8Array): VerifyReport {
  const verifier = new LtxVerifier();
  verifier.push(bytes);
  return verifier.finish();
}
