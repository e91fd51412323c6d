/** The five kinds of request that a store gets. */
export type RequestKind = "list" | "get" | "put" | "head" | "delete";

/** How many requests, and how many bytes of body they carried: received for list and get, sent for put. */
export interface RequestCount {
  readonly count: number;
  readonly bytes: number;
}

/** Plain data: can be cloned, posted and printed. */
export type RequestCounts = Readonly<Record<RequestKind, RequestCount>>;
