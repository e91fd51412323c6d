/** A replica that the bench measures on. */
export interface ReplicaSpec {
  /** Also the folder in the cache, and the prefix in the bucket. */
  readonly name: string;
  readonly title: string;
  /** Size of the database before the updates, in bytes, about. */
  readonly databaseBytes: number;
  /** Level-0 files after the first one, one transaction each. */
  readonly updates: number;
  /** Whether the first file lies at the snapshot level (9), as after Litestream's first snapshot, or at level 0. */
  readonly snapshot: boolean;
  /** It is never written: its one file is made where it is read (`generated/`). */
  readonly generated?: boolean;
}

const MB = 1_000_000;

function snapshotOf(megabytes: number, updates = 0): ReplicaSpec {
  return {
    name: updates === 0 ? `${megabytes}mb` : `${megabytes}mb-${updates}`,
    title: updates === 0 ? `${megabytes} MB` : `${megabytes} MB + ${updates} files`,
    databaseBytes: megabytes * MB,
    updates,
    snapshot: true,
  };
}

type ReplicaId =
  | "mb1"
  | "mb8"
  | "mb64"
  | "mb512"
  | "mb1Updated"
  | "mb8Updated"
  | "mb64Updated"
  | "mb512Updated"
  | "files1000"
  | "files100"
  | "gb100"
  | "gb1";

export const REPLICAS: Readonly<Record<ReplicaId, ReplicaSpec>> = {
  mb1: snapshotOf(1),
  mb8: snapshotOf(8),
  mb64: snapshotOf(64),
  mb512: snapshotOf(512),
  mb1Updated: snapshotOf(1, 100),
  mb8Updated: snapshotOf(8, 20),
  mb64Updated: snapshotOf(64, 100),
  mb512Updated: snapshotOf(512, 100),
  files1000: { name: "files-1000", title: "1000 files, no snapshot", databaseBytes: 4 * MB, updates: 999, snapshot: false },
  gb100: { name: "100gb", title: "100 GB (generated)", databaseBytes: 25_000_000 * 4096, updates: 0, snapshot: true, generated: true },
  gb1: { name: "1gb", title: "1 GB (generated)", databaseBytes: 250_000 * 4096, updates: 0, snapshot: true, generated: true },
  files100: { name: "files-100", title: "100 files, no snapshot", databaseBytes: 1 * MB, updates: 99, snapshot: false },
};

/** Rows that one of the later files changes, and rows that it adds. */
export const ROWS_UPDATED = 8;
export const ROWS_ADDED = 4;
