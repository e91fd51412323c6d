/**
 * What {@link LeaseKeeper} does, clause by clause (the design, "One writer"). Nobody but a simulation, which shows that each is
 * needed, ever leaves one out.
 */
export interface LeaseRules {
  /** Changes are made under a precondition. */
  readonly swap: boolean;
  /** After 412 or no answer: read it, and see whether the change is our own. */
  readonly readBack: boolean;
  /** A lease that changed hands without a hand-over is noted, so that whoever takes it lists the replica again. */
  readonly noteTakeOver: boolean;
  /** How long no level-0 file may be deleted after a take-over. */
  readonly holdMs: number;
  /** Every change of the lease keeps `hold_until`. */
  readonly copyHold: boolean;
  /** A live lease of another writer is left alone. */
  readonly respect: boolean;
  /** A new owner's generation is higher than the one before. */
  readonly grow: boolean;
}

/** A store refuses a signature after 15 minutes, and one is made at most 2 minutes after the position was proved. */
const HOLD_MS = 20 * 60_000;

export const LEASE_RULES: LeaseRules = {
  swap: true,
  readBack: true,
  noteTakeOver: true,
  holdMs: HOLD_MS,
  copyHold: true,
  respect: true,
  grow: true,
};
