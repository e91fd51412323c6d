import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const NOTICE = path.join(import.meta.dirname, "THIRD_PARTY.md");
const INTRODUCTION = `# What the workers' bundles hold of others

\`dist/io-worker.cjs\`, \`dist/s3-client.cjs\` and \`dist/sqlite-worker.cjs\` contain code of the packages below, in the versions named. The build
writes this file.
`;

/** Folders of the packages whose code is in one of the bundles. */
const folders = new Set();

/** Keeps the notice of whose code the bundles hold, with the licences, where the package publishes it. */
export const thirdParty = {
  name: "third-party",
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      for (const { inputs } of Object.values(metafile?.outputs ?? {})) {
        for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
          const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/(?!.*\/node_modules\/))/.exec(path.resolve(file))?.[0];
          if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
        }
      }
      writeNotice();
    });
  },
};

function writeNotice() {
  /** Text of a licence -> who is under it. */
  const licences = new Map();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].map((f) => path.join(folder, f)).find((f) => existsSync(f));
    const text = file === undefined ? `(${license}; the package comes without its text)` : readFileSync(file, "utf8").trim();
    const notice = path.join(folder, "NOTICE");
    const whole = existsSync(notice) ? `${text}\n\n${readFileSync(notice, "utf8").trim()}` : text;
    licences.set(whole, [...(licences.get(whole) ?? []), `- ${name} ${version} (${license})`]);
  }
  const sections = [...licences].map(([text, names]) => `${names.sort().join("\n")}\n\n\`\`\`text\n${text}\n\`\`\`\n`).sort();
  writeFileSync(NOTICE, [INTRODUCTION, ...sections].join("\n"));
}
