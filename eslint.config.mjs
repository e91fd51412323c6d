import tseslint from "typescript-eslint";
import { MACHINE, PORTABLE } from "./tooling/arrows/arrows.mjs";
import { reasons } from "./tooling/eslint/reasons.mjs";

// Biome formats and holds the general rules (biome.json). Here are the rules that make Headwater testable:
// what a package may know of time, chance and the machine, and how large a file or function may get.

/** The one implementation of Runtime on real time and chance; and locks between processes, which no simulation replays. */
const SYSTEM_RUNTIME = ["packages/core/src/node/runtime.ts", "packages/core/src/node/path-locks.ts"];

const viaRuntime = "take it from the injected Runtime, so that a simulation can replay it";
const viaPort = "this package runs in a simulation too: take it from an injected port (Runtime, FileSystem, ObjectStore)";

const globals = (message, ...names) => names.map((name) => ({ name, message }));
const TIME_GLOBALS = globals(viaRuntime, "setTimeout", "setInterval", "setImmediate");
const MACHINE_GLOBALS = globals(viaPort, "process", "Buffer", "require", "__dirname", "__filename", "fetch", "crypto", "performance");
const TIME_PROPERTIES = [
  ["Date", "now"],
  ["Math", "random"],
  ["performance", "now"],
  ["process", "hrtime"],
  ["crypto", "randomUUID"],
  ["crypto", "getRandomValues"],
  ["AbortSignal", "timeout"],
].map(([object, property]) => ({ object, property, message: viaRuntime }));
const BARE_DATE = { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: viaRuntime };

const folders = (names) => names.map((name) => `packages/${name}/src/**/*.ts`);

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "**/.reports/**", "**/testdata/**", "packages/ltx/assembly/**"] }, // the last is AssemblyScript
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.{ts,mts,js,mjs}"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@typescript-eslint": tseslint.plugin, headwater: { rules: { reasons } } },
    rules: {
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": ["error", { max: 70, skipComments: true, skipBlankLines: true }],
      "@typescript-eslint/ban-ts-comment": [
        "error",
        { "ts-expect-error": "allow-with-description", "ts-ignore": true, "ts-nocheck": true },
      ],
      "no-restricted-syntax": ["error", { selector: "ExportAllDeclaration", message: "name every export" }],
    },
  },
  {
    files: ["packages/*/{src,test}/**/*.ts", "apps/*/{src,test}/**/*.ts"],
    languageOptions: { parserOptions: { project: "tooling/tsconfig/lint.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
    },
  },
  {
    files: ["packages/*/src/**/*.ts"],
    rules: {
      "headwater/reasons": "error",
      "no-restricted-globals": ["error", ...TIME_GLOBALS],
      "no-restricted-properties": ["error", ...TIME_PROPERTIES],
      "no-restricted-syntax": ["error", { selector: "ExportAllDeclaration", message: "name every export" }, BARE_DATE],
    },
  },
  {
    files: folders(PORTABLE),
    ignores: MACHINE,
    rules: {
      "no-restricted-globals": ["error", ...TIME_GLOBALS, ...MACHINE_GLOBALS],
      "no-restricted-imports": ["error", { patterns: [{ group: ["node:*"], message: viaPort }] }],
    },
  },
  { files: SYSTEM_RUNTIME, rules: { "no-restricted-globals": "off", "no-restricted-properties": "off" } },
  // Simulated time lets real turns of the event loop pass, and a seed comes from the clock.
  { files: ["packages/core/src/testing/**"], rules: { "no-restricted-globals": "off", "no-restricted-properties": "off" } },
  // A describe() holds its cases, so its length says nothing.
  { files: ["**/test/**", "**/src/testing/**"], rules: { "max-lines-per-function": "off" } },
);
