// A process that works on a FileObjectStore, for tests with several at once: DIR ROLE ROUNDS.
import { FileObjectStore } from "../../dist/file.js";

const [dir, role, rounds] = process.argv.slice(2);
const store = new FileObjectStore(dir);
const encode = (n) => new TextEncoder().encode(String(n));

/** Adds 1 to a counter by compare-and-swap, so many times that it was told it had done so. */
async function count() {
  for (let done = 0; done < Number(rounds); ) {
    const { body, etag } = await store.get("counter");
    try {
      await store.put("counter", encode(Number(new TextDecoder().decode(body)) + 1), { precondition: { ifMatch: etag } });
      done += 1;
    } catch (error) {
      if (error.code !== "STORE_PRECONDITION") throw error;
    }
  }
}

/** Creates as many of the same keys as it can, and says which. */
async function create() {
  const won = [];
  for (let i = 0; i < Number(rounds); i += 1) {
    try {
      await store.put(`created/${i}`, encode(process.pid), { precondition: { ifNoneMatch: "*" } });
      won.push(i);
    } catch (error) {
      if (error.code !== "STORE_PRECONDITION") throw error;
    }
  }
  console.log(JSON.stringify(won));
}

/** Writes objects that name their own length, until it is killed. */
async function write() {
  console.log("writing");
  for (let i = 0; ; i += 1) {
    const length = 1000 + (i % 7) * 50_000;
    const body = new Uint8Array(length).fill(length % 251);
    await store.put(`new/${i}`, body, { precondition: { ifNoneMatch: "*" } });
    await store.put("same", body);
  }
}

await { count, create, write }[role]();
