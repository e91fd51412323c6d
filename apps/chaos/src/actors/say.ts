import { writeSync } from "node:fs";

const STDOUT = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Says something to the parent, as one line of JSON. It is out when this returns, so it counts even if the process is
 * killed right after. `process.stdout.write()` would not do: what finds the socket full waits for a turn of the event loop.
 */
export function sayLine(message: object): void {
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1); // the parent is busy
    }
  }
}
