import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { S3Credentials } from "./options.js";

/** SHA-256 in the form that the signer wants: plain, or keyed. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as string | NodeJS.ArrayBufferView);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  /** Part of the signer's type; it never calls it. */
  reset(): void {
    throw new Error("a hash of the signer is used once");
  }
}

/** The SDK's signer, set up as its S3 client does. */
export function createSigner(region: string, credentials: () => Promise<S3Credentials>): SignatureV4 {
  // S3 signs a path as it is sent, escaped once.
  return new SignatureV4({ service: "s3", region, credentials, sha256: Sha256, uriEscapePath: false, applyChecksum: true });
}
