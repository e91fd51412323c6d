// make-bucket.mjs ENDPOINT BUCKET: makes a bucket and proves that an object can be put into it. Tries for a minute, as
// a gateway that listens is not yet one that works. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
import { createHmac } from "node:crypto";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const [endpoint, bucket] = process.argv.slice(2);
const { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } = process.env;

/** One request without a body, signed by the old, short scheme (version 2), which RGW still takes. */
function send(method, path) {
  const date = new Date().toUTCString();
  const signature = createHmac("sha1", secretKey).update(`${method}\n\n\n${date}\n${path}`).digest("base64");
  const headers = { date, authorization: `AWS ${accessKey}:${signature}`, "content-length": 0 };
  return new Promise((resolve, reject) => {
    const req = request(new URL(path, endpoint), { method, headers, agent: false, timeout: 30_000 }, (res) => {
      res.resume();
      res.on("end", () => resolve(res.statusCode));
    });
    req.on("timeout", () => req.destroy(new Error("no answer")));
    req.on("error", reject);
    req.end();
  });
}

const deadline = Date.now() + 60_000;
for (const [method, path] of [
  ["PUT", `/${bucket}`],
  ["PUT", `/${bucket}/.ready`],
  ["DELETE", `/${bucket}/.ready`],
]) {
  for (;;) {
    const status = await send(method, path).catch((error) => error.message);
    if (status === 200 || status === 204) break;
    if (Date.now() > deadline) throw new Error(`${method} ${path}: ${status}`);
    await sleep(50);
  }
}
