export const REQUEST_KINDS = ["LIST", "GET", "HEAD", "PUT", "DELETE", "OTHER"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** One request as the proxy saw it. Times are of the monotonic clock, in milliseconds. */
export interface LoggedRequest {
  readonly kind: RequestKind;
  readonly url: string;
  readonly status: number;
  /** When its head had arrived. */
  readonly startMs: number;
  /** When the last byte of the reply was handed to the system, or the client had gone. */
  readonly endMs: number;
  /** Bytes of bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface Traffic {
  readonly requests: number;
  readonly byKind: Readonly<Record<RequestKind, number>>;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** See {@link dependentRoundTrips}. */
  readonly roundTrips: number;
}

export function trafficOf(requests: readonly LoggedRequest[]): Traffic {
  const byKind: Record<RequestKind, number> = { LIST: 0, GET: 0, HEAD: 0, PUT: 0, DELETE: 0, OTHER: 0 };
  let [bytesIn, bytesOut] = [0, 0];
  for (const request of requests) {
    byKind[request.kind] += 1;
    bytesIn += request.bytesIn;
    bytesOut += request.bytesOut;
  }
  return { requests: requests.length, byKind, bytesIn, bytesOut, roundTrips: dependentRoundTrips(requests) };
}

/**
 * The length of the longest chain of requests each of which was sent after the reply to the one before had ended: what the
 * network's latency is multiplied with. Whether the later one really needed the earlier reply can't be seen from outside,
 * so this is an upper bound.
 */
export function dependentRoundTrips(requests: readonly Pick<LoggedRequest, "startMs" | "endMs">[]): number {
  const starts = [...requests].sort((a, b) => a.startMs - b.startMs);
  const depths = new Map<Pick<LoggedRequest, "startMs" | "endMs">, number>();
  const ends = [...requests].sort((a, b) => a.endMs - b.endMs);
  let ended = 0;
  let deepestEnded = 0;
  let longest = 0;
  for (const request of starts) {
    // A request of no duration has not ended before itself: it has no depth yet.
    for (let next = ends[ended]; next !== undefined && next.endMs <= request.startMs; next = ends[ended]) {
      const depth = depths.get(next);
      if (depth === undefined) break;
      deepestEnded = Math.max(deepestEnded, depth);
      ended += 1;
    }
    const depth = deepestEnded + 1;
    depths.set(request, depth);
    longest = Math.max(longest, depth);
  }
  return longest;
}

/** @param path - Path and query of a path-style request. */
export function kindOf(method: string, path: string): RequestKind {
  const { pathname, searchParams } = new URL(path, "http://store");
  const isBucket = pathname.split("/").slice(2).join("") === "";
  if (method === "GET") return isBucket && !searchParams.has("location") ? "LIST" : "GET";
  if (method === "PUT" || method === "HEAD" || method === "DELETE") return method;
  return method === "POST" && isBucket && searchParams.has("delete") ? "DELETE" : "OTHER";
}
