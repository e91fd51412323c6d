/** xxHash32, seed 0: the checksum of LZ4 frames. @see xxHash/doc/xxhash_spec.md, "XXH32" */
const P1: u32 = 2654435761;
const P2: u32 = 2246822519;
const P3: u32 = 3266489917;
const P4: u32 = 668265263;
const P5: u32 = 374761393;

// @ts-ignore: decorator
@inline
function round(lane: u32, at: usize): u32 {
  return rotl<u32>(lane + load<u32>(at) * P2, 13) * P1;
}

export function xxh32(at: usize, length: usize): u32 {
  const end = at + length;
  let hash: u32 = P5;
  if (length >= 16) {
    let a: u32 = P1 + P2;
    let b: u32 = P2;
    let c: u32 = 0;
    let d: u32 = 0 - P1;
    while (at + 16 <= end) {
      a = round(a, at);
      b = round(b, at + 4);
      c = round(c, at + 8);
      d = round(d, at + 12);
      at += 16;
    }
    hash = rotl<u32>(a, 1) + rotl<u32>(b, 7) + rotl<u32>(c, 12) + rotl<u32>(d, 18);
  }
  hash += <u32>length;
  while (at + 4 <= end) {
    hash = rotl<u32>(hash + load<u32>(at) * P3, 17) * P4;
    at += 4;
  }
  while (at < end) {
    hash = rotl<u32>(hash + <u32>load<u8>(at) * P5, 11) * P1;
    at += 1;
  }
  hash = (hash ^ (hash >> 15)) * P2;
  hash = (hash ^ (hash >> 13)) * P3;
  return hash ^ (hash >> 16);
}
