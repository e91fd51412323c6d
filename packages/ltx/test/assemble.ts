/**
 * Puts LTX files together byte by byte, also wrong ones, with a valid file checksum. Shares no code with src: the CRC is
 * bit by bit, blocks are literals only.
 */
export interface RawFrame {
  readonly pgno: number;
  readonly flags?: number;
  /** The page. */
  readonly data: Uint8Array;
  /** What is stored behind page header and size prefix; default: one LZ4 block of literals. */
  readonly stored?: Uint8Array;
  readonly sizePrefix?: number;
}

export interface RawFile {
  readonly flags?: number;
  readonly pageSize: number;
  readonly commit: number;
  readonly minTXID?: bigint;
  readonly maxTXID?: bigint;
  readonly timestamp?: bigint;
  readonly preApply?: bigint;
  readonly wal?: readonly [bigint, bigint, number, number];
  readonly magic?: string;
  readonly frames: readonly RawFrame[];
  /** Index entries, if not the true ones. */
  readonly index?: readonly (readonly [number | bigint, number | bigint, number | bigint])[];
  readonly indexBytes?: Uint8Array;
  readonly indexSize?: bigint;
  readonly postApply?: bigint;
  readonly fileChecksum?: bigint;
}

export function slowCrc64(bytes: Uint8Array): bigint {
  // Two 32-bit halves: a BigInt for every bit would take minutes over the whole suite.
  let [hi, lo] = [0xffffffff, 0xffffffff];
  for (const byte of bytes) {
    lo = (lo ^ byte) >>> 0;
    for (let i = 0; i < 8; i += 1) {
      const carry = lo & 1;
      lo = ((lo >>> 1) | (hi << 31)) >>> 0;
      hi = (hi >>> 1) ^ (carry === 1 ? 0xd8000000 : 0);
    }
  }
  return (BigInt(~hi >>> 0) << 32n) | BigInt(~lo >>> 0);
}

export function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}

export function literalBlock(data: Uint8Array): Uint8Array {
  const head: number[] = [Math.min(data.length, 15) << 4];
  if (data.length >= 15) {
    let rest = data.length - 15;
    for (; rest >= 255; rest -= 255) head.push(255);
    head.push(rest);
  }
  return concat(head, data);
}

export function concat(...parts: readonly ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

export function be(value: number | bigint, bytes: 2 | 4 | 8): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)));
  return out.subarray(8 - bytes);
}

export function assemble(file: RawFile): Uint8Array {
  const wal = file.wal ?? [0n, 0n, 0, 0];
  const header = concat(
    new TextEncoder().encode(file.magic ?? "LTX1"),
    be(file.flags ?? 2, 4),
    be(file.pageSize, 4),
    be(file.commit, 4),
    be(file.minTXID ?? 2n, 8),
    be(file.maxTXID ?? file.minTXID ?? 2n, 8),
    be(file.timestamp ?? 0n, 8),
    be(file.preApply ?? 0n, 8),
    be(wal[0], 8),
    be(wal[1], 8),
    be(wal[2], 4),
    be(wal[3], 4),
    new Uint8Array(28),
  );
  const [stored, hashed, index]: [Uint8Array[], Uint8Array[], number[]] = [[header], [header], []];
  let offset = header.length;
  for (const frame of file.frames) {
    const flags = frame.flags ?? 1;
    const data = frame.stored ?? literalBlock(frame.data);
    const prefix = concat(be(frame.pgno, 4), be(flags, 2), flags === 0 ? [] : be(frame.sizePrefix ?? data.length, 4));
    stored.push(prefix, data);
    hashed.push(prefix, frame.data);
    index.push(...varint(frame.pgno), ...varint(offset), ...varint(prefix.length + data.length));
    offset += prefix.length + data.length;
  }
  const entries =
    file.indexBytes ?? (file.index === undefined ? [...index, 0] : [...file.index.flatMap((entry) => entry.flatMap(varint)), 0]);
  const tail = concat(new Uint8Array(6), entries, be(file.indexSize ?? entries.length, 8), be(file.postApply ?? 0n, 8));
  const sum = file.fileChecksum ?? slowCrc64(concat(...hashed, tail)) | (1n << 63n);
  return Buffer.concat([...stored, tail, be(sum, 8)]);
}
