import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Writes what vitest's JSON report leaves out: errors outside of any test (a rejection that nobody handled, a test
 * process that died), and whether the run came to its end. A run that is cut off leaves no file.
 */
export class RunReporter {
  constructor(file) {
    this.file = file;
  }

  onTestRunEnd(_modules, unhandledErrors, reason) {
    const errors = unhandledErrors.map((error) => String(error.message ?? error));
    mkdirSync(path.dirname(this.file), { recursive: true });
    writeFileSync(this.file, `${JSON.stringify({ reason, unhandledErrors: errors }, null, 2)}\n`);
  }
}
