export { type ListNewerOptions, listNewer } from "./follow.js";
export { createLayout, type KeyParts, type Layout, type LayoutKind, SNAPSHOT_LEVEL } from "./layout.js";
export { decodeLease, encodeLease, type Lease, leaseHeld, ownerText } from "./lease/lease.js";
export { LEASE_TTL_MS_DEFAULT, LeaseKeeper, type LeaseKeeperOptions, type LeaseState } from "./lease/lease-keeper.js";
export { LEASE_RULES, type LeaseRules } from "./lease/rules.js";
export { type Listing, type ListReplicaOptions, listReplica } from "./listing.js";
export { HEAD_BYTES_DEFAULT, INDEX_BYTES_MAX_DEFAULT, tailGuess, WHOLE_BYTES_MAX } from "./open-file.js";
export {
  extendView,
  FREE_BYTES_MAX_DEFAULT,
  OPEN_CONCURRENCY_DEFAULT,
  type OpenedView,
  type OpenViewOptions,
  openView,
} from "./open-view.js";
export {
  GAP_BYTES_MAX_DEFAULT,
  type PageBytes,
  PageReader,
  type PageReaderOptions,
  RANGE_BYTES_MAX_DEFAULT,
  READ_CONCURRENCY_DEFAULT,
} from "./page-reader.js";
export { type Candidates, candidates, newestTXID, type Plan, planForward, planRestore, restorableTXIDs } from "./plan.js";
export { formatTimestamp, type Publisher, type StoredFile, storePublisher } from "./publisher.js";
export { againIfCorrupt, type RangeReader, type ReadOptions, storeRangeReader } from "./range-reader.js";
export { fileIdentity, type ReplicaFile, replicaFileOf, sameFile } from "./replica-file.js";
export { type FileFrames, type FrameRef, type OpenFile, View } from "./view.js";
