import type { Order } from "../protocol.js";

export const SUMS = "select count(*) as n, sum(version) as versions, sum(length(body)) as lengths from t";

/** @throws {Error} unless a scan found every row of the replica. */
export function checkSums(found: unknown, { rows, versionSum, lengthSum }: Order["manifest"]): void {
  const { n, versions, lengths } = found as Record<string, number>;
  if (n !== rows || versions !== versionSum || lengths !== lengthSum)
    throw new Error(`wrong sums: ${JSON.stringify(found)}, expected ${JSON.stringify({ rows, versionSum, lengthSum })}`);
}
