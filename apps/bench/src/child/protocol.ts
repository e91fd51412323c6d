/** How the bench and the process of one run talk: the order as JSON in the arguments, the report as the last line of its output. */

export const CONTENDERS = ["headwater", "peer", "download", "local"] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export const PROGRAMS = [
  "cold-start",
  "first-write",
  "scan",
  "point-reads",
  "paced-commits",
  "autocommit",
  "bulk-insert",
  "hydrate",
  "hydration-latency",
  "local-reads",
] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** Where a contender finds the database. Each uses what it needs. */
export interface Target {
  /** Of the replica, with the proxy as its endpoint. */
  readonly url: string;
  readonly endpoint: string;
  readonly bucket: string;
  /** Key of the database as a plain file. */
  readonly plainKey: string;
  readonly databaseFile?: string;
  /** Shared library that makes the peer the default VFS. */
  readonly defaultVfs?: string;
  /** An empty folder of this run's own. */
  readonly dir: string;
}

export interface Order {
  readonly contender: ContenderName;
  readonly program: ProgramName;
  readonly target: Target;
  readonly manifest: {
    readonly generated: boolean;
    readonly rows: number;
    readonly pages: number;
    readonly versions: Readonly<Record<string, number>>;
    readonly versionSum: number;
    readonly lengthSum: number;
  };
  /** What the program wants to know. */
  readonly options: ProgramOptions;
}

export interface ProgramOptions {
  /** The row that is read first. */
  readonly firstId: number;
  /** Rows of point-reads, in order. */
  readonly ids?: readonly number[];
  /** How long something is done. */
  readonly seconds?: number;
  /** How often. */
  readonly perSecond?: number;
  /** How many rows. */
  readonly rows?: number;
  /** Milliseconds between two uploads of a writer; its default if absent. */
  readonly syncIntervalMs?: number;
}

export interface Report {
  /** Of the monotonic clock, in milliseconds: what the proxy logged between them is what was measured. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The first row was printed then. */
  readonly rowPrintedMs?: number;
  /** By name: milliseconds, or what the name's unit says. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Processor time of the process, in milliseconds, when the measured part had ended: all threads, from its start. */
  readonly cpuMs: number;
  /** Peak resident set size, in bytes, when the measured part had ended. */
  readonly peakBytes: number;
}
