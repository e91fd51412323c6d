import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Database, open } from "headwater";
import { writeDatabaseFile } from "./database-file.js";
import type { Manifest } from "./replica.js";
import { bodyLengthOf, ROW_BYTES, type Row, randomOf, rowOf, SCHEMA } from "./rows.js";
import { type ReplicaSpec, ROWS_ADDED, ROWS_UPDATED } from "./spec.js";

/** Raised when what is built changes, so that what an older checkout left in the cache is not used. */
const FORMAT = 4;
const ROWS_PER_STATEMENT = 1000;

/** A replica in the cache. */
export interface WrittenReplica {
  readonly spec: ReplicaSpec;
  readonly manifest: Manifest;
  /** The folder whose files are the replica's objects, by their keys below the prefix. */
  readonly objects: string;
  /** The same database as a plain SQLite file. */
  readonly databaseFile: string;
}

/**
 * Builds a replica with Headwater itself, once: later calls find it in the cache.
 *
 * @param cache - A folder of the bench's own.
 */
export async function buildReplica(spec: ReplicaSpec, cache: string): Promise<WrittenReplica> {
  const dir = path.join(cache, spec.name);
  const cached = readManifest(dir);
  if (cached !== undefined) return replicaAt(dir, spec, cached);
  const unfinished = `${dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const versions = await writeReplica(spec, unfinished);
  const replica = replicaAt(unfinished, spec, describe(spec, versions));
  moveToS3Layout(unfinished, spec);
  const pages = writeDatabaseFile(replica.objects, replica.databaseFile);
  const manifest = { ...replica.manifest, pages, databaseBytes: pages * 4096 };
  writeFileSync(path.join(unfinished, "manifest.json"), JSON.stringify(manifest));
  renameSync(unfinished, dir);
  return replicaAt(dir, spec, manifest);
}

function readManifest(dir: string): Manifest | undefined {
  const file = path.join(dir, "manifest.json");
  if (!existsSync(file)) return undefined;
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  return manifest.format === FORMAT ? manifest : undefined;
}

function replicaAt(dir: string, spec: ReplicaSpec, manifest: Manifest): WrittenReplica {
  return { spec, manifest, objects: path.join(dir, "objects"), databaseFile: path.join(dir, "database.db") };
}

function baseRows(spec: ReplicaSpec): number {
  return Math.round(spec.databaseBytes / ROW_BYTES);
}

/** Writes it as files, and gives the version of each row. */
async function writeReplica(spec: ReplicaSpec, dir: string): Promise<Map<number, number>> {
  const url = pathToFileURL(path.join(dir, "written")).href;
  const db = await open(url, { write: true, syncIntervalMs: 0, buffer: { path: path.join(dir, "buffer") } });
  const versions = new Map<number, number>();
  try {
    await db.transaction(async (tx) => {
      await tx.exec(SCHEMA);
      const rows = baseRows(spec);
      for (let from = 1; from <= rows; from += ROWS_PER_STATEMENT) {
        const ids = Array.from({ length: Math.min(ROWS_PER_STATEMENT, rows - from + 1) }, (_, n) => from + n);
        await insert(
          tx,
          ids.map((id) => rowOf(id)),
        );
      }
    });
    await db.sync();
    for (let update = 1; update <= spec.updates; update += 1) await writeUpdate(db, baseRows(spec), update, versions);
  } finally {
    await db.close();
  }
  return versions;
}

/** One later transaction: rows here and there get a new version, and some are added at the end. */
async function writeUpdate(db: Database, base: number, update: number, versions: Map<number, number>): Promise<void> {
  const random = randomOf(update);
  const rowsBefore = base + (update - 1) * ROWS_ADDED;
  await db.transaction(async (tx) => {
    for (let n = 0; n < ROWS_UPDATED; n += 1) {
      const row = rowOf(1 + Math.floor(random() * base), update);
      versions.set(row.id, update);
      await tx.run("update t set version = ?, name = ?, body = ? where id = ?", [row.version, row.name, row.body, row.id]);
    }
    await insert(
      tx,
      Array.from({ length: ROWS_ADDED }, (_, n) => rowOf(rowsBefore + 1 + n)),
    );
  });
  await db.sync();
}

async function insert(tx: Pick<Database, "run">, rows: readonly Row[]): Promise<void> {
  const values = rows.map(({ id, version, name, body }) => [id, version, name, body]);
  const columns = [0, 1, 2, 3].map((n) => `value ->> ${n}`).join(", ");
  await tx.run(`insert into t (id, version, name, body) select ${columns} from json_each(?)`, [JSON.stringify(values)]);
}

function describe(spec: ReplicaSpec, versions: ReadonlyMap<number, number>): Manifest {
  const rows = baseRows(spec) + spec.updates * ROWS_ADDED;
  let [versionSum, lengthSum] = [0, 0];
  for (const version of versions.values()) versionSum += version;
  for (let id = 1; id <= rows; id += 1) lengthSum += bodyLengthOf(id);
  const byId = Object.fromEntries([...versions].map(([id, version]) => [String(id), version]));
  return { format: FORMAT, generated: false, rows, pages: 0, databaseBytes: 0, versions: byId, versionSum, lengthSum };
}

/** Litestream names levels on files otherwise than on S3; and its first snapshot is the first file, at level 9. */
function moveToS3Layout(dir: string, spec: ReplicaSpec): void {
  const written = path.join(dir, "written", "ltx", "0");
  const objects = path.join(dir, "objects");
  mkdirSync(path.join(objects, "0000"), { recursive: true });
  mkdirSync(path.join(objects, "0009"), { recursive: true });
  const files = readdirSync(written).filter((name) => name.endsWith(".ltx"));
  if (files.length !== spec.updates + 1) throw new Error(`expected ${spec.updates + 1} files of level 0; found=${files.length}`);
  for (const name of files) {
    const isFirst = name.startsWith("0000000000000001-");
    renameSync(path.join(written, name), path.join(objects, isFirst && spec.snapshot ? "0009" : "0000", name));
  }
  rmSync(path.join(dir, "written"), { recursive: true });
  rmSync(path.join(dir, "buffer"), { recursive: true, force: true });
}
