import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { systemRuntime } from "@headwater/core/node";
import { ManualRuntime } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withFileLock } from "../src/file/file-lock.js";
import { isDead, type Owner, parseOwner, thisOwner } from "../src/file/owner.js";
import { FileObjectStore } from "../src/file.js";

const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? 1);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (s: string): Uint8Array => new TextEncoder().encode(s);

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "headwater-lock-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** The lock file of the object "k", as it lies there while somebody works on it. */
async function lockName(): Promise<string> {
  return withFileLock(path.join(dir, "k"), systemRuntime, undefined, async () => {
    const name = (await readdir(dir)).find((n) => n.startsWith(".headwater-lock-"));
    if (name === undefined) throw new Error("no lock file");
    return name;
  });
}

function child(role: string, count: number): { pid: number; done: Promise<string>; kill(): void; firstLine: Promise<unknown> } {
  const script = fileURLToPath(new URL("./support/file-child.mjs", import.meta.url));
  const process_ = spawn(process.execPath, [script, dir, role, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  process_.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  const done = once(process_, "close").then(([code, signal]) => {
    if (code !== 0 && signal !== "SIGKILL") throw new Error(`child ended with ${code ?? signal}`);
    return out;
  });
  return { pid: process_.pid ?? 0, done, kill: () => process_.kill("SIGKILL"), firstLine: once(process_.stdout, "data") };
}

/** A process that has ended. */
async function deadOwner(nonce: string): Promise<Owner> {
  const process_ = spawn(process.execPath, ["-e", "0"]);
  await once(process_, "exit");
  return { ...thisOwner(nonce), pid: process_.pid ?? 0, tid: process_.pid ?? 0, started: "12345" };
}

describe("between processes", () => {
  it("no swap is lost and none is done twice", async () => {
    const store = new FileObjectStore(dir);
    await store.put("counter", encode("0"));
    const each = 25 * rounds;
    await Promise.all([1, 2, 3].map(() => child("count", each).done));
    expect(text((await store.get("counter")).body)).toBe(String(3 * each));
    expect(await readdir(dir)).toEqual(["counter"]);
  });

  it("each key has one creator", async () => {
    const count = 40 * rounds;
    const children = [child("create", count), child("create", count), child("create", count)];
    const won = await Promise.all(children.map(async ({ done }) => JSON.parse(await done) as number[]));
    expect(won.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    const store = new FileObjectStore(dir);
    for (const [i, keys] of won.entries()) {
      for (const key of keys) expect(text((await store.get(`created/${key}`)).body)).toBe(String(children[i]?.pid));
    }
  });

  it("a killed writer leaves whole objects, and nothing that stops the next one", async () => {
    const store = new FileObjectStore(dir);
    for (let round = 0; round < 3 * rounds; round += 1) {
      const writer = child("write", 0);
      await writer.firstLine;
      const before = await count(store);
      while ((await count(store)) < before + 3) await systemRuntime.timers.turn();
      writer.kill();
      await writer.done;
      for await (const page of store.list("")) {
        for (const { key, size } of page.objects) {
          const { body } = await store.get(key);
          expect([size, body.every((byte) => byte === body.byteLength % 251)]).toEqual([body.byteLength, true]);
        }
      }
      await store.put("same", new Uint8Array(10).fill(10));
      for await (const page of store.list("new/")) await Promise.all(page.objects.map((o) => store.delete(o.key)));
    }
  });
});

async function count(store: FileObjectStore): Promise<number> {
  let objects = 0;
  for await (const page of store.list("new/")) objects += page.objects.length;
  return objects;
}

describe("the lock of an owner that is gone", () => {
  it("is taken over by one after the other, however many wait", async () => {
    const lock = path.join(dir, await lockName());
    await writeFile(lock, JSON.stringify(await deadOwner("00000000000000aa")));
    let inside = 0;
    const store = new FileObjectStore(dir);
    await store.put("counter", encode("0"));
    await Promise.all([
      ...Array.from({ length: 5 }, () =>
        withFileLock(path.join(dir, "k"), systemRuntime, undefined, async () => {
          inside += 1;
          expect(inside).toBe(1);
          await systemRuntime.timers.turn();
          inside -= 1;
        }),
      ),
      store.put("k", encode("x")),
    ]);
    expect((await readdir(dir)).sort()).toEqual(["counter", "k"]);
  });

  it("is taken over also when the one who was taking it over died doing so", async () => {
    const lock = path.join(dir, await lockName());
    await writeFile(lock, JSON.stringify(await deadOwner("00000000000000aa")));
    await writeFile(`${lock}-00000000000000aa`, JSON.stringify(await deadOwner("00000000000000bb")));
    await writeFile(`${lock}-00000000000000aa-00000000000000bb`, JSON.stringify(await deadOwner("00000000000000cc")));
    await new FileObjectStore(dir).put("k", encode("x"));
    expect(await readdir(dir)).toEqual(["k"]);
  });

  it.runIf(process.platform === "linux")("is taken over when only its thread has ended", async () => {
    const worker = new Worker(
      `const fs = require("node:fs");
       require("node:worker_threads").parentPort.postMessage(fs.readlinkSync("/proc/thread-self"));
       setInterval(() => {}, 1000);`,
      { eval: true },
    );
    const [link] = (await once(worker, "message")) as [string];
    const tid = Number(link.split("/")[2]);
    const me = thisOwner("00000000000000aa");
    const started = parseOwner(JSON.stringify(me))?.started ?? "";
    expect(me.tid).not.toBe(tid);
    expect(started).not.toBe("");
    const stat = await import("node:fs/promises").then((fs) => fs.readFile(`/proc/self/task/${tid}/stat`, "utf8"));
    const owner = { ...me, tid, started: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "" };
    expect(isDead(owner)).toBe(false);
    await worker.terminate();
    expect(isDead(owner)).toBe(true);
    await writeFile(path.join(dir, await lockName()), JSON.stringify(owner));
    await new FileObjectStore(dir).put("k", encode("x"));
    expect(await readdir(dir)).toEqual(["k"]);
  });
});

describe("the lock of an owner that may be alive", () => {
  const me = thisOwner("00000000000000aa");

  it.each([
    ["this thread", me],
    ["another machine", { ...me, host: "elsewhere/1", pid: 2 ** 22 + 1 }],
    ["another container", { ...me, namespace: "pid:[1]", pid: 2 ** 22 + 1 }],
    ["nobody that can be read", "garbage"],
  ])("is waited for, and then named: %s", async (_who, owner) => {
    const name = await lockName();
    await writeFile(path.join(dir, name), JSON.stringify(owner));
    const runtime = new ManualRuntime();
    const outcome = new FileObjectStore(dir, { runtime }).put("k", encode("x")).catch((error: unknown) => error);
    let isDone = false;
    void outcome.then(() => {
      isDone = true;
    });
    while (!isDone) await runtime.advance(500);
    expect(await outcome).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining(name) });
    expect(await readdir(dir)).toEqual([name]);
  });

  it("is waited for until the signal fires", async () => {
    await writeFile(path.join(dir, await lockName()), JSON.stringify(me));
    const controller = new AbortController();
    const put = new FileObjectStore(dir).put("k", encode("x"), { signal: controller.signal });
    controller.abort();
    await expect(put).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("is dead after a restart of the machine", () => {
    expect(isDead({ ...me, boot: "another" })).toBe(true);
    expect(isDead({ ...me, started: "1" })).toBe(true);
    expect(isDead(me)).toBe(false);
  });
});

describe("parseOwner", () => {
  it.each([
    "",
    "null",
    "1",
    "[]",
    "{}",
    '{"nonce":"../../x"}',
    JSON.stringify({ ...thisOwner("00000000000000aa"), nonce: "../../../../etc" }),
  ])("takes no %s for one", (given) => expect(parseOwner(given)).toBeUndefined());
});
