export { DISK_BYTES_MIN } from "@headwater/page-cache";
export type { DiskCacheConfig, EngineConfig, EnginePorts, HydrationConfig } from "./config.js";
export { Engine } from "./engine.js";
export type { Emit, EngineEvents, HydrationReport } from "./events.js";
export type { AdoptReply, Opened, OpenedLog, PagesReply } from "./opened.js";
export { type PackedFrames, packFrames, unpackFrames } from "./packed-frames.js";
export { IN_FLIGHT_BYTES_MAX, type PageRequest } from "./reads.js";
export {
  HYDRATION_STATES,
  type HydrationState,
  type OwnSync,
  REQUEST_KINDS,
  type RequestKind,
  SharedState,
  type StatisticName,
  WRITE_STATES,
  type WriteState,
} from "./shared-state.js";
