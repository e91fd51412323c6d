import { spawn } from "node:child_process";

/** Runs a program to its end. @returns {Promise<{ status: number, output: string }>} with both outputs, as they came */
export function run(file, args, { cwd }) {
  return new Promise((resolve) => {
    const shell = process.platform === "win32" && !file.endsWith(".exe");
    const child = spawn(file, args, { cwd, shell, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.once("error", (error) => resolve({ status: 1, output: error.message }));
    child.once("close", (code) => resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
