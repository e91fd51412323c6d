import { once } from "node:events";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { ACCESS_KEY, BUCKET, RogueServer, SECRET_KEY } from "./support/rogue-server.js";

it("works in a worker thread, and prints nothing", async () => {
  const server = await RogueServer.start();
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  const worker = new Worker(new URL("./support/s3-worker.mjs", import.meta.url), {
    workerData: { bucket: BUCKET, endpoint: server.endpoint, credentials },
    execArgv: [],
    stdout: true,
    stderr: true,
    // The SDK tells the user of an old Node, if it is not told not to.
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  });
  const printed: string[] = [];
  for (const stream of [worker.stdout, worker.stderr] as Readable[]) stream.on("data", (chunk: Buffer) => printed.push(chunk.toString()));
  const [[message]] = (await Promise.all([once(worker, "message"), once(worker, "exit")])) as [[unknown], unknown];
  expect(message).toEqual({ body: Uint8Array.of(7, 7, 7), refused: "STORE_PRECONDITION", keys: ["k"] });
  expect(printed).toEqual([]);
  await server.stop();
});
