import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bodyOf } from "../src/sample.js";

const demo = fileURLToPath(new URL("../dist/demo.js", import.meta.url));

describe("the demo", () => {
  it("holds what it promises, in this order, and ends by itself with status 0", { timeout: 240_000 }, async () => {
    const env = { ...process.env };
    delete env["HEADWATER_DEMO_URL"];
    const child = spawn(process.execPath, [demo], { env, stdio: ["ignore", "pipe", "pipe"] });
    const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    expect(errors).toBe("");
    expect(code, output).toBe(0);
    const steps = [
      "open",
      "first row read",
      "first write accepted",
      "first sync durable",
      "hydrated",
      "integrity_check: ok",
      "Everything held.",
    ];
    const places = steps.map((step) => output.indexOf(step));
    expect(places.includes(-1), output).toBe(false);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it("makes the same sample every time", () => {
    expect(bodyOf(7)).toBe(bodyOf(7));
    expect(bodyOf(7)).not.toBe(bodyOf(8));
    expect(bodyOf(7).length).toBeGreaterThanOrEqual(900);
  });
});
