import { generatedRow } from "./generated/generated-row.js";
import type { Manifest } from "./replica.js";
import { type Row, rowOf } from "./rows.js";

/** The row as it is in a replica. @param manifest - Versions of the rows that were updated. */
export function expectedRow(manifest: Pick<Manifest, "versions" | "generated">, id: number): Row {
  return manifest.generated ? generatedRow(id) : rowOf(id, manifest.versions[String(id)] ?? 0);
}
