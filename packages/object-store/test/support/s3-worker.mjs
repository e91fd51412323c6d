// A thread that works on an S3ObjectStore: puts, swaps, gets, lists, and posts what it saw.
import { parentPort, workerData } from "node:worker_threads";
import { S3ObjectStore } from "../../dist/s3.js";

const store = new S3ObjectStore(workerData);
const { etag } = await store.put("k", new Uint8Array(1_000_000).fill(7), { precondition: { ifNoneMatch: "*" } });
const { body } = await store.get("k", { range: { suffix: 3 }, ifMatch: etag });
const refused = await store.put("k", body, { precondition: { ifNoneMatch: "*" } }).catch((error) => error.code);
const keys = [];
for await (const page of store.list("")) keys.push(...page.objects.map((object) => object.key));
await store.delete("k");
await store.close();
parentPort.postMessage({ body, refused, keys });
