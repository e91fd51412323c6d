import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type Bucket, bytesContent } from "../store/bucket.js";
import type { Replica } from "./build.js";

export const BUCKET_NAME = "bench";
/** Key of the plain database file, below the replica's prefix: outside of what a listing of its levels shows. */
const PLAIN_FOLDER = "plain";

export const plainKey = (name: string): string => `${PLAIN_FOLDER}/${name}.db`;

/** Puts a replica into the bucket, in place of what was there. */
export function loadReplica(bucket: Bucket, replica: Replica, options: { readonly plain: boolean }): void {
  bucket.clear();
  for (const name of readdirSync(replica.objects, { recursive: true }).map(String)) {
    const file = path.join(replica.objects, name);
    if (!statSync(file).isFile()) continue;
    bucket.seed(`${replica.spec.name}/${name.split(path.sep).join("/")}`, bytesContent(readFileSync(file)));
  }
  if (options.plain) bucket.seed(plainKey(replica.spec.name), bytesContent(readFileSync(replica.databaseFile)));
}
