import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { HeadwaterError } from "../errors.js";
import type { PathLock, PathLocks } from "../file-system.js";

/** The kernel's limit on a socket's path is 108 bytes with the final zero (104 on macOS). */
const SOCKET_PATH_BYTES_MAX = 100;
/** How often a claim is tried while others take over or let go; with the wait between, about a second. */
const TRIES = 100;
const WAIT_MS = 10;
/** Taking over takes milliseconds; who has not finished after this long died in the middle of it. */
const TAKEOVER_MS_MAX = 5_000;

/**
 * Claims a path by listening on a unix socket beside it (a named pipe on Windows): connecting succeeds means held,
 * refused means that the holder is dead and its socket may be removed. The kernel ends the claim with the process.
 * Claims are seen by all processes that see the same file on this machine; network file systems are not supported.
 */
export const nodePathLocks: PathLocks = {
  async acquire(claimed: string): Promise<PathLock> {
    const address = socketAddress(claimed);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const server = await listen(address);
      if (server !== undefined) return { release: () => new Promise((resolve) => server.close(() => resolve())) };
      if (await isAlive(address)) break;
      if (!(await removeDead(address))) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
    throw new HeadwaterError(
      "PATH_IN_USE",
      `the path is in use by another database handle; close it there, or choose another path: path=${claimed} lock=${address}`,
    );
  },
};

function socketAddress(claimed: string): string {
  const resolved = path.resolve(claimed);
  if (process.platform === "win32") return `\\\\.\\pipe\\headwater-${hash(resolved.toLowerCase())}`;
  const beside = `${resolved}.lock`;
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) return beside;
  // Too long for a socket: the same name in /tmp for everybody, whatever TMPDIR or links each process goes by.
  const folder = fs.realpathSync(path.dirname(resolved));
  return `/tmp/headwater-${hash(path.join(folder, path.basename(resolved)))}.lock`;
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

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

/**
 * Removes a dead holder's socket. Only one at a time may look and remove, or the slower of two that both saw it dead
 * would remove the socket of the quicker. False: somebody else is at it, or it is none.
 */
async function removeDead(address: string): Promise<boolean> {
  const guard = `${address}.takeover`;
  if (!createGuard(guard)) return false;
  try {
    const found = fs.lstatSync(address, { throwIfNoEntry: false });
    if (found === undefined) return true;
    if (!found.isSocket()) return false; // somebody's own file: not ours to remove
    if (await isAlive(address)) return false;
    fs.unlinkSync(address);
    return true;
  } finally {
    fs.rmSync(guard, { force: true });
  }
}

function createGuard(guard: string): boolean {
  try {
    fs.closeSync(fs.openSync(guard, "wx", 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const made = fs.lstatSync(guard, { throwIfNoEntry: false });
  // File times and Date are the same clock of the same machine; a jump of it only makes us wait or take over early.
  if (made !== undefined && Date.now() - made.mtimeMs > TAKEOVER_MS_MAX) fs.rmSync(guard, { force: true });
  return false;
}
