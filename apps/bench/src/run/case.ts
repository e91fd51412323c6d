import type { ContenderName, ProgramName, ProgramOptions } from "../child/protocol.js";
import type { Network } from "../proxy/slow-proxy.js";
import type { Manifest } from "../replicas/replica.js";
import type { ReplicaSpec } from "../replicas/spec.js";
import type { Mode } from "./contenders.js";

/** One comparison: contenders that do the same thing on the same replica through the same network. */
export interface Case {
  readonly scenario: string;
  /** Unique within its scenario; in tables and targets. */
  readonly name: string;
  readonly replica: ReplicaSpec;
  readonly network: Network;
  readonly program: ProgramName;
  readonly contenders: readonly ContenderName[];
  /** Fewer runs than usual, for those that take minutes. */
  readonly runsMax?: Readonly<Partial<Record<ContenderName, number>>>;
  /** How it is opened; only for reading, without hydration, if absent. */
  readonly mode?: Mode;
  /** What the program needs to know in the n-th run; the same for all contenders. */
  readonly options: (manifest: Manifest, run: number) => ProgramOptions;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Sentences on what is measured, for the report. */
  readonly about: string;
  /** The metric that stands for the scenario in charts and in the ratio to the peer, and others worth a column. */
  readonly headline: string;
  /** Whether more of the headline is better: a rate. */
  readonly higherIsBetter?: boolean;
  readonly columns: readonly string[];
  readonly cases: (quick: boolean) => readonly Case[];
}
