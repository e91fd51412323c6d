import { parentPort } from "node:worker_threads";
import type { NewDatabase } from "./channel/protocol.js";
import { DatabaseHost } from "./io/database-host.js";

// The I/O thread: one for all the databases that a JavaScript thread opens.
const hosts = new Set<DatabaseHost>();

parentPort?.on("message", (ports: NewDatabase) => {
  const host = new DatabaseHost(ports, () => hosts.delete(host));
  hosts.add(host);
});

// Nothing else wakes a thread that sleeps in Atomics.wait for an answer of this one.
process.on("exit", () => {
  for (const host of hosts) host.died();
});
