import { type Row, rowOf } from "./rows.js";

/** The row as it is in a replica. @param manifest - Versions of the rows that were updated. */
export function expectedRow(manifest: { readonly versions: Readonly<Record<string, number>> }, id: number): Row {
  return rowOf(id, manifest.versions[String(id)] ?? 0);
}
