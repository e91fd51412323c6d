import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FaultProxy } from "../src/proxy/fault-proxy.js";
import { BAD_DAY, type ProxyFault, type ProxyRule, strike } from "../src/proxy/rules.js";
import { Tally } from "../src/tally.js";

const seed = testSeed("fault proxy");
const CONTENT = "0123456789".repeat(100);

/** What the server got, in order; a body that broke off is not in it. */
let seen: { method: string; url: string; host: string; body: string }[];
let server: Server;
let target: string;

beforeEach(async () => {
  seen = [];
  server = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    incoming.on("error", () => undefined);
    incoming.on("end", () => {
      seen.push({ method: incoming.method ?? "", url: incoming.url ?? "", host: incoming.headers.host ?? "", body });
      reply.writeHead(200, { "x-from": "the server" });
      reply.end(CONTENT);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function withProxy(fault: ProxyFault | undefined, use: (proxy: FaultProxy, faults: Tally) => Promise<void>): Promise<void> {
  const faults = new Tally();
  const rules: ProxyRule[] = fault === undefined ? [] : [{ name: "it", fault, probability: 1 }];
  await using proxy = await FaultProxy.start({ target, random: new SeededRandom(seed), rules, faults });
  await use(proxy, faults);
}

const put = (endpoint: string) => fetch(`${endpoint}/bucket/a/b.ltx`, { method: "PUT", body: "the body" });

describe("FaultProxy", () => {
  it("passes everything on as it came, Host included", () =>
    withProxy(undefined, async (proxy) => {
      const reply = await put(proxy.endpoint);
      expect(await reply.text()).toBe(CONTENT);
      expect(reply.headers.get("x-from")).toBe("the server");
      expect(seen).toEqual([{ method: "PUT", url: "/bucket/a/b.ltx", host: new URL(proxy.endpoint).host, body: "the body" }]);
    }));

  it.each<[ProxyFault, number]>([
    [{ kind: "request lost" }, 0],
    [{ kind: "reset in the body" }, 0],
    [{ kind: "reply lost" }, 1],
    [{ kind: "truncated reply" }, 1],
  ])("breaks the connection: %o", (fault, reached) =>
    withProxy(fault, async (proxy, faults) => {
      await expect(put(proxy.endpoint).then((reply) => reply.text())).rejects.toThrow();
      expect(seen).toHaveLength(reached);
      expect(faults.toRecord()).toEqual({ "proxy: it": 1 });
    }),
  );

  it.each<[ProxyFault, number, number]>([
    [{ kind: "status", status: 500 }, 500, 0],
    [{ kind: "status", status: 503, retryAfterS: 2 }, 503, 0],
    [{ kind: "status after all", status: 500 }, 500, 1],
    [{ kind: "delay", ms: 1, tailMs: 3 }, 200, 1],
    [{ kind: "late reply", ms: 1 }, 200, 1],
  ])("answers: %o", (fault, status, reached) =>
    withProxy(fault, async (proxy, faults) => {
      const reply = await put(proxy.endpoint);
      expect(reply.status).toBe(status);
      expect(reply.headers.get("retry-after")).toBe("retryAfterS" in fault ? "2" : null);
      expect(seen).toHaveLength(reached);
      expect(faults.of("proxy: it")).toBe(1);
    }),
  );

  it("stalls in the middle of a reply", () =>
    withProxy({ kind: "stalled reply" }, async (proxy) => {
      const reader = (await put(proxy.endpoint)).body?.getReader();
      expect((await reader?.read())?.value).toHaveLength(CONTENT.length / 2);
      const more = await Promise.race([reader?.read(), new Promise((resolve) => setImmediate(() => resolve("nothing")))]);
      expect(more).toBe("nothing");
      await reader?.cancel();
    }));

  it("refuses connections for a while", () =>
    withProxy(undefined, async (proxy) => {
      const over = proxy.refuseFor(50);
      await expect(put(proxy.endpoint)).rejects.toMatchObject({
        cause: { code: expect.stringMatching(/ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET/) },
      });
      await over;
      expect((await put(proxy.endpoint)).status).toBe(200);
    }));

  it.each(["before", "after"] as const)("holds a put back %s the server gets it, and drops it or lets it go", (where) =>
    withProxy(undefined, async (proxy) => {
      for (const fate of ["release", "drop"] as const) {
        seen = [];
        const hold = proxy.holdPut(where, /\.ltx$/);
        const reply = put(proxy.endpoint);
        const failed = reply.then(
          () => false,
          () => true,
        );
        expect((await fetch(`${proxy.endpoint}/bucket/lock.json`, { method: "PUT", body: "x" })).status).toBe(200);
        const held = await hold.held;
        expect(held.key).toBe("a/b.ltx");
        held[fate]();
        expect(await failed).toBe(fate === "drop");
        expect(seen.filter(({ url }) => url.endsWith("b.ltx"))).toHaveLength(where === "before" && fate === "drop" ? 0 : 1);
      }
    }),
  );
});

describe("strike", () => {
  const asked = { operation: "put", key: "0000/1.ltx" } as const;
  const rule = (more: Partial<ProxyRule>): ProxyRule => ({ name: "r", fault: { kind: "request lost" }, probability: 1, ...more });

  it("goes by operation, key and probability, and ends a request once", () => {
    const random = new SeededRandom(seed);
    const of = (...rules: ProxyRule[]): string[] => strike(rules, asked, random).map(({ name }) => name);
    expect(of(rule({ operations: ["get"] }), rule({ keys: /lock/ }), rule({ probability: 0 }))).toEqual([]);
    const delay = rule({ name: "slow", fault: { kind: "delay", ms: 1 } });
    expect(of(delay, rule({ operations: ["put"], keys: /ltx$/ }), rule({ name: "second" }), delay)).toEqual(["slow", "r", "slow"]);
  });

  it("strikes the same requests for the same seed", () => {
    const run = (from: number): string[] => {
      const random = new SeededRandom(from);
      return Array.from({ length: 500 }, () => strike(BAD_DAY, asked, random).map(({ name }) => name)).flat();
    };
    expect(run(seed)).toEqual(run(seed));
    expect(run(seed)).not.toEqual(run(seed + 1));
    expect(new Set(run(seed)).size).toBeGreaterThan(5);
  });
});
