import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type Bucket, bytesContent } from "../store/bucket.js";
import { buildReplica, type WrittenReplica } from "./build.js";
import { HugeFile } from "./generated/huge-file.js";
import { HugeTable } from "./generated/huge-table.js";
import type { ReplicaSpec } from "./spec.js";

/** What is known of a replica's content, so that a run can check what it reads. */
export interface Manifest {
  readonly format: number;
  /** Its rows are those of `generatedRow`. */
  readonly generated: boolean;
  readonly rows: number;
  readonly pages: number;
  readonly databaseBytes: number;
  /** Version of each row that is not 0. */
  readonly versions: Readonly<Record<string, number>>;
  /** Of all rows: sums of the versions and of the bodies' lengths. Zero where they are not known. */
  readonly versionSum: number;
  readonly lengthSum: number;
}

export interface Replica {
  readonly spec: ReplicaSpec;
  readonly manifest: Manifest;
  /** The same database as a plain SQLite file, where there is one. */
  readonly databaseFile?: string;
  /** Puts it into the bucket, in place of what was there. @param plain - With its plain file, under {@link plainKey}. */
  load(bucket: Bucket, plain: boolean): void;
}

export const BUCKET_NAME = "bench";

/** Key of the plain database file: outside of what a listing of the replica shows. */
export const plainKey = (spec: ReplicaSpec): string => `plain/${spec.name}.db`;

/** Builds a replica, or finds it in the cache. */
export async function prepareReplica(spec: ReplicaSpec, cache: string): Promise<Replica> {
  return spec.generated === true ? generatedReplica(spec) : writtenReplica(await buildReplica(spec, cache));
}

function writtenReplica({ spec, manifest, objects, databaseFile }: WrittenReplica): Replica {
  const load = (bucket: Bucket, plain: boolean): void => {
    bucket.clear();
    for (const name of readdirSync(objects, { recursive: true }).map(String)) {
      const file = path.join(objects, name);
      if (statSync(file).isFile()) bucket.seed(`${spec.name}/${name.split(path.sep).join("/")}`, bytesContent(readFileSync(file)));
    }
    if (plain) bucket.seed(plainKey(spec), bytesContent(readFileSync(databaseFile)));
  };
  return { spec, manifest, databaseFile, load };
}

function generatedReplica(spec: ReplicaSpec): Replica {
  // A leaf for each page that is asked for: a few more pages for the rest of the tree.
  const table = new HugeTable(Math.round(spec.databaseBytes / 4096));
  const file = new HugeFile(table);
  const { rows, commit: pages } = table;
  const manifest = { format: 0, generated: true, rows, pages, databaseBytes: pages * 4096, versions: {}, versionSum: 0, lengthSum: 0 };
  const load = (bucket: Bucket): void => {
    bucket.clear();
    bucket.seed(`${spec.name}/0009/0000000000000001-0000000000000001.ltx`, file);
  };
  return { spec, manifest, load };
}
