import type { ContenderName } from "../child/protocol.js";
import type { Machine } from "./machine.js";
import type { Summary } from "./statistics.js";

/** What is kept of a scenario: `results/<scenario>.json`. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly title: string;
  readonly about: string;
  readonly headline: string;
  readonly higherIsBetter: boolean;
  readonly columns: readonly string[];
  readonly quick: boolean;
  readonly machine: Machine;
  readonly cases: readonly CaseResult[];
}

export interface CaseResult {
  readonly name: string;
  readonly latencyMs: number;
  readonly bytesPerSecond?: number;
  readonly databaseBytes: number;
  readonly contenders: Readonly<Partial<Record<ContenderName, ContenderResult>>>;
  /** Contenders that were left out, and why. */
  readonly leftOut: Readonly<Partial<Record<ContenderName, string>>>;
  /** Those of them that began and failed. */
  readonly failed: readonly ContenderName[];
}

export interface ContenderResult {
  readonly metrics: Readonly<Record<string, Summary>>;
}
