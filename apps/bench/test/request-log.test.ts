import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dependentRoundTrips, kindOf, type LoggedRequest, trafficOf } from "../src/proxy/request-log.js";

const request = (startMs: number, endMs: number, more: Partial<LoggedRequest> = {}): LoggedRequest => ({
  kind: "GET",
  url: "/bench/x",
  status: 200,
  startMs,
  endMs,
  bytesIn: 0,
  bytesOut: 10,
  ...more,
});

describe("dependent round trips", () => {
  it("counts a chain of requests one after the other, and those at once as one", () => {
    expect(dependentRoundTrips([])).toBe(0);
    expect(dependentRoundTrips([request(0, 25), request(1, 26), request(2, 27)])).toBe(1);
    expect(dependentRoundTrips([request(0, 25), request(25, 50), request(51, 70)])).toBe(3);
    expect(dependentRoundTrips([request(0, 25), request(10, 35), request(30, 50), request(40, 60)])).toBe(2);
  });

  it("takes the longest chain: a long request beside two short ones", () => {
    expect(dependentRoundTrips([request(0, 100), request(0, 25), request(30, 55), request(60, 85)])).toBe(3);
  });

  it("does not take a request of no duration for its own predecessor", () => {
    expect(dependentRoundTrips([request(5, 5)])).toBe(1);
  });

  it("agrees with the definition, whatever the order of the log", () => {
    const byDefinition = (requests: readonly LoggedRequest[]): number => {
      const depth = (r: LoggedRequest): number =>
        1 + Math.max(0, ...requests.filter((other) => other !== r && other.endMs <= r.startMs).map(depth));
      return Math.max(0, ...requests.map(depth));
    };
    const times = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 30 })).map(([start, length]) => request(start, start + length));
    fc.assert(
      fc.property(fc.array(times, { maxLength: 9 }), (requests) => {
        expect(dependentRoundTrips(requests)).toBe(byDefinition(requests));
      }),
    );
  });
});

describe("traffic", () => {
  it("sums requests by kind and their bytes", () => {
    const traffic = trafficOf([request(0, 1, { kind: "LIST" }), request(2, 3), request(4, 5, { kind: "PUT", bytesIn: 7, bytesOut: 0 })]);
    expect(traffic).toMatchObject({ requests: 3, byKind: { LIST: 1, GET: 1, PUT: 1, HEAD: 0 }, bytesIn: 7, bytesOut: 20, roundTrips: 3 });
  });

  it("tells listings from objects by the path", () => {
    expect(kindOf("GET", "/bench?list-type=2&prefix=a")).toBe("LIST");
    expect(kindOf("GET", "/bench/?list-type=2")).toBe("LIST");
    expect(kindOf("GET", "/bench?location")).toBe("GET");
    expect(kindOf("GET", "/bench/1mb/0009/x.ltx")).toBe("GET");
    expect(kindOf("POST", "/bench?delete")).toBe("DELETE");
    expect(kindOf("PUT", "/bench/lock.json")).toBe("PUT");
  });
});
