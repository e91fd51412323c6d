import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { HeadwaterError } from "../errors.js";
import type { PathLock, PathLocks } from "../file-system.js";

/** The kernel's limit on a socket's path is 108 bytes with the final zero (104 on macOS). */
const SOCKET_PATH_BYTES_MAX = 100;
/** Claiming takes milliseconds; who has not finished after this long died in the middle of it. */
const CLAIM_MS_MAX = 5_000;
const WAIT_MS = 10;
/** Tries while others are claiming, until one that died at it is passed over. */
const TRIES = (2 * CLAIM_MS_MAX) / WAIT_MS;

/**
 * Claims a path by listening on a unix socket beside it (a named pipe on Windows): connecting succeeds means held,
 * refused means that the holder is dead and its socket may be removed. The kernel ends the claim with the process.
 * Claims are seen by all processes that see the same file on this machine; network file systems are not supported.
 */
export const nodePathLocks: PathLocks = {
  async acquire(claimed: string): Promise<PathLock> {
    const address = socketAddress(claimed);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (await isAlive(address)) break;
      const server = await claim(address);
      if (server === "in use") break;
      if (server !== "busy") return { release: () => new Promise((resolve) => server.close(() => resolve())) };
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
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
 * Listens at the address, after removing a dead holder's socket. Only one at a time may do this: of two that both saw
 * it dead, the slower would remove the socket of the quicker; and a socket that is bound and does not listen yet looks
 * dead to others.
 */
async function claim(address: string): Promise<net.Server | "busy" | "in use"> {
  if (process.platform === "win32") return (await listen(address)) ?? "in use";
  const guard = `${address}.claim`;
  if (!createGuard(guard)) return "busy";
  try {
    const found = fs.lstatSync(address, { throwIfNoEntry: false });
    if (found !== undefined) {
      // Somebody's own file is not ours to remove.
      if (!found.isSocket() || (await isAlive(address))) return "in use";
      fs.rmSync(address, { force: true });
    }
    return (await listen(address)) ?? "in use";
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
  if (made !== undefined && Date.now() - made.mtimeMs > CLAIM_MS_MAX) fs.rmSync(guard, { force: true });
  return false;
}
