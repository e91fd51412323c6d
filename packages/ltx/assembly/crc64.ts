/**
 * CRC-64/ISO (polynomial x^64 + x^4 + x^3 + x + 1, bit-reflected, inverted before and after) without tables.
 * The polynomial is so sparse that multiplying by x^64 is three shifts and a small correction; and since squaring a
 * polynomial over GF(2) doubles its exponents, so is multiplying by x^128, x^256, ... Four independent 8-byte lanes
 * therefore each advance by 32 bytes (x^256 = x^16 + x^12 + x^4 + 1) at the same cost.
 * Bit 63 of a state is the coefficient of x^0.
 */

// @ts-ignore: decorator
@inline
function foldOverflow(o: u64): u64 {
  return o ^ (o >> 1) ^ (o >> 3) ^ (o >> 4);
}

/** `s * x^64`. */
// @ts-ignore: decorator
@inline
function advance8(s: u64): u64 {
  return s ^ (s >> 1) ^ (s >> 3) ^ (s >> 4) ^ foldOverflow((s << 63) ^ (s << 61) ^ (s << 60));
}

/** `s * x^256`. */
// @ts-ignore: decorator
@inline
function advance32(s: u64): u64 {
  return s ^ (s >> 4) ^ (s >> 12) ^ (s >> 16) ^ foldOverflow((s << 60) ^ (s << 52) ^ (s << 48));
}

// @ts-ignore: decorator
@inline
function advance1(s: u64): u64 {
  // x^8: the low eight bits overflow to the top and are folded.
  return (s >> 8) ^ foldOverflow(s << 56);
}

/** Updates the inverted state over `length` bytes at `at`. */
export function update(state: u64, at: usize, length: usize): u64 {
  const end = at + length;
  let s = state;
  if (length >= 64) {
    let a = s ^ load<u64>(at);
    let b = load<u64>(at, 8);
    let c = load<u64>(at, 16);
    let d = load<u64>(at, 24);
    at += 32;
    while (at + 32 <= end) {
      a = advance32(a) ^ load<u64>(at);
      b = advance32(b) ^ load<u64>(at, 8);
      c = advance32(c) ^ load<u64>(at, 16);
      d = advance32(d) ^ load<u64>(at, 24);
      at += 32;
    }
    s = advance8(advance8(advance8(advance8(a) ^ b) ^ c) ^ d);
  }
  while (at + 8 <= end) {
    s = advance8(s ^ load<u64>(at));
    at += 8;
  }
  while (at < end) {
    s = advance1(s ^ load<u8>(at));
    at += 1;
  }
  return s;
}

/** `a * b` modulo the polynomial. */
function multiply(a: u64, b: u64): u64 {
  let product: u64 = 0;
  for (let i = 0; i < 64; i += 1) {
    if (a >> 63) product ^= b;
    a <<= 1;
    b = (b >> 1) ^ (0xd800000000000000 & (0 - (b & 1)));
  }
  return product;
}

/** The CRC of A followed by B, from the CRC of A, the CRC of B and the length of B in bytes. */
export function combine(a: u64, b: u64, lengthOfB: u64): u64 {
  let factor: u64 = 1 << 63; // x^0
  let square: u64 = 1 << 55; // x^8
  while (lengthOfB > 0) {
    if (lengthOfB & 1) factor = multiply(factor, square);
    square = multiply(square, square);
    lengthOfB >>= 1;
  }
  return multiply(a, factor) ^ b;
}
