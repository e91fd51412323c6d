import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { HeadwaterError } from "../errors.js";
import type { PathLock, PathLocks } from "../file-system.js";

/** The kernel's limit on a socket's path is 108 bytes with the final zero (104 on macOS). */
const SOCKET_PATH_BYTES_MAX = 100;
const TRIES = 5;

/**
 * Claims a path by listening on a unix socket beside it (a named pipe on Windows): connecting succeeds means held,
 * refused means that the holder is dead and its socket may be removed. The kernel ends the claim with the process.
 */
export const nodePathLocks: PathLocks = {
  async acquire(claimed: string): Promise<PathLock> {
    const address = socketAddress(claimed);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const server = await listen(address);
      if (server !== undefined) return { release: () => new Promise((resolve) => server.close(() => resolve())) };
      if (await isAlive(address)) break;
      // The dead one's socket goes by rename: of two that both saw it dead, only one can have moved *this* file away.
      const aside = `${address}.${process.pid}.${attempt}`;
      try {
        fs.renameSync(address, aside);
        fs.rmSync(aside, { force: true });
      } catch {
        // Somebody else was quicker; the next try finds out who holds it.
      }
    }
    throw new HeadwaterError("PATH_IN_USE", `${claimed} is in use by another database handle; close it there, or choose another path`);
  },
};

function socketAddress(claimed: string): string {
  const resolved = path.resolve(claimed);
  if (process.platform === "win32")
    return `\\\\.\\pipe\\headwater-${createHash("sha256").update(resolved.toLowerCase()).digest("hex").slice(0, 32)}`;
  const beside = `${resolved}.lock`;
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) return beside;
  // Too long for a socket: the same name in /tmp for everybody, whatever TMPDIR each process has.
  return `/tmp/headwater-${createHash("sha256").update(resolved).digest("hex").slice(0, 32)}.lock`;
}

/** A server that holds the address, or nothing when the address is taken. It never keeps the process alive. */
function listen(address: string): Promise<net.Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path: address, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isAlive(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Refused or gone: dead. Anything else (no permission, a full backlog) may be a living holder, so it counts as one.
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
}
