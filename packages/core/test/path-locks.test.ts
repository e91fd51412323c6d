import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { nodePathLocks, systemRuntime } from "@headwater/core/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const IN_USE = expect.objectContaining({ code: "PATH_IN_USE" });

/** Claims the path in its argument, says how that went, and keeps the claim until it is told to let go. */
const HOLDER = `
  import { nodePathLocks } from ${JSON.stringify(import.meta.resolve("@headwater/core/node"))};
  process.on("message", async (message) => {
    if (message === "claim") {
      try {
        const lock = await nodePathLocks.acquire(process.argv[2]);
        process.send("held");
        process.once("message", () => lock.release().then(() => process.send("released")));
      } catch (error) {
        process.send(error.code ?? String(error));
      }
    }
  });
  process.send("ready");
`;

let dir: string;
let children: ChildProcess[];
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "headwater-lock-"));
  writeFileSync(path.join(dir, "holder.mjs"), HOLDER);
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

async function child(claimed: string): Promise<ChildProcess> {
  const holder = fork(path.join(dir, "holder.mjs"), [claimed], { stdio: "inherit" });
  children.push(holder);
  expect(await said(holder)).toBe("ready");
  return holder;
}

async function said(holder: ChildProcess): Promise<unknown> {
  const [message] = await once(holder, "message");
  return message;
}

async function ask(holder: ChildProcess, message: string): Promise<unknown> {
  const answer = said(holder);
  holder.send(message);
  return await answer;
}

async function killed(holder: ChildProcess): Promise<void> {
  const gone = once(holder, "exit");
  holder.kill("SIGKILL");
  await gone;
}

/** A path in `dir`, and one that is too long to have a socket beside it. */
const PATHS = ["db", `${"x".repeat(120)}/db`];

describe.each(PATHS)("nodePathLocks, %s", (name) => {
  let claimed: string;
  beforeEach(() => {
    claimed = path.join(dir, name);
    mkdirSync(path.dirname(claimed), { recursive: true });
  });
  afterEach(async () => {
    // A killed holder of a long path leaves its socket in /tmp, which goes with the next claim.
    await Promise.all(children.map((holder) => (holder.exitCode ?? holder.signalCode) === null && killed(holder)));
    await (await nodePathLocks.acquire(claimed)).release();
  });

  it("lets one in, until it lets go", async () => {
    const lock = await nodePathLocks.acquire(claimed);
    await expect(nodePathLocks.acquire(claimed)).rejects.toEqual(IN_USE);
    await expect(nodePathLocks.acquire(path.relative(process.cwd(), claimed))).rejects.toThrow(claimed.slice(-10));
    const other = await nodePathLocks.acquire(`${claimed}-other`);
    await lock.release();
    const again = await nodePathLocks.acquire(claimed);
    await Promise.all([again.release(), other.release()]);
  });

  it("is seen by other processes, and by this one when another holds it", async () => {
    const holder = await child(claimed);
    expect(await ask(holder, "claim")).toBe("held");
    await expect(nodePathLocks.acquire(claimed)).rejects.toEqual(IN_USE);
    expect(await ask(holder, "release")).toBe("released");
    const lock = await nodePathLocks.acquire(claimed);
    expect(await ask(holder, "claim")).toBe("PATH_IN_USE");
    await lock.release();
    expect(await ask(holder, "claim")).toBe("held");
  });

  it("is taken over from a process that was killed", async () => {
    const holder = await child(claimed);
    expect(await ask(holder, "claim")).toBe("held");
    await killed(holder);
    const lock = await nodePathLocks.acquire(claimed);
    await expect(nodePathLocks.acquire(claimed)).rejects.toEqual(IN_USE);
    await lock.release();
  });

  it("is taken over from a dead one by exactly one of many", async () => {
    const rivals = await Promise.all([1, 2, 3, 4].map(() => child(claimed)));
    for (let round = 0; round < 5 * Number(process.env["HEADWATER_ROUNDS"] ?? 1); round += 1) {
      const holder = await child(claimed);
      expect(await ask(holder, "claim")).toBe("held");
      await killed(holder);
      const answers = await Promise.all(rivals.map((rival) => ask(rival, "claim")));
      expect(answers.filter((answer) => answer === "held")).toHaveLength(1);
      expect(answers.filter((answer) => answer === "PATH_IN_USE")).toHaveLength(3);
      const winner = rivals[answers.indexOf("held")];
      if (winner !== undefined) expect(await ask(winner, "release")).toBe("released");
    }
  });
});

describe("nodePathLocks", () => {
  it("notices another thread, and takes over from one that was terminated", async () => {
    const claimed = path.join(dir, "db");
    const script = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.core).then((m) => m.nodePathLocks.acquire(workerData.claimed)).then(() => parentPort.postMessage("held"));
      setInterval(() => {}, 1000);`;
    const worker = new Worker(script, { eval: true, workerData: { claimed, core: import.meta.resolve("@headwater/core/node") } });
    expect(await once(worker, "message")).toEqual(["held"]);
    await expect(nodePathLocks.acquire(claimed)).rejects.toEqual(IN_USE);
    await worker.terminate();
    await (await nodePathLocks.acquire(claimed)).release();
  });

  it("does not keep a process alive", async () => {
    const script = path.join(dir, "exits.mjs");
    const core = JSON.stringify(import.meta.resolve("@headwater/core/node"));
    writeFileSync(script, `import { nodePathLocks } from ${core}; await nodePathLocks.acquire(process.argv[2]);`);
    const [code] = await once(fork(script, [path.join(dir, "db")]), "exit");
    expect(code).toBe(0);
  });

  it("is the same claim through a link to the folder, also for long paths", async () => {
    for (const [i, name] of PATHS.entries()) {
      const folder = path.join(dir, path.dirname(name));
      mkdirSync(folder, { recursive: true });
      const link = path.join(dir, `link${i}`.padEnd(name.length, "-"));
      symlinkSync(folder, link, "dir");
      const lock = await nodePathLocks.acquire(path.join(folder, "db"));
      await expect(nodePathLocks.acquire(path.join(link, "db"))).rejects.toEqual(IN_USE);
      await lock.release();
    }
  });

  it.skipIf(process.platform === "win32")("leaves a file alone that is no socket, and says where it is", async () => {
    const claimed = path.join(dir, "db");
    writeFileSync(`${claimed}.lock`, "mine");
    await expect(nodePathLocks.acquire(claimed)).rejects.toEqual(IN_USE);
    await expect(nodePathLocks.acquire(claimed)).rejects.toThrow(`lock=${claimed}.lock`);
    expect(existsSync(`${claimed}.lock`)).toBe(true);
  });

  it.skipIf(process.platform === "win32")("gets over one who died while claiming, and leaves nothing behind", async () => {
    const claimed = path.join(dir, "db");
    const holder = await child(claimed);
    expect(await ask(holder, "claim")).toBe("held");
    await killed(holder);
    const guard = `${claimed}.lock.claim`;
    writeFileSync(guard, "");
    let done = false;
    const lock = nodePathLocks.acquire(claimed).finally(() => {
      done = true;
    });
    await systemRuntime.timers.turn();
    expect(done).toBe(false); // somebody may be at it
    utimesSync(guard, new Date(), new Date(Date.now() - 60_000));
    await (await lock).release();
    expect(readdirSync(dir)).toEqual(["holder.mjs"]);
  });

  it("fails with the system's error where the folder is missing", async () => {
    const claimed = path.join(dir, "none", "db");
    await expect(nodePathLocks.acquire(claimed)).rejects.toMatchObject({ code: expect.stringMatching(/^E(NOENT|ACCES)$/) });
  });
});
