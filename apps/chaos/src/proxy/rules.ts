import type { SeededRandom } from "@headwater/core/testing";
import type { AskedFor, Operation } from "./request.js";

/** What is done to a request. */
export type ProxyFault =
  /** The server gets it so much later; with a long tail, a tenth of them wait up to `tailMs`. */
  | { readonly kind: "delay"; readonly ms: number; readonly tailMs?: number }
  /** The server did it, and its reply comes so much later. */
  | { readonly kind: "late reply"; readonly ms: number }
  /** The connection is reset before the server got anything. */
  | { readonly kind: "request lost" }
  /** The connection is reset when the server got half of the body. */
  | { readonly kind: "reset in the body" }
  /** The server did it, and the connection is reset before its reply. */
  | { readonly kind: "reply lost" }
  /** An answer of the proxy's own; the server got nothing. */
  | { readonly kind: "status"; readonly status: 500 | 503; readonly retryAfterS?: number }
  /** The server did it, and the answer says that something failed. */
  | { readonly kind: "status after all"; readonly status: 500 | 503 }
  /** The reply ends in the middle of its body, with a reset. */
  | { readonly kind: "truncated reply" }
  /** The reply stops in the middle of its body, and the connection stays. */
  | { readonly kind: "stalled reply" };

export interface ProxyRule {
  /** Under this name it is counted. */
  readonly name: string;
  readonly fault: ProxyFault;
  readonly probability: number;
  /** Absent: all. */
  readonly operations?: readonly Operation[];
  /** Absent: all. */
  readonly keys?: RegExp;
}

/** The rules that strike a request, by chance; of those that end it, only the first. */
export function strike(rules: readonly ProxyRule[], asked: AskedFor, random: SeededRandom): ProxyRule[] {
  const struck: ProxyRule[] = [];
  for (const rule of rules) {
    if (rule.operations?.includes(asked.operation) === false || rule.keys?.test(asked.key) === false) continue;
    // Drawn for every rule, so that one more rule of another kind changes little else.
    if (!random.chance(rule.probability)) continue;
    if (isDelay(rule) || struck.every(isDelay)) struck.push(rule);
  }
  return struck;
}

const isDelay = ({ fault }: ProxyRule): boolean => fault.kind === "delay" || fault.kind === "late reply";

/** An ordinary bad day: everything happens, and nothing so often that work stops. */
export const BAD_DAY: readonly ProxyRule[] = [
  { name: "fixed delay", fault: { kind: "delay", ms: 3 }, probability: 0.3 },
  { name: "long tail", fault: { kind: "delay", ms: 5, tailMs: 300 }, probability: 0.1 },
  { name: "late reply", fault: { kind: "late reply", ms: 80 }, probability: 0.05 },
  { name: "request lost", fault: { kind: "request lost" }, probability: 0.02 },
  { name: "reset in the body", fault: { kind: "reset in the body" }, probability: 0.02, operations: ["put"] },
  { name: "reply lost", fault: { kind: "reply lost" }, probability: 0.03 },
  { name: "500", fault: { kind: "status", status: 500 }, probability: 0.01 },
  { name: "500 after all", fault: { kind: "status after all", status: 500 }, probability: 0.02, operations: ["put"] },
  { name: "503", fault: { kind: "status", status: 503 }, probability: 0.01 },
  { name: "503 with Retry-After", fault: { kind: "status", status: 503, retryAfterS: 1 }, probability: 0.005 },
  { name: "truncated reply", fault: { kind: "truncated reply" }, probability: 0.02, operations: ["get", "list"] },
];
