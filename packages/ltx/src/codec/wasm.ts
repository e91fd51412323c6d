import { CODEC_BASE64 } from "../generated/codec-binary.js";

/** The few parts of the WebAssembly global that are used here; neither the ES nor the Node type libraries declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports?: object) => { readonly exports: object };
};

/** The exports of `assembly/index.ts`. 64-bit integers arrive signed. */
interface CodecExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  layout(which: number): number;
  decode(srcOffset: number, srcLength: number, dstOffset: number, dstCapacity: number, linked: boolean): number;
  encode(srcOffset: number, length: number): number;
  crcSource(state: bigint, srcOffset: number, length: number): bigint;
  crcDestination(state: bigint, length: number): bigint;
  crcFrame(state: bigint, srcLength: number, dstLength: number): bigint;
  crcCombine(a: bigint, b: bigint, lengthOfB: bigint): bigint;
  hashSource(srcOffset: number, length: number): number;
  hashDestination(dstOffset: number, length: number): number;
  /** For tests only. */
  raiseEncoderBase(to: number): void;
}

function instantiate(): CodecExports {
  const binary = Uint8Array.from(atob(CODEC_BASE64), (c) => c.charCodeAt(0));
  // The shape is that of assembly/index.ts, which the build compiled; test/codec.test.ts calls every export.
  return new WebAssembly.Instance(new WebAssembly.Module(binary), {}).exports as CodecExports;
}

/**
 * The compiled codec. It keeps no state between calls but what is in its two buffers, and a call that fills them and
 * the call that reads them must be in one synchronous stretch.
 */
export const wasm: CodecExports = instantiate();

/** The memory has a fixed size, so these views stay valid. The views end where the slack behind each buffer begins. */
export const source: Uint8Array = new Uint8Array(wasm.memory.buffer, wasm.layout(0), wasm.layout(1));
export const destination: Uint8Array = new Uint8Array(wasm.memory.buffer, wasm.layout(2), wasm.layout(3));
