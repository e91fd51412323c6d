import { gzipSync } from "node:zlib";
import { systemRuntime } from "@headwater/core/node";
import { SeededRandom } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ObjectStore, RetryingObjectStore } from "../src/index.js";
import { extentOf, type Misbehaviour, type RogueObject, RogueServer, sendError, sendPart } from "./support/rogue-server.js";

// What servers and proxies do to a range on a bad day, once or for ever. Each is noticed before a byte
// of it is believed, asked for again, and in the end a typed error. The store is as a database has it, with its retries.
const SIZE = 100_000;
const START = 40_000;
const END = 70_000;
const IDLE_MS = 250;
const FAILURES_MAX = 3;
/** Each attempt at a body may be made up of several requests. */
const REQUESTS_MAX = FAILURES_MAX * 4;

let server: RogueServer;
let store: ObjectStore;
let object: RogueObject;

beforeEach(async () => {
  server = await RogueServer.start();
  const retries = { runtime: systemRuntime, failuresMax: FAILURES_MAX, baseDelayMs: 1, maxDelayMs: 5 };
  store = new RetryingObjectStore(server.store({ idleTimeoutMs: IDLE_MS }), retries);
  object = server.hold("a", new SeededRandom(7).bytes(SIZE));
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

interface BadDay {
  readonly name: string;
  readonly behave: Misbehaviour;
  /** The code of the error where it never ends; "right" where it harms nothing, "either" where that is chance. */
  readonly always: string;
}

/** An answer to the range that was asked for, but for `headers` and `body`. */
function answer(headers: Readonly<Record<string, string>>, body?: (part: Uint8Array) => Uint8Array): Misbehaviour {
  return (request, res) => {
    const { start, end } = extentOf(request.headers["range"], SIZE) ?? { start: 0, end: 0 };
    const part = body?.(object.body.subarray(start, end)) ?? object.body.subarray(start, end);
    res.writeHead(206, {
      etag: object.etag,
      "content-length": String(part.byteLength),
      "content-range": `bytes ${start}-${end - 1}/${SIZE}`,
      ...headers,
    });
    res.end(part);
    return true;
  };
}

/** Says that the whole range comes, sends `length` bytes of it, and then does as `ending` says. */
function breakOff(length: number, ending: "stall" | "reset" | "close"): Misbehaviour {
  return (request, res) => {
    const { start, end } = extentOf(request.headers["range"], SIZE) ?? { start: 0, end: 0 };
    res.writeHead(206, { etag: object.etag, "content-length": end - start, "content-range": `bytes ${start}-${end - 1}/${SIZE}` });
    res.write(object.body.subarray(start, start + length), () => {
      if (ending === "reset") res.socket?.resetAndDestroy();
      else if (ending === "close") res.socket?.end();
    });
    return true;
  };
}

const DAYS: readonly BadDay[] = [
  {
    name: "ignores Range and answers with the whole object",
    behave: (_request, res) => {
      sendPart(res, object, 0, SIZE, false);
      return true;
    },
    always: "right",
  },
  {
    name: "gzips the part",
    behave: answer({ "content-encoding": "gzip" }, (part) => new Uint8Array(gzipSync(part))),
    always: "STORE_UNAVAILABLE",
  },
  { name: "says that it gzipped the part", behave: answer({ "content-encoding": "gzip" }), always: "STORE_UNAVAILABLE" },
  {
    name: "gzips the part and does not say so",
    behave: answer({}, (part) => new Uint8Array(gzipSync(part.slice(0, 9000)))),
    always: "STORE_UNAVAILABLE",
  },
  { name: "sends another range", behave: answer({ "content-range": `bytes 0-${END - START - 1}/${SIZE}` }), always: "STORE_UNAVAILABLE" },
  {
    name: "sends one byte less than the range",
    behave: answer({ "content-range": `bytes ${START}-${END - 2}/${SIZE}` }, (part) => part.subarray(1)),
    always: "STORE_UNAVAILABLE",
  },
  {
    name: "sends a range of a longer object",
    behave: answer({ "content-range": `bytes ${START}-${END - 1}/${END - 1}` }),
    always: "STORE_UNAVAILABLE",
  },
  { name: "does not say which range it sends", behave: answer({ "content-range": "" }), always: "STORE_UNAVAILABLE" },
  { name: "does not say of which object", behave: answer({ etag: "" }), always: "STORE_UNAVAILABLE" },
  { name: "sends less than it says", behave: breakOff(1000, "close"), always: "right" },
  { name: "sends nothing of what it says", behave: breakOff(0, "close"), always: "STORE_UNAVAILABLE" },
  { name: "resets the connection half-way", behave: breakOff(15_000, "reset"), always: "either" },
  { name: "resets every connection before the first byte", behave: breakOff(0, "reset"), always: "STORE_UNAVAILABLE" },
  { name: "falls silent after the headers", behave: breakOff(0, "stall"), always: "STORE_UNAVAILABLE" },
  {
    name: "answers with a page of HTML",
    behave: (_request, res) => {
      res.writeHead(200, { "content-type": "text/html" }).end("<html>please log in</html>");
      return true;
    },
    always: "STORE_UNAVAILABLE",
  },
  {
    name: "answers without content",
    behave: (_request, res) => {
      res.writeHead(204, { etag: object.etag }).end();
      return true;
    },
    always: "STORE_UNAVAILABLE",
  },
  {
    name: "is busy",
    behave: (_request, res) => {
      sendError(res, 503, "SlowDown");
      return true;
    },
    always: "STORE_UNAVAILABLE",
  },
];

const read = async (): Promise<void> => {
  const { body, start, size, etag } = await store.get("a", { range: { start: START, end: END } });
  expect(Buffer.compare(body, object.body.subarray(START, END))).toBe(0);
  expect({ start, size, etag }).toEqual({ start: START, size: SIZE, etag: object.etag });
};

describe.each(DAYS)("a server that $name", ({ behave, always }) => {
  it("once: is asked again, and the right bytes come", async () => {
    server.misbehave = (request, res) => request.number === 1 && (behave(request, res) ?? false);
    await read();
    expect(server.requests.length).toBeLessThanOrEqual(3);
  });

  it(`always: ${always}, after so many requests at most`, async () => {
    server.misbehave = behave;
    if (always === "right") await read();
    // What had arrived when the connection was reset may be lost with it.
    else if (always === "either") await read().catch((error: unknown) => expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" }));
    else await expect(read()).rejects.toMatchObject({ code: always, isHeadwaterError: true });
    expect(server.requests.length).toBeLessThanOrEqual(always === "right" || always === "either" ? 40 : REQUESTS_MAX);
    // And nothing is left behind: the next one goes through.
    server.misbehave = () => false;
    await read();
  });
});

describe("an object that changed under its key", () => {
  it("is told from the planned one by its ETag, which every reply carries", async () => {
    const { etag } = object;
    const other = server.hold("a", new SeededRandom(8).bytes(SIZE));
    expect((await store.get("a", { range: { start: START, end: END } })).etag).toBe(other.etag);
    expect(other.etag).not.toBe(etag);
  });

  it("between two parts of one answer is never joined with the other", async () => {
    server.misbehave = (request, res) => {
      if (request.number > 1) return false;
      const behave = breakOff(10_000, "reset");
      const done = behave(request, res);
      server.hold("a", new SeededRandom(8).bytes(SIZE));
      return done ?? false;
    };
    const outcome = await store.get("a", { range: { start: START, end: END } }).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      expect(outcome).toMatchObject({ code: "STORE_UNAVAILABLE" });
      return;
    }
    // The second attempt began anew: all of it is the other's.
    const { body, etag } = outcome as { body: Uint8Array; etag: string };
    const now = server.objects.get("a");
    expect(etag).toBe(now?.etag);
    expect(Buffer.compare(body, (now?.body ?? new Uint8Array()).subarray(START, END))).toBe(0);
  });

  it("and is gone altogether is not found, without a second try", async () => {
    server.objects.delete("a");
    await expect(read()).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
    expect(server.requests).toHaveLength(1);
  });
});
